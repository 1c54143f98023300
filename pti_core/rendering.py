"""Session and edits to image: the aligned face, or the photograph with the edit in it.

The road of an edit: latent code, tuned generator, the photograph's detail and background, what the
base generator adds (glasses, beard, hair), light and colours of the scene.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pti_core.editing import base_edits
from pti_core.editing import directions as latent_directions
from pti_core.editing.base_renderer import BaseRenderer
from pti_core.editing.image_ops import remap, resize, resize_flow
from pti_core.editing.parsing import Parsing
from pti_core.editing.photo_detail import Composite, compose, with_change, with_scene_tone
from pti_core.editing.photo_layers import PhotoLayers
from pti_core.editing.text_edit import StackEntry, moved, restyled
from pti_core.faces.images import to_image, to_tensor
from pti_core.faces.paste import EditMaps, paste, paste_edit
from pti_core.models import EditKit
from pti_core.session.session import Session

#: Edits whose purpose is another tone of the skin: elsewhere it is kept.
_SKIN_TONE = frozenset(("skin_tone", "skin_red", "makeup"))
#: Edits that change the hair's tone but not its shape.
_HAIR_TONE = frozenset(("age",))
#: Edits of the tuned generator that change the hair's shape (`base_edits` has the others).
_HAIR_SHAPE = frozenset(("hair_length", "hair_curly", "fringe", "bald"))
#: Text-driven edits change the hair's shape if they change so much of its area.
_HAIR_MOVED = 0.2


@torch.inference_mode()
def picture(
    session: Session,
    kit: EditKit,
    edits: Mapping[str, float] | None = None,
    person: int | None = None,
    stack: Sequence[StackEntry] | None = None,
    keep_background: bool = True,
) -> Tensor:
    """The edited photograph's aligned crop (1, 3, R, R), in [-1, 1], of a session.

    A session that was tuned is composited with its photograph if the kit has a face parser: without
    edits the result is the photograph. Others give the generator's bare render.

    Args:
        edits: direction name to amount in its units; None takes the session's own, {} none.
        person: which of the session's photographs; None: the one that it shows.
        stack: text-driven edits; None takes the session's own where `edits` is None, else none.
        keep_background: the photograph's background stays.

    Raises:
        EditError: an unknown direction or an amount out of range.
        SessionError: the session was made for another generator.
    """
    edit = _Edit.of(session, kit, edits, person, stack)
    if not edit.composited:
        return edit.carried(edit.tuned(edit.own))
    return _to_tensor(_composite(edit, keep_background).image).to(kit.generator.w_mean)


@torch.inference_mode()
def composite(
    session: Session,
    kit: EditKit,
    edits: Mapping[str, float] | None = None,
    person: int | None = None,
    stack: Sequence[StackEntry] | None = None,
    keep_background: bool = True,
) -> tuple[Composite, PhotoLayers] | None:
    """As `picture`, with the maps for pasting; None for sessions that are not composited."""
    edit = _Edit.of(session, kit, edits, person, stack)
    return (_composite(edit, keep_background), edit.layers()) if edit.composited else None


@torch.inference_mode()
def render_bare(
    session: Session, kit: EditKit, edits: Mapping[str, float] | None = None, person: int = 0
) -> Image.Image:
    """The tuned generator's own render (R x R), without the photograph's detail."""
    edit = _Edit.of(session, kit, edits, person, None)
    return to_image(edit.tuned(edit.own))


@dataclass(frozen=True)
class _Edit:
    """One person's edits, checked, and what renders them.

    Attributes:
        own: amounts of the edits that move the tuned generator. base: of those that the base
            generator adds (`base_edits`).
    """

    session: Session
    kit: EditKit
    own: Mapping[str, float]
    base: Mapping[str, float]
    person: int | None
    stack: Sequence[StackEntry]
    overrides: Mapping[str, Tensor]

    @classmethod
    def of(
        cls,
        session: Session,
        kit: EditKit,
        edits: Mapping[str, float] | None,
        person: int | None,
        stack: Sequence[StackEntry] | None,
    ) -> _Edit:
        overrides = session.replaced(kit.generator, person)
        if stack is None:
            stack = session.stack if edits is None else ()
        overrides = restyled(overrides, stack, kit.generator)
        amounts = checked(session, kit, session.edits if edits is None else edits, person)
        own, base = base_edits.split(amounts) if session.delta.tensors else (amounts, {})
        return cls(session, kit, own, base, person, stack, overrides)

    @property
    def composited(self) -> bool:
        return self.kit.parser is not None and bool(self.session.delta.tensors)

    def code(self, edits: Mapping[str, float]) -> Tensor:
        return edited(self.session, self.kit, edits, self.person, self.stack)

    def tuned(self, edits: Mapping[str, float]) -> Tensor:
        """The tuned generator's render with some of the edits; kept for a while."""
        generator = self.kit.generator

        def render(w: Tensor) -> Tensor:
            return generator.render(w, self.overrides, exact=True)

        w = self.code(edits)
        if self.stack:
            return render(w)
        return self.kit.render_cache.picture(self.session.delta, "tuned", w, render)

    def parsing(self, edits: Mapping[str, float], image: Tensor) -> Parsing:
        def parse(w: Tensor) -> Tensor:
            return _parse(self.kit, image)

        if self.stack:
            return Parsing.of(_parse(self.kit, image).numpy())
        cache = self.kit.render_cache
        found = cache.picture(self.session.delta, "parsing", self.code(edits), parse)
        return Parsing.of(found.numpy())

    def carried(self, image: Tensor) -> Tensor:
        """An image with the edits that the base generator adds."""
        if not self.base:
            return image
        session, kit = self.session, self.kit
        generator = kit.generator
        cached = partial(kit.render_cache.picture, session.delta)
        turns = {name: self.own[name] for name in base_edits.TURNS if name in self.own}
        renderer = BaseRenderer(
            lambda w: cached("base", w, partial(generator.render, exact=True)),
            generator.w_mean,
            generator.num_ws,
            session.directions(kit.directions, self.person),
            self.code(turns),
            kit.hair.find,
        )
        return base_edits.carry(image, renderer, self.code(self.own), self.base)

    def layers(self) -> PhotoLayers:
        """The photograph's side of compositing; computed once."""
        session, kit = self.session, self.kit

        def make() -> PhotoLayers:
            crop = session.crop(self.person)
            generator = kit.generator
            overrides = session.replaced(generator, self.person)
            pivot = session.pivot(self.person).to(generator.w_mean)
            render = generator.render(pivot, overrides, exact=True)
            return PhotoLayers.of(
                np.asarray(crop),
                _to_array(render),
                Parsing.of(_parse(kit, to_tensor(crop)).numpy()),
                Parsing.of(_parse(kit, render).numpy()),
            )

        return kit.layers.get(session.delta, session.at(self.person), make)


