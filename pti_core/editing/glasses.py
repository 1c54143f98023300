"""Glasses: a frame of dark acetate in the place that the face's own eyes, nose and ears give it.

The frame is a model in millimetres that is turned with the head and projected. The base generator
shows glasses, too, but of nine faces its frames lack a bridge, a hinge or a temple on five, and
cost two renders. What is behind the lenses stays the photograph's.

Millimetres of the model: x to the right of the image, y down, z to the camera; the origin lies
between the pupils.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pti_core.editing.image_ops import (
    blur,
    dilate,
    ease,
    luma,
    mixed,
    px,
    resize,
    smoothstep,
)
from pti_core.editing.parsing import Parsing

GLASSES = "glasses"
_PUPILS = 63.0  # distance, mean of adults (Dodgson, 2004)
_EYES = ((0.385, 0.47), (0.615, 0.47))  # in shares of an FFHQ crop's side, where none are seen
_NOSE = 19.0  # of the lower nose's middle in front of the pupils: tells the yaw
_MOST_YAW = 0.6  # in radians
# A frame 52-18: lens openings of 52 by 34, 18 apart, 140 wide over all.
_LENS, _CENTRE = (26.0, 17.0), (35.0, 2.5)
_ROUND, _TAPER, _SWEEP = 2.8, 0.09, 1.8  # superellipse; narrower below; lifted outer corners
#: Rims at the full amount: at the top, at the sides, below; and how much of that a thin one has.
_RIM, _THIN = (3.5, 2.6, 2.1), 0.15
_JOINED = 0.8  # radius over which rims, bridge and hinges flow into each other
_FACE, _CURVE = 14.0, 0.0022  # z at the nose; how it falls with x squared
_HINGE = (70.0, -11.0)  # where temples begin
_WIDTH = (0.9, 1.05)  # by how much less or more wide the frame may be, to fit the face:
_FITS = 0.97  # at its hinges, so much of the face's width
_WHOLE_EAR = 36.0  # height from which an ear is seen whole, and hair beside it is short
_OPAQUE = 0.25  # share of the range from which the frame covers what is behind it
# Colours in 0..255, of a face as light as `_LIT`; what light adds to slopes that face it, and to
# the steepest of them.
_ACETATE, _LIT, _SHINE, _GLOSS = (38.0, 29.0, 27.0), 150.0, 42.0, 60.0
# Widths are in pixels at 1024. Found by looking at the benchmark's nine photographs.
_TEMPLE = 17.0  # thickness of a temple at its hinge
_SLOPE = 0.25  # steepest temple: of an ear whose upper half is hidden only a lower part is seen
_BEHIND_EAR = 10.0  # of a temple beyond the ear's edge
_NO_EAR = 150.0  # length of a temple whose ear is not seen
_EAR, _LONG = 110.0, 0.004  # hair farther below an ear, and of this share of the image, is long
_SHADOW, _SHADOW_BELOW, _SHADOW_WIDTH = 0.2, 6.0, 5.0
_SOFT = 0.8  # of all edges


@dataclass(frozen=True)
class _Place:
    """How a head holds its glasses: pixels of a millimetre, the origin (x, y), roll and yaw in
    radians (positive: to the right of the image)."""

    scale: float
    origin: tuple[float, float]
    roll: float
    yaw: float

    @classmethod
    def of(cls, parsing: Parsing, side: int) -> _Place:
        """In pixels of an image of `side`."""
        left, right = (point * side for point in _eyes(parsing))
        step, middle = right - left, (left + right) / 2
        apart = max(float(np.hypot(*step)), 1.0)
        roll = float(np.arctan2(step[1], step[0]))
        nose = _lower_nose(parsing)
        yaw = 0.0
        if nose is not None:
            away = nose * side - middle
            across = float(away[0] * np.cos(roll) + away[1] * np.sin(roll))
            yaw = float(np.arctan(across / apart * _PUPILS / _NOSE))
        yaw = float(np.clip(yaw, -_MOST_YAW, _MOST_YAW))
        scale = apart / (_PUPILS * float(np.cos(yaw)))
        return cls(scale, (float(middle[0]), float(middle[1])), roll, yaw)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Points (N, 3) in millimetres as pixels (N, 2)."""
        x = points[:, 0] * np.cos(self.yaw) + points[:, 2] * np.sin(self.yaw)
        y = points[:, 1]
        c, s = np.cos(self.roll), np.sin(self.roll)
        turned = np.column_stack([x * c - y * s, x * s + y * c])
        return np.asarray(turned * self.scale + self.origin)


