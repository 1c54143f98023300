"""The noise maps as optimised variables, and the regulariser that keeps them noise (equation 2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from pti_core.generators.base import Generator


class NoiseMaps:
    """The generator's noise maps as free variables of unit variance.

    A map of the generator is `strength * free`. In the embedded generator the stored map includes
    its strength; in StyleGAN2 the strength is a separate weight and the stored map has unit
    variance. The standard deviation of the stored map serves for both.
    """

    def __init__(self, generator: Generator, random: torch.Generator):
        buffers = dict(generator.synthesis.named_buffers())
        self.names = generator.noise_names()
        self.strengths = [buffers[name].std().clamp(min=1e-8) for name in self.names]
        self.free = [
            torch.randn(buffers[name].shape, generator=random)
            .to(buffers[name].device)
            .requires_grad_(True)
            for name in self.names
        ]

    def maps(self) -> dict[str, Tensor]:
        pairs = zip(self.names, self.strengths, self.free, strict=True)
        return {name: strength * free for name, strength, free in pairs}

    def regularisation(self) -> Tensor:
        """Sum over maps and scales of the squared autocorrelation at a shift of one pixel."""
        total = torch.zeros((), device=self.free[0].device)
        for noise in self.free:
            while True:
                for axis in (2, 3):
                    shifted = (noise * noise.roll(1, dims=axis)).mean()
                    total = total + shifted.square()
                if noise.shape[2] <= 8:
                    break
                noise = F.avg_pool2d(noise, 2)
        return total

    @torch.no_grad()
    def normalise(self) -> None:
        """Mean zero and unit variance after every step, as appendix D has it."""
        for noise in self.free:
            noise -= noise.mean()
            noise *= noise.square().mean().rsqrt()
