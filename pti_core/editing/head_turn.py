"""A head that turns about its neck.

Faces are aligned by eyes and mouth. So in a generator's image of a turned head these stay, and
skull and neck move to the other side, by how far the eyes are in front of the neck's axis. On a
photograph the neck stays: the edited render is moved back.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from pti_core.editing.directions import Direction
from pti_core.editing.image_ops import px
from pti_core.editing.parsing import Parsing

#: Pixels at 1024 a degree, x and y, by what a direction measures. Found as the move at which the
#: edited render's head covers the unedited one's best, mean of both ends on the benchmark's nine
#: (yaw 4.2 to 7.1, pitch 1.3 to 6.0). A face of 4 pixels a millimetre whose eyes are 80 mm in front
#: of the axis would move by 5.6.
_PIXELS_A_DEGREE = {"yaw": (5.3, 0.0), "pitch": (0.0, -4.4)}


def shift_of(
    amounts: Mapping[str, float], directions: Mapping[str, Direction], side: int
) -> np.ndarray:
    """By how many pixels, x and y, an edited render of some side is to be moved.

    Edits count whose amounts are degrees: what a standard deviation turns a head by is not known.
    """
    found = np.zeros(2, dtype=np.float32)
    for name, amount in amounts.items():
        direction = directions.get(name)
        if direction is None or direction.unit != "degrees":
            continue
        made = direction.made
        by = _PIXELS_A_DEGREE.get(str(made.get("measure", made.get("measured_by"))))
        if by is not None:
            degrees = amount * float(made.get("scale", 1.0))
            found += px(degrees, side) * np.array(by, dtype=np.float32)
    return found


def move_of(
    amounts: Mapping[str, float], directions: Mapping[str, Direction], side: int
) -> tuple[int, int]:
    """`shift_of` in whole pixels; even ones, as masks have half the side."""
    x, y = (2 * round(float(one) / 2) for one in shift_of(amounts, directions, side))
    return x, y


def moved(image: np.ndarray, by: tuple[int, int]) -> np.ndarray:
    """An image (R, R, C), moved; its border is continued."""
    if by == (0, 0):
        return image
    there = np.array([[1, 0, by[0]], [0, 1, by[1]]], dtype=np.float32)
    return cv2.warpAffine(
        image, there, image.shape[1::-1], flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE
    )


def moved_masks(parsing: Parsing, by: tuple[int, int], side: int, still: Parsing) -> Parsing:
    """The masks of an image of some side, moved with it; from outside of the image come those
    that stand `still`."""
    if by == (0, 0):
        return parsing
    x, y = (round(one * parsing.side / side) for one in by)
    found = []
    for masks, others in ((parsing.groups, still.groups), (parsing.parts, still.parts)):
        result = others.copy()
        at = parsing.side
        to = slice(max(y, 0), at + min(y, 0)), slice(max(x, 0), at + min(x, 0))
        of = slice(max(-y, 0), at - max(y, 0)), slice(max(-x, 0), at - max(x, 0))
        result[:, *to] = masks[:, *of]
        found.append(result)
    return Parsing(*found)
