"""Shapes of an upright, unturned face from its landmarks: widths, heights, thicknesses.

Lengths are along the face's own axes: widths over the eyes' distance as the picture shows it,
heights over that distance divided by the cosine of yaw, since a turned head shows widths shortened.
"""

from __future__ import annotations

import numpy as np

#: What `shapes` returns, in this order.
NAMES = (
    *("face_width", "jaw_width", "chin_length", "cheeks", "nose_width", "nose_length"),
    *("lip_full", "mouth_width", "eye_size", "eye_distance", "brow_height", "brow_tilt"),
)


def shapes(landmarks: np.ndarray, yaw: float, roll: float) -> dict[str, float]:
    """Measures of landmarks (68, 2) in a crop; yaw and roll of the head in degrees.

    face_width: of the jaw at the cheekbones over the height from brows to chin. jaw_width: of the
    jaw below the mouth. chin_length: from the lower lip to the chin. cheeks: width at the mouth's
    height over that at the cheekbones. nose_width, nose_length, mouth_width: as they say. lip_full:
    thickness of both lips. eye_size: width of the eyes. eye_distance: between their inner corners
    over between their outer ones. brow_height: middle of the brows above the eyes. brow_tilt: how
    much higher the inner ends of the brows are than the outer ones.
    """
    tilt = np.radians(roll)
    turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    points = landmarks @ turn.T
    left, right = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    unit = (right[0] - left[0]) / np.cos(np.radians(yaw))
    x, y = points[:, 0] / (right[0] - left[0]), points[:, 1] / unit
    brows = y[17:27].mean()
    lips = (y[[61, 62, 63]] - y[[50, 51, 52]]).mean() + (y[[58, 57, 56]] - y[[67, 66, 65]]).mean()
    inner, outer = y[[20, 21, 22, 23]].mean(), y[[17, 18, 25, 26]].mean()
    return {
        "face_width": float((x[15] - x[1]) / (y[8] - brows)),
        "jaw_width": float(x[12] - x[4]),
        "chin_length": float(y[8] - y[57]),
        "cheeks": float((x[12] - x[4]) / (x[15] - x[1])),
        "nose_width": float(x[35] - x[31]),
        "nose_length": float(y[33] - y[27]),
        "lip_full": float(lips),
        "mouth_width": float(x[54] - x[48]),
        "eye_size": float((x[39] - x[36] + x[45] - x[42]) / 2),
        "eye_distance": float((x[42] - x[39]) / (x[45] - x[36])),
        "brow_height": float(y[36:48].mean() - brows),
        "brow_tilt": float(outer - inner),
    }
