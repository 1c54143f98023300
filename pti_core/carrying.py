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

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pti_core.directions import Direction, apply
from pti_core.perceptual import area
from pti_core.places import (
    Place,
    fine_structure,
    luminance,
    mean_in,
    rising,
    softened,
    widened,
    zone,
)

GLASSES = "glasses"
#: What is put on a face without moving it, where amounts are positive.
_PUT_ON = frozenset((GLASSES, "fringe", "beard", "moustache"))
#: What colours the hair, either way.
_COLOURS = frozenset(("hair_blond", "hair_dark", "hair_red", "hair_grey"))
#: What is taken off, where amounts are negative, and between which places.
_TAKEN_OFF: Mapping[str, Place] = {
    "beard": (0.5, 0.77, 0.27, 0.24),
    "moustache": (0.5, 0.665, 0.13, 0.045),
}
CARRIED = _PUT_ON | _COLOURS | _TAKEN_OFF.keys()

#: Share of the way from W's mean, for glasses. Chosen by looking at the nine photographs of
#: docs/text.md: at the pivot itself one of them (biden) gets no glasses by any step up to three
#: times the direction's; at 0.5 they are thin on him, at 0.4 they show on all nine; 0.3 looked the
#: same on the four tried.
_DRAWN_IN = 0.4
#: How much longer the step is than the direction's own: frames at 1 are thinner.
_LONGER = 1.4
#: Directions that turn the head: the code that is drawn in keeps what it has of them. Of other edits
#: glasses take no notice, as eyes stay in their place; so their pictures are the same ones then.
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
#: Where skin is bare, to match colours by.
_CHEEKS: tuple[Place, ...] = ((0.345, 0.575, 0.05, 0.035), (0.655, 0.575, 0.05, 0.035))
_NOSE: Place = (0.5, 0.53, 0.10, 0.10)
#: Where any beard is, less the mouth.
_CHIN: Place = (0.5, 0.80, 0.14, 0.17)
_FRONT: Place = (0.5, 0.77, 0.17, 0.22)
_UPPER_LIP: Place = (0.5, 0.665, 0.11, 0.03)
_MOUTH: Place = (0.5, 0.73, 0.12, 0.06)
# How much darker, or less coloured, than clean skin hair is: from nought to full weight, of 2.
_DARKER, _DULLER = (0.1, 0.25), (0.05, 0.15)
#: From where to where there is a beard for sure (`_hair`). Of 40 generated faces those given one
#: scored 1.3 and more; boys, women and old men 0.50 and less, but for one of 0.62. Nine photographs
#: with seven edits each: a full beard 1.13 and more, a goatee 0.70 and more, a painted face 0.55
#: and less, but 0.87 with its mouth open, the others 0.24 and less.
_BEARDED = (0.55, 0.7)

# Bare scalp is as smooth as skin, not much darker, and at its top of the forehead's colour. On 40
# generated heads and nine photographs the roughest of these places had at most 1.5 times the
# skin's fine structure on the bald, and 2.1 times and more on others, but for a thinning white head
# (1.1), which its colour tells apart.
_SCALP: tuple[Place, ...] = (
    *((0.5, 0.11, 0.07, 0.035), (0.5, 0.18, 0.10, 0.035)),
    *((0.4, 0.17, 0.05, 0.03), (0.6, 0.17, 0.05, 0.03)),
)
_FOREHEAD: Place = (0.5, 0.31, 0.07, 0.03)
# In times the skin's fine structure, in shares of the forehead's light, in shades (`_shade`); from
# a full head to a bald one.
_ROUGH, _DARK, _APART = (2.1, 1.6), (0.4, 0.55), (0.26, 0.2)
#: Share of the step to the lower end of "bald" that grows hair.
_GROWN = 0.6
_ABOVE_THE_BROWS: Place = (0.5, 0.16, 0.42, 0.22)


