"""Places in an aligned face, and what a picture shows there.

Alignment puts eyes and mouth of every face in the same place (Karras et al. 2018, appendix C), so a
place is four shares of the picture's side: its middle (x, y), half its width and half its height.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

Region = tuple[float, float, float, float]

#: Where skin is bare.
CHEEKS: tuple[Region, ...] = ((0.345, 0.575, 0.05, 0.035), (0.655, 0.575, 0.05, 0.035))
#: Over what share of its half width a zone fades, to either side of its edge.
_SOFT = 0.15
#: Around a place that is cut out, a share of the side: what is softened reaches so far.
_MARGIN = 0.01
# Rec. 601 luma, the weight of red, green and blue.
_LUMA = (0.299, 0.587, 0.114)


def zone(picture: Tensor, place: Region, power: int = 2) -> Tensor:
    """Weight (1, 1, R, R) for a picture (N, C, R, R): one inside of a place, nought outside,
    smooth between.

    power: 2 for an ellipse; higher ones are nearer to a rectangle.
    """
    x, y, half_width, half_height = place
    side = picture.shape[-1]
    at = (torch.arange(side, dtype=picture.dtype, device=picture.device) + 0.5) / side
    across, down = ((at - x) / half_width).abs() ** power, ((at - y) / half_height).abs() ** power
    radius = (across[None, :] + down[:, None]) ** (1 / power)
    return rising(radius, 1 + _SOFT, 1 - _SOFT)[None, None]


def rising(x: Tensor, nought: float, one: float) -> Tensor:
    """Smoothly from 0 where x is `nought` to 1 where it is `one`, and level beyond."""
    share = ((x - nought) / (one - nought)).clamp(0, 1)
    return share * share * (3 - 2 * share)


def mean_in(picture: Tensor, weight: Tensor) -> Tensor:
    """The mean (C,) of a picture (1, C, R, R) under a weight (1, 1, R, R)."""
    return (picture * weight).sum((0, 2, 3)) / weight.sum().clamp_min(1e-6)


def luminance(picture: Tensor) -> Tensor:
    """(N, 1, R, R) of a picture (N, 3, R, R), in its range."""
    return (picture * picture.new_tensor(_LUMA)[:, None, None]).sum(1, keepdim=True)


def resized(x: Tensor, side: int) -> Tensor:
    """(N, C, S, S) at another side, linear between; for weights and what is soft already."""
    return F.interpolate(x, size=(side, side), mode="bilinear")


def softened(x: Tensor, width: float) -> Tensor:
    """Two running means over `width`, a share of the side, one after the other."""
    size = 2 * round(width * x.shape[-1] / 2) + 1
    for _ in range(2):
        x = F.avg_pool2d(x, size, 1, size // 2, count_include_pad=False)
    return x


def widened(x: Tensor, width: float) -> Tensor:
    """The largest value within half of `width`, a share of the side; negative: the smallest."""
    size = 2 * round(abs(width) * x.shape[-1] / 2) + 1
    sign = 1 if width > 0 else -1
    return sign * F.max_pool2d(sign * x, size, 1, size // 2)


def fine_structure(picture: Tensor, side: int | None = None) -> Tensor:
    """(1, 1, H, W), squared: what differs from its surroundings of four thousandths of the side.

    side: of the whole, where this is a part of a picture.
    """
    bright = luminance(picture)
    width = 0.004 * (side or picture.shape[-1]) / picture.shape[-1]
    return (bright - softened(bright, width)) ** 2


def cut_out(picture: Tensor, place: Region) -> tuple[Tensor, Region]:
    """The square part of a picture (N, C, R, R) around a place, and the place in it."""
    x, y, half_width, half_height = place
    side = picture.shape[-1]
    half = max(half_width, half_height) * (1 + _SOFT) + _MARGIN
    size = min(side, math.ceil(2 * half * side))
    left, top = (min(max(0, math.floor((middle - half) * side)), side - size) for middle in (x, y))
    part = picture[..., top : top + size, left : left + size]
    scale = side / size
    return part, (
        *((x * side - left) / size, (y * side - top) / size),
        *(half_width * scale, half_height * scale),
    )
