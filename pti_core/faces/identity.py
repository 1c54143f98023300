"""Whether two aligned crops show the same person: dlib's face recognition network."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Protocol

import cv2
import dlib
import numpy as np
from PIL import Image

from pti_core.faces.detect import FaceFinder

# dlib's descriptor depends on the crop's resolution below this (its own chip is 150 pixels of an
# aligned face, which is a third of the crop).
MIN_IDENTITY_SIDE = 512


class Identity(Protocol):
    """What tells whether two aligned crops show one person.

    `distance` takes pictures, or embeddings that were computed before. Whether small or large is
    "the same" is the model's own affair: `same_person` is its published threshold.
    """

    name: str
    same_person: float

    def embedding(self, image: Image.Image) -> np.ndarray: ...

    def distance(self, a: Image.Image | np.ndarray, b: Image.Image | np.ndarray) -> float: ...


class IdentityModel:
    """dlib's face recognition ResNet (King 2017; 99.38 % on LFW).

    `face_recognition` is the path of `dlib_face_recognition_resnet_model_v1.dat`. One instance may
    be used from several threads; they take turns.
    """

    name = "dlib-resnet-v1"
    #: Descriptors of one person are nearer than this, by the model's author.
    same_person = 0.6

    def __init__(self, face_recognition: Path, finder: FaceFinder) -> None:
        self._network = dlib.face_recognition_model_v1(str(face_recognition))
        self._finder = finder
        self._lock = threading.Lock()

    def embedding(self, image: Image.Image) -> np.ndarray:
        """Return the descriptor (128,), float64, length about 1.4, of an aligned crop.

        Crops under `MIN_IDENTITY_SIDE` are enlarged first. If no face is detected in the crop
        (paint, a strong edit) the usual place in an aligned crop is taken for one.
        """
        array = np.array(image.convert("RGB"))
        factor = MIN_IDENTITY_SIDE / min(array.shape[:2])
        if factor > 1:
            array = cv2.resize(array, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        box = self._finder.box(Image.fromarray(array))
        if box is None:
            points = self._finder.landmarks_in_crop(array)
        else:
            points = self._finder.landmarks_in_box(array, box)
        parts = [dlib.point(round(x), round(y)) for x, y in points]
        low, high = points.min(axis=0), points.max(axis=0)
        rectangle = dlib.rectangle(*(round(value) for value in (*low, *high)))
        with self._lock:
            descriptor = self._network.compute_face_descriptor(
                array, dlib.full_object_detection(rectangle, parts)
            )
        return np.array(descriptor)

    def distance(self, a: Image.Image | np.ndarray, b: Image.Image | np.ndarray) -> float:
        """Return the Euclidean distance of two aligned crops or descriptors; 0 is identical."""
        first, second = (x if isinstance(x, np.ndarray) else self.embedding(x) for x in (a, b))
        return float(np.linalg.norm(first - second))
