"""Projection of a photograph into the latent space of a generator: W, or W+ for comparison.

The projector of Karras et al. 2020 (StyleGAN2, appendix D) with the changes of Roich et al. 2021
(section 3.1, equations 1 and 2): w and the noise maps are optimised together against LPIPS, the
noise maps under a regulariser that keeps them noise. The code found is the pivot.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from pti_core.generators.base import Generator
from pti_core.perceptual import LPIPS, area
from pti_core.progress import OnStep, Step
from pti_core.unsupervised import ganspace


@dataclass(frozen=True)
class ProjectionConfig:
    """Settings of `project`; the defaults are those of PTI's first step."""

    space: str = "w"  # "w", or "w+" (one w for each layer)
    steps: int = 450  # section 4: 450 iterations
    learning_rate: float = 5e-3  # section 4
    betas: tuple[float, float] = (0.9, 0.999)  # of Adam; appendix D has its defaults
    principal_axes: bool = False  # optimise coordinates along W's axes, in their spreads (`_Axes`)
    lpips_size: int = 256  # side at which LPIPS sees the pictures; Karras et al., appendix D
    lambda_l2: float = 0.0  # equation 2 has LPIPS alone
    ramp_up: float = 0.05  # share of steps; appendix D
    ramp_down: float = 0.25  # share of steps; appendix D
    w_noise: float = 0.05  # in units of the spread of w; appendix D
    w_noise_until: float = 0.75  # share of steps; appendix D
    optimise_noise: bool = True  # equation 1: the noise maps are optimised too
    lambda_noise: float = 1e5  # equation 2's lambda_n; appendix D
    picture_every: int = 10  # a preview goes to `on_step` every so many steps


@dataclass(frozen=True)
class Projection:
    """What `project` found.

    Attributes:
        w: the pivot, (1, 512), or (1, num_ws, 512) for W+.
        noise: noise buffer name to optimised map; empty where they were left alone.
        steps: steps taken.
        losses: the last step's losses.
    """

    w: Tensor
    noise: dict[str, Tensor] = field(default_factory=dict)
    steps: int = 0
    losses: dict[str, float] = field(default_factory=dict)


def project(
    generator: Generator,
    target: Tensor,
    lpips: LPIPS,
    config: ProjectionConfig | None = None,
    seed: int = 0,
    on_step: OnStep | None = None,
    start: Tensor | None = None,
) -> Projection:
    """The code in W or W+ whose picture is perceptually nearest to `target`.

    Args:
        generator: frozen generator of resolution R.
        target: picture (1, 3, R, R) in [-1, 1].
        lpips: perceptual network.
        config: settings; the paper's by default.
        seed: of the noise on w and of the first noise maps; same seed, same result.
        on_step: told of every step; returning False ends the projection with what is reached.
        start: (1, 512) or (1, num_ws, 512) to start from; the mean of w by default.
    """
    config = config or ProjectionConfig()
    random = torch.Generator().manual_seed(seed)
    first = _start(generator, config.space, start)
    axes = _Axes(generator, first) if config.principal_axes else None
    free = (axes.coordinates if axes else first).requires_grad_(True)
    noise = _NoiseMaps(generator, random) if config.optimise_noise else None
    parameters = [free, *(noise.free if noise else [])]
    optimiser = torch.optim.Adam(parameters, lr=config.learning_rate, betas=config.betas)
    small = area(target, config.lpips_size)
    wanted = lpips.features(small)
    taken, losses = 0, {}
    for index in range(config.steps):
        taken, done = index + 1, index / config.steps
        for group in optimiser.param_groups:
            group["lr"] = config.learning_rate * learning_rate_ramp(
                done, config.ramp_up, config.ramp_down
            )
        w = axes.w() if axes else free
        spread = _w_noise(config, done) * generator.w_std
        shaken = w + spread * torch.randn(w.shape, generator=random).to(w.device)
        picture = generator.render(shaken, noise.maps() if noise else None)
        seen = area(picture, config.lpips_size)
        perceptual = lpips.compare(lpips.features(seen), wanted).sum()
        mse = F.mse_loss(seen, small)
        loss = perceptual + config.lambda_l2 * mse
        if noise:
            loss = loss + config.lambda_noise * noise.regularisation()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if noise:
            noise.normalise()
        losses = {"lpips": perceptual.item(), "mse": mse.item()}
        shown = seen.detach() if index % config.picture_every == 0 else None
        if on_step and on_step(Step("invert", taken, config.steps, losses, shown)) is False:
            break
    found = noise.maps() if noise else {}
    w = axes.w() if axes else free
    return Projection(
        w.detach(), {name: value.detach() for name, value in found.items()}, taken, losses
    )


def learning_rate_ramp(done: float, ramp_up: float, ramp_down: float) -> float:
    """Factor of the learning rate at a share `done` of the steps (Karras et al., appendix D):
    linear up over the first `ramp_up`, cosine down to zero over the last `ramp_down`."""
    down = min(1.0, (1 - done) / ramp_down) if ramp_down else 1.0
    up = min(1.0, done / ramp_up) if ramp_up else 1.0
    return (0.5 - 0.5 * math.cos(math.pi * down)) * up


def _start(generator: Generator, space: str, start: Tensor | None) -> Tensor:
    if space not in ("w", "w+"):
        raise ValueError(f"space is {space!r}, not 'w' or 'w+'")
    w = generator.w_mean[None] if start is None else start
    if space == "w+":
        w = generator.broadcast(w)
    elif w.ndim != 2:
        raise ValueError("a W+ start needs space='w+'")
    return w.detach().clone()


class _Axes:
    """Codes as coordinates along the principal components of W (GANSpace), in units of its spread.

    W is a hundred times as wide along its first axes as along its last, and Adam takes steps of one
    size: in these coordinates it goes far where faces vary and stays where they do not. Fifty steps
    then reach what takes a hundred and fifty in w itself, and codes stay likely ones
    (`benchmarks/README.md`).
    """

    def __init__(self, generator: Generator, start: Tensor):
        found = ganspace(generator, generator.w_dim)
        # The last axes have next to no spread; dividing by it would blow up what lies there.
        spreads = found.weights.clamp(min=1e-3 * found.weights[0])
        self.mean = generator.w_mean
        self.rows = (found.vectors * spreads[:, None]).to(start)
        self.coordinates = (start - self.mean) @ (found.vectors / spreads[:, None]).to(start).T

    def w(self) -> Tensor:
        return self.mean + self.coordinates @ self.rows


def _w_noise(config: ProjectionConfig, done: float) -> float:
    return config.w_noise * max(0.0, 1 - done / config.w_noise_until) ** 2


class _NoiseMaps:
    """The generator's noise maps as free variables of unit variance.

    A map of the generator is `strength * free`: in the embedded generator the stored map already
    holds its strength, in StyleGAN2 the strength is a weight of its own and the stored map has
    unit variance, so the standard deviation of what is stored serves for both.
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
