"""Small previews of an edit, in a fraction of a second, while its slider moves.

The 128-px features contain the 256-px image, but the export has no toRGB layer there, and tuning
changes the features for every person. So a head is fitted to each session: ridge regression from
the change of the features to the change of the image, on a few random edits. A preview is a full
image that was shown, reduced, plus the head's change; only what differs from that can be wrong. It
is the nearest one: the page goes back to pictures that it has, and shows the photograph without
asking. When a
slider moves on, the full image at the end of its range is rendered in the background. The
head's error there is added to later previews in proportion, so previews are exact at both ends.
Edits that the base generator adds (`pti_core.editing.base_edits`) do not change the features; they
are faded in.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pti_core.editing import base_edits
from pti_core.editing.edit_state import EditState
from pti_core.editing.head_turn import shift_of
from pti_core.editing.random_edits import random_edits
from pti_core.editing.text_edit import restyled
from pti_core.faces.images import to_image, to_tensor
from pti_core.inversion.low_res import SIDE, mid_activations, recover_head, show
from pti_core.models import EditModels
from pti_core.networks.lpips import area
from pti_core.rendering import (
    checked,
    edit_weights,
    edited,
    is_composited,
    picture,
    render_unedited,
)
from pti_core.session.session import Session
from service.latest_work import LatestWork
from service.preview_turn import beside_still, carried, placed

if TYPE_CHECKING:
    from service.workspaces import Renders, Shown, Workspace

_log = logging.getLogger(__name__)

#: Random edits that a head is fitted to. With 3, 6, 10, 14 of them the mean squared error on other
#: edits was 0.0026, 0.0024, 0.0024, 0.0023 (obama), 0.0027, 0.0026, 0.0025, 0.0024 (watson).
FITTED_TO = 6
#: Workspaces whose previews wait to be prepared, and sliders that wait to be looked ahead of.
_MOST_WAITING = 8
#: Seconds after which previews are prepared: the picture just made is sent and shown first.
_AFTER = 0.15
#: Persons whose tuned weights (some 30 MB each) are kept at hand.
_AT_HAND = 4


@dataclass(frozen=True, eq=False)
class Ground:
    """A start, its image (1, 3, SIDE, SIDE), and that less the head's image of it, to
    which previews add the head's."""

    start: Shown
    image: Tensor
    residual: Tensor


@dataclass(frozen=True, eq=False)
class End:
    """The end of the range that an edit moves towards, and the head's error there.

    rendering: begun. missed: the error (1, 3, SIDE, SIDE); None until it is rendered.
    """

    ground: Ground
    name: str
    amount: float
    rendering: bool = False
    missed: Tensor | None = None


