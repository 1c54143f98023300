"""Align a face as FFHQ does: cut a square crop, turned with the face, out of its photograph.

Source: Karras et al. 2019, "A Style-Based Generator Architecture for GANs", appendix A, and the
data set's published script: a rotated square from the eyes and the mouth, reflected beyond the
photograph's edge with a soft blur, sampled at four times the output's resolution and reduced by
Lanczos.

Coordinates: points and quads are in photo pixels, (x, y), with (0, 0) at the CENTRE of the top
left pixel, as dlib gives landmarks. "left" is always the left of the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from PIL import Image

# The FFHQ script samples at 4096 for an output of 1024.
SUPERSAMPLING = 4


@dataclass(frozen=True)
class Alignment:
    """Where an aligned crop lies in its photograph.

    `quad`: the crop's corners (x, y) in photo pixels: top left, bottom left, bottom right, top
    right. It is a square, turned with the face, and may reach beyond the photograph.
    `photo_size`: (width, height) of the photograph.
    Raises `ValueError` if the corners are no square or lie absurdly far from the photograph.
    """

    quad: tuple[tuple[float, float], ...]
    photo_size: tuple[int, int]

    def __post_init__(self) -> None:
        corners = np.asarray(self.quad, dtype=np.float64)
        width, height = self.photo_size
        if corners.shape != (4, 2) or not np.isfinite(corners).all():
            raise ValueError("an alignment has four finite corners")
        if width < 1 or height < 1:
            raise ValueError("an alignment has a photograph of at least one pixel")
        # A quad larger than this would only ask for memory; a face is never so far outside.
        if np.abs(corners - [width / 2, height / 2]).max() > 5 * max(width, height):
            raise ValueError("the alignment's corners are too far from the photograph")
        down, across = corners[1] - corners[0], corners[3] - corners[0]
        # y is x turned by a right angle; anything else is no output of `align`.
        turned = np.array([-across[1], across[0]])
        closes = corners[0] + down + across - corners[2]
        tolerance = 1e-3 * self.side + 1e-9
        if self.side < 1 or np.hypot(*(down - turned)) > tolerance or np.hypot(*closes) > tolerance:
            raise ValueError("the alignment's corners are not those of a square")

    def scaled(self, size: tuple[int, int]) -> Alignment:
        """The alignment for the same photograph at another size (width, height)."""
        if size == self.photo_size:
            return self
        factor = max(size) / max(self.photo_size)  # one for both: the crop stays a square
        quad = tuple(((x + 0.5) * factor - 0.5, (y + 0.5) * factor - 0.5) for x, y in self.quad)
        return Alignment(quad, size)

    @cached_property
    def side(self) -> float:
        """The length of the crop's side in photo pixels."""
        (x0, y0), (x3, y3) = self.quad[0], self.quad[3]
        return float(np.hypot(x3 - x0, y3 - y0))

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and numbers, fit for JSON."""
        return {
            "quad": [[float(x), float(y)] for x, y in self.quad],
            "photo_size": [int(side) for side in self.photo_size],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Alignment:
        """Undo `to_dict`. Raises `ValueError` on anything that `to_dict` does not make."""
        try:
            quad = tuple((float(x), float(y)) for x, y in data["quad"])
            width, height = (int(side) for side in data["photo_size"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError("an alignment needs `quad` and `photo_size`") from error
        return cls(quad, (width, height))


def align(
    image: Image.Image, landmarks: np.ndarray, size: int = 1024
) -> tuple[Image.Image, Alignment]:
    """Cut out a face as FFHQ does.

    `image` is RGB, `landmarks` (68, 2) in its pixels. Returns the crop (size x size) and where it
    lies. With `size` 1024 this is the data set's own recipe.
    """
    alignment = Alignment(_ffhq_quad(np.asarray(landmarks, dtype=np.float64)), image.size)
    return crop(image, alignment, size), alignment


def crop(image: Image.Image, alignment: Alignment, size: int = 1024) -> Image.Image:
    """Cut out the crop (size x size) that `alignment` describes.

    Raises `ValueError` if `image` has not the size that the alignment was made for.
    """
    check_photo_size(image, alignment)
    plan = CropPlan.of(alignment, size)
    if plan.reduced_size != image.size:
        image = image.resize(plan.reduced_size, Image.Resampling.LANCZOS)
    image = image.crop(plan.box)
    if plan.pad is not None:
        image = _pad(image, plan.pad, blur=plan.side * 0.02)
    corners = tuple(float(value) for value in (plan.quad + 0.5).ravel())
    fine = size * SUPERSAMPLING
    image = image.transform((fine, fine), Image.Transform.QUAD, corners, Image.Resampling.BILINEAR)
    return image.resize((size, size), Image.Resampling.LANCZOS)


@dataclass(frozen=True)
class CropPlan:
    """The FFHQ script's steps for one alignment and output size, as numbers only.

    The photo is resized to `reduced_size`, cut to `box`, and padded by `pad` (left, top, right,
    bottom; None: not at all); then `quad` (4, 2) and `side` hold in what is left.
    """

    photo_size: tuple[int, int]
    reduced_size: tuple[int, int]
    box: tuple[int, int, int, int]
    pad: tuple[int, int, int, int] | None
    quad: np.ndarray
    side: float

    @classmethod
    def of(cls, alignment: Alignment, size: int) -> CropPlan:
        quad, side = np.array(alignment.quad, dtype=np.float64), alignment.side
        width, height = alignment.photo_size
        shrink = int(np.floor(side / size * 0.5))
        if shrink > 1:
            width, height = round(width / shrink), round(height / shrink)
            quad, side = quad / shrink, side / shrink
        reduced = (width, height)
        border = max(round(side * 0.1), 3)
        low, high = np.floor(quad.min(axis=0)), np.ceil(quad.max(axis=0))
        # A photograph that the quad misses altogether is no face's; keep one pixel to reflect.
        x0, y0 = (int(np.clip(v - border, 0, s - 1)) for v, s in zip(low, reduced, strict=True))
        x1, y1 = (
            int(np.clip(v + border, o + 1, s))
            for v, o, s in zip(high, (x0, y0), reduced, strict=True)
        )
        quad = quad - np.array([x0, y0])
        low, high = np.floor(quad.min(axis=0)), np.ceil(quad.max(axis=0))
        over = (*(border - low), *(high + border - (x1 - x0, y1 - y0)))
        pad = tuple(max(int(value), 0) for value in over)
        if max(pad) <= border - 4:
            return cls(alignment.photo_size, reduced, (x0, y0, x1, y1), None, quad, side)
        p0, p1, p2, p3 = (max(value, round(side * 0.3)) for value in pad)
        quad = quad + np.array([p0, p1])
        box = (x0, y0, x1, y1)
        return cls(alignment.photo_size, reduced, box, (p0, p1, p2, p3), quad, side)

    def photo_quad(self) -> np.ndarray:
        """Return the corners (4, 2) in the photograph, with (0, 0) at the top left pixel's CORNER.

        The script's half pixel is added after the reduction, so this is not always quad + 0.5.
        """
        offset = np.array(self.box[:2], dtype=np.float64)
        if self.pad is not None:
            offset -= self.pad[:2]
        return (self.quad + 0.5 + offset) * self._enlargement()

    def trust(self, axis: int, positions: np.ndarray) -> np.ndarray:
        """Return how far (0..1) the crop held the photograph's own pixels along one axis.

        0 at an edge beyond which pixels were reflected, 1 where the script's blur has ended.
        `positions` are photo coordinates as in `photo_quad`.
        """
        if self.pad is None:
            return np.ones_like(positions)
        scale = self._enlargement()[axis]
        low, high = self.box[axis] * scale, self.box[axis + 2] * scale
        # The blur reaches a third of the padding into the photograph.
        before = (positions - low) / (self.pad[axis] * scale / 3)
        after = (high - positions) / (self.pad[axis + 2] * scale / 3)
        return smoothstep(np.minimum(before, after))

    def _enlargement(self) -> np.ndarray:
        return np.array(self.photo_size, dtype=np.float64) / self.reduced_size


def _ffhq_quad(landmarks: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Return the corners of the FFHQ crop for landmarks (68, 2)."""
    eye_left, eye_right = landmarks[36:42].mean(axis=0), landmarks[42:48].mean(axis=0)
    eyes = (eye_left + eye_right) / 2
    eye_to_eye = eye_right - eye_left
    eye_to_mouth = (landmarks[48] + landmarks[54]) / 2 - eyes
    # Half of the crop's width: along the eyes and, turned by a right angle, along the face.
    x = eye_to_eye - np.array([-eye_to_mouth[1], eye_to_mouth[0]])
    x *= max(np.hypot(*eye_to_eye) * 2.0, np.hypot(*eye_to_mouth) * 1.8) / np.hypot(*x)
    y = np.array([-x[1], x[0]])
    centre = eyes + eye_to_mouth * 0.1
    corners = (centre - x - y, centre - x + y, centre + x + y, centre + x - y)
    return tuple((float(cx), float(cy)) for cx, cy in corners)


