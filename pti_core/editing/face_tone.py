"""Colours of lips, lids, eyes and teeth in a composite: each where it belongs.

Images are float32 (R, R, 3) in 0..255.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import cv2
import numpy as np

from pti_core.editing.image_ops import blur, px, resize, smoothstep
from pti_core.editing.parsing import Parsing

#: Edits that are make-up; what else their directions change is left out.
MAKEUP = frozenset(("lipstick", "eye_makeup", "makeup"))
# Widths are in pixels at 1024. Found by looking at the benchmark's nine photographs.
_LIDS = (34.0, 26.0)  # how far make-up reaches around an eye, across and up
_SKIN = 12.0  # make-up on skin is smoother than this
_LIPS = 2.0
#: CIELAB: nothing in a mouth is bluer than this b*. Teeth, less red than this a*, are no yellower
#: than this, or than this share of the skin (in warm light).
_BLUE, _RED, _YELLOW, _YELLOW_OF_SKIN = 2.0, 18.0, 10.0, 0.6


def with_makeup(
    image: np.ndarray, change: np.ndarray, parsing: Parsing, names: Collection[str]
) -> np.ndarray:
    """A composite with make-up: the render's change (R, R, 3), on lips, lids and skin alone."""
    side, at = len(image), parsing.side
    lips = smoothstep(blur(parsing.group("lips"), px(2.0, at)) * 1.6 - 0.3)
    eyes = parsing.group("eyes")
    lids = _around(eyes) * (1 - smoothstep(blur(eyes, px(1.5, at)) * 2))
    lids = lids * (1 - parsing.group("hair")) * (1 - parsing.group("background"))
    masks = []
    if {"lipstick", "makeup"} & set(names):
        masks.append((lips, _LIPS))
    if {"eye_makeup", "makeup"} & set(names):
        masks.append((lids, 0.0))
    if "makeup" in names:
        masks.append((parsing.group("skin") * (1 - lids) * (1 - lips), _SKIN))
    for mask, width in masks:
        part = blur(change, px(width, side)) if width else change
        image = image + resize(mask, side)[..., None] * part
    return np.clip(image, 0, 255)


def _around(eyes: np.ndarray) -> np.ndarray:
    """Where make-up of the eyes is, (S, S)."""
    at = len(eyes)
    size = tuple(2 * round(px(width, at)) + 1 for width in _LIDS)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, size)
    wide = cv2.dilate((eyes > 0.5).astype(np.float32), kernel)
    return np.asarray(smoothstep(blur(wide, px(6.0, at))))


def with_own_eyes_and_teeth(
    image: np.ndarray, parsing: Parsing, photo: np.ndarray, photo_parsing: Parsing
) -> np.ndarray:
    """A composite whose eyes keep the photograph's colour and whose teeth are not blue."""
    eyes, small = parsing.group("eyes"), resize(image, parsing.side)
    own = _chroma_in(photo, photo_parsing.group("eyes"))
    new = _chroma_in(small, eyes)
    if own is not None and new is not None:
        shift = np.array([0, *(own - new)], dtype=np.float32)
        image = _in_lab(image, eyes, lambda lab: lab + shift)

    skin = _chroma_in(small, parsing.group("skin"))
    yellow = max(_YELLOW, _YELLOW_OF_SKIN * float(skin[1])) if skin is not None else 100.0

    def toothlike(lab: np.ndarray) -> np.ndarray:
        teeth = smoothstep((_RED - lab[..., 1]) / 6)
        lab[..., 2] = np.maximum(lab[..., 2], _BLUE)
        lab[..., 2] += teeth * (np.minimum(lab[..., 2], yellow) - lab[..., 2])
        return lab

    return _in_lab(image, parsing.group("mouth"), toothlike)


def _chroma_in(image: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
    """Median a* and b* under a mask (S, S); None if it is too small."""
    there = mask > 0.8
    if there.sum() < 2e-4 * mask.size:
        return None
    lab = cv2.cvtColor(resize(image, len(mask))[there][None] / 255, cv2.COLOR_RGB2LAB)
    return np.asarray(np.median(lab[0, :, 1:], axis=0))


def _in_lab(
    image: np.ndarray, mask: np.ndarray, change: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """A change of CIELAB values where a mask (S, S) is."""
    soft = resize(blur(mask, px(2.0, len(mask))), len(image))
    rows, columns = (np.flatnonzero(soft.max(axis) > 0.02) for axis in (1, 0))
    if not len(rows):
        return image
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    lab = cv2.cvtColor(np.clip(image[box], 0, 255) / 255, cv2.COLOR_RGB2LAB)
    new = 255 * cv2.cvtColor(change(lab.copy()), cv2.COLOR_LAB2RGB)
    result = image.copy()
    result[box] = image[box] + soft[box][..., None] * (new - np.clip(image[box], 0, 255))
    return result
