"""Edits that are carried over from the base generator's picture.

Tuning teaches a generator one face, and with it to leave that face as it is: where a direction puts
something on the face that was not there, glasses or another colour of the hair, the tuned weights
give much less of it than the base's do at the same codes. So such an edit is rendered with the base
generator, with and without, and the difference of the two pictures is laid on the tuned one:

    G(w; tuned) + G(w + step; base) - G(w; base)

Both generators see the pivot's face in the same place, as it is aligned, and edits of shape (pose,
smile, age) move w in all three. Nought gives the tuned picture itself, and the way is continuous in
the amount. It costs two more pictures. Hair of another colour on a bald head comes with hair.

Glasses sit in one place, and not every face of the base generator takes them: their difference is
taken at a code drawn towards W's mean, whose head is turned as the person's is, and laid on around
the eyes only, less the eyes, which stay the person's. They cost two pictures of their own.

A beard is taken off the other way round. It is in the photograph, and need not be in the base's
picture of the pivot: such a code, less any beard, gives a clean lower face, of which as much is
taken as there is beard to cover. Nothing changes where there is none. It costs one picture.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from pti_core.bases import Base
from pti_core.hair import BEARD, MOUSTACHE, bare_scalp, facial_hair
from pti_core.places import CHEEKS, Place, mean_in, zone

GLASSES = "glasses"
#: What is put on a face without moving it, where amounts are positive.
_PUT_ON = frozenset((GLASSES, "fringe", "beard", "moustache"))
#: What colours the hair, either way.
_COLOURS = frozenset(("hair_blond", "hair_dark", "hair_red", "hair_grey"))
#: What is taken off, where amounts are negative, and between which places.
_TAKEN_OFF: Mapping[str, Place] = {"beard": BEARD, "moustache": MOUSTACHE}
CARRIED = _PUT_ON | _COLOURS | _TAKEN_OFF.keys()

#: Share of the way from W's mean, for glasses. Chosen by looking at the nine photographs of
#: docs/text.md: at the pivot itself one of them (biden) gets no glasses by any step up to three
#: times the direction's; at 0.5 they are thin on him, at 0.4 they show on all nine; 0.3 looked the
#: same on the four tried.
_DRAWN_IN = 0.4
#: How much longer the step is than the direction's own: frames at 1 are thinner.
_LONGER = 1.4
#: Directions that turn the head: the code that is drawn in keeps what it has of them. Of other
#: edits glasses take no notice, as eyes stay in their place; so their pictures are the same then.
TURNS = ("pose", "pitch")
# A wider zone laid a glow beside the ears.
_AROUND_THE_EYES: Place = (0.5, 0.5, 0.235, 0.105)
_EYES: tuple[Place, ...] = ((0.375, 0.47, 0.075, 0.036), (0.625, 0.47, 0.075, 0.036))

#: As `_DRAWN_IN`, for a clean lower face.
_DRAWN_IN_SHAVEN = 0.5
#: What shows in it, and so is kept.
_LOWER_FACE = (*TURNS, "smile", "mouth_open", "gender", "age")
#: In lengths of the directions' steps to their lower ends; "gender" as beards are men's, who would
#: get softer chins otherwise.
_SHAVEN = {"beard": 0.5, "gender": 0.57}
_NOSE: Place = (0.5, 0.53, 0.10, 0.10)
#: Share of the step to the lower end of "bald" that grows hair.
_GROWN = 0.6
_ABOVE_THE_BROWS: Place = (0.5, 0.16, 0.42, 0.22)


def split(edits: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """The edits that move the tuned generator, and those that are carried over."""
    carried = {name: amount for name, amount in edits.items() if _is_carried(name, amount)}
    return {name: edits[name] for name in edits if name not in carried}, carried


def _is_carried(name: str, amount: float) -> bool:
    coloured = name in _COLOURS and amount != 0
    return coloured or (name in _PUT_ON and amount > 0) or (name in _TAKEN_OFF and amount < 0)


def carry(tuned: Tensor, base: Base, w: Tensor, edits: Mapping[str, float]) -> Tensor:
    """The tuned picture (1, 3, R, R) with edits that are carried over.

    Args:
        w: w or ws of the edits that move the face. edits: what `split` says is carried.
    """
    off = {name: a for name, a in edits.items() if name in _TAKEN_OFF and a < 0}
    laid = {name: a for name, a in edits.items() if name not in off and name != GLASSES}
    found = _shaven(tuned, base, w, off) if off else tuned
    if laid:
        found = _laid_on(found, base, w, laid)
    if edits.get(GLASSES):
        found = _with_glasses(found, base, edits[GLASSES])
    return found


def _laid_on(picture: Tensor, base: Base, w: Tensor, edits: Mapping[str, float]) -> Tensor:
    before, after = base.render(w), base.moved(w, edits)
    found = picture + base.render(after) - before
    bald = bare_scalp(picture) if _COLOURS & edits.keys() else 0.0
    if bald == 0:
        return found
    grown = picture + base.render(base.lowered(after, {"bald": _GROWN})) - before
    # Below there is no hair to colour; the contours of ears and shoulders would only show twice.
    below = picture if edits.keys() <= _COLOURS else found
    head = zone(picture, _ABOVE_THE_BROWS, power=4)
    return found + bald * (below + head * (grown - below) - found)


def _with_glasses(picture: Tensor, base: Base, amount: float) -> Tensor:
    before = base.drawn_in(base.turned, _DRAWN_IN, TURNS)
    after = before + _LONGER * base.directions[GLASSES].step(amount).to(before)
    worn = zone(picture, _AROUND_THE_EYES, power=4)
    for eye in _EYES:
        worn = worn * (1 - zone(picture, eye))
    return picture + worn * (base.render(after) - base.render(before))


def _shaven(picture: Tensor, base: Base, w: Tensor, edits: Mapping[str, float]) -> Tensor:
    """A clean lower face where the picture's has hair, by the amounts."""
    bare = base.without(base.drawn_in(w, _DRAWN_IN_SHAVEN, _LOWER_FACE), _TAKEN_OFF)
    clean = _coloured_as(picture, base.render(base.lowered(bare, _SHAVEN)).clamp(-1, 1))
    hair = facial_hair(picture.clamp(-1, 1), clean)
    reach = torch.zeros_like(hair)
    for name, amount in edits.items():
        share = amount / base.directions[name].low
        reach = torch.maximum(reach, share * zone(hair, _TAKEN_OFF[name], power=3))
    weight = hair * reach * (1 - zone(hair, _NOSE))
    weight = F.interpolate(weight, size=picture.shape[-2:], mode="bilinear")
    return picture + weight * (clean - picture)


def _coloured_as(picture: Tensor, other: Tensor) -> Tensor:
    """The other picture with the light and the skin of this one, from left to right."""
    gains = [
        (mean_in(picture, zone(picture, cheek)) + 1) / (mean_in(other, zone(other, cheek)) + 1)
        for cheek in CHEEKS
    ]
    left, right = (cheek[0] for cheek in CHEEKS)
    side = picture.shape[-1]
    at = (torch.arange(side, device=picture.device) + 0.5) / side
    share = ((at - left) / (right - left)).clamp(-0.2, 1.2).to(picture)
    gain = gains[0][:, None] * (1 - share) + gains[1][:, None] * share
    return (other + 1) * gain[None, :, None] - 1
