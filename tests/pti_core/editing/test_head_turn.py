"""Heads that turn about their necks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from pti_core.editing.directions import Direction, load_directions
from pti_core.editing.head_turn import move_of, moved, moved_masks, shift_of
from pti_core.editing.parsing import Parsing
from pti_core.networks.face_parsing import CLASSES

SIDE = 64
SHIPPED = load_directions()


def square(left: int, top: int) -> Parsing:
    """A square of skin of 16 pixels."""
    probabilities = np.zeros((len(CLASSES), SIDE, SIDE), dtype=np.float32)
    probabilities[1, top : top + 16, left : left + 16] = 1
    probabilities[0] = 1 - probabilities[1]
    return Parsing.of(probabilities, SIDE)


def own_direction(unit: str, **made: Any) -> Direction:
    """A direction of a file, named as the shipped one is."""
    vector = torch.eye(512)[0]
    return Direction(
        "pose", "Pose", "own", unit, vector, ((-9.0, -3.0), (0.0, 0.0), (9.0, 3.0)), made
    )


def test_only_turns_move_a_render() -> None:
    assert move_of({"smile": 1.0, "age": 30.0}, SHIPPED, 1024) == (0, 0)
    assert move_of({"pose": 0.0}, SHIPPED, 1024) == (0, 0)
    across, down = (move_of({name: 10.0}, SHIPPED, 1024) for name in ("pose", "pitch"))
    assert across[0] > 30 and across[1] == 0
    assert down[1] < -30 and down[0] == 0
    assert move_of({"pose": -10.0}, SHIPPED, 1024) == (-across[0], 0)


def test_an_own_direction_moves_it_by_the_degrees_that_it_measures() -> None:
    """Whatever its name; standard deviations are no degrees."""

    def moved_by(direction: Direction) -> tuple[int, int]:
        return move_of({"own": 9.0}, {"own": direction}, 1024)

    turn = move_of({"pose": 9.0}, SHIPPED, 1024)
    assert moved_by(own_direction("degrees", measure="yaw")) == turn
    assert moved_by(own_direction("degrees", measure="yaw", scale=-1.0)) == (-turn[0], 0)
    assert moved_by(own_direction("σ")) == (0, 0)
    assert moved_by(own_direction("years", measure="age")) == (0, 0)
    assert move_of({"pose": 9.0}, {"pose": own_direction("σ")}, 1024) == (0, 0)
    assert move_of({"pose": 9.0}, {}, 1024) == (0, 0)


def test_moves_are_even_and_in_proportion_to_the_side() -> None:
    for degrees in np.linspace(-16, 11, 28):
        x, _ = move_of({"pose": float(degrees)}, SHIPPED, 1024)
        assert x % 2 == 0
    turn = {"pose": 8.0, "pitch": 3.0}
    small, large = (shift_of(turn, SHIPPED, side) for side in (256, 1024))
    np.testing.assert_allclose(4 * small, large, rtol=1e-6)


@pytest.mark.parametrize("by", [(12, 0), (-8, 4), (0, -20)])
def test_an_image_and_its_masks_move_alike(by: tuple[int, int]) -> None:
    before = square(24, 24)
    image = np.repeat(before.group("skin")[..., None], 3, -1)
    after = moved_masks(before, by, SIDE, square(24, 24))
    place = np.s_[24 + by[1] : 40 + by[1], 24 + by[0] : 40 + by[0]]
    for found in (moved(image, by)[..., 0], after.group("skin")):
        assert found[place].min() == 1
        assert found.sum() == 16 * 16


def test_masks_from_outside_are_those_that_stand_still() -> None:
    still = square(0, 24)
    after = moved_masks(square(30, 24), (10, 0), SIDE, still)
    np.testing.assert_array_equal(after.groups[..., :10], still.groups[..., :10])


@pytest.mark.slow
def test_a_turned_head_of_the_real_generator_stays_where_it_was() -> None:
    """Without the move the outlines of head and neck differ much more, at both ends of both
    turns."""
    from checkpoints.network_loaders import load_edit_models

    models = load_edit_models("mobile")
    generator = models.generator
    assert models.parser is not None

    def parse(w: torch.Tensor) -> Parsing:
        with torch.inference_mode():
            return Parsing.of(models.parser(generator.render(w))[0].numpy())

    for name in ("pose", "pitch"):
        direction, left = models.directions[name], []
        for seed in (3, 4, 5):
            w = generator.w_avg + 0.7 * (generator.sample_w(1, seed=seed) - generator.w_avg)
            before = parse(w)
            for amount in (direction.low, direction.high):
                after = parse(w + direction.step(amount).to(w))
                by = move_of({name: amount}, models.directions, generator.resolution)
                there = moved_masks(after, by, generator.resolution, before)
                missed = [float(np.abs(x.figure - before.figure).mean()) for x in (there, after)]
                left.append(missed[0] / missed[1])
        assert np.mean(left) < 0.7, (name, left)
