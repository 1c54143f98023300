"""Weights in eight bits: exact where they were rounded, near where not, hostile files refused."""

from __future__ import annotations

import pytest
import torch

from pti_core.inversion.paper_tuning import TunedDelta
from pti_core.session.int8_delta import LEAST_POWER, MOST_POWER, compact, pack, pack_all, unpack

SHAPES = {"pointwise": (64, 32, 1, 1), "depthwise": (64, 1, 3, 3), "bias": (64,), "style": (8, 512)}


@pytest.fixture(scope="module", params=[1e-6, 1e-3, 1.0, 100.0])
def delta(request):
    random = torch.Generator().manual_seed(0)
    return TunedDelta(
        {n: (request.param * torch.randn(s, generator=random)).half() for n, s in SHAPES.items()}
    )


def test_what_is_rounded_once_is_stored_exactly(delta):
    rounded = compact(delta)
    again = compact(rounded)
    for name, tensor in rounded.tensors.items():
        assert tensor.dtype == torch.float16 and torch.equal(tensor, again.tensors[name])
        if tensor.ndim > 1:
            packed = pack(tensor)
            assert packed is not None and torch.equal(unpack(*packed), tensor)
    assert torch.equal(rounded.tensors["bias"], delta.tensors["bias"])
    assert {name.split(".")[0] for name in pack_all(rounded.tensors)} == {
        "packed",
        "powers",
        "delta",
    }


def test_rounding_is_far_under_what_a_step_of_tuning_changes():
    random = torch.Generator().manual_seed(1)
    tensor = 1e-3 * torch.randn(512, 512, generator=random)
    rounded = compact(TunedDelta({"a": tensor.half()})).tensors["a"].float()
    assert (rounded - tensor).norm() < 0.015 * tensor.norm()


def test_what_was_not_rounded_is_not_packed():
    assert pack(torch.randn(4, 4).half()) is None
    assert pack(torch.randn(4).half()) is None


def test_numbers_from_a_stranger_are_checked():
    numbers = torch.ones(3, 4, dtype=torch.int8)
    for powers in (
        torch.zeros(4, dtype=torch.int8),
        torch.full((3,), MOST_POWER + 1, dtype=torch.int8),
        torch.full((3,), LEAST_POWER - 1, dtype=torch.int8),
    ):
        with pytest.raises(ValueError):
            unpack(numbers, powers)
    largest = unpack(-127 * numbers, torch.full((3,), MOST_POWER, dtype=torch.int8))
    assert largest.isfinite().all()