@dataclass(frozen=True)
class Base:
    """The base generator, for one person.

    Attributes:
        render: the picture (1, 3, R, R) of w (1, w_dim) or ws (1, num_ws, w_dim).
        mean: (w_dim,) or (1, w_dim), W's. num_ws: how many the generator takes.
        directions: the person's. turned: w or ws of the edits `TURNS` alone.
    """

    render: Callable[[Tensor], Tensor]
    mean: Tensor
    num_ws: int
    directions: Mapping[str, Direction]
    turned: Tensor

    def moved(self, w: Tensor, edits: Mapping[str, float]) -> Tensor:
        return apply(w, edits, self.directions, self.num_ws)

    def lowered(self, w: Tensor, shares: Mapping[str, float]) -> Tensor:
        """w, by shares of the way to the lower ends of directions, where they are known."""
        known = self.directions
        return self.moved(w, {n: s * known[n].low for n, s in shares.items() if n in known})

    def drawn_in(self, w: Tensor, share: float, kept: Iterable[str]) -> Tensor:
        """w, nearer to the mean but along the directions that are `kept`."""
        away = w - self.mean
        along = self._along(away, kept)
        return self.mean + along + share * (away - along)

    def without(self, w: Tensor, names: Iterable[str]) -> Tensor:
        """w, as far along these directions as the mean is."""
        return w - self._along(w - self.mean, names)

    def _along(self, away: Tensor, names: Iterable[str]) -> Tensor:
        vectors = [self.directions[name].vector for name in names if name in self.directions]
        if not vectors:
            return torch.zeros_like(away)
        basis, _ = torch.linalg.qr(torch.stack(vectors, 1).to(away))
        return away @ basis @ basis.T


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
    head = bald * zone(picture, _ABOVE_THE_BROWS, power=4)
    grown = picture + base.render(base.lowered(after, {"bald": _GROWN})) - before
    return found + head * (grown - found)


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
    side = min(picture.shape[-1], 256)
    hair, darker = _hair(area(picture.clamp(-1, 1), side), area(clean, side))
    grain = fine_structure(picture, _chin(picture)) / fine_structure(clean, _chin(picture))
    bearded = rising(darker + (grain - 1).clamp_min(0), *_BEARDED)
    reach = torch.zeros_like(hair)
    for name, amount in edits.items():
        share = amount / base.directions[name].low
        reach = torch.maximum(reach, share * zone(hair, _TAKEN_OFF[name], power=3))
    weight = bearded * softened(hair, 0.03) * reach * (1 - zone(hair, _NOSE))
    weight = F.interpolate(weight, size=picture.shape[-2:], mode="bilinear")
    return picture + weight * (clean - picture)


def _chin(picture: Tensor) -> Tensor:
    return zone(picture, _CHIN) * (1 - zone(picture, _MOUTH))


def _hair(picture: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
    """Where a lower face differs from a clean one as by hair, without holes, (1, 1, S, S) in
    [0, 1]; and the shares of chin and upper lip that are darker, added."""
    soft, wanted = softened(picture, 0.02), softened(clean, 0.02)
    darker = rising(luminance(wanted) - luminance(soft), *_DARKER)
    duller = rising(_saturation(wanted) - _saturation(soft), *_DULLER)
    # Beside the chin a pale background is duller than skin, too.
    hair = torch.maximum(
        zone(picture, _TAKEN_OFF["beard"], power=3) * darker,
        zone(picture, _FRONT, power=3) * duller,
    )
    whole = widened(widened(hair, 0.1), -0.07)
    return whole, mean_in(darker, _chin(picture)) + mean_in(darker, zone(picture, _UPPER_LIP))


def _saturation(picture: Tensor) -> Tensor:
    return picture.amax(1, keepdim=True) - picture.amin(1, keepdim=True)


def _coloured_as(picture: Tensor, other: Tensor) -> Tensor:
    """The other picture with the light and the skin of this one, from left to right."""
    gains = [
        (mean_in(picture, zone(picture, cheek)) + 1) / (mean_in(other, zone(other, cheek)) + 1)
        for cheek in _CHEEKS
    ]
    left, right = (cheek[0] for cheek in _CHEEKS)
    side = picture.shape[-1]
    at = (torch.arange(side, device=picture.device) + 0.5) / side
    share = ((at - left) / (right - left)).clamp(-0.2, 1.2).to(picture)
    gain = gains[0][:, None] * (1 - share) + gains[1][:, None] * share
    return (other + 1) * gain[None, :, None] - 1


def bare_scalp(picture: Tensor) -> float:
    """Whether a head is bald, from 0 (no) to 1."""
    light = (picture.clamp(-1, 1) + 1) / 2
    skin = [zone(light, place) for place in (_FOREHEAD, *_CHEEKS)]
    smooth = min(float(fine_structure(light, weight)) for weight in skin) + 1e-6
    forehead = mean_in(light, skin[0])
    scalp = [zone(light, place) for place in _SCALP]
    colours = [mean_in(light, weight) for weight in scalp]
    rough = max(float(fine_structure(light, weight)) for weight in scalp) / smooth
    dark = min(float(colour.mean() / forehead.mean()) for colour in colours)
    apart = (_shade(colours[0]) - _shade(forehead)).abs().sum()
    told = ((rough, _ROUGH), (dark, _DARK), (float(apart), _APART))
    return min(float(rising(light.new_tensor(value), *span)) for value, span in told)


def _shade(colour: Tensor) -> Tensor:
    """Green and blue in shares of red."""
    return colour[1:] / colour[0].clamp_min(0.02)
