"""Convolution of large maps on a CPU, and of 16-bit maps with the arithmetic that is faster."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from pti_core.networks.devices import has_fast_half

#: Bytes of the maps from which a weight gradient is taken at a time, on a CPU. oneDNN's kernels for
#: it lose up to two thirds of their speed when the maps outgrow the cache: measured with 1 MB of
#: second-level cache a core, 39 GFLOP/s on the whole maps of a 128 to 257 upsampling, 124 on bands
#: of 2 MB (135 and 188 without upsampling), a little less on smaller and on larger ones.
BAND = 2 * 2**20
#: Places of a 1x1 convolution of which a weight gradient is taken at a time: 4,096 to all 262,144
#: of a map were tried, this was the fastest by a few hundredths.
PLACES = 2**16


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, up: bool) -> Tensor:
    """3x3 convolution (N, C_in, H, W) to (N, C_out, H, W), or (2H+1, 2W+1) where `up`.

    Args:
        weight: (C_out, C_in, 3, 3), float32; `up` convolves with it transposed, stride 2.
        bias: (C_out,), float32, or None.

    The result has the type of `x`. On a CPU that multiplies 16 bits no faster than 32, the maps are
    kept in 16 bits and multiplied in 32.
    """
    if x.device.type != "cpu":
        return _convolve(x, weight.to(x.dtype), None if bias is None else bias.to(x.dtype), up)
    return _HostConvolution.apply(x, weight, bias, up)


def _convolve(x: Tensor, weight: Tensor, bias: Tensor | None, up: bool) -> Tensor:
    if up:
        return F.conv_transpose2d(x, weight.transpose(0, 1), bias, stride=2)
    return F.conv2d(x, weight, bias, padding=1)


class _HostConvolution(torch.autograd.Function):
    """`_convolve` on a CPU; of the maps it keeps its input, as it came, for the backward pass."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None, up: bool) -> Tensor:
        inside = _arithmetic(x.dtype)
        bias = None if bias is None else bias.to(inside)
        return _convolve(x.to(inside), weight.to(inside), bias, up).to(x.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, weight, _, ctx.up = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        inside = _arithmetic(x.dtype)
        to_x, to_weight, to_bias = None, None, None
        if ctx.needs_input_grad[1]:
            to_weight = _weight_gradient(grad, x, weight, ctx.up)
        if ctx.needs_input_grad[2]:
            to_bias = grad.sum((0, 2, 3), dtype=torch.float32)
        if ctx.needs_input_grad[0]:
            to_x = _input_gradient(grad.to(inside), weight.to(inside), ctx.up).to(x.dtype)
        return to_x, to_weight, to_bias, None


def pointwise(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """1x1 convolution (N, C_in, H, W) to (N, C_out, H, W), of the type of `x`.

    Args:
        weight: (C_out, C_in, 1, 1). bias: (C_out,).
    """
    weight, bias = weight.to(x.dtype), bias.to(x.dtype)
    if x.device.type != "cpu" or x.dtype != torch.float32:
        return F.conv2d(x, weight, bias)
    return _HostPointwise.apply(x, weight, bias)


class _HostPointwise(torch.autograd.Function):
    """1x1 convolution whose weight gradient is a matrix product, as oneDNN takes up to four times
    as long for it: forward and backward of the embedded generator, on two cores without AVX-512,
    went from 0.94 to 0.78 s (`benchmarks/notes.md`)."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return F.conv2d(x, weight, bias)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:2])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        to_x, to_weight, to_bias = None, None, None
        if ctx.needs_input_grad[0]:
            geometry = ([1, 1], [0, 0], [1, 1], False, [0, 0], 1)
            to_x, _, _ = torch.ops.aten.convolution_backward(
                grad, x, weight, None, *geometry, [True, False, False]
            )
        if ctx.needs_input_grad[1]:
            to_weight = _pointwise_gradient(_rows(grad), _rows(x)).view_as(weight)
        if ctx.needs_input_grad[2]:
            to_bias = _rows(grad).sum(0)
        return to_x, to_weight, to_bias


def _rows(maps: Tensor) -> Tensor:
    """(N, C, H, W) as (places, C); of channels-last maps no copy."""
    return maps.permute(0, 2, 3, 1).flatten(0, 2)


def _pointwise_gradient(grad: Tensor, x: Tensor) -> Tensor:
    """(C_out, C_in): `grad` (places, C_out), transposed, times `x` (places, C_in)."""
    total = torch.zeros(grad.shape[1], x.shape[1], dtype=x.dtype)
    for part, given in zip(grad.split(PLACES), x.split(PLACES), strict=True):
        total.addmm_(part.T, given)
    return total


def _arithmetic(dtype: torch.dtype) -> torch.dtype:
    return dtype if has_fast_half(dtype) else torch.float32


def _input_gradient(grad: Tensor, weight: Tensor, up: bool) -> Tensor:
    """The adjoint of `_convolve`: the other kind of convolution with the same weights."""
    if up:
        return F.conv2d(grad, weight.transpose(0, 1), stride=2)
    return F.conv_transpose2d(grad, weight, padding=1)


def _weight_gradient(grad: Tensor, x: Tensor, weight: Tensor, up: bool) -> Tensor:
    """(C_out, C_in, 3, 3), float32: the sum of the gradients of bands of rows."""
    inside, height = _arithmetic(x.dtype), x.shape[2]
    row = max(x[:, :, 0].numel(), grad.numel() // height) * inside.itemsize
    rows = max(4, BAND // row)
    total = torch.zeros_like(weight)
    for start in range(0, height, rows):
        end = min(start + rows, height)
        if up:
            part, given, pad = x[:, :, start:end], grad[:, :, 2 * start : 2 * end + 1], [0, 0]
        else:
            # A band needs the rows next to it; those beyond the border are zeros.
            top, bottom = int(start == 0), int(end == height)
            part = x[:, :, start - 1 + top : end + 1 - bottom]
            part = F.pad(part, (0, 0, top, bottom)) if top or bottom else part
            given, pad = grad[:, :, start:end], [0, 1]
        total += _band_gradient(_ready(given, inside), _ready(part, inside), weight, up, pad)
    return total


def _ready(band: Tensor, dtype: torch.dtype) -> Tensor:
    return band.to(dtype).contiguous(memory_format=torch.channels_last)


def _band_gradient(grad: Tensor, x: Tensor, weight: Tensor, up: bool, pad: list[int]) -> Tensor:
    kernel = (weight.transpose(0, 1) if up else weight).to(x.dtype)
    geometry = ([2, 2] if up else [1, 1], pad, [1, 1], up, [0, 0], 1)
    _, found, _ = torch.ops.aten.convolution_backward(
        grad, x, kernel, None, *geometry, [False, True, False]
    )
    return found.transpose(0, 1) if up else found
