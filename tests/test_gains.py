"""Gains: steps grow until a slider does what it says, and no further than the person stays."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from PIL import Image

from pti_core.errors import SessionError
from pti_core.gains import fit_gains
from pti_core.session_file import MAX_GAIN, Header, check_header, pack


class Brightness:
    """Measures a picture's brightness, as if it were the attribute of the directions below."""

    def measure(self, image: Image.Image) -> dict[str, float]:
        return {"brightness": float(image.getpixel((0, 0))[0])}


class SameWithin:
    """Pictures are one person's while their brightness differs by no more than this."""

    name, same_person = "brightness", 1.0

    def __init__(self, levels: float):
        self.levels = levels

    def distance(self, a: Image.Image, b: Image.Image) -> float:
        return abs(a.getpixel((0, 0))[0] - b.getpixel((0, 0))[0]) / self.levels


GREY = Image.new("RGB", (8, 8), (128, 128, 128))


def rendering(effect):
    """Pictures whose brightness moves by `effect` levels for a step of one in W."""

    def render(directions, edits):
        (name, amount), *_ = edits.items()
        level = 128 + effect * float(directions[name].step(amount) @ directions[name].vector)
        return Image.new("RGB", (8, 8), (round(level),) * 3)

    return render


@pytest.fixture
def direction(directions):
    """Twenty levels either way for a step of ten: two levels a unit of W."""
    return {"age": dataclasses.replace(directions["age"], made={"measure": "brightness"})}


@pytest.mark.parametrize(
    ("effect", "gain"), [(2.0, 1.0), (1.0, 2.0), (4.0, 1.0), (0.0, MAX_GAIN), (-1.0, MAX_GAIN)]
)
def test_a_weak_effect_is_stretched_to_what_the_slider_says(direction, effect, gain):
    assert fit_gains(direction, rendering(effect), GREY, Brightness())["age"] == gain


def test_the_person_bounds_the_gain(direction):
    near = fit_gains(direction, rendering(1.0), GREY, Brightness(), SameWithin(18.0))["age"]
    assert 1 < near < 2
    assert 10 * near <= 0.8 * 18
    none = fit_gains(direction, rendering(1.0), GREY, Brightness(), SameWithin(5.0))["age"]
    assert none == 1


def test_directions_without_a_measure_are_left_alone(directions):
    assert fit_gains(directions, rendering(1.0), GREY, Brightness()) == {}


def test_stretching_changes_the_step_and_not_the_range(directions):
    age = directions["age"]
    longer = age.stretched(2.0)
    assert (longer.low, longer.high) == (age.low, age.high)
    assert torch.allclose(longer.step(7), 2 * age.step(7))


@pytest.mark.parametrize("gain", [0.0, -1.0, 1e6, float("nan"), "2", None])
def test_a_session_file_with_a_wild_gain_is_refused(gain):
    header = Header("small", "0" * 64, [{}], {}, {}, {"age": 2.0})
    pack(header, {"pivots": torch.zeros(1, 512)})  # a sane one passes
    with pytest.raises(SessionError):
        check_header(
            {
                "format": 1,
                "generator": {"name": "small", "fingerprint": "0" * 64},
                "alignments": [{}],
                "gains": {"age": gain},
            }
        )