@dataclass(frozen=True)
class _Side:
    """One side of a head: -1 left or 1 right, where its ear is met (x, y) if that is seen whole,
    and whether hair hangs down there."""

    outward: int
    ear: tuple[float, float] | None
    long_hair: bool

    @classmethod
    def of(cls, place: _Place, parsing: Parsing, outward: int, side: int) -> _Side:
        ear = _ear(place, parsing, outward, side)
        return cls(outward, ear, ear is None or _hair_below(parsing, outward, ear, side))


def with_glasses(image: np.ndarray, parsing: Parsing, hair: np.ndarray, share: float) -> np.ndarray:
    """An image (R, R, 3) with glasses, behind hair that hangs in front of the face.

    Args:
        hair: (R, R), the hair's matte.
        share: of the full amount, 0 to 1: the frame becomes thicker.
    """
    side, at = len(image), parsing.side
    place = _Place.of(parsing, side)
    wide = _fit(place, parsing, side)
    front = _front(place, side, wide, _THIN + (1 - _THIN) * share)
    sides = [_Side.of(place, parsing, outward, side) for outward in (-1, 1)]
    temples = _temples(place, parsing, hair, wide, sides)
    opaque, uncovered = ease(share / _OPAQUE), 1 - hair * _in_front(place, sides, side)
    skin = resize(parsing.group("skin"), side)
    shade = np.roll(np.maximum(front, temples), round(px(_SHADOW_BELOW, side)), axis=0)
    shade = blur(shade, px(_SHADOW_WIDTH, side)) * skin * uncovered
    image = image * (1 - np.float32(opaque * _SHADOW) * shade)[..., None]
    face = parsing.group("skin")
    light = float((luma(resize(image, at)) * face).sum() / (face.sum() + 1e-6))
    cover = np.maximum(front * uncovered, temples)
    return mixed(image, _acetate(np.maximum(front, temples), light, side), opaque * cover)


def _in_front(place: _Place, sides: Sequence[_Side], side: int) -> np.ndarray:
    """Where hair would lie over a frame, (R, R): over its inner parts, and over its outer ones on
    sides where it hangs down; short hair beside the eyes is behind it."""
    found = np.ones((side, side), dtype=np.float32)
    for outward in (one.outward for one in sides if not one.long_hair):
        corner = place.project(np.array([[outward * _CENTRE[0], 0.0, _FACE]]))[0, 0]
        beyond = (np.arange(side, dtype=np.float32) - corner) * outward / place.scale / _LENS[0]
        found *= 1 - smoothstep(2 * beyond)
    return found


def _acetate(cover: np.ndarray, light: float, side: int) -> np.ndarray:
    """The colours (R, R, 3) of a frame with round edges, lit from above."""
    inside = cv2.distanceTransform((cover > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    half = max(float(np.quantile(inside[inside > 0], 0.95)) if inside.any() else 1.0, 1.0)
    edge = np.clip(inside / half, 0, 1)
    height = blur(half * np.sqrt(1 - np.square(1 - edge)), max(px(2.0, side), 0.5))
    down = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3) / 8
    across = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3) / 8
    lit = np.clip(0.95 * down + 0.3 * across, 0, 1)
    shine = _SHINE * lit + _GLOSS * smoothstep((lit - 0.35) / 0.6)
    colour = np.asarray(_ACETATE, dtype=np.float32) + shine[..., None]
    return np.asarray(colour * np.float32(np.clip(light / _LIT, 0.4, 1.3)))


