"""Find the largest face and its 68 landmarks.

Coordinates: points are in photo pixels, (x, y), with (0, 0) at the CENTRE of the top left pixel, as
dlib gives landmarks. "left" is always the left of the image.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import dlib
import numpy as np
from PIL import Image

from pti_core.errors import NoFaceError, UserError

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


# The margin around a drawn square in which its face is searched: people draw a little too tight.
SQUARE_MARGIN = 0.15


# The predictor depends a little on where the box lies, so its answers over a few boxes are
# averaged: (shift x, shift y, scale), relative to the box's width.
Jitter = tuple[tuple[float, float, float], ...]
JITTER: Jitter = ((0, 0, 1), (-0.03, 0, 1), (0.03, 0, 1), (0, -0.03, 1), (0, 0.03, 1), (0, 0, 1.06))


# Where there is a face landmarks hardly follow the box: from these boxes they spread by 0.02 to
# 0.05 of the distance between the eyes for 15 unsure faces, and by 0.13 to 0.24 for 5 false finds.
WIDE_JITTER: Jitter = (
    *((0, 0, 1), (-0.1, 0, 1), (0.1, 0, 1), (0, -0.1, 1), (0, 0.1, 1)),
    *((0, 0, 1.15), (0, 0, 0.87)),
)
STEADY = 0.08


# The detector's score is 0 at its own threshold. On photographs turned by any angle all false finds
# scored under 0.25 and upright faces over 1. The last resort takes what dlib itself takes.
SURE_SCORE, LEAST_SCORE = 0.3, 0.0


# Where the detector's box lies in an aligned crop, as fractions of its side: the mean over nine
# photographs and 48 generated faces (standard deviation 0.02 to 0.04).
ALIGNED_BOX = (0.213, 0.315, 0.786, 0.887)


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

# How the other faces of a photograph are searched: down to 48 pixels, as dlib's smallest has 80.
_OTHERS = _Try(side=FINE_DETECTION_SIDE, enlarge=80 / 48)


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
        raise NoFaceError()

    def all_landmarks(self, image: Image.Image) -> list[np.ndarray]:
        """Return the landmarks (68, 2), photo pixels, of every face; first that of `landmarks`.

        The others follow from left to right; they are the upright faces whose score is sure, or of
        which the predictor gives the same landmarks from boxes that differ.
        Raises `NoFaceError`.
        """
        first = self.landmarks(image)
        array = np.asarray(image.convert("RGB"))
        others: list[np.ndarray] = []
        found = self._search(array, _OTHERS, LEAST_SCORE)
        for face in sorted(found, key=lambda one: one.score, reverse=True):
            if any(_inside(face.box, points) for points in (first, *others)):
                continue
            if self._is_face(array, face):
                others.append(self._looked_again(array, face).points)
        return [first, *sorted(others, key=lambda points: points[:, 0].mean())]

    def landmarks_in_square(self, image: Image.Image, square: Box) -> np.ndarray | None:
        """Return the landmarks (68, 2), photo pixels, of the face that fills a drawn square.

        `square` is (left, top, right, bottom) in pixels, around a whole head. The face's middle
        lies in its middle half and its box has a quarter of its side at least; None if there is
        none.
        """
        patch = _Patch.around(np.asarray(image.convert("RGB")), square, SQUARE_MARGIN)
        left, top, right, bottom = square
        middle = patch.into(np.array([(left + right) / 2, (top + bottom) / 2]))
        reach = patch.factor * (right - left) / 4
        found = [
            face
            for face in self._search(patch.pixels, _Try(), LEAST_SCORE)
            if (np.abs(_middle(face.box) - middle) <= reach).all()
            and face.box[2] - face.box[0] >= reach[0]
            and self._is_face(patch.pixels, face)
        ]
        if not found:
            return None
        looked = self._looked_again(patch.pixels, max(_sure(found), key=_area))
        return patch.out_of(looked.points)

    def landmarks_in_box(self, image: Image.Image | np.ndarray, box: Box) -> np.ndarray:
        """Return the landmarks (68, 2), pixels, of the upright face in a detector-like box.

        `box` is (left, top, right, bottom) in pixels; it is trusted to hold a face.
        """
        return self._predictions(np.asarray(image), box, JITTER).mean(axis=0)

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

    def _predictions(self, array: np.ndarray, box: Box, jitter: Jitter) -> np.ndarray:
        """Return the landmarks (N, 68, 2), pixels, from a box moved and scaled in N ways."""
        patch = _Patch.around(array, box, LANDMARK_MARGIN)
        corners = patch.into(np.array(box, dtype=np.float64).reshape(2, 2))
        found = [self._predict(patch.pixels, moved) for moved in _jittered(corners, jitter)]
        return patch.out_of(np.stack(found))

    def _is_face(self, array: np.ndarray, face: _Found) -> bool:
        """Return whether a find is sure, or one whose landmarks hardly follow its box."""
        return face.score >= SURE_SCORE or self._spread(array, face.box) <= STEADY

    def _spread(self, array: np.ndarray, box: Box) -> float:
        """Return how far landmarks move with the box, relative to the distance between the eyes."""
        found = self._predictions(array, box, WIDE_JITTER)
        mean = found.mean(axis=0)
        eyes = mean[42:48].mean(axis=0) - mean[36:42].mean(axis=0)
        return float(np.hypot(*np.moveaxis(found - mean, 2, 0)).mean() / np.hypot(*eyes))

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
        looked = self._looked_again(array, max(_sure(found), key=_area))
        return looked.points if looked.score >= way.score else None

    def _looked_again(self, array: np.ndarray, face: _Found) -> _Levelled:
        """Return landmarks and score of a find; one that leans or is not sure is levelled."""
        points = self.landmarks_in_box(array, face.box)
        slant = _slant(points)
        best = _Levelled(face.score, points)
        if face.score >= SURE_SCORE and abs(slant) < LEVEL:
            return best
        best = _Levelled(-np.inf, points)
        for step in LEVEL_STEPS:
            again = self._levelled(array, face.box, points, slant + step)
            best = max(best, again, key=lambda one: one.score)
            if best.score >= SURE_SCORE:
                break
        return best

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


def landmarks_of(finder: FaceFinder, image: Image.Image, face: int = 0) -> np.ndarray:
    """Return the landmarks (68, 2) of a face, counted as `FaceFinder.all_landmarks` lists them.

    Raises `NoFaceError`, and `UserError` where no face has that number.
    """
    if face == 0:
        return finder.landmarks(image)
    found = finder.all_landmarks(image)
    if not 0 < face < len(found):
        raise UserError(f"The photograph shows {len(found)} faces, counted from 0.")
    return found[face]


def face_box(landmarks: np.ndarray) -> Box:
    """Return the box (left, top, right, bottom), pixels, of a face with its forehead."""
    left, top = landmarks.min(axis=0)
    right, bottom = landmarks.max(axis=0)
    return float(left), float(top - 0.4 * (bottom - top)), float(right), float(bottom)


def _middle(box: Box) -> np.ndarray:
    return np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])


def _inside(box: Box, landmarks: np.ndarray) -> bool:
    """Return whether the middle of a box lies in a face."""
    x, y = _middle(box)
    left, top, right, bottom = face_box(landmarks)
    return left < x < right and top < y < bottom


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


def _jittered(corners: np.ndarray, jitter: Jitter) -> list[np.ndarray]:
    """Return the box (2, 2) moved and scaled as `jitter` lists."""
    centre, half = corners.mean(axis=0), (corners[1] - corners[0]) / 2
    boxes = []
    for shift_x, shift_y, scale in jitter:
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
