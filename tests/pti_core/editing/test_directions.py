"""Latent directions: the shipped file, applying edits, and the fit that makes them."""

from __future__ import annotations

import dataclasses
import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from mappers.prompts.lexicon import HAIR_COLOR
from mappers.prompts.reader import FRONT, NOTHING, WEIGHTS
from pti_core.editing.directions import Direction, apply, load_directions, save_directions
from pti_core.errors import CheckpointError, EditError
from scripts.directions import fit

SHIPPED = load_directions()


def made_up(name: str = "age", axis: int = 0) -> Direction:
    """A direction along one axis of an 8-dimensional W, twice as steep above zero."""
    vector = torch.zeros(8)
    vector[axis] = 1
    return Direction(name, name.title(), "face", "years", vector, ((-10, -1), (0, 0), (10, 2)))


def test_thirty_edits_are_offered_in_groups():
    assert len(SHIPPED) >= 30
    assert {d.group for d in SHIPPED.values()} == {
        *("face", "expression", "pose", "hair", "make-up", "scene")
    }
    assert next(iter(SHIPPED)) == "age" and {"smile", "pose"} <= SHIPPED.keys()


def test_prompts_find_the_directions_that_they_name():
    with safe_open(WEIGHTS, "pt") as file:
        read = {name.rstrip("+-") for name in json.loads(file.metadata()["names"])}
    assert read - {FRONT, NOTHING} == {*SHIPPED, HAIR_COLOR}


def test_only_three_directions_are_fitted_while_a_person_waits():
    assert {d.name for d in SHIPPED.values() if d.made.get("measure")} == {"age", "smile", "pose"}


@pytest.mark.parametrize("direction", SHIPPED.values(), ids=SHIPPED.keys())
def test_a_shipped_direction_is_well_formed(direction):
    assert direction.vector.shape == (512,) and direction.vector.dtype == torch.float32
    assert direction.vector.isfinite().all()
    assert float(direction.vector.norm()) == pytest.approx(1, abs=1e-5)
    assert direction.low < 0 < direction.high
    assert direction.label and direction.unit and direction.group
    for key in ("samples", "seeds", "method", "held_out_correlation", "calibration", "versions"):
        assert key in direction.made


@pytest.mark.parametrize("direction", SHIPPED.values(), ids=SHIPPED.keys())
def test_the_measured_effect_rises_over_the_whole_range(direction):
    rows = direction.made["calibration"]
    assert rows[0]["amount"] == direction.low and rows[-1]["amount"] == direction.high
    assert all(a["effect"] < b["effect"] for a, b in pairwise(rows))
    assert max(row["identity_distance"] for row in rows) <= 0.5


def test_shipped_directions_are_not_one_another():
    for a in SHIPPED.values():
        for b in SHIPPED.values():
            if a is not b:
                assert abs(float(a.vector @ b.vector)) < 0.9


def layered(layers: tuple[int, int]) -> dict[str, Direction]:
    return {"age": dataclasses.replace(made_up(), layers=layers)}


@pytest.mark.parametrize("shape", [(2, 8), (2, 18, 8)])
def test_a_direction_of_some_layers_leaves_the_others(shape):
    w = torch.zeros(shape)
    moved = apply(w, {"age": 10}, layered((8, 18)))
    assert moved.shape == (2, 18, 8) and not w.any()
    assert not moved[:, :8].any() and torch.equal(moved[:, 8:, 0], torch.full((2, 10), 2.0))


def test_a_direction_of_some_layers_fits_a_smaller_generator():
    moved = apply(torch.zeros(1, 8), {"age": 10}, layered((4, 18)), num_ws=6)
    assert moved.shape == (1, 6, 8) and moved[:, 4:].any() and not moved[:, :4].any()
    assert not apply(torch.zeros(1, 8), {"age": 10}, layered((8, 18)), num_ws=6).any()


def test_layers_at_zero_leave_w_in_w():
    w = torch.randn(1, 8)
    assert torch.equal(apply(w, {"age": 0}, layered((8, 18))), w)


def test_layered_and_whole_directions_add_up_in_any_order():
    both = {**layered((0, 4)), "pose": made_up("pose", 1)}
    forth = apply(torch.zeros(1, 8), {"age": 10, "pose": 5}, both)
    assert torch.equal(forth, apply(torch.zeros(1, 8), {"pose": 5, "age": 10}, both))
    assert forth[:, :, 1].eq(1).all() and not forth[:, 4:, 0].any()


def test_no_edit_leaves_w_as_it_is():
    w = torch.randn(2, 512, generator=torch.Generator().manual_seed(1))
    assert torch.equal(apply(w, {}, SHIPPED), w)
    assert torch.equal(apply(w, dict.fromkeys(SHIPPED, 0), SHIPPED), w)


@pytest.mark.parametrize("shape", [(3, 8), (3, 5, 8)])
def test_an_amount_goes_along_the_curve_in_every_row(shape):
    w = torch.zeros(shape)
    for amount, length in ((10, 2.0), (5, 1.0), (-10, -1.0), (-5, -0.5), (0, 0.0)):
        moved = apply(w, {"age": amount}, {"age": made_up()})
        assert moved.shape == w.shape
        assert torch.allclose(moved[..., 0], torch.full(shape[:-1], length))
        assert not moved[..., 1:].any()
    assert not w.any()


