"""Convolution of 16-bit maps, with the arithmetic that the processor does faster."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, up: bool) -> Tensor:
    """3x3 convolution (N, C_in, H, W) to (N, C_out, H, W), or (2H+1, 2W+1) where `up`.

    Args:
        weight: (C_out, C_in, 3, 3), float32; `up` convolves with it transposed, stride 2.
        bias: (C_out,), float32, or None.

    The result has the type of `x`. A CPU without matrix units for 16 bits multiplies them at half
    the speed of float32 (measured on AVX-512 with its bf16 instructions: 83 against 153 GFLOP/s a
    core), so there the maps are kept in 16 bits and multiplied in 32.
    """
    if x.dtype == torch.float32 or has_fast_half(x.device, x.dtype):
        return _convolve(x, weight.to(x.dtype), None if bias is None else bias.to(x.dtype), up)
    return _WideConvolution.apply(x, weight, bias, up)


def has_fast_half(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether arithmetic in this 16-bit type is worth its rounding there."""
    if device.type != "cpu":
        return True
    unit = "amx_bf16" if dtype == torch.bfloat16 else "amx_fp16"
    return bool(torch.cpu.get_capabilities().get(unit, False))


def _convolve(x: Tensor, weight: Tensor, bias: Tensor | None, up: bool) -> Tensor:
    if up:
        return F.conv_transpose2d(x, weight.transpose(0, 1), bias, stride=2)
    return F.conv2d(x, weight, bias, padding=1)


class _WideConvolution(torch.autograd.Function):
    """`_convolve` in float32 that keeps its 16-bit input for the backward pass."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None, up: bool) -> Tensor:
        return _convolve(x.float(), weight, bias, up).to(x.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, weight, bias, ctx.up = inputs
        ctx.save_for_backward(x, weight)
        ctx.bias_shape = None if bias is None else list(bias.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        kernel, stride, pad = (weight.transpose(0, 1), 2, 0) if ctx.up else (weight, 1, 1)
        wanted = [*ctx.needs_input_grad[:2], ctx.bias_shape is not None and ctx.needs_input_grad[2]]
        geometry = ([stride] * 2, [pad] * 2, [1, 1], ctx.up, [0, 0], 1)
        to_x, to_kernel, to_bias = torch.ops.aten.convolution_backward(
            grad.float(), x.float(), kernel, ctx.bias_shape, *geometry, wanted
        )
        if to_kernel is not None and ctx.up:
            to_kernel = to_kernel.transpose(0, 1)
        return None if to_x is None else to_x.to(x.dtype), to_kernel, to_bias, None
