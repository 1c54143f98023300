"""Glasses on a drawn face: a whole frame, which turns with the head and stays behind hair."""

from __future__ import annotations

import numpy as np
import pytest

from pti_core.editing.glasses import with_glasses
from tests.helpers.drawn_face import EYES, HAIR, SIDE, ellipse, face, parse

NO_HAIR = np.zeros((SIDE, SIDE), dtype=np.float32)
MM = (EYES[1][0] - EYES[0][0]) / 63  # pixels of a millimetre
Masks = dict[str, np.ndarray]


def worn(image: np.ndarray, masks: Masks, share: float = 1.0, hair: np.ndarray = NO_HAIR):
    return with_glasses(image, parse(masks), hair, share)


def dark(image: np.ndarray, x: float, y: float) -> bool:
    return float(image[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2].mean()) < 110


def turned(by: float) -> tuple[np.ndarray, Masks]:
    """A face whose nose has moved."""
    image, masks = face()
    masks["nose"] = ellipse(128 + by, 150, 12, 18)
    return image, masks


def test_a_frame_has_two_rims_a_bridge_hinges_and_temples_to_the_ears() -> None:
    image, masks = face()
    found = worn(image, masks)
    for outward in (-1, 1):
        lens = 128 + outward * 35 * MM
        assert dark(found, lens, EYES[0][1] + 20.5 * MM) and dark(found, lens, 120 - 16 * MM)
        assert dark(found, 128 + outward * 66 * MM, 120 - 11 * MM)
        assert not dark(image, 128 + outward * 66 * MM, 120 - 11 * MM)
    assert dark(found, 128, 120 - 8 * MM)
    for columns in (slice(60, 66), slice(191, 197)):  # skin between hinge and ear
        assert found[100:135, columns].mean(-1).min() < 80 < image[100:135, columns].mean(-1).min()


def test_eyes_and_the_lower_face_stay() -> None:
    image, masks = face()
    found = worn(image, masks)
    for x, y in EYES:
        assert np.array_equal(found[round(y), round(x)], image[round(y), round(x)])
    assert np.array_equal(found[170:], image[170:])


def test_a_frame_goes_with_the_eyes() -> None:
    image, masks = face()
    shift = 8
    names = [name for name in masks if name.startswith(("eye", "nose"))]
    moved = masks | {name: np.roll(masks[name], shift, 1) for name in names}
    a, b = (np.abs(worn(image, m) - image).sum(-1)[139:150, 70:186].sum(0) for m in (masks, moved))
    lag = np.argmax([float(np.dot(a[20:-20], np.roll(b, -k)[20:-20])) for k in range(17)])
    assert abs(lag - shift) <= 2


def test_on_a_turned_head_the_far_lens_is_narrower() -> None:
    image, masks = turned(14)
    change = np.abs(worn(image, masks) - image).mean(-1)
    rim = change[round(120 + 3 * MM)] > 60  # through the middle of both lenses
    edges = np.flatnonzero(np.diff(rim.astype(int)))
    middles = [(a + b) / 2 for a, b in zip(edges[::2], edges[1::2], strict=True)]
    assert len(middles) == 4
    near, far = middles[1] - middles[0], middles[3] - middles[2]
    assert far < 0.97 * near


def test_hair_in_front_of_the_face_hides_a_frame() -> None:
    image, masks = face()
    strand = ellipse(192, 150, 18, 90)
    masks["hair"] = np.maximum(masks["hair"], strand)
    image = (image + strand[..., None] * (np.array(HAIR) - image)).astype(np.float32)
    found = worn(image, masks, hair=strand)
    assert np.abs(found - image)[100:140, 186:198].max() < 12


def test_less_is_thinner_and_none_is_the_image() -> None:
    image, masks = face()
    changes = [float(np.abs(worn(image, masks, s) - image).mean()) for s in (0.0, 0.1, 0.5, 1.0)]
    assert changes[0] == 0 and changes == sorted(changes)
    assert changes[1] < 0.5 * changes[3]


@pytest.mark.parametrize(
    "missing", [("eye_left",), ("nose",), ("ear_left", "ear_right"), ("skin",)]
)
def test_what_is_not_seen_does_not_break_it(missing: tuple[str, ...]) -> None:
    image, masks = face()
    found = worn(image, {name: mask for name, mask in masks.items() if name not in missing})
    assert np.isfinite(found).all() and np.abs(found - image).max() > 50


def test_in_dim_light_a_frame_is_darker() -> None:
    image, masks = face()
    found, dim = worn(image, masks), worn(0.4 * image, masks)
    x, y = round(128 + 35 * MM), round(120 - 16 * MM)
    assert dim[y, x].mean() < 0.8 * found[y, x].mean()
