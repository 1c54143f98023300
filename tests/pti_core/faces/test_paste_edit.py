"""Edits in the photograph: its own pixels, at its own resolution."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from pti_core.faces.align import Alignment, crop
from pti_core.faces.paste import EditMaps, paste_edit

SIDE = 128


def photograph(width: int, height: int) -> Image.Image:
    random = np.random.default_rng(5)
    noise = cv2.GaussianBlur(
        random.standard_normal((height, width, 3)).astype(np.float32), (0, 0), 1
    )
    ramp = np.linspace(60, 190, width, dtype=np.float32)[None, :, None]
    return Image.fromarray(np.clip(ramp + 60 * noise, 0, 255).astype(np.uint8))


def alignment(photo: Image.Image, share: float = 0.7, turn: float = 0.2) -> Alignment:
    half = min(photo.size) * share / 2
    x = np.array([np.cos(turn), np.sin(turn)]) * half
    y = np.array([-x[1], x[0]])
    centre = np.array(photo.size) / 2
    corners = (centre - x - y, centre - x + y, centre + x + y, centre + x - y)
    return Alignment(tuple((float(a), float(b)) for a, b in corners), photo.size)


def maps(**changes: np.ndarray) -> EditMaps:
    values = {
        "base": np.zeros((SIDE, SIDE, 3), np.float32),
        "share": np.ones((SIDE, SIDE), np.float32),
        "flow": np.zeros((SIDE, SIDE, 2), np.float32),
        "changed": np.ones((SIDE, SIDE), np.float32),
    }
    return EditMaps(**{**values, **changes})


@pytest.mark.parametrize("size", [(300, 260), (120, 90), (900, 700)])
def test_no_edit_is_the_photograph_to_the_bit(size: tuple[int, int]) -> None:
    photo = photograph(*size)
    assert np.array_equal(paste_edit(photo, maps(), alignment(photo)), photo)


def test_only_what_changed_is_touched() -> None:
    photo = photograph(600, 500)
    changed = np.zeros((SIDE, SIDE), np.float32)
    changed[40:80, 40:80] = 1
    base = np.full((SIDE, SIDE, 3), 30, np.float32)
    pasted = np.asarray(paste_edit(photo, maps(base=base, changed=changed), alignment(photo)))
    touched = (pasted != np.asarray(photo)).any(-1)
    quad_area = (0.7 * 500) ** 2
    assert 0.05 * quad_area < touched.sum() < 0.15 * quad_area  # 40 of 128 pixels, squared


def test_detail_finer_than_the_crop_stays() -> None:
    """A face far larger than the crop gains light and loses nothing."""
    photo = photograph(1400, 1200)
    base = np.full((SIDE, SIDE, 3), 12, np.float32)
    pasted = np.asarray(paste_edit(photo, maps(base=base), alignment(photo))).astype(np.float32)
    centre = np.s_[500:700, 600:800]
    assert pasted[centre] - np.asarray(photo)[centre] == pytest.approx(12, abs=1.01)


def test_flow_moves_the_photographs_own_pixels() -> None:
    photo = photograph(700, 600)
    where = alignment(photo, turn=0.0)
    flow = np.zeros((SIDE, SIDE, 2), np.float32)
    flow[..., 0] = 8 * SIDE / (0.7 * 600)  # eight pixels of the photograph
    pasted = np.asarray(paste_edit(photo, maps(flow=flow), where)).astype(np.float32)
    original = np.asarray(photo).astype(np.float32)
    assert np.abs(pasted[250:350, 300:400] - original[250:350, 308:408]).mean() < 1.5


def test_the_crops_border_shows_no_seam() -> None:
    photo = photograph(400, 360)
    where = alignment(photo)
    pasted = paste_edit(photo, maps(base=np.full((SIDE, SIDE, 3), 40, np.float32)), where)
    difference = np.asarray(pasted).astype(int) - np.asarray(photo).astype(int)
    ring = np.asarray(crop(Image.fromarray(np.abs(difference).astype(np.uint8)), where, SIDE))
    assert ring[2, 10:-10].mean() < 6 and ring[SIDE // 2, SIDE // 2].mean() > 30