def _composite(edit: _Edit, keep_background: bool) -> Composite:
    layers = edit.layers()
    scene = [n for n in edit.own if edit.kit.directions[n].group == "scene" and edit.own[n]]
    shape = {name: amount for name, amount in edit.own.items() if name not in scene and amount}
    render = edit.tuned(shape)
    parsing = edit.parsing(shape, render)
    moved_hair = bool(edit.stack) and _hair_moved(layers.render_parsing, parsing)
    found = compose(
        layers,
        _to_array(render),
        parsing,
        keep_tone=not edit.stack and _SKIN_TONE.isdisjoint(shape),
        hair_tone=bool(edit.stack) or not _HAIR_TONE.isdisjoint(shape),
        hair_shape=moved_hair or not _HAIR_SHAPE.isdisjoint(shape),
        keep_background=keep_background,
    )
    if edit.base:
        before = _to_tensor(found.image).to(render)
        found = with_change(found, _to_array(edit.carried(before)))
    if scene:
        change = _to_array(edit.tuned(edit.own)) - _to_array(render)
        found = with_scene_tone(found, change)
    return found


def _hair_moved(before: Parsing, after: Parsing) -> bool:
    a, b = before.group("hair"), after.group("hair")
    return float(np.abs(a - b).mean()) > _HAIR_MOVED * float(np.maximum(a, b).mean())


def _parse(kit: EditKit, image: Tensor) -> Tensor:
    """Class probabilities (19, 512, 512) on the CPU."""
    assert kit.parser is not None
    return kit.parser(image.to(kit.generator.w_mean))[0].float().cpu()


def _to_array(image: Tensor) -> np.ndarray:
    """(1, 3, R, R) in [-1, 1] as float32 (R, R, 3) in 0..255."""
    scaled = (image[0].clamp(-1, 1) + 1) * 127.5
    return np.ascontiguousarray(scaled.permute(1, 2, 0).float().cpu().numpy())


def _to_tensor(array: np.ndarray) -> Tensor:
    tensor = torch.from_numpy(np.ascontiguousarray(array)).permute(2, 0, 1)[None]
    return tensor / 127.5 - 1


def checked(
    session: Session, kit: EditKit, edits: Mapping[str, float], person: int | None = None
) -> dict[str, float]:
    """Edits as numbers. Raises EditError, for those that the base generator adds as for others."""
    edited(session, kit, edits, person)
    return {name: float(amount) for name, amount in edits.items()}


def edited(
    session: Session,
    kit: EditKit,
    edits: Mapping[str, float],
    person: int | None = None,
    stack: Sequence[StackEntry] = (),
) -> Tensor:
    """A photograph's pivot with edits: w (1, w_dim) or ws (1, num_ws, w_dim). Raises EditError."""
    w = session.pivot(person).to(kit.generator.w_mean)
    own = session.directions(kit.directions, person)
    w = latent_directions.apply(w, edits, own, kit.generator.num_ws)
    return moved(w, stack, kit.generator)


def render(
    session: Session,
    kit: EditKit,
    edits: Mapping[str, float] | None = None,
    person: int | None = None,
    stack: Sequence[StackEntry] | None = None,
    keep_background: bool = True,
) -> Image.Image:
    """`picture` as an 8-bit RGB image (R x R)."""
    return to_image(picture(session, kit, edits, person, stack, keep_background))


def paste_back(
    session: Session,
    kit: EditKit,
    edits: Mapping[str, float] | None = None,
    person: int | None = None,
    stack: Sequence[StackEntry] | None = None,
    keep_background: bool = True,
) -> Image.Image:
    """The edit in its photograph, at the photograph's own resolution."""
    photo, alignment = session.photograph(person), session.alignments[session.at(person)]
    found = composite(session, kit, edits, person, stack, keep_background)
    if found is None:
        return paste(photo, render(session, kit, edits, person, stack), alignment)
    edit, layers = found
    return paste_edit(photo, _edit_maps(edit, layers), alignment)


def _edit_maps(edit: Composite, layers: PhotoLayers) -> EditMaps:
    side = len(edit.image)
    flow = resize_flow(edit.flow, side)
    photo = remap(layers.photo, flow, cv2.INTER_CUBIC)
    share = resize(edit.share, side)
    return EditMaps(
        base=edit.image - share[..., None] * photo,
        share=share,
        flow=flow,
        changed=resize(edit.changed, side),
    )
