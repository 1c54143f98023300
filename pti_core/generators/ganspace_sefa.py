"""Directions found without labels: GANSpace's principal components and SeFa's factorisation.

Harkonen et al. 2020, "GANSpace: Discovering Interpretable GAN Controls" (section 2.3): the
principal components of w, moved in ranges of layers. Shen & Zhou 2021, "Closed-Form Factorization
of Latent Semantics in GANs" (equations 5 to 7): the directions that change most what the layers'
modulations make of w. Both work on any `Generator`; what a component does is found by looking.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pti_core.generators.base import Generator

#: Ranges of layers (of the ws of a 1024-pixel generator) by what they shape, after Karras et al.
#: 2019, section 3.1: pose and shape at 4 to 8 pixels; features at 16 to 32; colour and grain above.
LAYER_RANGES = {"all": (0, 18), "coarse": (0, 4), "middle": (4, 8), "fine": (8, 18)}


@dataclass(frozen=True)
class Components:
    """Orthogonal unit directions of W, the most important first.

    vectors: (K, w_dim), each with its largest element positive. weights: (K,): for GANSpace, the
    standard deviation of w along each, so that a step of one of them is usual; for SeFa, the
    length of the change of the (normalised) styles for a step of length 1.
    """

    vectors: Tensor
    weights: Tensor


def ganspace(
    generator: Generator, components: int, *, samples: int = 20_000, seed: int = 0
) -> Components:
    """The first principal components of w, from random samples of the mapping network.

    Args:
        components: 1 to w_dim. samples: more than `components`; the error of a component falls
            with their root. seed: of the samples; the same gives the same components.

    Raises:
        ValueError: more components are asked for than there can be.
    """
    if not 0 < components <= min(generator.w_dim, samples - 1):
        raise ValueError(f"{components} components of {samples} samples in {generator.w_dim}")
    w = generator.sample_w(samples, seed).double().cpu()
    covariance = torch.cov(w.t())
    values, vectors = torch.linalg.eigh(covariance)
    return _sorted(values.clamp(min=0).sqrt(), vectors, components)


def principal_axes(generator: Generator) -> Tensor:
    """Steps in W (rows, w_dim by w_dim) along its principal components, one std long each."""
    found = ganspace(generator, generator.w_dim)
    # The last axes have almost no variance; dividing by it would amplify noise.
    std = found.weights.clamp(min=1e-3 * found.weights[0])
    return found.vectors * std[:, None]


def sefa(
    generator: Generator, components: int, *, sides: tuple[int, int] | None = None
) -> Components:
    """The directions along which the modulations of a generator change most.

    Args:
        components: 1 to w_dim.
        sides: only modulations of layers that work at these sides in pixels, from the first to the
            last; None: all.

    Raises:
        ValueError: there are no such layers, or not so many directions.
    """
    low, high = sides or (0, generator.resolution)
    rows = [
        nn.functional.normalize(weight.detach().double().cpu(), dim=1)
        for name, weight in modulations(generator).items()
        if low <= generator.side_of(name) <= high
    ]
    if not rows:
        raise ValueError(f"no layer works at {low} to {high} pixels")
    if not 0 < components <= generator.w_dim:
        raise ValueError(f"{components} components in {generator.w_dim} dimensions")
    stacked = torch.cat(rows)
    values, vectors = torch.linalg.eigh(stacked.t() @ stacked)
    return _sorted(values.clamp(min=0).sqrt(), vectors, components)


def modulations(generator: Generator) -> dict[str, Tensor]:
    """Name inside `synthesis` to the matrix (C, w_dim) that makes styles of w, coarse to fine."""
    return {
        name: parameter
        for name, parameter in generator.synthesis.named_parameters()
        if name.endswith(("modulation.weight", "affine.weight"))
        and parameter.ndim == 2
        and parameter.shape[1] == generator.w_dim
    }


def _sorted(weights: Tensor, vectors: Tensor, count: int) -> Components:
    """The `count` largest of ascending eigenvalues, and the columns that belong to them."""
    chosen = vectors.flip(1).t()[:count]
    largest = chosen.gather(1, chosen.abs().argmax(1, keepdim=True))
    return Components((chosen * largest.sign()).float(), weights.flip(0)[:count].float())
