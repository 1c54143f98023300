"""Hair turns grey as the render's does, without its specks of colour and without a veil."""

from __future__ import annotations

import numpy as np
import pytest

from pti_core.editing.hair_tone import with_hair_tone
from pti_core.editing.parsing import Parsing
from pti_core.networks.face_parsing import CLASSES

SIDE = 256
BROWN = np.array((90.0, 60.0, 40.0), dtype=np.float32)
GREY = np.array((130.0, 126.0, 122.0), dtype=np.float32)


def parse(rows: int = 160) -> Parsing:
    probabilities = np.zeros((len(CLASSES), SIDE, SIDE), dtype=np.float32)
    probabilities[CLASSES.index("hair"), :rows] = 1
    probabilities[CLASSES.index("skin"), rows:] = 1
    return Parsing.of(probabilities, SIDE)


def plain(color: np.ndarray) -> np.ndarray:
    return np.broadcast_to(color, (SIDE, SIDE, 3)).astype(np.float32)


def chroma(image: np.ndarray) -> np.ndarray:
    return np.ptp(image, axis=-1)


@pytest.fixture
def strands() -> np.ndarray:
    """Brown hair with dark gaps."""
    gaps = np.where(np.arange(SIDE)[None, :, None] % 8 < 3, 0.4, 1.2).astype(np.float32)
    return plain(BROWN) * gaps


def test_hair_turns_grey_and_skin_does_not(strands: np.ndarray) -> None:
    found = with_hair_tone(strands, plain(GREY), plain(BROWN), parse(), parse())
    assert found[40:120].mean() > strands[40:120].mean() + 40
    assert chroma(found)[40:120].mean() < 0.5 * chroma(strands)[40:120].mean()
    assert np.array_equal(found[180:], strands[180:])


def test_a_hat_does_not_turn_grey(strands: np.ndarray) -> None:
    """Hats are hair to the flow; the render often has hair in their place."""
    hat = np.zeros((len(CLASSES), SIDE, SIDE), dtype=np.float32)
    hat[CLASSES.index("hat"), :80] = 1
    hat[CLASSES.index("hair"), 80:160] = 1
    hat[CLASSES.index("skin"), 160:] = 1
    found = with_hair_tone(strands, plain(GREY), plain(BROWN), Parsing.of(hat, SIDE), parse())
    assert np.array_equal(found[:76], strands[:76])
    assert found[100:140].mean() > strands[100:140].mean() + 40


def test_gaps_between_strands_stay_dark(strands: np.ndarray) -> None:
    found = with_hair_tone(strands, plain(GREY), plain(BROWN), parse(), parse())
    light, dark = np.quantile(found[40:120].mean(-1), (0.9, 0.1))
    before, gap = np.quantile(strands[40:120].mean(-1), (0.9, 0.1))
    assert light - dark > 1.3 * (before - gap)


def test_grey_strands_do_not_become_snow(strands: np.ndarray) -> None:
    """White ones were 255 all over, and glowed."""
    light = 2.2 * strands
    found = with_hair_tone(light, plain(GREY + 40), plain(BROWN), parse(), parse())
    found, before = (x[40:120].mean(-1) for x in (found, light))
    assert found.max() < 205 and found.mean() > before.mean() + 20


def test_specks_of_colour_in_the_render_are_not_taken_over(strands: np.ndarray) -> None:
    specks = np.where(np.arange(SIDE)[None, :, None] < 128, (-30, 0, 30), (30, 0, -30))
    tinted = plain(GREY) + specks.astype(np.float32)
    found = with_hair_tone(strands, tinted, plain(BROWN), parse(), parse())
    left, right = (found[40:120, part].mean((0, 1)) for part in (slice(64), slice(192, 256)))
    assert np.abs((left - left.mean()) - (right - right.mean())).max() < 3


def test_a_hairline_that_rises_does_not_bleach_the_hair(strands: np.ndarray) -> None:
    skin = np.array((230.0, 190.0, 170.0), dtype=np.float32)
    higher = plain(BROWN).copy()
    higher[148:] = skin  # a little above the mask's edge
    found = with_hair_tone(strands, higher, plain(BROWN), parse(), parse(150))
    assert np.abs(found - strands)[:146].max() < 12


def test_hardly_any_hair_is_left_alone(strands: np.ndarray) -> None:
    assert np.array_equal(
        with_hair_tone(strands, plain(GREY), plain(BROWN), parse(2), parse(2)), strands
    )
