"""Edits that are carried over from the base generator's picture.

Tuning teaches a generator one face, and with it to leave that face as it is: where a direction puts
something on the face that was not there, glasses or another colour of the hair, the tuned weights
give much less of it than the base's do at the same codes. So such an edit is rendered with the base
generator, with and without, and the difference of the two pictures is laid on the tuned one:

    G(w; tuned) + G(w + step; base) - G(w; base)

Both generators see the pivot's face in the same place, as it is aligned, and edits of shape (pose,
smile, age) move w in all three. Nought gives the tuned picture itself, and the way is continuous in
the amount. It costs two more pictures.

Glasses sit in one place, and not every face of the base generator takes them: their difference is
taken at a code drawn towards W's mean, whose head is turned as the person's is, and laid on around
the eyes only, less the eyes, which stay the person's. They cost two pictures of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from pti_core.directions import Direction
from pti_core.generators.base import Generator

#: What sits in one place of an aligned face.
GLASSES = "glasses"
#: What is put on a face without moving it, where amounts are positive. What is to be taken away is
#: in the photograph, and need not be in the base generator's picture of the pivot.
_PUT_ON = frozenset((GLASSES, "fringe", "beard", "moustache"))
#: What colours the hair, either way.
_COLOURS = frozenset(("hair_blond", "hair_dark", "hair_red", "hair_grey"))
CARRIED = _PUT_ON | _COLOURS

#: Share of the way from W's mean. Chosen by looking at the nine photographs of docs/text.md: at the
#: pivot itself one of them (biden) gets no glasses by any step up to three times the direction's;
#: at 0.5 they are thin on him, at 0.4 they show on all nine; 0.3 looked the same on the four tried.
_DRAWN_IN = 0.4
#: How much longer the step is than the direction's own: frames at 1 are thinner.
_LONGER = 1.4
#: Directions that turn the head: the code that is drawn in keeps what it has of them.
_TURNS = ("pose", "pitch")
# Places in an aligned face, in shares of its side: middle (x, y), half width and height. A wider
# zone laid a glow beside the ears.
_AROUND_THE_EYES = (0.5, 0.5, 0.235, 0.105)
_EYES = ((0.375, 0.47, 0.075, 0.036), (0.625, 0.47, 0.075, 0.036))
#: Over what share of its half width a zone fades, to either side of its edge.
_SOFT = 0.15


def split(edits: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """The edits that move the tuned generator, and those that are carried over."""
    carried = {name: amount for name, amount in edits.items() if _is_carried(name, amount)}
    return {name: edits[name] for name in edits if name not in carried}, carried


def _is_carried(name: str, amount: float) -> bool:
    return (name in _COLOURS and amount != 0) or (name in _PUT_ON and amount > 0)


def laid_on(tuned: Tensor, generator: Generator, before: Tensor, after: Tensor) -> Tensor:
    """The tuned picture (1, 3, R, R) with what the base generator changes between two codes.

    Args:
        before, after: w or ws, as `Generator.render` takes them.
    """
    return tuned + _change(generator, before, after)


def _change(generator: Generator, before: Tensor, after: Tensor) -> Tensor:
    return generator.render(after, exact=True) - generator.render(before, exact=True)


def with_glasses(
    picture: Tensor,
    generator: Generator,
    w: Tensor,
    amount: float,
    directions: Mapping[str, Direction],
) -> Tensor:
    """The picture (1, 3, R, R) with glasses laid on.

    Args:
        w: w (1, w_dim) or ws of the edits that move the face. amount: of glasses, over nought.
        directions: the person's.
    """
    turns = [directions[name].vector for name in _TURNS if name in directions]
    before = _drawn_in(w, generator.w_mean, turns)
    after = before + _LONGER * directions[GLASSES].step(amount).to(w)
    worn = _zone(picture, _AROUND_THE_EYES, power=4)
    for eye in _EYES:
        worn = worn * (1 - _zone(picture, eye, power=2))
    return picture + worn * _change(generator, before, after)


def _drawn_in(w: Tensor, mean: Tensor, kept: Sequence[Tensor]) -> Tensor:
    """w, nearer to the mean but along the directions that are `kept`."""
    away = w - mean
    if not kept:
        return mean + _DRAWN_IN * away
    basis, _ = torch.linalg.qr(torch.stack(list(kept), 1).to(w))
    along = away @ basis @ basis.T
    return mean + along + _DRAWN_IN * (away - along)


def _zone(picture: Tensor, place: tuple[float, float, float, float], power: int) -> Tensor:
    """Weight (1, 1, R, R): one inside of a place, nought outside, smooth between.

    power: 2 for an ellipse; higher ones are nearer to a rectangle.
    """
    x, y, half_width, half_height = place
    side = picture.shape[-1]
    at = (torch.arange(side, dtype=picture.dtype, device=picture.device) + 0.5) / side
    across, down = ((at - x) / half_width).abs() ** power, ((at - y) / half_height).abs() ** power
    radius = (across[None, :] + down[:, None]) ** (1 / power)
    share = ((1 + _SOFT - radius) / (2 * _SOFT)).clamp(0, 1)
    return (share * share * (3 - 2 * share))[None, None]
