"""Colours of the regions that landmarks locate in an aligned crop, in CIE Lab."""

from __future__ import annotations

import cv2
import numpy as np

#: What `colours` returns, in this order.
NAMES = (
    *("skin_light", "skin_red", "skin_yellow", "light_side", "chin_dark", "bridge", "stubble"),
    *("lip_dark", "lip_red", "lip_colour", "lid_dark", "lid_red", "eye_dark", "brow_dark"),
    *("hair_light", "hair_red", "hair_yellow", "hair_colour", "background_light"),
    *("background_red", "background_yellow", "background_detail", "exposure", "contrast"),
    *("warmth", "colourful", "gaze", "wrinkles"),
)

# Cheeks, dlib's 68 points: jaw, base of the nose, corner of the mouth; away from eyes and lips.
_CHEEKS = ((2, 31, 48, 4), (14, 35, 54, 12))
# A face has three equal thirds: hairline to brows, brows to base of the nose, nose to chin. Hair is
# looked for beyond the hairline, this many thirds above the brows.
_HAIR_THIRDS = (1.3, 1.6)
# The forehead lies between the brows and the hairline.
_FOREHEAD_THIRDS = (0.3, 0.7)
# The bridge of glasses crosses the nose between the inner corners of the eyes: this much of their
# distance is looked at, and as far above and below the root of the nose.
_BRIDGE_WIDTH, _BRIDGE_HEIGHT = 0.25, 0.35
# Below the lower lip, within the jaw: what a beard covers; and from the nose to the upper lip.
_CHIN = (5, 7, 9, 11, 55, 57, 59)
_UPPER_LIP = (31, 33, 35, 53, 51, 49)
_OUTER_LIPS, _INNER_LIPS = tuple(range(48, 60)), tuple(range(60, 68))
# Eyes, and the lids: from the brow down to the eye.
_EYES = (tuple(range(36, 42)), tuple(range(42, 48)))
_LIDS = ((18, 19, 20, 21, 39, 38, 37, 36), (22, 23, 24, 25, 45, 44, 43, 42))
_BROWS = (tuple(range(17, 22)), tuple(range(22, 27)))
# A brow is as thick as this part of the distance between the eyes, at most.
_BROW_THICK = 0.12
# The background is looked for in the crop's upper corners, as fractions of its side.
_CORNER_WIDTH, _CORNER_HEIGHT = 0.08, 0.3
# Wrinkles are finer than this part of the crop's side, and coarser than its grain.
_FINE, _GRAIN = 0.008, 0.002


def colours(picture: np.ndarray, landmarks: np.ndarray) -> dict[str, float]:
    """Measures of an 8-bit RGB crop (H, W, 3) with landmarks (68, 2) in its pixels.

    *_light: L, 0 to 100; *_red: a; *_yellow: b; *_colour: chroma. What is called dark is so
    against the cheeks (chin, upper lip as `stubble`, lips, eyelids, eyes), lip_red and
    lid_red are redder than them. light_side: L of the cheek on the picture's right minus that on
    its left. bridge: step of L from row to row across the root of the nose, per hundredth of the
    distance between the eyes: of glasses. background_detail: spread of L in the upper corners.
    exposure, contrast, warmth, colourful: mean and spread of L, mean b, mean chroma of the whole
    crop. gaze: where the dark of the eyes lies between their corners, -1 to 1 to the picture's
    right. wrinkles: fine structure of forehead, cheeks and beside the eyes, in L.
    """
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    left, right = (np.median(_inside(lab, landmarks[list(c)]), axis=0) for c in _CHEEKS)
    skin = (left + right) / 2
    return {
        "skin_light": float(skin[0]),
        "skin_red": float(skin[1]),
        "skin_yellow": float(skin[2]),
        "light_side": float(right[0] - left[0]),
        "chin_dark": float(skin[0] - _inside(lab, landmarks[list(_CHIN)])[:, 0].mean()),
        "bridge": _edges(lab[..., 0], landmarks),
        "stubble": float(skin[0] - _inside(lab, landmarks[list(_UPPER_LIP)])[:, 0].mean()),
        **_made_up(lab, landmarks, skin),
        **_hair_colours(lab, landmarks),
        **_scene(lab),
        "gaze": float(np.mean([_gaze(lab[..., 0], landmarks[list(eye)]) for eye in _EYES])),
        "wrinkles": _wrinkles(lab[..., 0], landmarks),
    }


def _made_up(lab: np.ndarray, landmarks: np.ndarray, skin: np.ndarray) -> dict[str, float]:
    lips = _between(lab, landmarks[list(_OUTER_LIPS)], landmarks[list(_INNER_LIPS)])
    lids = np.concatenate([_inside(lab, landmarks[list(lid)]) for lid in _LIDS])
    eyes = np.concatenate([_inside(lab, landmarks[list(eye)]) for eye in _EYES])
    return {
        "lip_dark": float(skin[0] - lips[:, 0].mean()),
        "lip_red": float(lips[:, 1].mean() - skin[1]),
        "lip_colour": float(np.hypot(lips[:, 1], lips[:, 2]).mean()),
        "lid_dark": float(skin[0] - lids[:, 0].mean()),
        "lid_red": float(lids[:, 1].mean() - skin[1]),
        "eye_dark": float(skin[0] - np.quantile(eyes[:, 0], 0.2)),
        "brow_dark": _brow_dark(lab, landmarks),
    }


