"""Ears that the edited render has and the photograph has not, on drawn masks."""

from __future__ import annotations

import numpy as np

from pti_core.editing.ears import invented_ears_tone
from pti_core.editing.parsing import Parsing
from pti_core.networks.face_parsing import CLASSES

SIDE = 256
SKIN, CURTAIN = np.array((190.0, 140.0, 120.0)), np.array((150.0, 140.0, 30.0))


def masks() -> tuple[Parsing, np.ndarray]:
    """A face and an ear right of it; and the ear's mask."""
    probabilities = np.zeros((len(CLASSES), SIDE, SIDE), dtype=np.float32)
    probabilities[CLASSES.index("skin"), 60:200, 70:180] = 1
    probabilities[CLASSES.index("ear_right"), 100:150, 180:200] = 1
    probabilities[0] = 1 - probabilities.sum(0)
    return Parsing.of(probabilities, SIDE), probabilities[CLASSES.index("ear_right")] > 0.5


def drawn() -> tuple[np.ndarray, Parsing, np.ndarray]:
    parsing, ear = masks()
    image = np.zeros((SIDE, SIDE, 3), dtype=np.float32)
    image[parsing.group("skin") > 0.5] = SKIN
    image[ear] = CURTAIN
    return image, parsing, ear


def test_an_invented_ear_takes_the_hue_of_the_skin() -> None:
    image, parsing, _ = drawn()
    found = image + invented_ears_tone(image, parsing, np.zeros((SIDE, SIDE), np.float32))
    colour = found[110:140, 185:195].mean((0, 1))
    assert np.abs(colour / colour.sum() - SKIN / SKIN.sum()).max() < 0.02
    assert np.abs(found - image)[:, :160].max() < 1


def test_an_ear_of_the_photograph_stays_as_it_is() -> None:
    image, parsing, ear = drawn()
    assert np.abs(invented_ears_tone(image, parsing, ear.astype(np.float32))).max() < 1


def test_a_face_without_ears_needs_nothing() -> None:
    image, _, _ = drawn()
    probabilities = np.zeros((len(CLASSES), SIDE, SIDE), dtype=np.float32)
    probabilities[1] = 1
    bare = Parsing.of(probabilities, SIDE)
    assert not invented_ears_tone(image, bare, np.zeros((SIDE, SIDE), np.float32)).any()
