"""Muon (Jordan et al. 2024): momentum whose update is orthogonalised, matrix by matrix.

A step of pivotal tuning costs a second on a CPU, so a better direction is worth some arithmetic:
forty steps of it, beside Adam for what is no matrix, reach what Adam alone does not in a hundred
(`benchmarks/README.md`).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim import Optimizer

from pti_core.devices import multiplies_bf16

#: Coefficients of the quintic Newton-Schulz iteration, from Jordan's description of Muon.
_QUINTIC = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5


class Muon(Optimizer):
    """Muon for convolution weights, with a rate relative to each weight's own size.

    Args:
        params: weights (C_out, C_in, ...); each is treated as a matrix (C_out, rest).
        lr: root mean square of a step as a share of that of the weight when this was made.
        momentum: Nesterov momentum.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.9):
        super().__init__(params, {"lr": lr, "momentum": momentum})
        for group in self.param_groups:
            for weight in group["params"]:
                size = weight.detach().square().mean().sqrt()
                self.state[weight] = {"momentum": torch.zeros_like(weight), "size": size}

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                momentum = state["momentum"]
                momentum.mul_(group["momentum"]).add_(weight.grad)
                ahead = weight.grad + group["momentum"] * momentum
                update = orthogonalise(ahead.flatten(1))
                update *= state["size"] / update.square().mean().sqrt().clamp(min=1e-12)
                weight.sub_(group["lr"] * update.view_as(weight))


def orthogonalise(matrix: Tensor) -> Tensor:
    """A matrix with the singular vectors of `matrix` and singular values near one."""
    a, b, c = _QUINTIC
    x = matrix / matrix.norm().clamp(min=1e-12)
    if x.device.type != "cpu" or multiplies_bf16():
        x = x.bfloat16()  # as Jordan has it: the iteration forgives what rounding does
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(_ITERATIONS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.T if tall else x).to(matrix.dtype)
