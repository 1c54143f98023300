"""Ears that the edited render has and the photograph has not, on drawn masks."""

from __future__ import annotations

import numpy as np

from pti_core.editing.ears import ears_in_place, invented_ears_tone
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


def beside(right: int, down: int = 0) -> Parsing:
    """The face with its ear so far from its place."""
    groups, parts = (x.copy() for x in (masks()[0].groups, masks()[0].parts))
    ear = parts[1].copy()
    moved = np.roll(ear, (down, right), (0, 1))
    groups[1] += moved - ear
    groups[0] -= moved - ear
    parts[1] = moved
    return Parsing(groups, parts)


def test_an_ear_is_moved_with_the_head_it_is_on() -> None:
    """Beside a turned head it was nearer to the face, with a notch under it."""
    before, flow = beside(0), np.zeros((SIDE, SIDE, 2), dtype=np.float32)
    assert np.array_equal(ears_in_place(flow, before, beside(0)), flow)
    found = ears_in_place(flow, before, beside(8, 5))
    assert np.abs(found[130, 195] - (-8, -5)).max() < 2.5
    assert np.abs(found[:, :120]).max() < 0.1
    hidden = Parsing(before.groups, 0 * before.parts)
    assert np.array_equal(ears_in_place(flow, before, hidden), flow)
