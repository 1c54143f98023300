"""Eyes that an edit closes, with a base generator of drawn faces."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pti_core.editing.base_renderer import BaseRenderer
from pti_core.editing.closed_eyes import with_base_lids
from pti_core.editing.directions import load_directions
from tests.helpers.drawn_face import EYES, SIDE, SKIN, ellipse, face, parse

DIRECTIONS = load_directions()
W = torch.zeros(1, 512)
LOW = DIRECTIONS["eyes_open"].low
DARKER = 40.0  # the base's skin is


def closed() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A face whose eyes are lines of lashes."""
    image, masks = face()
    for (x, y), name in zip(EYES, ("eye_left", "eye_right"), strict=True):
        lid, lashes = ellipse(x, y, 15, 8), ellipse(x, y + 3, 13, 1.5)
        for mask, colour in ((lid, SKIN), (lashes, (40.0, 30.0, 25.0))):
            image = image + mask[..., None] * (np.array(colour, dtype=np.float32) - image)
        masks[name] = lashes
    return (image - DARKER * masks["skin"][..., None]).clip(0).astype(np.float32), masks


@pytest.fixture
def base() -> BaseRenderer:
    image, masks = closed()
    return BaseRenderer(lambda w: image, lambda w: parse(masks), W[0], 18, DIRECTIONS)


def laid(base: BaseRenderer, share: float, **more: float) -> np.ndarray:
    """A face whose open eyes an edit by a share of its range was to close."""
    image, masks = face()
    return with_base_lids(image, parse(masks), base, W, {"eyes_open": share * LOW, **more})


def test_closed_lids_come_from_the_base_in_the_tone_of_the_skin(base: BaseRenderer) -> None:
    found, before = laid(base, 1.0), face()[0]
    for x, y in EYES:
        lid = found[round(y) - 4, round(x)]
        assert np.abs(lid - np.array(SKIN)).max() < 25
        assert found[round(y) + 3, round(x)].mean() < 70  # lashes
        assert np.abs(before[round(y) - 4, round(x)] - np.array(SKIN)).max() > 60
    far = np.ones((SIDE, SIDE), dtype=bool)
    far[100:142] = False
    assert np.array_equal(found[far], before[far])


def test_brows_and_eyes_that_are_hardly_closed_stay(base: BaseRenderer) -> None:
    assert np.array_equal(laid(base, 0.6), face()[0])
    assert np.array_equal(laid(base, -0.5), face()[0])
    brow = np.s_[101:106, 88:104]
    assert np.abs(laid(base, 1.0)[brow] - face()[0][brow]).max() < 12


def test_lids_fade_in(base: BaseRenderer) -> None:
    x, y = (round(one) for one in EYES[0])
    steps = [float(laid(base, share)[y - 4, x].mean()) for share in (0.7, 0.8, 0.85, 0.95, 1.0)]
    assert steps == sorted(steps) and steps[3] == steps[4] and max(np.diff(steps)) < 60


def test_without_eyes_nothing_changes(base: BaseRenderer) -> None:
    image, masks = face()
    for name in ("eye_left", "eye_right"):
        del masks[name]
    found = with_base_lids(image, parse(masks), base, W, {"eyes_open": LOW})
    assert np.array_equal(found, image)
