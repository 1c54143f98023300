"""Convolutions of 16-bit maps: near the 32-bit ones, gradients too, by either arithmetic."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pti_core.generators import convolution
from pti_core.networks import devices
from tests.helpers.fill import error

#: Rounding of bfloat16 is 2^-9; sums of some dozen products stay under this.
NEAR = 0.05
F32 = torch.float32


def run(dtype: torch.dtype, up: bool, with_bias: bool, count: int = 2) -> list[Tensor]:
    """Result and gradients of one convolution."""
    random = torch.Generator().manual_seed(0)
    x = torch.randn(count, 6, 9, 9, generator=random).to(dtype).requires_grad_()
    weight = torch.randn(4, 6, 3, 3, generator=random).requires_grad_()
    bias = torch.randn(4, generator=random).requires_grad_() if with_bias else None
    y = convolution.convolve(x, weight, bias, up)
    assert y.dtype == dtype and y.shape[2:] == ((19, 19) if up else (9, 9))
    y.backward(torch.randn(y.shape, generator=random).to(dtype))
    leaves = [t for t in (x, weight, bias) if t is not None]
    assert all(t.grad is not None and t.grad.dtype == t.dtype for t in leaves)
    return [y.float(), *(t.grad.float() for t in leaves)]


@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize("fast", [True, False])
def test_sixteen_bits(
    fast: bool, up: bool, with_bias: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolution, "has_fast_half", lambda dtype: fast and dtype != F32)
    wanted = run(torch.float32, up, with_bias)
    for got, exact in zip(run(torch.bfloat16, up, with_bias), wanted, strict=True):
        assert error(got, exact) < NEAR


def test_frozen_weights_get_no_gradient() -> None:
    x = torch.randn(1, 2, 4, 4, dtype=torch.bfloat16, requires_grad=True)
    weight = torch.randn(3, 2, 3, 3)
    convolution.convolve(x, weight, None, False).sum().backward()
    assert x.grad is not None and weight.grad is None


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize("count", [1, 2])
def test_a_gradient_in_bands_of_rows(up: bool, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the derivative that the library takes of the whole, bands of four rows of nine."""
    monkeypatch.setattr(convolution, "BAND", 1)
    banded = run(F32, up, True, count)
    monkeypatch.setattr(convolution._HostConvolution, "apply", convolution._convolve)
    for got, whole in zip(banded, run(F32, up, True, count), strict=True):
        assert error(got, whole) < 1e-5


def test_half_is_fast_where_its_time_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = {F32: 1.0, torch.bfloat16: 0.5, torch.float16: 9.0}
    monkeypatch.setattr(devices, "_seconds", taken.__getitem__)
    answers = [devices.has_fast_half(d) for d in (F32, torch.bfloat16, torch.float16)]
    assert answers == [False, True, False]


def test_the_time_of_a_convolution_is_measured_once() -> None:
    assert 0 < devices._seconds(F32) == devices._seconds(F32) < 1


@pytest.mark.parametrize("order", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("frozen", ["x", "weight", "bias", None])
def test_a_pointwise_convolution_and_its_gradients(frozen, order, monkeypatch) -> None:
    """Against the library's, of 162 places in portions of 50."""
    monkeypatch.setattr(convolution, "PLACES", 50)
    random = torch.Generator().manual_seed(0)
    leaves = {
        "x": torch.randn(2, 6, 9, 9, generator=random).contiguous(memory_format=order),
        "weight": torch.randn(4, 6, 1, 1, generator=random),
        "bias": torch.randn(4, generator=random),
    }
    free = [tensor.requires_grad_() for name, tensor in leaves.items() if name != frozen]
    y, wanted = convolution.pointwise(**leaves), torch.nn.functional.conv2d(*leaves.values())  # type: ignore[call-overload]
    upstream = torch.randn(y.shape, generator=random)
    assert error(y, wanted) < 1e-6
    found, exact = (torch.autograd.grad(result, free, upstream) for result in (y, wanted))
    for got, whole in zip(found, exact, strict=True):
        assert got.shape == whole.shape and error(got, whole) < 1e-5


def test_sixteen_bit_maps_stay_so_in_a_pointwise_convolution() -> None:
    x = torch.randn(1, 6, 4, 4, dtype=torch.bfloat16)
    y = convolution.pointwise(x, torch.randn(4, 6, 1, 1), torch.randn(4))
    assert y.dtype == torch.bfloat16
