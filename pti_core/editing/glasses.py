"""Glasses: the frame that the base generator shows, fitted to the photograph's eyes and ears.

Not every face of the base generator takes glasses, so they are rendered at a code drawn towards W's
mean, whose head is turned as the person's is. Of that image only the frame is laid on: what is
behind the lenses stays the photograph's.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from pti_core.editing.base_renderer import BaseRenderer, Shown
from pti_core.editing.image_ops import blur, dilate, luma, mixed, px, resize, smoothstep
from pti_core.editing.parsing import Parsing

GLASSES = "glasses"
#: Directions that turn the head: the code that is drawn in keeps what it has of them.
TURNS = ("pose", "pitch")
#: Share of the way from W's mean. At the pivot itself one of the benchmark's nine photographs
#: (biden) gets no glasses by any step up to three times the direction's; at 0.4 all nine do.
_DRAWN_IN = 0.4
#: How much longer the step is than the direction's own: frames at 1 are thinner.
_LONGER = 1.4
# Widths are in pixels at 1024. Found by looking at the benchmark's nine photographs.
_FRAME = 38.0  # thickest part of a frame
_BAND = 30.0  # from the outline of the glasses inwards: where the frame is
_DARKER = (0.12, 0.4)  # share of the surroundings' light that the frame is darker by
#: Half of a frame's thickness is this quantile of the distances to its edge. Gaps up to so many
#: times that to either side are closed, what is thinner than that is no part of it.
_THICKEST, _GAPS, _HAIRS = 0.9, 0.35, 0.35
_TEMPLE = 9.0  # thickness of a temple at its hinge
_BEHIND_EAR = 10.0  # of a temple beyond the ear's edge
_NO_EAR = 150.0  # length of a temple whose ear is not seen
_EAR, _LONG = 110.0, 0.004  # hair farther below an ear, and of this share of the image, is long
_BESIDE = 12.0  # how far a frame may stand out beside the head
_SHADOW, _SHADOW_BELOW, _SHADOW_WIDTH = 0.22, 9.0, 7.0


@dataclass(frozen=True, eq=False)
class _Frame:
    """A frame in the image's place: colours (R, R, 3) and how much it covers (R, R)."""

    colours: np.ndarray
    cover: np.ndarray


def with_glasses(shown: Shown, base: BaseRenderer, hair: np.ndarray, amount: float) -> np.ndarray:
    """An image (R, R, 3) with glasses, behind hair that hangs in front of the face.

    Args:
        hair: (R, R), the hair's matte.
    """
    bare = base.drawn_in(base.turned, _DRAWN_IN, TURNS)
    worn = base.show(bare + _LONGER * base.directions[GLASSES].step(amount).to(bare))
    frame = _fitted(_frame(worn), _eyes(base.parse(bare)), _eyes(shown.parsing))
    if frame.cover.max() <= 0.5:
        return shown.image
    side, at = len(shown.image), len(shown.parsing.groups)
    eyes = blur(dilate(shown.parsing.group("eyes"), px(4.0, at)), px(2.0, at))
    beside = blur(dilate(shown.parsing.head, px(_BESIDE, at)), px(4.0, at))
    cover = frame.cover * resize((1 - eyes) * smoothstep(beside), side) * (1 - hair)
    temples = _temples(frame.cover, shown.parsing, hair)
    shade = np.roll(np.maximum(cover, temples), round(px(_SHADOW_BELOW, side)), axis=0)
    shade = blur(shade, px(_SHADOW_WIDTH, side)) * resize(shown.parsing.group("skin"), side)
    image = shown.image * (1 - _SHADOW * shade * (1 - hair))[..., None]
    colour = np.median(frame.colours[frame.cover > 0.8 * frame.cover.max()], axis=0)
    image = image + temples[..., None] * (colour - image)
    return mixed(image, frame.colours, cover)