def _front(place: _Place, side: int, wide: float, thickness: float) -> np.ndarray:
    """How much rims, bridge and hinges cover, (R, R)."""
    fine = 2  # lines are drawn at twice the size
    whole = np.zeros((fine * side, fine * side), dtype=np.float32)

    def draw(flat: np.ndarray, value: float) -> None:
        x = flat[:, 0] * wide
        z = _FACE - _CURVE * x * x
        points = place.project(np.column_stack([x, flat[:, 1], z])) * fine
        cv2.fillPoly(whole, [np.round(points * 16).astype(np.int32)], value, cv2.LINE_AA, 4)

    for outward in (-1.0, 1.0):
        mirror = np.array([outward, 1.0])
        draw(_rim(thickness) * mirror, 1.0)
        draw(_END * mirror, 1.0)
    draw(_bridge(thickness), 1.0)
    for outward in (-1.0, 1.0):
        draw(_rim(0.0) * np.array([outward, 1.0]), 0.0)
    round_ = max(_JOINED * place.scale * fine, 0.5)
    whole = smoothstep((blur(whole, round_) - 0.5) * round_ + 0.5)
    return blur(resize(whole, side), max(px(_SOFT, side), 0.3))


def _rim(thickness: float) -> np.ndarray:
    """Outline (N, 2) of the right lens's opening, or of its rim (a share of the thickest)."""
    angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    x = np.sign(c) * np.abs(c) ** (2 / _ROUND)
    y = np.sign(s) * np.abs(s) ** (2 / _ROUND)
    top, beside, below = (thickness * width for width in _RIM)
    high = _LENS[1] + np.where(y < 0, top, below)
    across = x * (1 - _TAPER * y) * (_LENS[0] + beside)
    down = y * high - _SWEEP * np.clip(x, 0, 1) * (y < 0)
    return np.column_stack([across + _CENTRE[0], down + _CENTRE[1]])


#: What joins a rim and its temple, on the right.
_END = np.array([[56.0, -18.0], [64.0, -16.5], [71.0, -14.0], [71.0, -8.8], [66.0, -8.0], [60, -4]])


def _bridge(thickness: float) -> np.ndarray:
    """Outline (N, 2) of the bridge: an arch."""
    x = np.linspace(-12, 12, 17)
    arch = np.square(x / 12)
    high = np.column_stack([x, -10.5 + 1.5 * arch])
    low = np.column_stack([x[::-1], -10.5 + 5.0 * thickness + 4.5 * arch[::-1]])
    return np.concatenate([high, low])


def _fit(place: _Place, parsing: Parsing, side: int) -> float:
    """How wide the frame is, so that it ends where the face does."""
    at = parsing.side
    skin = parsing.group("skin") - parsing.group("ears") > 0.5
    row = round((place.origin[1] + _HINGE[1] * place.scale) * at / side)
    columns = np.flatnonzero(skin[np.clip(row, 0, at - 1)])
    if not len(columns):
        return 1.0
    width = (columns[-1] - columns[0]) * side / at / (place.scale * np.cos(place.yaw))
    return float(np.clip(_FITS * width / (2 * _HINGE[0]), *_WIDTH))


