"""How good an edited photograph is: sharp, kept, mouth. Read together, with identity and the eye.

Each can be had for nothing alone (noise is sharp); the definitions are those of
`benchmarks/README.md`. Images are uint8 (R, R, 3), probabilities (19, 512, 512) of the face parser.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from pti_core.editing.image_ops import blur, luma
from pti_core.networks.face_parsing import CLASSES

#: Classes of the head, whose detail `sharp` compares.
HEAD = ("skin", "brow_left", "brow_right", "nose", "hair")
_MOUTH = ("mouth", "lip_upper", "lip_lower")
#: Detail finer than this Gaussian, in pixels at 1024.
_DETAIL = 2.0
#: Background this near to a person is not counted, in pixels at 1024.
_AWAY = 25


def measure_detail(image: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean amplitude of fine detail inside the head, of 255; `sharp` is a ratio of two."""
    head = _share(probabilities, HEAD, len(image)) > 0.5
    return mean_detail(image, head, _DETAIL * len(image) / 1024)


def mean_detail(image: np.ndarray, where: np.ndarray, width: float = _DETAIL) -> float:
    """Mean amplitude, of 255, of what a Gaussian of `width` pixels takes from an image (H, W, 3).

    where: (H, W) of booleans; 0 where that is nowhere.
    """
    light = luma(image.astype(np.float32))
    detail = np.abs(light - blur(light, width))
    return float(detail[where].mean()) if where.any() else 0.0


def measure_kept(
    image: np.ndarray, photo: np.ndarray, after: np.ndarray, before: np.ndarray
) -> float:
    """Mean difference, of 255, where neither image has a person; 0 where there is no such place."""
    side = len(image)
    both = [_share(probabilities, ("background",), side) > 0.5 for probabilities in (after, before)]
    size = 2 * round(_AWAY * side / 1024) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    there = cv2.erode((both[0] & both[1]).astype(np.uint8), kernel) > 0
    difference = np.abs(image.astype(np.float32) - photo.astype(np.float32))
    return float(difference[there].mean()) if there.any() else 0.0


def measure_mouth(probabilities: np.ndarray) -> float:
    """The parser's mean certainty inside mouth and lips; `mouth` is a ratio of two."""
    there = _share(probabilities, _MOUTH, 1024) > 0.5
    certainty = cv2.resize(probabilities.max(0), (1024, 1024), interpolation=cv2.INTER_LINEAR)
    return float(certainty[there].mean()) if there.any() else 0.0


def _share(probabilities: np.ndarray, names: Sequence[str], side: int) -> np.ndarray:
    total = probabilities[[CLASSES.index(name) for name in names]].sum(0)
    return np.asarray(cv2.resize(total, (side, side), interpolation=cv2.INTER_LINEAR))
