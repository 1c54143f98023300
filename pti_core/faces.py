"""Find the largest face, align it as FFHQ does, and paste a result back into the photograph.

Alignment follows the recipe of the FFHQ data set (Karras et al., "A Style-Based Generator
Architecture for GANs", appendix A, and the data set's published script): a rotated square from the
eyes and the mouth, reflected beyond the photograph's edge with a soft blur, sampled at four times
the output's resolution and reduced by Lanczos.

Coordinates: points and quads are in photo pixels, (x, y), with (0, 0) at the CENTRE of the top
left pixel, as dlib gives landmarks. "left" is always the picture's left.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import dlib
import numpy as np
from PIL import Image

from pti_core.errors import NoFaceError
from pti_core.pictures import open_photograph

__all__ = [
    "Alignment",
    "FaceFinder",
    "align",
    "crop",
    "open_photograph",
    "paste",
]

# Detection runs on a copy of at most this longest side: 0.2 s on one core, and a face of a twelfth
# of the photograph's width is still found.
DETECTION_SIDE = 1000
# Where nothing is found so, a copy of this side, enlarged at most so much: the detector's smallest
# face has 80 pixels. 1.5 s on one core.
FINE_DETECTION_SIDE, MOST_ENLARGED = 2500, 3.0
# A face whose eyes slant by more degrees than this, or whose score is not sure, is looked for again
# in its surroundings, levelled by the slant and by so much less and more: the detector sees some 30
# degrees far, and the predictor errs before that.
LEVEL, LEVEL_STEPS = 10.0, (0.0, -30.0, 30.0)
# Landmarks are predicted with the face box at this width. The predictor answers in whole pixels,
# so a small face is enlarged first; a large one is reduced, which removes the camera's noise.
LANDMARK_BOX = 400
# The margin around the box that the predictor may look at, as a fraction of the box.
LANDMARK_MARGIN = 0.5
# The predictor depends a little on where the box lies, so its answers over a few boxes are
# averaged: (shift x, shift y, scale), relative to the box's width.
JITTER = ((0, 0, 1), (-0.03, 0, 1), (0.03, 0, 1), (0, -0.03, 1), (0, 0.03, 1), (0, 0, 1.06))
# The detector's score is 0 at its own threshold. On photographs turned by any angle all false finds
# scored under 0.25 and upright faces over 1. The last resort takes what dlib itself takes.
SURE_SCORE, LEAST_SCORE = 0.3, 0.0
# The border that is blended, as a fraction of the crop's side. In an FFHQ crop the chin ends about
# 0.1 above the lower edge.
FEATHER = 0.08
# Where the detector's box lies in an aligned crop, as fractions of its side: the mean over nine
# photographs and 48 generated faces (standard deviation 0.02 to 0.04).
ALIGNED_BOX = (0.213, 0.315, 0.786, 0.887)
# A face finer than the photograph is first reduced to this many pixels per photo pixel, then turned
# into place. 1 softens (pasting an unedited crop back costs up to 1.6 dB more), 1.25 lets twice as
# much through of what the photograph's pixels cannot hold; measured on nine photographs and noise.
DENSITY = 1.15
# Pasting works in bands of so many rows: a quad may be 6000 pixels wide, in float32.
BAND = 512
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


Box = tuple[float, float, float, float]  # left, top, right, bottom


class _Found(NamedTuple):
    box: Box
    score: float


class _Levelled(NamedTuple):
    score: float
    points: np.ndarray


@dataclass(frozen=True)
class _Try:
    """One way of searching: the photo turned by quarter turns, framed, copied at a size."""

    turns: int = 0  # against the clock, as numpy.rot90 counts them
    side: int = DETECTION_SIDE
    enlarge: float = 1.0
    score: float = SURE_SCORE  # the least that counts as a face
    frame: float = 0.0  # width of a border around the photo, relative to its longest side


# Cheap and certain ways first.
_TRIES = (
    _Try(),
    _Try(side=FINE_DETECTION_SIDE, enlarge=MOST_ENLARGED),
    _Try(side=DETECTION_SIDE // 2, frame=0.5),
    _Try(turns=1),
    _Try(turns=3),
    _Try(turns=2),
    _Try(side=FINE_DETECTION_SIDE, enlarge=MOST_ENLARGED, score=LEAST_SCORE),
)


class FaceFinder:
    """dlib's HOG face detector and 68-point landmark predictor (Kazemi and Sullivan 2014).

    `landmarks_68` is the path of `shape_predictor_68_face_landmarks.dat`. One instance may be
    used from several threads; they take turns.
    """

    def __init__(self, landmarks_68: Path) -> None:
        self._detector = dlib.get_frontal_face_detector()
        self._predictor = dlib.shape_predictor(str(landmarks_68))
        self._lock = threading.Lock()  # the detector keeps its last picture inside

    def landmarks(self, image: Image.Image) -> np.ndarray:
        """Return the 68 landmarks (68, 2), float64, photo pixels, of the largest face.

        If nothing is found upright, smaller faces, a face that fills the picture, the photograph
        on its side or its head, and lower scores are tried, in this order.
        Raises `NoFaceError`.
        """
        array = np.asarray(image.convert("RGB"))
        for way in _TRIES:
            turned = np.rot90(array, way.turns)
            points = self._landmarks_by(turned, way)
            if points is not None:
                return _turn_back(points, way.turns, array.shape[1], array.shape[0])
        raise NoFaceError(
            "No face was found in the photograph; "
            "use one in which a face is large, sharp and seen from the front."
        )

    def landmarks_in_box(self, image: Image.Image | np.ndarray, box: Box) -> np.ndarray:
        """Return the landmarks (68, 2), pixels, of the upright face in a detector-like box.

        `box` is (left, top, right, bottom) in pixels; it is trusted to hold a face.
        """
        patch = _Patch.around(np.asarray(image), box, LANDMARK_MARGIN)
        corners = patch.into(np.array(box, dtype=np.float64).reshape(2, 2))
        points = np.mean([self._predict(patch.pixels, b) for b in _jittered(corners)], axis=0)
        return patch.out_of(points)

    def landmarks_in_crop(self, image: Image.Image | np.ndarray) -> np.ndarray:
        """Return the landmarks (68, 2), pixels, of the face in an aligned crop, without searching.

        Over 57 crops they lie 0.1 % of the side, at most 0.4 %, from those in the detector's box.
        """
        array = np.asarray(image)
        height, width = array.shape[:2]
        left, top, right, bottom = ALIGNED_BOX
        box = (left * width, top * height, right * width, bottom * height)
        return self.landmarks_in_box(array, box)

    def box(self, image: Image.Image) -> Box | None:
        """Return the box (left, top, right, bottom) of the largest upright face, or None."""
        found = self._search(np.asarray(image.convert("RGB")), _Try(), LEAST_SCORE)
        return max(_sure(found), key=_area).box if found else None

    def _predict(self, patch: np.ndarray, box: np.ndarray) -> np.ndarray:
        rectangle = dlib.rectangle(*(round(value) for value in box.ravel()))
        with self._lock:
            shape = self._predictor(patch, rectangle)
        return np.array([(part.x, part.y) for part in shape.parts()], dtype=np.float64)

    def _landmarks_by(self, array: np.ndarray, way: _Try) -> np.ndarray | None:
        """Return the landmarks (68, 2) of the largest face that one way finds, or None."""
        found = self._search(array, way, LEAST_SCORE)
        if not found:
            return None
        largest = max(_sure(found), key=_area)
        points = self.landmarks_in_box(array, largest.box)
        slant = _slant(points)
        if largest.score >= SURE_SCORE and abs(slant) < LEVEL:
            return points
        best, score = points, -np.inf
        for step in LEVEL_STEPS:
            again = self._levelled(array, largest.box, points, slant + step)
            if again.score > score:
                best, score = again.points, again.score
            if score >= SURE_SCORE:
                break
        return best if score >= way.score else None

    def _levelled(self, array: np.ndarray, box: Box, points: np.ndarray, slant: float) -> _Levelled:
        """Return the score and the landmarks of a face after its surroundings are turned.

        The score is minus infinity if no face lies there then.
        """
        patch = _Patch.around(array, box, margin=1.0)
        height, width = patch.pixels.shape[:2]
        x, y = (float(value) for value in patch.into(points).mean(axis=0))
        turn = cv2.getRotationMatrix2D((x, y), slant, 1.0)
        level = cv2.warpAffine(patch.pixels, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
        found = [
            face
            for face in self._search(level, _Try(), LEAST_SCORE)
            if face.box[0] < x < face.box[2] and face.box[1] < y < face.box[3]
        ]
        if not found:
            return _Levelled(-np.inf, points)
        best = max(found, key=lambda face: face.score)
        back = cv2.invertAffineTransform(turn)
        points = self.landmarks_in_box(level, best.box)
        return _Levelled(best.score, patch.out_of(points @ back[:, :2].T + back[:, 2]))

    def _search(self, array: np.ndarray, way: _Try, score: float) -> list[_Found]:
        """Return what one way finds, in `array`'s pixels (quarter turns are not applied)."""
        height, width = array.shape[:2]
        longest = max(height, width)
        factor = min(way.side / (longest * (1 + 2 * way.frame)), way.enlarge)
        copy = np.ascontiguousarray(array)
        if factor != 1:
            size = (max(round(width * factor), 1), max(round(height * factor), 1))
            method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
            copy = cv2.resize(copy, size, interpolation=method)
        pad = round(way.frame * longest * factor)
        if pad:
            copy = np.pad(copy, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
        with self._lock:
            rectangles, scores, _ = self._detector.run(copy, 0, score)
        found = []
        for r, value in zip(rectangles, scores, strict=True):
            sides = np.array([r.left(), r.top(), r.right(), r.bottom()], dtype=np.float64)
            left, top, right, bottom = ((sides - pad + 0.5) / factor - 0.5).tolist()
            found.append(_Found((left, top, right, bottom), float(value)))
        return found


def _sure(found: list[_Found]) -> list[_Found]:
    """Return the finds with a sure score, all of them if none has."""
    return [face for face in found if face.score >= SURE_SCORE] or found


def _area(face: _Found) -> float:
    left, top, right, bottom = face.box
    return (right - left) * (bottom - top)


@dataclass(frozen=True)
class _Patch:
    """The surroundings of a box, resized so that the box is `LANDMARK_BOX` wide."""

    pixels: np.ndarray
    origin: np.ndarray  # (2,) of the patch in the picture
    factor: np.ndarray  # (2,) patch pixels per picture pixel

    @classmethod
    def around(cls, array: np.ndarray, box: Box, margin: float) -> _Patch:
        """Cut a box and `margin` of its size around it, as far as the picture reaches."""
        height, width = array.shape[:2]
        left, top, right, bottom = box
        margin *= max(right - left, bottom - top)
        x0, x1 = np.clip([int(left - margin), int(right + margin) + 1], 0, width)
        y0, y1 = np.clip([int(top - margin), int(bottom + margin) + 1], 0, height)
        scale = LANDMARK_BOX / max(right - left, 1.0)
        size = (max(round((x1 - x0) * scale), 1), max(round((y1 - y0) * scale), 1))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        pixels = cv2.resize(np.ascontiguousarray(array[y0:y1, x0:x1]), size, interpolation=method)
        factor = np.array([size[0] / (x1 - x0), size[1] / (y1 - y0)])
        return cls(pixels, np.array([x0, y0]), factor)

    def into(self, points: np.ndarray) -> np.ndarray:
        """Map points (..., 2) of the picture into the patch."""
        return (points - self.origin + 0.5) * self.factor - 0.5

    def out_of(self, points: np.ndarray) -> np.ndarray:
        """Map points (..., 2) of the patch into the picture."""
        return (points + 0.5) / self.factor - 0.5 + self.origin


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
    _check_photo(image, alignment)
    plan = _Plan.of(alignment, size)
    if plan.reduced_size != image.size:
        image = image.resize(plan.reduced_size, Image.Resampling.LANCZOS)
    image = image.crop(plan.box)
    if plan.pad is not None:
        image = _pad(image, plan.pad, blur=plan.side * 0.02)
    corners = tuple(float(value) for value in (plan.quad + 0.5).ravel())
    fine = size * SUPERSAMPLING
    image = image.transform((fine, fine), Image.Transform.QUAD, corners, Image.Resampling.BILINEAR)
    return image.resize((size, size), Image.Resampling.LANCZOS)


def paste(
    photo: Image.Image, face: Image.Image, alignment: Alignment, feather: float = FEATHER
) -> Image.Image:
    """Put a square `face` (any resolution) back into the photograph it was cut from.

    The result has the photograph's own resolution. The outer `feather` of the crop's side is
    blended into the photograph, and so is the photograph's own edge where the crop held reflected
    pixels; outside of the quad every pixel is the photograph's own.
    Raises `ValueError` if `photo` has not the size that the alignment was made for.
    """
    _check_photo(photo, alignment)
    if face.width != face.height:
        raise ValueError(f"the face must be square, got {face.width} x {face.height}")
    plan = _Plan.of(alignment, face.width)
    corners = plan.photo_quad()
    left, top = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    right, bottom = np.minimum(np.ceil(corners.max(axis=0)).astype(int), photo.size)
    if right <= left or bottom <= top:
        return photo.copy()
    dense = _to_density(face, corners)
    pixels = np.array(photo.convert("RGB"))
    for first in range(top, bottom, BAND):
        band = (left, first, right, min(first + BAND, bottom))
        rows = pixels[first : band[3], left:right]
        region = rows.astype(np.float32)
        mask = _mask(plan, corners, band, max(feather, 1e-6))
        region += (_place(dense, corners, band) - region) * mask[..., None]
        rows[:] = np.rint(np.clip(region, 0, 255)).astype(np.uint8)
    return Image.fromarray(pixels)


@dataclass(frozen=True)
class _Plan:
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
    def of(cls, alignment: Alignment, size: int) -> _Plan:
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
        return _smoothstep(np.minimum(before, after))

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


def _to_density(face: Image.Image, corners: np.ndarray) -> np.ndarray:
    """Return a face (side, side, 3), float32, hardly finer than the photograph is in its quad."""
    side = float(np.hypot(*(corners[3] - corners[0])))
    pixels = max(round(side * DENSITY), 1)
    face = face.convert("RGB")
    if pixels < face.width:
        face = face.resize((pixels, pixels), Image.Resampling.LANCZOS)
    return np.asarray(face, dtype=np.float32)


def _place(face: np.ndarray, corners: np.ndarray, region: tuple[int, int, int, int]) -> np.ndarray:
    """Resample a face into a region of the photograph: float32 (height, width, 3).

    `corners` (4, 2) are the quad in the photograph, (0, 0) at the first pixel's corner.
    """
    left, top, right, bottom = region
    side = len(face)
    source = np.array([[0, 0], [0, side], [side, side]], dtype=np.float32) - 0.5
    target = (corners[:3] - np.array([left, top]) - 0.5).astype(np.float32)
    return cv2.warpAffine(
        face,
        cv2.getAffineTransform(source, target),
        (right - left, bottom - top),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _mask(
    plan: _Plan, corners: np.ndarray, region: tuple[int, int, int, int], feather: float
) -> np.ndarray:
    """Return the weight of the face (height, width), 0..1, over a region of the photograph."""
    left, top, right, bottom = region
    x = np.arange(left, right, dtype=np.float32)[None, :] + 0.5
    y = np.arange(top, bottom, dtype=np.float32)[:, None] + 0.5
    across, down = corners[3] - corners[0], corners[1] - corners[0]
    area = float(across @ across)
    dx, dy = x - corners[0, 0], y - corners[0, 1]
    weight = np.ones((bottom - top, right - left), dtype=np.float32)
    for axis in (across, down):
        position = (dx * axis[0] + dy * axis[1]) / area  # 0..1 within the crop
        weight *= _smoothstep(np.minimum(position, 1 - position) / feather)
    weight *= plan.trust(0, x)
    weight *= plan.trust(1, y)
    return weight


def _smoothstep(value: np.ndarray) -> np.ndarray:
    value = np.clip(value, 0.0, 1.0)
    return value * value * (3.0 - 2.0 * value)


def _jittered(corners: np.ndarray) -> list[np.ndarray]:
    """Return the box (2, 2) moved and scaled as `JITTER` lists."""
    centre, half = corners.mean(axis=0), (corners[1] - corners[0]) / 2
    boxes = []
    for shift_x, shift_y, scale in JITTER:
        middle = centre + np.array([shift_x, shift_y]) * 2 * half
        boxes.append(np.stack([middle - half * scale, middle + half * scale]))
    return boxes


def _slant(landmarks: np.ndarray) -> float:
    """Return the slant of the line between the eyes in degrees, clockwise positive."""
    across = landmarks[42:48].mean(axis=0) - landmarks[36:42].mean(axis=0)
    return float(np.degrees(np.arctan2(across[1], across[0])))


def _turn_back(points: np.ndarray, turns: int, width: int, height: int) -> np.ndarray:
    """Map points in a picture turned by numpy.rot90 back into the picture (width x height)."""
    x, y = points[:, 0], points[:, 1]
    if turns == 1:
        x, y = width - 1 - y, x
    elif turns == 2:
        x, y = width - 1 - x, height - 1 - y
    elif turns == 3:
        x, y = y, height - 1 - x
    return np.stack([x, y], axis=1)


def _check_photo(image: Image.Image, alignment: Alignment) -> None:
    if image.size != tuple(alignment.photo_size):
        raise ValueError(
            f"the photograph is {image.size[0]} x {image.size[1]} pixels, the alignment is for "
            f"{alignment.photo_size[0]} x {alignment.photo_size[1]}"
        )