class Previewer:
    """Previews for all workspaces: one at a time, in parallel to edits and personalisations.

    In a workspace's `renders` it keeps `head`, `ground` and `end`, and reads `shown`.
    """

    def __init__(self) -> None:
        self._computing, self._fitting = threading.Lock(), threading.Lock()
        self._keeping = threading.Lock()
        self._preparing = LatestWork(_MOST_WAITING)
        self._looking = LatestWork(_MOST_WAITING, aside=True)  # previews go on meanwhile
        self._tuned: WeakKeyDictionary[Session, dict[str, Tensor]] = WeakKeyDictionary()

    def prepare(
        self,
        workspace: Workspace,
        models: EditModels,
        first: Callable[[Workspace], None] = lambda _: None,
        turn: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        """Prepare previews; returns at once.

        The head is fitted once per session: a second on two cores. first: called before, in the
        same thread. turn: held while one of the head's pictures is computed.
        """

        def work(workspace: Workspace) -> None:
            time.sleep(_AFTER)
            renders = workspace.renders
            if renders.on_demand and not renders.edited:
                return
            try:
                first(workspace)
                self._prepare(workspace, models, turn)
            except Exception:  # previews are full pictures then
                _log.exception("previews could not be prepared")

        self._preparing.put(workspace, work)

    def _prepare(
        self,
        workspace: Workspace,
        models: EditModels,
        turn: Callable[[], AbstractContextManager[object]],
    ) -> None:
        renders = workspace.renders  # first: a new session comes before new renders
        session = workspace.session
        if not models.generator.has_middle or session is None or not models.directions:
            return
        with self._keeping:
            mine, renders.head_begun = not renders.head_begun, True
        if mine:
            renders.head = fit_head(session, models, turn=turn)
        plain = workspace.edit_state({})
        if all(one.state != plain for one in renders.shown):
            unedited = render_unedited(session, models, plain)
            if unedited is not None:
                renders.start_from(plain, unedited)
        head, shown = renders.head, renders.shown
        if head is not None and shown:
            self._ground(renders, head, shown[-1], session, models)

    @torch.inference_mode()
    def picture(
        self, workspace: Workspace, models: EditModels, edits: Mapping[str, float]
    ) -> Image.Image | None:
        """The aligned image (SIDE x SIDE); None while there is no head.

        Raises:
            EditError: an unknown direction or an amount out of range.
        """
        renders, session = workspace.renders, workspace.session
        head, shown = renders.head, renders.shown
        if session is None or head is None or not shown:
            return None
        state = workspace.edit_state(checked(session, models, edits))
        start = max(reversed(shown), key=partial(_nearness, state=state))
        ground = self._ground(renders, head, start, session, models)
        with self._computing:
            seen = self._shown_by(head, session, models, state)
        move = partial(_move, session, models)
        at, now = move(start.state), move(state)
        shot = _joined(ground, seen, at, now)
        found = _towards(session, models, start.state, state)
        if found is not None:
            name, amount, share = found
            end = renders.end
            if end is None or (end.ground, end.name, end.amount) != (ground, name, amount):
                renders.end = end = End(ground, name, amount)  # a look's, if it stays the only one
            elif not end.rendering:
                renders.end = end = replace(end, rendering=True)
                ahead = partial(
                    self._look_ahead, end=end, head=head, session=session, models=models
                )
                self._looking.put(renders, ahead)
            if end.missed is not None:
                there = replace(start.state, amounts={**start.state.amounts, name: amount})
                at = move(there)
                shot += share * carried(end.missed, at, now - at)
        return to_image(shot)

    @torch.inference_mode()
    def _ground(
        self,
        renders: Renders,
        head: Tensor,
        start: Shown,
        session: Session,
        models: EditModels,
    ) -> Ground:
        """Of a picture that was shown."""
        with self._computing:
            ground = renders.ground
            if ground is None or ground.start is not start:
                before = self._shown_by(head, session, models, start.state)
                image = to_tensor(start.face).to(before)
                ground = Ground(start, image, image - before)
                renders.ground = ground
            return ground

    @torch.inference_mode()
    def _look_ahead(
        self, renders: Renders, end: End, head: Tensor, session: Session, models: EditModels
    ) -> None:
        """Measure the head's error at an end, unless the slider moves elsewhere by now."""
        with self._fitting:
            if renders.end is not end:
                return
            start = end.ground.start.state
            state = replace(start, amounts={**start.amounts, end.name: end.amount})
            shown_there = picture(session, models, state)
            full = area(shown_there.clamp(-1, 1), SIDE)
            with self._computing:
                seen = self._shown_by(head, session, models, state)
            at, there = _move(session, models, start), _move(session, models, state)
            missed = full - _joined(end.ground, seen, at, there)
            if renders.end is end:
                renders.end = replace(end, missed=missed)

    def _shown_by(
        self,
        head: Tensor,
        session: Session,
        models: EditModels,
        state: EditState,
    ) -> Tensor:
        generator, own = models.generator, state.amounts
        if is_composited(session, models):
            own = base_edits.split(own)[0]
        w = edited(session, models, replace(state, amounts=own))
        overrides = restyled(self._weights(session, models), state.stack, generator)
        maps = generator.middle(w, overrides)
        assert maps is not None
        return placed(show(head, maps), _move(session, models, state))

    def _weights(self, session: Session, models: EditModels) -> dict[str, Tensor]:
        """The weights of edits, cached: unpacking them takes as long as a preview."""
        with self._keeping:
            found = self._tuned.pop(session, None) or edit_weights(session, models)
            self._tuned[session] = found  # last: the one that was used longest ago is first
            for other in list(self._tuned)[:-_AT_HAND]:
                del self._tuned[other]
            return found


def _move(session: Session, models: EditModels, state: EditState) -> np.ndarray:
    """By how many pixels of a preview its render is moved."""
    moves = state.keep_background and is_composited(session, models)
    return shift_of(state.amounts if moves else {}, session.directions(models.directions), SIDE)


def _joined(ground: Ground, seen: Tensor, at: np.ndarray, now: np.ndarray) -> Tensor:
    """A start's image as edits change it by what the head has `seen` of them; moved `at` first,
    and `now`."""
    by = now - at
    return beside_still(carried(ground.residual, at, by) + seen, ground.image, by)


def _nearness(start: Shown, state: EditState) -> tuple[bool, int, int, float]:
    """How near a picture that was shown is to a state: whether it has the same of what the head
    does not see (colour and background, text edits), less the edits of the base generator that
    differ, less all that do, less how far they do."""
    there = start.state
    same = replace(there, amounts=state.amounts) == state
    names = {*there.amounts, *state.amounts}
    differ = [n for n in names if there.amounts.get(n, 0.0) != state.amounts.get(n, 0.0)]
    added = [n for n in differ if n in base_edits.ADDED]
    far = sum(abs(there.amounts.get(n, 0.0) - state.amounts.get(n, 0.0)) for n in differ)
    return same, -len(added), -len(differ), -far


def _towards(
    session: Session,
    models: EditModels,
    start: EditState,
    state: EditState,
) -> tuple[str, float, float] | None:
    """The one edit that moved since the start, the end it moves towards, and its share of the way.

    None if no edit or several moved.
    """
    before, edits = start.amounts, state.amounts
    names = [n for n in {**before, **edits} if before.get(n, 0) != edits.get(n, 0)]
    if len(names) != 1 or state.stack != start.stack:
        return None
    own, name = session.directions(models.directions)[names[0]], names[0]
    at, now = before.get(name, 0.0), edits.get(name, 0.0)
    end = own.high if now > at else own.low
    if at * end < 0 <= at * now:
        end = 0.0  # many edits behave differently on the two sides of zero
    if end == at:
        return None
    return name, end, (now - at) / (end - at)


@torch.inference_mode()
def fit_head(
    session: Session,
    models: EditModels,
    count: int = FITTED_TO,
    turn: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Tensor:
    """The head (12, C) for a session's first photograph.

    Ridge regression from the changes that `count` random edits make in the middle features to the
    changes of the image, reduced to twice their side: 2 x 2 pixels per feature position. turn: is
    held for each of them.
    """
    own = session.directions(models.directions)
    ranges = {name: (direction.low, direction.high) for name, direction in own.items()}
    generator = models.generator
    edits = [{}, *(random_edits(ranges, seed) for seed in range(1, count + 1))]
    overrides = edit_weights(session, models)

    def features(one: Mapping[str, float]) -> tuple[Tensor, Tensor]:
        with turn():
            return mid_activations(generator, edited(session, models, one), overrides)

    return recover_head(features(one) for one in edits)
