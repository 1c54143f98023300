"""Directions fitted to a person: amounts do what they say, ranges end where the effect does."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import numpy as np
import pytest
import torch
from PIL import Image

from pti_core.editing.calibration import fit_curves
from pti_core.errors import SessionError
from pti_core.session.file_format import Header, check_header, pack


class Brightness:
    """Measures a picture's brightness, as if it were the attribute of the directions below."""

    def measure(self, image: Image.Image, names: Collection[str]) -> dict[str, float]:
        return {"brightness": float(np.asarray(image)[0, 0])}


class SameWithin:
    """Pictures are one person's while their brightness differs by no more than this."""

    name, same_person = "brightness", 1.0

    def __init__(self, levels: float):
        self.levels = levels

    def embedding(self, image: Image.Image) -> np.ndarray:
        return np.asarray(image)[0, 0]

    def distance(self, a: np.ndarray, b: Image.Image) -> float:
        return abs(float(a) - float(self.embedding(b))) / self.levels


def picture(level: float) -> Image.Image:
    return Image.fromarray(np.full((8, 8), level, np.float32))


GREY = picture(128)


@pytest.fixture
def age(directions):
    return dataclasses.replace(directions["age"], made={"measure": "brightness"})


def fitted(age, effect, identity=None):
    """The direction fitted to pictures whose brightness is `effect` of the step's length."""

    def render(step):
        return picture(128 + effect(float(step @ age.vector)))

    curve = fit_curves({"age": age}, render, GREY, Brightness(), identity)["age"]
    return age.fitted(curve), render


@pytest.mark.parametrize("share", [0.7, 1.0, 1.7])
def test_an_amount_does_what_it_says(age, share):
    per_step = share * age.high / age.length(age.high)
    own, render = fitted(age, lambda length: per_step * length)
    for amount in (own.low, own.low / 2, own.high / 3, own.high):
        moved = np.asarray(render(own.step(amount)))[0, 0] - 128
        assert moved == pytest.approx(amount, rel=0.02)
    assert own.high == pytest.approx(age.high)


def test_the_range_ends_where_the_effect_does(age):
    per_step = age.high / age.length(age.high)
    floor = 0.4 * age.low
    own, _ = fitted(age, lambda length: max(per_step * length, floor))
    assert floor * 1.01 <= own.low < 0.5 * floor
    assert own.high == pytest.approx(age.high)


class Smile:
    """Measures a picture's brightness as a smile: 100 levels are a broad one."""

    def measure(self, image: Image.Image, names: Collection[str]) -> dict[str, float]:
        return {"smile": (float(np.asarray(image)[0, 0]) - 128) / 100}


@pytest.mark.parametrize(("own", "high"), [(0.0, 1.0), (0.9, 0.44), (1.3, 1 / 3)])
def test_a_smile_ends_where_faces_end(directions, own, high):
    """A whole smile more on somebody who smiles broadly already would tear the face."""
    curve = ((-1.0, -2.0), (0.0, 0.0), (1.0, 2.0))
    smile = dataclasses.replace(
        directions["smile"], curve=curve, made={"measure": "smile", "scale": 0.5}
    )

    def render(step):
        return picture(128 + 100 * own + 25 * float(step @ smile.vector))

    found = fit_curves({"smile": smile}, render, GREY, Smile(), None)["smile"]
    assert found[-1][0] == pytest.approx(high, abs=0.01)
    assert found[0][0] == pytest.approx(-1.0, abs=0.01)


def test_an_effect_that_comes_late_is_found(age):
    late = age.length(age.high)  # nothing moves before the end of the usual range
    own, render = fitted(age, lambda length: max(length - late, 0.0) * age.high / late)
    assert own.length(own.high) > 1.2 * late
    moved = np.asarray(render(own.step(own.high)))[0, 0] - 128
    assert moved == pytest.approx(own.high, rel=0.02)


def test_a_side_that_never_moves_keeps_a_third(age):
    own, _ = fitted(age, lambda length: 0.0)
    assert (own.low, own.high) == (pytest.approx(age.low / 3), pytest.approx(age.high / 3))
    assert own.length(own.high) == pytest.approx(age.length(own.high))


@pytest.mark.parametrize("share", [0.3, 0.8, 1.1])
def test_the_person_bounds_the_range(age, share):
    """It ends where the pictures stop being the person, not at the last one that was tried."""
    per_step = age.high / age.length(age.high)
    levels = share * age.high
    own, render = fitted(age, lambda length: per_step * length, SameWithin(levels))
    moved = np.asarray(render(own.step(own.high)))[0, 0] - 128
    assert moved == pytest.approx(0.68 * levels, rel=0.02) and own.high < age.high


def test_a_person_is_compared_once_a_side_where_the_whole_range_is_sound(age):
    class Counting(SameWithin):
        compared = 0

        def distance(self, a, b):
            Counting.compared += 1
            return super().distance(a, b)

    per_step = 0.6 * age.high / age.length(age.high)
    own, _ = fitted(age, lambda length: per_step * length, Counting(1e6))
    assert own.high == pytest.approx(age.high) and Counting.compared == 2


def test_directions_without_a_measure_are_left_alone(directions):
    unmeasured = {"age": dataclasses.replace(directions["age"], made={})}
    assert fit_curves(unmeasured, lambda step: GREY, GREY, Brightness()) == {}


@pytest.mark.parametrize(
    "curve",
    [
        [],
        None,
        [[-1, -1], [1, 1]],
        [[-1, -1], [0, 0], [1, 1e6]],
        [[-1, -1], [0, 0], [1, float("nan")]],
        [[-1, 1], [0, 0], [1, 2]],
        [[-1, -1], [0, 0], [0, 1]],
        [[-1, -1], [0, 0], ["1", 1]],
        [[-1, -1], [0, 0], [1]],
        [[i / 100, i / 100] for i in range(-50, 51)],
    ],
)
def test_a_session_file_with_a_wild_curve_is_refused(curve):
    sane = {"age": ((-1.0, -2.0), (0.0, 0.0), (1.0, 3.0))}
    pack(Header("small", "0" * 64, [{}], {}, {}, sane), {"pivots": torch.zeros(1, 512)})
    header = {
        "format": 1,
        "generator": {"name": "small", "fingerprint": "0" * 64},
        "alignments": [{}],
    }
    for wild in ({"curves": {"age": curve}}, {"other_curves": [{}, {"age": curve}]}):
        with pytest.raises(SessionError):
            check_header({**header, **wild})
