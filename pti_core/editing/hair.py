"""Hair in the picture of an aligned face: where a beard is, and whether a head is bald."""

from __future__ import annotations

import torch
from torch import Tensor

from pti_core.faces.regions import (
    CHEEKS,
    Region,
    cut_out,
    fine_structure,
    luminance,
    mean_in,
    rising,
    softened,
    widened,
    zone,
)
from pti_core.networks.lpips import area

#: Where a beard may be; where any is, less the mouth; the others are parts of them.
BEARD: Region = (0.5, 0.77, 0.27, 0.24)
MOUSTACHE: Region = (0.5, 0.665, 0.13, 0.045)
_CHIN: Region = (0.5, 0.80, 0.14, 0.17)
_FRONT: Region = (0.5, 0.77, 0.17, 0.22)
_UPPER_LIP: Region = (0.5, 0.665, 0.11, 0.03)
_MOUTH: Region = (0.5, 0.73, 0.12, 0.06)
# How much darker, or less coloured, than clean skin hair is: from nought to full weight, of 2.
_DARKER, _DULLER = (0.1, 0.25), (0.05, 0.15)
#: From where to where there is a beard for sure (`_score`). Of 40 generated faces those given one
#: scored 1.3 and more; boys, women and old men 0.50 and less, but for one of 0.62. Nine photographs
#: with seven edits each: a full beard 1.13 and more, a goatee 0.70 and more, a painted face 0.55
#: and less, but 0.87 with its mouth open, the others 0.24 and less.
_BEARDED = (0.55, 0.7)

# Bare scalp is as smooth as skin, not much darker, and at its top of the forehead's colour. On 40
# generated heads and nine photographs the roughest of these places had at most 1.5 times the
# skin's fine structure on the bald, and 2.1 times and more on others, but for a thinning white head
# (1.1), which its colour tells apart.
_SCALP: tuple[Region, ...] = (
    *((0.5, 0.11, 0.07, 0.035), (0.5, 0.18, 0.10, 0.035)),
    *((0.4, 0.17, 0.05, 0.03), (0.6, 0.17, 0.05, 0.03)),
)
_FOREHEAD: Region = (0.5, 0.31, 0.07, 0.03)
# In times the skin's fine structure, in shares of the forehead's light, in shades (`_shade`); from
# a full head to a bald one.
_ROUGH, _DARK, _APART = (2.1, 1.6), (0.4, 0.55), (0.26, 0.2)
#: Side at which hair is looked for: strands do not count, patches do.
_SIDE = 256


def facial_hair(picture: Tensor, clean: Tensor) -> Tensor:
    """Where a face has a beard or a moustache, (1, 1, S, S) in [0, 1], without holes; nought all
    over where it has none.

    Args:
        picture: (1, 3, R, R) in [-1, 1]. clean: about the same face without, in the same light.
    """
    side = min(picture.shape[-1], _SIDE)
    small, smooth = area(picture, side), area(clean, side)
    soft, wanted = softened(small, 0.02), softened(smooth, 0.02)
    darker = rising(luminance(wanted) - luminance(soft), *_DARKER)
    duller = rising(_saturation(wanted) - _saturation(soft), *_DULLER)
    # Beside the chin a pale background is duller than skin, too.
    hair = torch.maximum(
        zone(small, BEARD, power=3) * darker, zone(small, _FRONT, power=3) * duller
    )
    bearded = rising(_score(picture, clean, darker), *_BEARDED)
    return bearded * softened(widened(widened(hair, 0.1), -0.07), 0.03)


def _score(picture: Tensor, clean: Tensor, darker: Tensor) -> Tensor:
    """The shares of chin and upper lip that are darker, plus the structure the chin has more."""
    chin = _chin(picture)
    own, smooth = (mean_in(fine_structure(one), chin).sqrt() for one in (picture, clean))
    grain = own / smooth.clamp_min(1e-6)
    dark = mean_in(darker, _chin(darker)) + mean_in(darker, zone(darker, _UPPER_LIP))
    return dark + (grain - 1).clamp_min(0)


def _chin(picture: Tensor) -> Tensor:
    return zone(picture, _CHIN) * (1 - zone(picture, _MOUTH))


def _saturation(picture: Tensor) -> Tensor:
    return picture.amax(1, keepdim=True) - picture.amin(1, keepdim=True)


def bare_scalp(picture: Tensor) -> float:
    """Whether a head is bald, from 0 (no) to 1."""
    skin = [_look(picture, place) for place in (_FOREHEAD, *CHEEKS)]
    scalp = [_look(picture, place) for place in _SCALP]
    forehead = skin[0][0]
    smooth = min(structure for _, structure in skin) + 1e-6
    rough = max(structure for _, structure in scalp) / smooth
    dark = min(float(colour.mean() / forehead.mean()) for colour, _ in scalp)
    apart = (_shade(scalp[0][0]) - _shade(forehead)).abs().sum()
    told = ((rough, _ROUGH), (dark, _DARK), (float(apart), _APART))
    return min(float(rising(picture.new_tensor(value), *span)) for value, span in told)


def _look(picture: Tensor, place: Region) -> tuple[Tensor, float]:
    """The mean colour (3,) in a place, in [0, 1], and how much fine structure is there."""
    part, within = cut_out(picture, place)
    light, weight = (part.clamp(-1, 1) + 1) / 2, zone(part, within)
    structure = fine_structure(light, picture.shape[-1])
    return mean_in(light, weight), float(mean_in(structure, weight).sqrt())


def _shade(colour: Tensor) -> Tensor:
    """Green and blue in shares of red."""
    return colour[1:] / colour[0].clamp_min(0.02)