def _frame(worn: Shown) -> _Frame:
    """The frame of an image with glasses: dark and thin, at the outline of the parser's mask."""
    side, at = len(worn.image), len(worn.parsing.groups)
    glasses = worn.parsing.group("glasses")
    inside = cv2.distanceTransform((glasses > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    near = blur(dilate((glasses > 0.4).astype(np.float32), px(8.0, at)), px(2.0, at))
    band = near * (1 - smoothstep((inside / px(1.0, at) - _BAND) / 12))
    light = luma(worn.image)
    size = 2 * round(px(_FRAME, side) / 2) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    around = cv2.morphologyEx(light, cv2.MORPH_CLOSE, kernel)
    low, high = _DARKER
    cover = smoothstep(((around - light) / (around + 16) - low) / (high - low))
    return _Frame(worn.image, _smooth(np.asarray(cover * resize(band, side))))


def _smooth(cover: np.ndarray) -> np.ndarray:
    """A frame (R, R) without what is much thinner than it, such as hairs of the brows, and without
    gaps, such as highlights."""
    there = (cover > 0.5).astype(np.uint8)
    if not there.any():
        return cover
    half = float(np.quantile(cv2.distanceTransform(there, cv2.DIST_L2, 5)[there > 0], _THICKEST))
    for operation, radius in ((cv2.MORPH_CLOSE, _GAPS * half), (cv2.MORPH_OPEN, _HAIRS * half)):
        size = 2 * round(radius) + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        cover = cv2.morphologyEx(cover, operation, kernel)
    return cover


def _eyes(parsing: Parsing) -> np.ndarray | None:
    """Middles (2, 2) of both eyes, from left to right, in shares of the side; None if not seen."""
    mask = parsing.group("eyes")
    at = len(mask)
    points = []
    for part in (slice(0, at // 2), slice(at // 2, at)):
        weight = np.where(mask[:, part] > 0.5, mask[:, part], 0)
        if weight.sum() < 1e-4 * at * at:
            return None
        rows, columns = np.mgrid[:at, :at][:, :, part]
        points.append(
            [(columns * weight).sum() / weight.sum(), (rows * weight).sum() / weight.sum()]
        )
    return np.array(points) / at


def _fitted(frame: _Frame, eyes: np.ndarray | None, own: np.ndarray | None) -> _Frame:
    """A frame moved, turned and scaled from the eyes of its image to others."""
    if eyes is None or own is None:
        return frame
    side = len(frame.cover)
    before, after = eyes * side, own * side
    step = (before[1] - before[0], after[1] - after[0])
    lengths = [float(np.hypot(*one)) for one in step]
    scale = float(np.clip(lengths[1] / max(lengths[0], 1.0), 0.8, 1.15))
    angles = [float(np.arctan2(one[1], one[0])) for one in step]
    turn = np.clip(angles[1] - angles[0], -0.2, 0.2)
    c, s = np.cos(turn), np.sin(turn)
    # Foreshortening narrows a turned head's glasses, not their height.
    matrix = np.array([[c, -s], [s, c]]) @ np.diag([scale, (1 + scale) / 2])
    shift = after.mean(0) - matrix @ before.mean(0)
    whole = np.column_stack([matrix, shift]).astype(np.float32)
    colours, cover = (
        cv2.warpAffine(x, whole, (side, side), flags=cv2.INTER_LINEAR, borderMode=border)
        for x, border in (
            (frame.colours, cv2.BORDER_REPLICATE),
            (frame.cover, cv2.BORDER_CONSTANT),
        )
    )
    return _Frame(colours, cover)


def _temples(cover: np.ndarray, parsing: Parsing, hair: np.ndarray) -> np.ndarray:
    """How much temples from the hinges to the ears cover, (R, R).

    They lie on skin. Over an ear that is seen they lie on short hair, too; long hair hides them.
    """
    side = len(cover)
    there = cover > 0.5
    columns = np.flatnonzero(there.any(0))
    middle = (columns[0] + columns[-1]) / 2
    skin = parsing.group("skin") - parsing.group("ears")
    at = len(skin)
    on_skin = blur(dilate((skin > 0.5).astype(np.float32), px(_BEHIND_EAR, at)), px(1.5, at))
    found = np.zeros_like(cover)
    for outward, column in ((-1, columns[0]), (1, columns[-1])):
        # The outermost column alone may be a single stray pixel.
        rows = np.flatnonzero(there[:, max(column - 2, 0) : column + 3].any(1))
        hinge = (float(column), float(rows[0] + 0.3 * (rows[-1] - rows[0])))
        ear = _ear(parsing, outward, middle, side)
        end = ear or (hinge[0] + outward * px(_NO_EAR, side), hinge[1])
        if (end[0] - hinge[0]) * outward <= 0:
            continue
        allowed = resize(on_skin, side) * (1 - hair)
        if ear and not _hair_below(parsing, outward, ear, side):
            allowed = resize(parsing.head, side)
        line = _temple(side, hinge, end) * allowed
        found = np.maximum(found, line)
    return found


def _hair_below(parsing: Parsing, outward: int, ear: tuple[float, float], side: int) -> bool:
    """Whether hair hangs down beside the ear of one side."""
    mask = parsing.group("hair") > 0.5
    at = len(mask)
    column, row = round(ear[0] * at / side), round(ear[1] * at / side + px(_EAR, at))
    part = mask[row:, column:] if outward > 0 else mask[row:, :column]
    return float(part.sum()) > _LONG * at * at


def _ear(parsing: Parsing, outward: int, middle: float, side: int) -> tuple[float, float] | None:
    """Where a temple meets the ear of one side, in pixels of the image; None if it is hidden."""
    ears = parsing.group("ears") > 0.5
    at = len(ears)
    columns = np.arange(at)[None] * (side / at)
    part = ears & ((columns - middle) * outward > 0)
    if part.sum() < 4e-4 * at * at:
        return None
    rows = np.flatnonzero(part.any(1))
    top = int(rows[0] + 0.3 * (rows[-1] - rows[0]))
    across = np.flatnonzero(part[top])
    if not len(across):
        return None
    inner = across[0] if outward > 0 else across[-1]
    return float(inner) * side / at, float(top) * side / at


def _temple(side: int, hinge: tuple[float, float], end: tuple[float, float]) -> np.ndarray:
    """A bar that becomes thinner to the ear, (R, R)."""
    first, last = px(_TEMPLE, side) / 2, 0.6 * px(_TEMPLE, side) / 2
    corners = [
        (hinge[0], hinge[1] - first),
        (end[0], end[1] - last),
        (end[0], end[1] + last),
        (hinge[0], hinge[1] + first),
    ]
    line = np.zeros((side, side), dtype=np.float32)
    cv2.fillConvexPoly(line, np.round(np.array(corners) * 16).astype(np.int32), 1.0, cv2.LINE_AA, 4)
    return blur(line, max(px(0.9, side), 0.3))
