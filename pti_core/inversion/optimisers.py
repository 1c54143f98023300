"""Muon (Jordan et al. 2024): momentum whose update is orthogonalised, matrix by matrix, by the
polynomials of the Polar Express (Amsel et al. 2025, arXiv 2505.16932).

A step of pivotal tuning costs a second on a CPU, so a better direction is worth some arithmetic:
forty steps of it, beside Adam for what is no matrix, reach what Adam alone does not in a hundred
(`benchmarks/notes.md`).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim import Optimizer

from pti_core.networks.devices import multiplies_bf16

#: Odd quintics (a, b, c): x goes to a x + b x^3 + c x^5 of each singular value. One after the other
#: they bring what lies between a thousandth and one nearest to one (Amsel et al., algorithm 1).
#: Six of them: the gradients of one photograph have singular values of all sizes, and with Jordan's
#: five alike, which leave 0.7 to 1.2, tuning takes a seventh more steps; with three it fails.
_QUINTICS = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    (3.3184196573706015, -2.488488024314874, 0.51004894012372),
    (2.300652019954817, -1.6689039845747493, 0.4188073119525673),
    (1.891301407787398, -1.2679958271945868, 0.37680408948524835),
)
#: Singular values are taken for so much larger, or rounding might carry one past what converges.
_SAFETY = 1.01


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
    x = matrix / (_SAFETY * matrix.norm()).clamp(min=1e-12)
    if x.device.type != "cpu" or multiplies_bf16():
        x = x.bfloat16()  # as Jordan has it: the iteration forgives what rounding does
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for place, (a, b, c) in enumerate(_QUINTICS, start=1):
        if place < len(_QUINTICS):
            a, b, c = a / _SAFETY, b / _SAFETY**3, c / _SAFETY**5
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.T if tall else x).to(matrix.dtype)
