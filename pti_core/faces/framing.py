"""The crop of a photograph that is inverted: an aligned face, or a square for other things."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image

from pti_core.errors import UserError
from pti_core.faces.align import Alignment, align, crop
from pti_core.faces.detect import Box, FaceFinder, landmarks_of

#: Left, top and side of a square in photo pixels.
Square = tuple[float, float, float]
#: A face by its number (`FaceFinder.all_landmarks`), a square, the photograph as it is, or where a
#: session's crop was.
Where = int | Square | Literal["whole"] | Alignment
#: The photograph is an aligned face already: its largest square in the middle.
WHOLE: Literal["whole"] = "whole"
#: Smallest side of a square: less shows nothing.
LEAST_SIDE = 16.0


def frame(
    finder: FaceFinder | None, image: Image.Image, where: Where, size: int
) -> tuple[Image.Image, Alignment]:
    """The crop (size x size) and where it lies.

    Args:
        finder: what finds faces; without it a number stands for the largest square in the middle.
        where: which face, a square, `WHOLE`, or a crop's place. A face that is seen in a square
            is aligned as any other; where none is seen the square itself is the crop.

    Raises:
        NoFaceError: no face is found.
        UserError: no face has that number, or the square is not in the photograph.
    """
    if isinstance(where, Alignment):
        there = where.scaled(image.size)
        return crop(image, there, size), there
    if isinstance(where, tuple):
        square = check_square(where, image.size)
        points = None if finder is None else finder.landmarks_in_square(image, square_box(square))
        return cut_square(image, square, size) if points is None else align(image, points, size)
    if finder is None or isinstance(where, str):
        return cut_square(image, middle_square(image), size)
    return align(image, landmarks_of(finder, image, where), size)


def middle_square(image: Image.Image) -> Square:
    """The largest square in the middle."""
    side = min(image.size)
    return (image.width - side) / 2, (image.height - side) / 2, float(side)


def square_box(square: Square) -> Box:
    """Left, top, right and bottom of a square."""
    left, top, side = square
    return left, top, left + side, top + side


def check_square(square: object, image_size: tuple[int, int]) -> Square:
    """Three numbers as a square inside a picture of that size. Raises UserError."""
    wrong = UserError("Draw the square inside the photograph, 16 pixels or more.")
    if not isinstance(square, (list, tuple)) or len(square) != 3:
        raise wrong
    if not all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in square):
        raise wrong
    left, top, side = (float(n) for n in square)
    width, height = image_size
    if not np.isfinite([left, top, side]).all() or side < LEAST_SIDE:
        raise wrong
    if min(left, top) < -0.5 or left + side > width + 0.5 or top + side > height + 0.5:
        raise wrong
    return left, top, side


def cut_square(image: Image.Image, square: Square, size: int) -> tuple[Image.Image, Alignment]:
    """Cut an upright square out. Raises UserError where it is not inside the photograph.

    Unlike `align.crop`, which softens what lies near the photograph's edge, it keeps every pixel.
    """
    left, top, side = check_square(square, image.size)
    # Alignments have pixel centres at whole numbers, squares pixel corners.
    x0, y0, x1, y1 = left - 0.5, top - 0.5, left + side - 0.5, top + side - 0.5
    alignment = Alignment(((x0, y0), (x0, y1), (x1, y1), (x1, y0)), image.size)
    box = (max(left, 0.0), max(top, 0.0), left + side, top + side)
    box = (*box[:2], min(box[2], float(image.width)), min(box[3], float(image.height)))
    cut = image.convert("RGB").resize((size, size), Image.Resampling.LANCZOS, box, reducing_gap=3.0)
    return cut, alignment
