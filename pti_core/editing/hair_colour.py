"""Hair in the colours of another picture's hair, strand by strand.

The lights of the hair are mapped so that they are distributed as the example's are, and each light
gets the colour that the example's hair has at it (as in Reinhard et al. 2001, with the whole
distribution in place of mean and deviation). Shape, strands and shadows stay the picture's.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pti_core.faces.regions import luminance, mean_in, resized, rising, softened
from pti_core.networks.lpips import area

#: Quantiles that a distribution is known by.
_QUANTILES = 33
#: Entries between the darkest and the lightest hair: fine enough for pictures of 256 levels.
_TABLE = 1024
#: Side at which distributions are taken.
_SIDE = 256
#: What is finer than this share of the side is strands: their contrast is scaled, not mapped.
_STRANDS = 0.008
#: Bounds of that scale.
_FLATTER, _RICHER = 0.6, 1.4
#: How far beyond the lights of hair something is no hair any more, from where on to where: skin at
#: the hairline would be as light as the lightest strands.
_BEYOND = (0.3, 0.1)
#: Hair for sure.
_SURE = 0.6
# Guided filter: its window as a share of the side, and the variance that counts as an edge.
_WINDOW, _EDGE = 0.03, 5e-4


def recoloured(picture: Tensor, hair: Tensor, example: Tensor, example_hair: Tensor) -> Tensor:
    """The picture (1, 3, R, R) in the colours of the example's hair, which is right where hair is.

    Args:
        picture, example: (1, 3, R, R) in [-1, 1]. hair, example_hair: (1, 1, S, S) in [0, 1],
            where they have hair. Without any in either, the picture is returned as it is.
    """
    own, others = _Colours.of(picture, hair), _Colours.of(example, example_hair)
    if own is None or others is None:
        return picture
    light = luminance(picture)
    broad = resized(softened(luminance(area(picture, _SIDE)), _STRANDS), picture.shape[-1])
    strands = (others.strands / own.strands).clamp(_FLATTER, _RICHER)
    mapped = _along(broad, own.lights, others.lights[:, None]) + strands * (light - broad)
    dyed = mapped + _along(mapped, others.lights, others.tints)
    hairs = rising((broad - own.lights[-1]).maximum(own.lights[0] - broad), *_BEYOND)
    return picture + hairs * (dyed - picture)


def sharpened(weight: Tensor, picture: Tensor) -> Tensor:
    """A weight (1, 1, S, S) at the side of a picture (1, 3, R, R), along the picture's edges.

    The fast guided filter (He & Sun 2015), guided by the light.
    """
    side = min(_SIDE, picture.shape[-1])
    guide, weight = luminance(area(picture, side)), resized(weight, side)

    def mean(x: Tensor) -> Tensor:
        return softened(x, _WINDOW)

    about, of = mean(guide), mean(weight)
    slope = (mean(guide * weight) - about * of) / (mean(guide * guide) - about * about + _EDGE)
    level = of - slope * about
    to = picture.shape[-1]
    fine = resized(mean(slope), to) * luminance(picture) + resized(mean(level), to)
    return fine.clamp(0, 1)


class _Colours:
    """Of hair: quantiles of its lights (Q,), its tints at these (Q, 3), its strands' contrast."""

    def __init__(self, lights: Tensor, tints: Tensor, strands: Tensor) -> None:
        self.lights, self.tints, self.strands = lights, tints, strands

    @classmethod
    def of(cls, picture: Tensor, hair: Tensor) -> _Colours | None:
        """None where there is not enough hair to tell."""
        small = area(picture, min(_SIDE, picture.shape[-1])).clamp(-1, 1)
        weight = resized(hair, small.shape[-1])
        there = weight[0, 0] > _SURE
        if int(there.sum()) < 4 * _QUANTILES:
            return None
        light = luminance(small)
        broad = softened(light, _STRANDS)
        strands = mean_in((light - broad) ** 2, weight).sqrt() + 1e-4
        lights, order = light[0, 0][there].sort()
        tints = (small - light)[0][:, there][:, order].T
        groups = torch.linspace(0, len(lights), _QUANTILES + 1).round().long()
        lights, tints = (
            torch.stack([part.mean(0) for part in x.tensor_split(groups[1:-1])])
            for x in (lights, tints)
        )
        return cls(lights, tints, strands)


def _along(x: Tensor, at: Tensor, values: Tensor) -> Tensor:
    """Values (Q, C), given at rising places (Q,), at x (1, 1, H, W): (1, C, H, W); linear between,
    level beyond the ends. From a table, as pictures have many places."""
    at = at + torch.arange(len(at)).to(at) * 1e-6  # rising for sure
    step = (at[-1] - at[0]) / (_TABLE - 1)
    places = at[0] + step * torch.arange(_TABLE).to(at)
    upper = torch.searchsorted(at, places).clamp(1, len(at) - 1)
    share = ((places - at[upper - 1]) / (at[upper] - at[upper - 1]))[:, None]
    table = torch.lerp(values[upper - 1], values[upper], share)
    nearest = ((x - at[0]) / step).round_().clamp_(0, _TABLE - 1).int()
    return torch.stack([column[nearest[0, 0]] for column in table.T])[None]
