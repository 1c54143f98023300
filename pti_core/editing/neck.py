"""The neck that a face uncovers where it turns away or gets narrower.

Between the photograph's neck and the new jaw the photograph shows the old jaw; what it had behind
that is neck, not scene. Only its colour is known: that of the neck beside it.

Images are float32 (R, R, 3) in 0..255; masks are float32 (S, S) in 0..1.
"""

from __future__ import annotations

import cv2
import numpy as np

from pti_core.editing.image_flow import rigidity
from pti_core.editing.image_ops import (
    blur,
    dilate,
    erode,
    pull_push,
    px,
    resize,
    smoothstep,
)
from pti_core.editing.parsing import Parsing

# Widths are in pixels at 1024. Found by looking at heads turned to both ends on the benchmark's
# photographs.
_SIDE = 256  # at which the neck's colour is continued
_SOFT = 24.0  # over which it is averaged
#: Of the edited render, and of the photograph, beside that: their own scene shines through.
RENDER_RIM, PHOTO_RIM = 5.0, 10.0
_STRAIN = 8.0  # over which strain is averaged
_BEYOND = 4.0  # the edited render's neck may be narrower by this
_ENOUGH = 0.5  # of the area of the photograph's neck: with less the edited render has none
_LEAST = 1e-3  # share of the picture: less is no neck
_UPPER = (0.5, 0.7)  # shares of the face's height: nothing above the first is neck


def neck_color(photo: np.ndarray, parsing: Parsing) -> np.ndarray:
    """The neck's colour (S, S, 3), continued to where the jaw is. Without a neck of no use."""
    at = parsing.side
    neck = parsing.group("neck")
    inner = smoothstep((blur(neck, px(3.0, at)) - 0.75) / 0.2)
    inner = inner * (blur(1 - neck, px(8.0, at)) < 0.3)
    if inner.mean() < 0.1 * neck.mean():  # a narrow neck has no inside
        inner = neck
    side = min(_SIDE, at)
    weight = resize(np.ascontiguousarray(inner, dtype=np.float32), side)
    known = pull_push(resize(photo, side), weight)
    return resize(blur(known, px(_SOFT, side)), at)


def neck_behind(photo: Parsing, after: Parsing) -> np.ndarray:
    """Where the photograph's neck goes on behind its jaw, (S, S): neck, lower face, and what is
    between them (their convex hull), as far as the photograph has the person there, and the edited
    render, if that has a neck."""
    at = after.side
    neck = photo.group("neck") > 0.5
    face = after.head - after.group("hair") > 0.5
    if neck.mean() < _LEAST or not face.any():
        return np.zeros((at, at), np.float32)
    solid = neck | (face & (after.group("ears") < 0.3))
    rows = np.flatnonzero(face.any(1))
    low, high = (float(rows[0] + share * (rows[-1] - rows[0])) for share in _UPPER)
    below = smoothstep((np.arange(at, dtype=np.float32) - low) / max(high - low, 1.0))
    closed = _hull(solid & (below[:, None] > 0)) * below[:, None]
    person = photo.figure - photo.group("hair") - photo.group("ears") > 0.5
    person = dilate(person.astype(np.float32), px(2.0, at))
    if after.group("neck").sum() > _ENOUGH * photo.group("neck").sum():
        person = person * dilate((after.figure > 0.5).astype(np.float32), px(_BEYOND, at))
    return blur((closed * person).astype(np.float32), px(2.0, at))


def _hull(mask: np.ndarray) -> np.ndarray:
    """The convex hull (S, S) of a mask."""
    found = np.zeros(mask.shape, dtype=np.uint8)
    points = cv2.findNonZero(mask.astype(np.uint8))
    if points is not None:
        cv2.fillConvexPoly(found, cv2.convexHull(points), 1)
    return found.astype(np.float32)


def squeezed_neck(flow: np.ndarray, photo: Parsing, after: Parsing) -> np.ndarray:
    """Where a flow (S, S, 2) tears or squeezes the photograph's neck, (S, S): shadow and strands
    become waves there, so the edited render's neck is shown, where the photograph has a person."""
    strained = blur(1 - rigidity(flow), px(_STRAIN, len(flow)))
    return np.asarray(smoothstep(2 * strained) * photo.figure * after.group("neck"))


def without_rim(
    face: np.ndarray, neck: np.ndarray, after: Parsing, rim: float = RENDER_RIM
) -> np.ndarray:
    """A face's share (S, S) without its outline where that borders on neck (S, S) behind it."""
    at = len(face)
    inner = blur(erode(face, px(rim, at)), px(2.0, at))
    beside = dilate(neck, px(6.0, at)) * (1 - after.figure)
    beside = smoothstep(blur(beside, px(4.0, at)) * 4)
    return face + beside * (np.minimum(inner, face) - face)
