"""Colours of the regions that landmarks locate in an aligned crop, in CIE Lab."""

from __future__ import annotations

import cv2
import numpy as np

#: What `colours` returns, in this order.
NAMES = (
    *("skin_light", "skin_red", "skin_yellow", "light_side", "beard", "glasses"),
    *("hair_light", "hair_red", "hair_yellow", "background_light"),
)

# Cheeks, dlib's 68 points: jaw, base of the nose, corner of the mouth; away from eyes and lips.
_CHEEKS = ((2, 31, 48, 4), (14, 35, 54, 12))
# A face has three equal thirds: hairline to brows, brows to base of the nose, nose to chin. Hair is
# looked for beyond the hairline, this many thirds above the brows.
_HAIR_THIRDS = (1.3, 1.6)
# The bridge of glasses crosses the nose between the inner corners of the eyes: this much of their
# distance is looked at, and as far above and below the root of the nose.
_BRIDGE_WIDTH, _BRIDGE_HEIGHT = 0.25, 0.35
# Below the lower lip, within the jaw: what a beard covers.
_CHIN = (5, 7, 9, 11, 55, 57, 59)
# The background is looked for in the crop's upper corners, as fractions of its side.
_CORNER_WIDTH, _CORNER_HEIGHT = 0.08, 0.3


def colours(picture: np.ndarray, landmarks: np.ndarray) -> dict[str, float]:
    """Measures of an 8-bit RGB crop (H, W, 3) with landmarks (68, 2) in its pixels.

    skin_light, hair_light, background_light: L, 0 to 100. skin_red, hair_red: a; skin_yellow,
    hair_yellow: b. light_side: L of the cheek on the picture's right minus that on its left.
    beard: how much darker the chin is than the cheeks. glasses: mean step of L from row to row
    across the root of the nose, per hundredth of the distance between the eyes.
    """
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    left, right = (np.median(_inside(lab, landmarks[list(c)]), axis=0) for c in _CHEEKS)
    hair = np.median(_inside(lab, _hair(landmarks)), axis=0)
    skin = (left + right) / 2
    return {
        "skin_light": float(skin[0]),
        "skin_red": float(skin[1]),
        "skin_yellow": float(skin[2]),
        "light_side": float(right[0] - left[0]),
        "beard": float(skin[0] - _inside(lab, landmarks[list(_CHIN)])[:, 0].mean()),
        "glasses": _edges(lab[..., 0], landmarks),
        "hair_light": float(hair[0]),
        "hair_red": float(hair[1]),
        "hair_yellow": float(hair[2]),
        "background_light": float(_corners(lab)[:, 0].mean()),
    }


def _hair(landmarks: np.ndarray) -> np.ndarray:
    """The four corners (4, 2) of a patch beyond the hairline."""
    brows, nose = landmarks[17:27].mean(axis=0), landmarks[33]
    up = brows - nose
    across = (landmarks[42:48].mean(axis=0) - landmarks[36:42].mean(axis=0)) / 2
    low, high = (brows + up * third for third in _HAIR_THIRDS)
    return np.stack([low - across, low + across, high + across, high - across])


def _edges(light: np.ndarray, landmarks: np.ndarray) -> float:
    """Mean absolute vertical slope of `light` (H, W) where a pair of glasses has its bridge."""
    root, inner = landmarks[27], landmarks[42] - landmarks[39]
    eyes = float(np.hypot(*inner))
    left, right = (round(root[0] + side * _BRIDGE_WIDTH * eyes) for side in (-1, 1))
    top, bottom = (round(root[1] + side * _BRIDGE_HEIGHT * eyes) for side in (-1, 1))
    patch = light[max(top, 0) : bottom + 1, max(left, 0) : right + 1].mean(axis=1)
    return float(np.abs(np.diff(patch)).mean() * eyes / 100)


def _inside(lab: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """The pixels (N, 3) of a polygon, moved into the picture where it leaves it."""
    height, width = lab.shape[:2]
    corners = np.clip(np.rint(polygon), 0, [width - 1, height - 1]).astype(np.int32)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [corners], 1)
    return lab[mask > 0]


def _corners(lab: np.ndarray) -> np.ndarray:
    height, width = lab.shape[:2]
    top, side = round(height * _CORNER_HEIGHT), round(width * _CORNER_WIDTH)
    return np.concatenate([lab[:top, :side].reshape(-1, 3), lab[:top, -side:].reshape(-1, 3)])