def _pad(image: Image.Image, pad: tuple[int, int, int, int], blur: float) -> Image.Image:
    """Reflect a picture beyond its edges; blur the reflection and fade it to the median colour."""
    left, top, right, bottom = pad
    pixels = np.asarray(image, dtype=np.float32)
    pixels = np.pad(pixels, ((top, bottom), (left, right), (0, 0)), mode="reflect")
    height, width = pixels.shape[:2]
    y, x = np.ogrid[:height, :width]
    inside_x = np.minimum(np.float32(x) / left, np.float32(width - 1 - x) / right)
    inside_y = np.minimum(np.float32(y) / top, np.float32(height - 1 - y) / bottom)
    outside = (1.0 - np.minimum(inside_x, inside_y))[..., None]
    window = 2 * round(4 * blur) + 1  # to four sigmas, as scipy's filter in the script does
    blurred = cv2.GaussianBlur(pixels, (window, window), blur, borderType=cv2.BORDER_REFLECT)
    pixels += (blurred - pixels) * np.clip(outside * 3.0 + 1.0, 0.0, 1.0)
    pixels += (np.median(pixels, axis=(0, 1)) - pixels) * np.clip(outside, 0.0, 1.0)
    return Image.fromarray(np.rint(np.clip(pixels, 0, 255)).astype(np.uint8))


def smoothstep(value: np.ndarray) -> np.ndarray:
    value = np.clip(value, 0.0, 1.0)
    return value * value * (3.0 - 2.0 * value)


def check_photo_size(image: Image.Image, alignment: Alignment) -> None:
    if image.size != tuple(alignment.photo_size):
        raise ValueError(
            f"the photograph is {image.size[0]} x {image.size[1]} pixels, the alignment is for "
            f"{alignment.photo_size[0]} x {alignment.photo_size[1]}"
        )