def test_the_order_of_edits_does_not_matter_to_the_last_bit():
    w = torch.randn(1, 512, generator=torch.Generator().manual_seed(2))
    forth = {name: d.high / 3 for name, d in SHIPPED.items()}
    back = dict(reversed(forth.items()))
    assert torch.equal(apply(w, forth, SHIPPED), apply(w, back, SHIPPED))


def test_an_unknown_name_names_the_nearest():
    with pytest.raises(EditError, match="did you mean smile"):
        apply(torch.zeros(1, 512), {"smille": 1}, SHIPPED)
    with pytest.raises(EditError, match="age"):
        apply(torch.zeros(1, 512), {"zzz": 1}, SHIPPED)


@pytest.mark.parametrize("amount", [math.nan, math.inf, "much", None])
def test_an_amount_that_is_no_number_is_refused(amount):
    with pytest.raises(EditError, match="number"):
        apply(torch.zeros(1, 8), {"age": amount}, {"age": made_up()})


@pytest.mark.parametrize("amount", [-10.5, 11])
def test_an_amount_out_of_range_names_the_range(amount):
    with pytest.raises(EditError, match="-10 to 10 years"):
        apply(torch.zeros(1, 8), {"age": amount}, {"age": made_up()})


@pytest.mark.parametrize(
    "change",
    [
        {"vector": torch.ones(8)},
        {"vector": torch.full((8,), math.nan)},
        {"vector": torch.eye(8)[0].double()},
        {"curve": ((-1, -1), (1, 1))},
        {"curve": ((-1, -1), (0, 0), (1, -1))},
        {"curve": ((0, 0), (1, 1), (2, 2))},
        {"curve": ((-1, -math.inf), (0, 0), (1, 1))},
        {"layers": (4, 4)},
        {"layers": (0, 19)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_malformed_direction_is_refused(change):
    with pytest.raises(ValueError, match="age"):
        dataclasses.replace(made_up(), **change)


def test_saving_and_loading_keeps_everything(tmp_path: Path):
    path = tmp_path / "d.safetensors"
    first = dataclasses.replace(made_up(), made={"samples": 3}, layers=(4, 8))
    save_directions([first, made_up("pose", 1)], path)
    loaded = load_directions(path)
    assert list(loaded) == ["age", "pose"]
    assert torch.equal(loaded["age"].vector, first.vector)
    assert loaded["age"].curve == first.curve and loaded["age"].made == {"samples": 3}
    assert loaded["age"].layers == (4, 8) and loaded["pose"].layers is None


@pytest.mark.parametrize("content", [None, b"", b"no safetensors at all", b"\xff" * 64])
def test_a_broken_file_says_so(tmp_path: Path, content):
    path = tmp_path / "d.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"d\.safetensors"):
        load_directions(path)


def planted(samples: int = 400, noise: float = 0.5):
    """w (N, 16), three orthogonal directions in it and noisy values along mixtures of them."""
    rng = np.random.default_rng(3)
    w = rng.standard_normal((samples, 16)) * np.linspace(2, 0.5, 16)
    a, b, c = np.linalg.qr(rng.standard_normal((16, 3)))[0].T
    values = {"a": w @ (a + 0.5 * b), "b": w @ b, "c": w @ c}
    return w, (a, b, c), {k: v + noise * rng.standard_normal(samples) for k, v in values.items()}


def test_ridge_recovers_a_planted_direction():
    w, (a, b, _), values = planted()
    assert fit.ridge_normal(w, values["a"], 0.01) @ fit.unit(a + 0.5 * b) > 0.98
    score = fit.held_out(lambda x, y: fit.ridge_normal(x, y, 0.01), w, values["a"])
    assert 0.9 < score < 1


@pytest.mark.slow
def test_an_svm_recovers_a_planted_direction():
    pytest.importorskip("sklearn", reason="only the comparison with InterFaceGAN needs it")
    w, (a, b, _), values = planted()
    assert fit.svm_boundary(w, values["a"], 0.4, 0.1) @ fit.unit(a + 0.5 * b) > 0.9


def test_the_conditional_projection_takes_out_the_leak():
    w, (a, b, _), values = planted()
    normals = [fit.ridge_normal(w, values[name], 0.01) for name in "ab"]
    direction = fit.least_change(normals[0], normals[1:], np.ones((16, 1)), 0)
    assert abs(direction @ normals[1]) < 1e-9
    assert direction @ a > 0.97 and abs(direction @ b) < 0.1


def test_a_burden_is_avoided_where_the_target_allows():
    eye = np.eye(4)
    target, burden = fit.unit(eye[0] + eye[1]), eye[:, 1:2]
    free = fit.least_change(target, [], burden, 0)
    eased = fit.least_change(target, [eye[3]], burden, 100)
    assert free @ target == pytest.approx(1)
    assert eased @ target > 0 and abs(eased[1]) < 0.02 and eased[3] == pytest.approx(0)
