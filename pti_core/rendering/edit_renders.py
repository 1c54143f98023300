"""What one person's edits are composited from: renders, their masks, the photograph's layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from torch import Tensor

from pti_core.editing import base_edits
from pti_core.editing.base_edits import Extras
from pti_core.editing.base_renderer import BaseRenderer, Shown
from pti_core.editing.edit_state import Edits, EditState
from pti_core.editing.head_turn import move_of, moved, moved_masks
from pti_core.editing.image_ops import array_of
from pti_core.editing.parsing import FLOW_SIDE, Parsing
from pti_core.editing.photo_layers import PhotoLayers, PhotoMaps
from pti_core.editing.text_edit import restyled
from pti_core.faces.images import to_tensor
from pti_core.models import EditModels
from pti_core.rendering.edit_code import (
    checked,
    edit_share,
    edit_weights,
    edited,
    is_composited,
    state_of,
)
from pti_core.session.session import Session


@dataclass(frozen=True)
class EditRenders:
    """One person's edits, checked, and what renders them.

    Attributes:
        own: amounts of the edits that move the tuned generator.
        extras: what the base generator adds (`base_edits`).
        overrides: the tuned weights, with the styles of text-driven edits.
        share: of the tuned weights' difference that is in them.
        move: by how many pixels renders are moved where they are composited: a head that turns
            stays on its neck (`head_turn`).
    """

    session: Session
    models: EditModels
    state: EditState
    own: Mapping[str, float]
    extras: Extras
    overrides: Mapping[str, Tensor]
    share: float
    move: tuple[int, int]

    @classmethod
    def of(
        cls, session: Session, models: EditModels, edits: Edits, share: float | None = None
    ) -> EditRenders:
        state = state_of(session, edits)
        share = edit_share(session, models) if share is None else share
        overrides = session.overrides(models.generator, state.person, share)
        overrides = restyled(overrides, state.stack, models.generator)
        amounts = checked(session, models, state)
        own, added = base_edits.split(amounts) if is_composited(session, models) else (amounts, {})
        extras = Extras(added, state.hair_color)
        directions = session.directions(models.directions, state.person)
        side = models.generator.resolution
        move = move_of(own, directions, side) if state.keep_background else (0, 0)
        return cls(session, models, state, own, extras, overrides, share, move)

    @property
    def composited(self) -> bool:
        return is_composited(self.session, self.models)

    def code(self, edits: Mapping[str, float]) -> Tensor:
        return edited(self.session, self.models, replace(self.state, amounts=edits))

    def tuned(self, edits: Mapping[str, float]) -> Tensor:
        """The tuned generator's render with some of the edits; kept for a while."""
        generator = self.models.generator

        def render(w: Tensor) -> Tensor:
            return generator.render(w, self.overrides, exact=not self.composited)

        w = self.code(edits)
        if self.state.stack:
            return render(w)
        kind = f"tuned {self.share}"
        return self.models.render_cache.picture(self.session.delta, kind, w, render)

    def placed(self, edits: Mapping[str, float]) -> np.ndarray:
        """The tuned generator's render with some of the edits, where the composite has the head."""
        return self._placed(self.tuned(edits))

    def shown(self, edits: Mapping[str, float]) -> Shown:
        """`placed`, and its masks; these are kept for a while."""
        image, w = self.tuned(edits), self.code(edits)
        if self.state.stack:
            found = _parse(self.models, image)
        else:
            cached = self.models.render_cache.picture
            found = cached(self.session.delta, "parsing", w, lambda _: _parse(self.models, image))
        return Shown(self._placed(image), self._placed_masks(found))

    def _placed(self, image: Tensor) -> np.ndarray:
        """A render as (R, R, 3), where the composite has the head."""
        return moved(array_of(image), self.move)

    def _placed_masks(self, probabilities: Tensor) -> Parsing:
        side = self.models.generator.resolution
        found = _parsing(probabilities, side)
        return moved_masks(found, self.move, side, self.layers().render_parsing)

    def base(self) -> BaseRenderer:
        """The base generator, whose images are placed as the tuned ones are; kept for a while."""
        session, models = self.session, self.models
        generator = models.generator
        cached = partial(models.render_cache.picture, session.delta)

        def image(w: Tensor) -> Tensor:
            return cached("base", w, generator.render)

        def parse(w: Tensor) -> Parsing:
            found = cached("base parsing", w, lambda w: _parse(models, image(w)).half())
            return self._placed_masks(found.float())

        return BaseRenderer(
            lambda w: self._placed(image(w)),
            parse,
            generator.w_avg,
            generator.num_ws,
            session.directions(models.directions, self.state.person),
        )

    def layers(self) -> PhotoLayers:
        """The photograph's side of compositing; computed once."""
        session, models = self.session, self.models

        def make() -> PhotoLayers:
            crop = session.crop(self.state.person)
            generator, side = models.generator, models.generator.resolution
            overrides = edit_weights(session, models, self.state.person)
            pivot = session.pivot(self.state.person).to(generator.w_avg)
            render = generator.render(pivot, overrides)
            maps = models.layers.maps(
                crop,
                lambda: PhotoMaps.of_photo(
                    np.asarray(crop), _parsing(_parse(models, to_tensor(crop)), side)
                ),
            )
            parsing = _parsing(_parse(models, render), side)
            return PhotoLayers.over(maps, array_of(render), parsing)

        return models.layers.get(session.delta, session.at(self.state.person), make)


def _parse(models: EditModels, image: Tensor) -> Tensor:
    """Class probabilities (19, 512, 512) on the CPU."""
    assert models.parser is not None
    return models.parser(image.to(models.generator.w_avg))[0].float().cpu()


def _parsing(probabilities: Tensor, side: int) -> Parsing:
    """Class probabilities at the side at which images of `side` pixels are composited."""
    return Parsing.of(probabilities.numpy(), min(FLOW_SIDE, side))