def _hair_colours(lab: np.ndarray, landmarks: np.ndarray) -> dict[str, float]:
    hair = np.median(_inside(lab, _patch(landmarks, _HAIR_THIRDS)), axis=0)
    return {
        "hair_light": float(hair[0]),
        "hair_red": float(hair[1]),
        "hair_yellow": float(hair[2]),
        "hair_colour": float(np.hypot(hair[1], hair[2])),
    }


def _scene(lab: np.ndarray) -> dict[str, float]:
    corners = _corners(lab)
    mean = corners.mean(axis=0)
    return {
        "background_light": float(mean[0]),
        "background_red": float(mean[1]),
        "background_yellow": float(mean[2]),
        "background_detail": float(corners[:, 0].std()),
        "exposure": float(lab[..., 0].mean()),
        "contrast": float(lab[..., 0].std()),
        "warmth": float(lab[..., 2].mean()),
        "colourful": float(np.hypot(lab[..., 1], lab[..., 2]).mean()),
    }


def _patch(landmarks: np.ndarray, thirds: tuple[float, float]) -> np.ndarray:
    """The four corners (4, 2) of a patch as wide as the eyes are apart, so far above the brows."""
    brows, nose = landmarks[17:27].mean(axis=0), landmarks[33]
    up = brows - nose
    across = (landmarks[42:48].mean(axis=0) - landmarks[36:42].mean(axis=0)) / 2
    low, high = (brows + up * third for third in thirds)
    return np.stack([low - across, low + across, high + across, high - across])


def _edges(light: np.ndarray, landmarks: np.ndarray) -> float:
    """Mean absolute vertical slope of `light` (H, W) where a pair of glasses has its bridge."""
    root, inner = landmarks[27], landmarks[42] - landmarks[39]
    eyes = float(np.hypot(*inner))
    left, right = (round(root[0] + side * _BRIDGE_WIDTH * eyes) for side in (-1, 1))
    top, bottom = (round(root[1] + side * _BRIDGE_HEIGHT * eyes) for side in (-1, 1))
    patch = light[max(top, 0) : bottom + 1, max(left, 0) : right + 1].mean(axis=1)
    return float(np.abs(np.diff(patch)).mean() * eyes / 100)


def _brow_dark(lab: np.ndarray, landmarks: np.ndarray) -> float:
    """How much darker than the forehead's skin a band along the brows is, on average."""
    eyes = np.hypot(*(landmarks[42:48].mean(axis=0) - landmarks[36:42].mean(axis=0)))
    mask = np.zeros(lab.shape[:2], np.uint8)
    for brow in _BROWS:
        line = np.rint(landmarks[list(brow)]).astype(np.int32)
        cv2.polylines(mask, [line], False, 1, max(1, round(_BROW_THICK * eyes)))
    light = lab[..., 0][mask > 0]
    return float(np.quantile(light, 0.95) - light.mean())


def _gaze(light: np.ndarray, eye: np.ndarray) -> float:
    """Where the dark of an eye's six points (6, 2) lies between its corners, -1 to 1."""
    mask = _mask(light, eye)
    if not mask.any():
        return 0.0
    rows, columns = np.nonzero(mask)
    values = light[rows, columns]
    weights = np.clip(np.quantile(values, 0.6) - values, 0, None)
    if not weights.any():
        return 0.0
    centre, low, high = (columns * weights).sum() / weights.sum(), eye[:, 0].min(), eye[:, 0].max()
    return float(2 * (centre - low) / max(high - low, 1) - 1)


def _wrinkles(light: np.ndarray, landmarks: np.ndarray) -> float:
    """Spread of what of L is finer than `_FINE` and coarser than `_GRAIN`, on bare skin."""
    side = light.shape[0]
    fine = cv2.GaussianBlur(light, (0, 0), _GRAIN * side)
    fine = fine - cv2.GaussianBlur(light, (0, 0), _FINE * side)
    out = (landmarks[[45]] - landmarks[[42]]) * 0.35
    down = (landmarks[[8]] - landmarks[[27]]) * 0.12
    feet = [
        landmarks[[i]] + sign * out * np.array([[0.3], [1], [1], [0.3]])
        - np.array([[1], [1], [-1], [-1]]) * down
        for i, sign in ((36, -1), (45, 1))
    ]  # fmt: skip
    regions = [
        _patch(landmarks, _FOREHEAD_THIRDS),
        *(landmarks[list(c)] for c in _CHEEKS),
        *feet,
    ]
    spreads = [float(np.abs(_inside(fine, region)).mean()) for region in regions]
    return float(np.median(spreads))


def _mask(image: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Which pixels (H, W) are in a polygon, moved into the picture where it leaves it."""
    height, width = image.shape[:2]
    corners = np.clip(np.rint(polygon), 0, [width - 1, height - 1]).astype(np.int32)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [corners], 1)
    return mask > 0


def _inside(image: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """The pixels (N, ...) of a polygon."""
    return image[_mask(image, polygon)]


def _between(image: np.ndarray, outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """The pixels (N, ...) of a polygon without those of another one; all, if none is left."""
    whole = _mask(image, outer)
    ring = whole & ~_mask(image, inner)
    return image[ring if ring.any() else whole]


def _corners(lab: np.ndarray) -> np.ndarray:
    height, width = lab.shape[:2]
    top, side = round(height * _CORNER_HEIGHT), round(width * _CORNER_WIDTH)
    return np.concatenate([lab[:top, :side].reshape(-1, 3), lab[:top, -side:].reshape(-1, 3)])
