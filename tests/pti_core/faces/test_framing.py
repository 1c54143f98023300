"""A square that a person drew, and a picture that is an aligned face already."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pti_core.errors import NoFaceError, UserError
from pti_core.faces.framing import WHOLE, frame
from tests.helpers.small import MiddleFace


def noise(width: int, height: int) -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def test_an_aligned_face_keeps_every_pixel():
    image = noise(256, 256)
    cut, alignment = frame(MiddleFace(), image, WHOLE, 256)
    assert np.array_equal(np.asarray(cut), np.asarray(image))
    assert alignment.side == 256 and alignment.photo_size == (256, 256)
    oblong, _ = frame(MiddleFace(), noise(300, 256), WHOLE, 256)
    assert np.array_equal(np.asarray(oblong), np.asarray(noise(300, 256).crop((22, 0, 278, 256))))


def test_a_square_is_cut_where_it_was_drawn_up_to_the_edge():
    image = noise(200, 150)
    for left, top in ((0, 0), (72, 22), (30, 10)):
        cut, alignment = frame(MiddleFace(), image, (left, top, 128), 128)
        own = image.crop((left, top, left + 128, top + 128))
        assert np.array_equal(np.asarray(cut), np.asarray(own))
        assert alignment.quad[0] == (left - 0.5, top - 0.5)
    for wrong in ((0, 0, 4), (190, 0, 20), (-9, 0, 40), (0, 0, float("nan")), (0, 0)):
        with pytest.raises(UserError, match="inside the photograph"):
            frame(MiddleFace(), image, wrong, 128)


def test_a_square_is_taken_where_no_face_is_seen_in_it():
    blank = Image.new("RGB", (90, 90), "grey")
    with pytest.raises(NoFaceError):
        frame(MiddleFace(), blank, 0, 64)
    assert frame(MiddleFace(), blank, (5, 5, 64), 64)[0].size == (64, 64)
    assert frame(MiddleFace(), blank, WHOLE, 64)[0].size == (64, 64)
