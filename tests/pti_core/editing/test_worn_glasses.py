"""Glasses that the person wears, on drawn faces."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pti_core.editing.parsing import Parsing
from pti_core.editing.photo_detail import Kept, compose
from pti_core.editing.photo_layers import PhotoLayers
from tests.helpers.drawn_face import SIDE, ellipse, face, parse

FRAME = 25.0
LENSES = ((96.0, 122.0), (160.0, 122.0))


def rims() -> tuple[np.ndarray, np.ndarray]:
    """Masks of two rims, and of all that they enclose."""
    worn, openings = (
        np.maximum(*(ellipse(x, y, 25 + rim, 15 + rim) for x, y in LENSES)) for rim in (4, 0)
    )
    return worn - openings, worn


def drawn(
    step: float = 0.0, bent: float = 0.0, glasses: bool = True, frame: float = FRAME
) -> tuple[np.ndarray, Parsing]:
    """A face, moved to the right, with glasses whose lower rims are bent down by cheeks; and its
    masks."""
    image, masks = face()
    if glasses:
        rim, masks["glasses"] = rims()
        image = image + rim[..., None] * (frame - image)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    cheeks = sum(np.exp(-((x - at) ** 2 + (y - 148) ** 2) / (2 * 14**2)) for at, _ in LENSES)

    def moved(one: np.ndarray) -> np.ndarray:
        return cv2.remap(one, x - step, y - np.float32(bent) * cheeks, cv2.INTER_LINEAR)

    masks = {name: moved(mask) for name, mask in masks.items()}
    return cv2.GaussianBlur(moved(image), (0, 0), 1.0), parse(masks)


@pytest.fixture
def layers() -> PhotoLayers:
    (photo, masks), (render, _) = drawn(), drawn(frame=60.0)
    return PhotoLayers.of(np.rint(photo).astype(np.uint8), render, masks, masks)


def frame_at(image: np.ndarray, step: int = 0) -> np.ndarray:
    """Levels where the photograph's frame is, once that is moved."""
    rim = cv2.erode(np.roll(rims()[0], step, axis=1), np.ones((3, 3)))
    return image.mean(-1)[rim > 0.5]


def test_lower_rims_do_not_bend_with_the_cheeks(layers: PhotoLayers) -> None:
    edited, masks = drawn(bent=2, frame=60.0)
    kept = compose(layers, edited, masks)
    assert np.abs(frame_at(kept.image) - frame_at(layers.photo)).max() < 6
    shown = compose(layers, edited, masks, Kept(glasses=False))
    assert np.abs(frame_at(shown.image) - frame_at(layers.photo)).max() > 40


@pytest.mark.parametrize("glasses", [True, False])
def test_glasses_turn_with_the_head_in_one_piece(layers: PhotoLayers, glasses: bool) -> None:
    """Also where the edited render has lost them."""
    found = compose(layers, *drawn(step=8, frame=60.0, glasses=glasses))
    assert frame_at(found.image, 8).mean() < FRAME + (15 if glasses else 30)
    left = np.clip(rims()[0] - cv2.dilate(np.roll(rims()[1], 8, axis=1), np.ones((5, 5))), 0, 1)
    assert found.image.mean(-1)[left > 0.9].mean() > 110  # nothing of them stays behind


def test_an_edit_takes_them_off(layers: PhotoLayers) -> None:
    found = compose(layers, *drawn(glasses=False), Kept(glasses=False))
    assert frame_at(found.image).mean() > 100


def test_without_glasses_nothing_changes() -> None:
    photo, masks = drawn(glasses=False)
    bare = PhotoLayers.of(np.rint(photo).astype(np.uint8), photo, masks, masks)
    edited = drawn(step=4, glasses=False)
    found, other = compose(bare, *edited), compose(bare, *edited, Kept(glasses=False))
    assert np.array_equal(found.image, other.image) and np.array_equal(found.flow, other.flow)


def test_temples_on_hair_go_with_the_glasses() -> None:
    """The parser calls them glasses; hair beside them stays the photograph's."""
    temple = ellipse(66, 100, 14, 5)  # it ends in the hair
    image, masks = face(hair_line=115)
    with_temple = {**masks, "glasses": np.maximum(rims()[1], temple)}
    photo = image + np.maximum(rims()[0], temple)[..., None] * (FRAME - image)
    layers = PhotoLayers.of(np.rint(photo).astype(np.uint8), photo, *[parse(with_temple)] * 2)
    found = compose(layers, image, parse(masks), Kept(glasses=False))
    core = cv2.erode(temple, np.ones((3, 3))) > 0.9
    assert np.abs(found.image - image)[core].mean() < 12
    assert np.abs(photo - image)[core].mean() > 15


def test_eyes_behind_lenses_can_be_edited(layers: PhotoLayers) -> None:
    edited, masks = drawn(bent=2, frame=60.0)
    lid = ellipse(98.5, 121, 10, 5)
    edited = edited + lid[..., None] * (np.array((200.0, 150.0, 125.0)) - edited)
    found = compose(layers, edited.astype(np.float32), masks, Kept(eyes=False))
    assert np.abs(frame_at(found.image) - frame_at(layers.photo)).max() < 6
    assert found.image[119:123, 95:102].mean() > 140 > 120 > layers.photo[119:123, 95:102].mean()
