"""Sharp, kept and mouth, on images whose figures are known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pti_core.editing.quality import measure_detail, measure_kept, measure_mouth
from pti_core.networks.face_parsing import CLASSES

SIDE = 256


def probabilities(mouth: float = 0.9) -> np.ndarray:
    """Background left, skin right, a mouth within the skin."""
    found = np.zeros((len(CLASSES), 512, 512), np.float32)
    found[0, :, :256] = 1
    found[CLASSES.index("skin"), :, 256:] = 1
    found[:, 300:360, 330:430] = 0
    found[CLASSES.index("mouth"), 300:360, 330:430] = mouth
    found[CLASSES.index("skin"), 300:360, 330:430] = 1 - mouth
    return found


def image(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)


def test_a_blur_loses_detail_in_the_head_only() -> None:
    sharp = image(0)
    soft_head, soft_scene = sharp.copy(), sharp.copy()
    blurred = cv2.GaussianBlur(sharp, (0, 0), 2)
    soft_head[:, 140:], soft_scene[:, :110] = blurred[:, 140:], blurred[:, :110]
    before = measure_detail(sharp, probabilities())
    assert measure_detail(soft_head, probabilities()) < 0.4 * before
    assert measure_detail(soft_scene, probabilities()) == pytest.approx(before, rel=0.01)


def test_kept_counts_the_background_away_from_people() -> None:
    before = image(1)
    after = np.clip(before.astype(int) + 8, 0, 255).astype(np.uint8)
    near = before.copy()
    near[:, 124:] = 0  # within 25 pixels of 1024 of the head
    assert measure_kept(near, before, probabilities(), probabilities()) == 0
    assert 6 < measure_kept(after, before, probabilities(), probabilities()) <= 8


def test_mouth_is_the_parsers_certainty_there() -> None:
    assert measure_mouth(probabilities(0.9)) == pytest.approx(0.9, abs=0.02)
    assert measure_mouth(probabilities(0.0)) == 0
