"""Wrinkles of a face that an edit makes younger, on drawn skin."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pti_core.editing.parsing import Parsing
from pti_core.editing.wrinkles import with_fewer_wrinkles
from pti_core.networks.face_parsing import CLASSES

SIDE, AT = 1024, 512
CREASES = (400, 440, 480)  # rows
BEARD = np.s_[700:860, 300:720]
FACE = np.s_[380:500, 320:700]


def drawn() -> tuple[np.ndarray, Parsing]:
    """A face of skin with pores and dark creases, two eyes, and a beard of coarse grain."""
    rng = np.random.default_rng(0)
    grain = cv2.GaussianBlur(rng.standard_normal((SIDE, SIDE)).astype(np.float32), (0, 0), 0.7)
    image = np.full((SIDE, SIDE), 160, dtype=np.float32) + 4 * grain
    for row in CREASES:
        distance = np.arange(SIDE)[:, None] - row
        image -= 14 * np.exp(-np.square(distance / 6.0)) * np.ones((1, SIDE))
    rough = cv2.GaussianBlur(rng.standard_normal((SIDE, SIDE)).astype(np.float32), (0, 0), 2.0)
    image[BEARD] += (160 * rough)[BEARD] - 40
    probabilities = np.zeros((len(CLASSES), AT, AT), dtype=np.float32)
    probabilities[CLASSES.index("background")] = 1
    probabilities[:, 90:470, 110:400] = 0
    probabilities[CLASSES.index("skin"), 90:470, 110:400] = 1
    for name, columns in (("eye_left", np.s_[150:200]), ("eye_right", np.s_[300:350])):
        probabilities[:, 270:290, columns] = 0
        probabilities[CLASSES.index(name), 270:290, columns] = 1
    image = np.clip(np.repeat(image[..., None], 3, -1), 0, 255).astype(np.float32)
    return image, Parsing.of(probabilities, AT)


def depth(image: np.ndarray) -> float:
    """How much darker the creases are than the skin between them."""
    rows = image[:, 400:650].mean((1, 2))
    between = [row + 20 for row in CREASES]
    return float(np.mean(rows[between]) - np.mean(rows[list(CREASES)]))


def pores(image: np.ndarray) -> float:
    light = image.mean(-1)
    fine = light - cv2.GaussianBlur(light, (0, 0), 1.2)
    return float(np.abs(fine[415:430, 400:650]).mean())


def test_younger_skin_has_shallower_creases_and_keeps_its_pores() -> None:
    image, parsing = drawn()
    found = with_fewer_wrinkles(image, parsing, years=10)
    assert depth(found) < 0.6 * depth(image)
    assert pores(found) > 0.9 * pores(image)
    assert abs(found[FACE].mean() - image[FACE].mean()) < 3
    assert found.dtype == np.float32  # OpenCV's colour spaces, which come next, take no other


def test_creases_go_with_the_years() -> None:
    image, parsing = drawn()
    depths = [depth(with_fewer_wrinkles(image, parsing, years)) for years in (0.1, 3, 6, 10)]
    assert depths == sorted(depths, reverse=True)
    assert depths[0] == pytest.approx(depth(image), rel=0.03)
    assert depth(with_fewer_wrinkles(image, parsing, 40)) > 0.05 * depth(image)


def test_background_eyes_and_beard_stay() -> None:
    image, parsing = drawn()
    change = np.abs(with_fewer_wrinkles(image, parsing, years=10) - image).max(-1)
    outside = resize_mask(parsing.group("background")) > 0.99
    assert change[outside].max() < 0.5
    assert change[resize_mask(parsing.group("eyes")) > 0.99].max() < 0.5
    inside_beard = np.s_[740:820, 340:680]
    assert change[inside_beard].mean() < 1


def test_a_picture_without_skin_stays() -> None:
    image, _ = drawn()
    probabilities = np.zeros((len(CLASSES), AT, AT), dtype=np.float32)
    probabilities[0] = 1
    assert with_fewer_wrinkles(image, Parsing.of(probabilities, AT), years=10) is image


def resize_mask(mask: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.resize(mask, (SIDE, SIDE)))