def _eyes(parsing: Parsing) -> tuple[np.ndarray, np.ndarray]:
    """Middles (2,) of the eyes, from left to right, in shares of the side."""
    mask = parsing.group("eyes")
    at = len(mask)
    found = []
    for start in (0, at // 2):
        weight = mask[:, start : start + at // 2]
        weight = np.where(weight > 0.5, weight, 0)
        if weight.sum() < 1e-4 * at * at:
            return np.array(_EYES[0]), np.array(_EYES[1])
        found.append(_middle(weight) / at + np.array([start / at, 0]))
    return found[0], found[1]


def _lower_nose(parsing: Parsing) -> np.ndarray | None:
    """Middle (2,) of the lower half of the nose, in shares of the side; None if it is not seen."""
    nose = parsing.group("nose") > 0.5
    at = len(nose)
    if nose.sum() < 4e-4 * at * at:
        return None
    rows = np.flatnonzero(nose.any(1))
    lower = nose & (np.arange(at)[:, None] > (rows[0] + rows[-1]) / 2)
    return _middle(lower.astype(np.float32)) / at


def _middle(weight: np.ndarray) -> np.ndarray:
    """(x, y) in pixels."""
    total = weight.sum()
    x = weight.sum(0) @ np.arange(weight.shape[1]) / total
    y = weight.sum(1) @ np.arange(weight.shape[0]) / total
    return np.array([x, y])


def _temples(
    place: _Place, parsing: Parsing, hair: np.ndarray, wide: float, sides: Sequence[_Side]
) -> np.ndarray:
    """How much temples from the hinges to the ears cover, (R, R).

    They lie on skin. Over an ear that is seen they lie on short hair, too; long hair hides them.
    """
    side = len(hair)
    skin = parsing.group("skin") - parsing.group("ears")
    at = len(skin)
    on_skin = blur(dilate((skin > 0.5).astype(np.float32), px(_BEHIND_EAR, at)), px(1.5, at))
    found = np.zeros_like(hair)
    for one in sides:
        outward = one.outward
        x = outward * (_HINGE[0] - 1) * wide
        point = np.array([[x, _HINGE[1], _FACE - _CURVE * x * x]])
        hinge = tuple(float(value) for value in place.project(point)[0])
        end = one.ear or (hinge[0] + outward * px(_NO_EAR, side), hinge[1])
        if (end[0] - hinge[0]) * outward <= 0:
            continue
        fall = _SLOPE * abs(end[0] - hinge[0])
        end = (end[0], float(np.clip(end[1], hinge[1] - fall, hinge[1] + fall)))
        allowed = resize(on_skin, side) * (1 - hair)
        if not one.long_hair:
            allowed = resize(parsing.head, side)
        found = np.maximum(found, _temple(side, (hinge[0], hinge[1]), end) * allowed)
    return found


def _hair_below(parsing: Parsing, outward: int, ear: tuple[float, float], side: int) -> bool:
    """Whether hair hangs down beside the ear of one side."""
    mask = parsing.group("hair") > 0.5
    at = len(mask)
    column, row = round(ear[0] * at / side), round(ear[1] * at / side + px(_EAR, at))
    part = mask[row:, column:] if outward > 0 else mask[row:, :column]
    return float(part.sum()) > _LONG * at * at


def _ear(place: _Place, parsing: Parsing, outward: int, side: int) -> tuple[float, float] | None:
    """Where a temple meets the ear of one side, in pixels of the image; None if its upper part is
    hidden."""
    ears = parsing.group("ears") > 0.5
    at = len(ears)
    columns = np.arange(at)[None] * (side / at)
    part = ears & ((columns - place.origin[0]) * outward > 0)
    if part.sum() < 4e-4 * at * at:
        return None
    rows = np.flatnonzero(part.any(1))
    if (rows[-1] - rows[0]) * side / at < _WHOLE_EAR * place.scale:
        return None
    top = int(rows[0] + 0.3 * (rows[-1] - rows[0]))
    across = np.flatnonzero(part[top])
    if not len(across):
        return None
    inner = across[0] if outward > 0 else across[-1]
    return float(inner) * side / at, float(top) * side / at


def _temple(side: int, hinge: tuple[float, float], end: tuple[float, float]) -> np.ndarray:
    """A bar that becomes thinner to the ear, (R, R)."""
    first, last = px(_TEMPLE, side) / 2, 0.7 * px(_TEMPLE, side) / 2
    corners = [
        (hinge[0], hinge[1] - first),
        (end[0], end[1] - last),
        (end[0], end[1] + last),
        (hinge[0], hinge[1] + first),
    ]
    line = np.zeros((side, side), dtype=np.float32)
    cv2.fillConvexPoly(line, np.round(np.array(corners) * 16).astype(np.int32), 1.0, cv2.LINE_AA, 4)
    return blur(line, max(px(0.9, side), 0.3))
