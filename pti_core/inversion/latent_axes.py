"""The optimised latent: w itself (the paper's), or its coordinates along axes of W (ours)."""

from __future__ import annotations

import torch
from torch import Tensor

from pti_core.generators.base import Generator
from pti_core.generators.ganspace_sefa import principal_axes
from pti_core.inversion.latent_prior import LatentPrior


def start_latent(generator: Generator, space: str, start: Tensor | None) -> Tensor:
    """A copy of `start`, or of the mean of w: (1, w_dim), or (1, num_ws, w_dim) where `space` is
    "w+"."""
    if space not in ("w", "w+"):
        raise ValueError(f"space is {space!r}, not 'w' or 'w+'")
    w = generator.w_avg[None] if start is None else start
    if space == "w+":
        w = generator.broadcast(w)
    elif w.ndim != 2:
        raise ValueError("a W+ start needs space='w+'")
    return w.detach().clone()


class DirectLatent:
    """w is the optimised variable itself, as in the paper."""

    def __init__(self, start: Tensor):
        self.free = start.requires_grad_(True)

    def w(self) -> Tensor:
        return self.free

    def prior(self, w: Tensor) -> Tensor | None:
        """No prior."""
        return None


class AxisLatent:
    """Latents as coordinates along axes of W, in units of W's standard deviation along each.

    Adam scales each coordinate separately, so it is efficient where the curvature is diagonal:
    along the axes of `latent_prior`. Without those the axes are W's principal components
    (GANSpace): W is a hundred times as wide along the first as along the last, and steps are then
    long where faces vary and short where they do not. Fifty steps reach what takes a hundred and
    fifty in w itself, and latents stay likely; along the learned axes thirty do
    (`benchmarks/notes.md`).
    """

    def __init__(
        self, generator: Generator, start: Tensor, latent_prior: LatentPrior | None = None
    ):
        self.mean = generator.w_avg
        known = latent_prior.principal if latent_prior else None
        principal = (principal_axes(generator) if known is None else known).to(start)
        self.rows = latent_prior.axes.to(start) if latent_prior else principal
        self._whitening = torch.linalg.inv(principal.double()).to(start)
        there = (start - self.mean).double().flatten(0, -2)
        coordinates = torch.linalg.solve(self.rows.double().T, there.T).T
        self.free = coordinates.to(start).reshape(start.shape).requires_grad_(True)

    def w(self) -> Tensor:
        return self.mean + self.free @ self.rows

    def prior(self, w: Tensor) -> Tensor:
        """Mean square of the coordinates along W's principal axes, in standard deviations: one
        for a random face. Without it the learned axes soon lead to latents of no face, where edits
        fail although the picture is nearer to the photograph."""
        return ((w - self.mean) @ self._whitening).square().mean()
