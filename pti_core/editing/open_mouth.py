"""The inside of a mouth that an edit opens, as the base generator shows it.

Where a photograph's lips are closed tuning has learnt lips in the place of teeth: what its weights
show in an open mouth is slabs and gaps. The base's teeth are whole, most of all near W's mean; they
are moved into the opening that the edited face has, in the light of that face.

Images are float32 (R, R, 3) in 0..255; masks are float32 (S, S) in 0..1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from torch import Tensor

from pti_core.editing.base_renderer import LOWER_FACE, TURNS, BaseRenderer, Shown
from pti_core.editing.image_ops import blur, ease, erode, luma, px, resize, smoothstep
from pti_core.editing.parsing import Parsing

#: Share of the way from W's mean: at the pivot one of four closed mouths has no teeth (downey).
_DRAWN_IN = 0.7
# Widths are in pixels at 1024. Found by looking at open mouths and smiles of the benchmark's nine
# photographs.
_LEAST = 4e-4  # share of the picture: a smaller opening shows no teeth
_NEW = (10.0, 20.0)  # height of what the photograph's opening has not: from none to all the base's
_UNDER = 10.0  # over which that begins below what the photograph shows
_LIP, _SOFT = 3.0, 2.5  # the lips' edge stays the edited face's; over which the two are mixed
_SMOOTH = 8.0  # over which the outline of an opening is averaged
_MOST = 1.6  # by how much teeth may be enlarged or reduced
_LIGHT = (0.4, 1.15)  # bounds of the light on the face over that on the base's


@dataclass(frozen=True)
class _Opening:
    """Columns from `left` to `right` of an open mouth, and its upper and lower edge in each."""

    left: int
    right: int
    top: np.ndarray
    bottom: np.ndarray

    @classmethod
    def of(cls, parsing: Parsing) -> _Opening | None:
        """None where a mouth is closed."""
        there = (parsing.group("mouth") > 0.5).astype(np.uint8)
        if there.mean() < _LEAST:
            return None
        _, labels, stats, _ = cv2.connectedComponentsWithStats(there)
        there = labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
        columns = np.flatnonzero(there.any(0))
        inside = there[:, columns[0] : columns[-1] + 1]
        top = np.argmax(inside, axis=0).astype(np.float32)
        bottom = len(there) - np.argmax(inside[::-1], axis=0).astype(np.float32)
        width = px(_SMOOTH, len(there))
        edges = (cv2.GaussianBlur(one[None], (0, 0), width)[0] for one in (top, bottom))
        return cls(int(columns[0]), int(columns[-1]) + 1, *edges)

    @property
    def width(self) -> int:
        return self.right - self.left


def with_base_teeth(
    image: np.ndarray,
    parsing: Parsing,
    photo: Parsing,
    base: BaseRenderer,
    w: Tensor,
    edits: Mapping[str, float],
) -> np.ndarray:
    """An edited image whose mouth has the base's teeth where the photograph's is not open.

    Args:
        parsing: of the image. photo: of the photograph.
        w: w or ws of the pivot. edits: amounts by name.
    """
    own = _Opening.of(parsing)
    if own is None:
        return image
    side, at = len(image), parsing.side
    known = _known_height(own, _Opening.of(photo))
    opened = float((own.bottom - own.top - known).max()) / px(1.0, at)
    share = ease((opened - _NEW[0]) / (_NEW[1] - _NEW[0]))
    if share == 0:
        return image
    shown = base.show(_toothed_code(base, w, edits))
    other = _Opening.of(shown.parsing)
    if other is None:
        return image
    box, x, y = _places(own, other, at, side)
    teeth = cv2.remap(shown.image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    ratio = _light_on(Shown(image, parsing)) / _light_on(shown)
    teeth = teeth * np.float32(np.clip(ratio, *_LIGHT))
    inside = smoothstep(blur(erode(parsing.group("mouth"), px(_LIP, at)), px(_SOFT, at)))
    rows = np.arange(at, dtype=np.float32)[:, None]
    begin = np.full(at, np.float32(at))
    begin[own.left : own.right] = own.top + known
    new = smoothstep((rows - begin) / px(_UNDER, at) + 1)
    weight = resize(share * inside * new, side)[box][..., None]
    result = image.copy()
    result[box] += weight * (teeth - image[box])
    return result


def _toothed_code(base: BaseRenderer, w: Tensor, edits: Mapping[str, float]) -> Tensor:
    """Where the base's mouth is open as far as it goes: the same for all amounts, so that one image
    serves a whole drag."""
    wide = [name for name in ("smile", "mouth_open") if edits.get(name, 0.0) > 0] or ["smile"]
    turns = {name: edits[name] for name in TURNS if name in edits}
    opens = {name: base.directions[name].high for name in wide if name in base.directions}
    return base.drawn_in(base.moved(w, turns | opens), _DRAWN_IN, LOWER_FACE)


def _known_height(own: _Opening, photo: _Opening | None) -> np.ndarray:
    """How high the photograph's opening is in each column of an edited one."""
    if photo is None:
        return np.zeros(own.width, dtype=np.float32)
    there = (np.arange(own.width) + 0.5) * photo.width / own.width - 0.5
    heights = np.interp(there, np.arange(photo.width), photo.bottom - photo.top)
    return (heights * min(own.width / photo.width, _MOST)).astype(np.float32)


def _light_on(shown: Shown) -> float:
    """Median luma of the skin."""
    skin = shown.parsing.group("skin") - shown.parsing.group("ears") > 0.8
    if not skin.any():
        return 128.0
    return max(float(np.median(luma(resize(shown.image, len(skin)))[skin])), 1.0)


def _places(
    own: _Opening, other: _Opening, at: int, side: int
) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray]:
    """A box of the image with the whole opening, and where the base has each of its pixels.

    Teeth keep their form: from both lips they go on in the scale of the mouth's width, and what is
    too much or too little is in the middle, where it is dark.
    """
    ratio = side / at
    rows = slice(int(own.top.min() * ratio), min(int(own.bottom.max() * ratio) + 1, side))
    columns = slice(int(own.left * ratio), min(int(own.right * ratio), side))
    across = (np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5) / ratio - own.left
    down = ((np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5) / ratio)[:, None]
    scale = float(np.clip(other.width / own.width, 1 / _MOST, _MOST))
    x = across * (other.width / own.width)
    top, bottom = (np.interp(across, np.arange(own.width), e)[None] for e in (own.top, own.bottom))
    to, on = (np.interp(x, np.arange(other.width), e)[None] for e in (other.top, other.bottom))
    share = smoothstep((down - top) / np.maximum(bottom - top, 1.0))
    y = (to + scale * (down - top)) * (1 - share) + (on - scale * (bottom - down)) * share
    y = np.clip(y, to, on)
    maps = np.broadcast_to(x[None] + other.left, y.shape), y
    x_in, y_in = (np.ascontiguousarray(m * ratio - 0.5, dtype=np.float32) for m in maps)
    return (rows, columns), x_in, y_in
