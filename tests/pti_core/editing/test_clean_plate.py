"""The scene behind a head: continued, without the head, and untouched elsewhere."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pti_core.editing.clean_plate import clean_plate

SIDE = 512


def disc(radius: float) -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    return np.clip(radius - np.hypot(x - 256, y - 256) + 0.5, 0, 1)


def stripes(slope: float) -> np.ndarray:
    """A scene of broad stripes and grain, (SIDE, SIDE, 3)."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    wave = 60 * np.sign(np.sin((y + slope * x) * 2 * np.pi / 128))
    grain = np.random.RandomState(0).normal(0, 6, (SIDE, SIDE))
    return np.repeat((100 + wave + grain)[..., None], 3, -1).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("slope", [0.0, 0.3])
def test_structure_goes_on_where_a_head_was(slope: float) -> None:
    scene, head = stripes(slope), disc(120)
    photo = scene * (1 - head[..., None]) + 200 * head[..., None]
    plate = clean_plate(photo, cv2.resize(head, (256, 256), interpolation=cv2.INTER_AREA))
    sides = np.abs(np.arange(SIDE) - 256)[:, None] < 80
    band = (head > 0.5) & (disc(95) < 0.5) & sides
    told = np.corrcoef(plate[band].mean(-1), scene[band].mean(-1))[0, 1]
    assert told > 0.7
    fine = [x[band] - cv2.GaussianBlur(x, (0, 0), 2)[band] for x in (plate, scene)]
    assert np.abs(fine[0]).mean() > 0.4 * np.abs(fine[1]).mean()


@pytest.mark.slow
def test_nothing_of_the_head_is_left_and_the_rest_is_untouched() -> None:
    scene, head = stripes(0.0), disc(120)
    photo = scene * (1 - head[..., None]) + 250 * head[..., None]
    plate = clean_plate(photo, head)
    assert np.abs(plate - photo)[disc(150) < 0.1].max() < 0.5
    assert plate[head > 0.5].mean() < 130  # the stripes are 40 and 160, the head 250


@pytest.mark.slow
def test_the_plate_begins_with_the_colours_that_the_scene_ends_with() -> None:
    noise = np.random.RandomState(0).normal(0, 1, (SIDE, SIDE, 3)).astype(np.float32)
    scene = cv2.GaussianBlur(noise, (0, 0), 24)
    scene = 128 + 45 * scene / scene.std()
    head = disc(150)
    plate = clean_plate(scene * (1 - head[..., None]) + 250 * head[..., None], head)
    # The hole is 11 pixels wider than the head.
    ring = (disc(161) > 0.5) & (disc(157) < 0.5)
    assert np.abs(plate - scene)[ring].mean() < 9


def test_a_photograph_that_is_all_head_has_no_scene_to_go_on() -> None:
    photo = stripes(0.0)
    assert np.array_equal(clean_plate(photo, np.ones((SIDE, SIDE), np.float32)), photo)


@pytest.mark.slow
@pytest.mark.parametrize("side", [16, 32, 64, 100, 256])
def test_small_crops_have_a_plate_without_the_head(side: int) -> None:
    """Small generators' crops are smaller than the patches' resolutions."""
    scene, head = stripes(0.0), disc(120)
    photo = scene * (1 - head[..., None]) + 250 * head[..., None]
    photo, head = (cv2.resize(x, (side, side), interpolation=cv2.INTER_AREA) for x in (photo, head))
    plate = clean_plate(photo, head)
    assert plate.shape == photo.shape
    assert 60 < plate[head > 0.5].mean() < 150


def test_a_strip_of_scene_is_enough() -> None:
    """Too little for patches: the plate has the strip's colours, and is not black."""
    head = np.ones((SIDE, SIDE), np.float32)
    head[:, :16] = 0
    photo = np.full((SIDE, SIDE, 3), 250, np.float32)
    photo[:, :16] = 120
    plate = clean_plate(photo, head)
    assert plate[:, 16:40].min() > 90


def test_without_a_head_the_photograph_is_the_plate() -> None:
    photo = stripes(0.3)
    assert np.abs(clean_plate(photo, np.zeros((SIDE, SIDE), np.float32)) - photo).max() < 1e-3
