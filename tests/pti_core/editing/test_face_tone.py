"""Make-up, eyes and teeth, on a drawn face."""

from __future__ import annotations

import cv2
import numpy as np

from pti_core.editing.face_tone import with_makeup, with_own_eyes_and_teeth
from tests.helpers.drawn_face import EYES, MOUTH, SIDE, ellipse, face, parse

CHANGE = np.full((SIDE, SIDE, 3), (40.0, -30.0, 10.0), dtype=np.float32)


def changed(*names: str) -> np.ndarray:
    image, masks = face()
    return np.abs(with_makeup(image, CHANGE, parse(masks), names) - image).max(-1)


def at(mask: np.ndarray, point: tuple[float, float]) -> float:
    return float(mask[round(point[1]), round(point[0])])


def test_lipstick_stays_on_lips() -> None:
    found = changed("lipstick")
    assert at(found, MOUTH) > 30
    assert at(found, (MOUTH[0], MOUTH[1] + 18)) == 0 == found[:150].max()


def test_eye_makeup_stays_around_the_eyes_and_off_them() -> None:
    found = changed("eye_makeup")
    for x, y in EYES:
        assert at(found, (x, y)) < 5 < at(found, (x, y - 9))
    assert found[150:].max() == 0 == found[:60].max()


def test_makeup_leaves_hair_and_background() -> None:
    found = changed("makeup")
    assert at(found, (128, 215)) > 20 and found[:60].max() < 1 and found[:, :30].max() < 1


def lab(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    values = cv2.cvtColor(image / 255, cv2.COLOR_RGB2LAB)
    return np.median(values[mask > 0.9], axis=0)


def test_eyes_keep_the_photographs_colour() -> None:
    photo, masks = face()
    edited = photo.copy()
    eyes = masks["eye_left"] + masks["eye_right"]
    edited += eyes[..., None] * np.array([40.0, -20.0, -60.0], dtype=np.float32)
    found = with_own_eyes_and_teeth(edited, parse(masks), photo, parse(masks))
    assert np.abs(lab(found, eyes) - lab(photo, eyes))[1:].max() < 4
    assert np.array_equal(found[:90], edited[:90])


def test_teeth_are_neither_blue_nor_yellow() -> None:
    photo, masks = face()
    masks["mouth"] = ellipse(*MOUTH, 20, 7)
    for teeth in ((150.0, 160.0, 210.0), (220.0, 200.0, 90.0)):
        edited = photo + masks["mouth"][..., None] * (np.array(teeth, dtype=np.float32) - photo)
        found = with_own_eyes_and_teeth(edited, parse(masks), photo, parse(masks))
        assert 0 < lab(found, masks["mouth"])[2] < 20


def test_teeth_in_cool_light_are_no_yellower_than_the_skin() -> None:
    """Ochre under a rosy skin, as a tuned generator draws them, and redder than teeth."""
    photo, masks = face()
    masks["mouth"] = ellipse(*MOUTH, 20, 7)
    ochre = np.array((158.0, 117.0, 82.0), dtype=np.float32)  # L* 53, a* 13, b* 26
    edited = photo + masks["mouth"][..., None] * (ochre - photo)
    found = with_own_eyes_and_teeth(edited, parse(masks), photo, parse(masks))
    assert lab(found, masks["mouth"])[2] < max(13.0, lab(found, masks["skin"])[2])
