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
from pti_core.generators.ganspace_sefa import principal_axes
from pti_core.inversion.latent_prior import LatentPrior
from pti_core.inversion.low_res import CoarsePictures
from pti_core.networks.lpips import LPIPS, area
from pti_core.progress import OnStep, Step, work_done


@dataclass(frozen=True)
class ProjectionConfig:
    """Settings of `project`; the defaults are those of PTI's first step."""

    space: str = "w"  # "w", or "w+" (one w for each layer)
    steps: int = 450  # section 4: 450 iterations
    learning_rate: float = 5e-3  # section 4
    betas: tuple[float, float] = (0.9, 0.999)  # of Adam; appendix D has its defaults
    axes: bool = False  # optimise coordinates along axes of W (`_Axes`), not w itself
    lambda_prior: float = 0.0  # of `_Axes.prior`; only with `axes`
    coarse_share: float = 0.0  # of the steps, the first: on small pictures, if `learned` has a head
    correct_every: int = 10  # steps between two corrections of the small pictures
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
    learned: LatentPrior | None = None,
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
        learned: what is known of this generator beforehand, for `axes` and `coarse_share`.
    """
    config = config or ProjectionConfig()
    random = torch.Generator().manual_seed(seed)
    first = _start(generator, config.space, start)
    axes = _Axes(generator, first, learned) if config.axes else None
    coarse = CoarsePictures(generator, learned.head) if learned else None
    coarse_steps = round(config.coarse_share * config.steps) if coarse else 0
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
        replaced = noise.maps() if noise else None
        if coarse and index < coarse_steps:
            if index % config.correct_every == 0:
                coarse.correct(shaken.detach(), replaced)
            picture = coarse.picture(shaken, replaced)
        else:
            picture = generator.render(shaken, replaced)
        seen = area(picture, config.lpips_size)
        perceptual = lpips.compare(lpips.features(seen), wanted).sum()
        mse = F.mse_loss(seen, small)
        loss = perceptual + config.lambda_l2 * mse
        if axes and config.lambda_prior:
            loss = loss + config.lambda_prior * axes.prior(w)
        if noise:
            loss = loss + config.lambda_noise * noise.regularisation()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if noise:
            noise.normalise()
        losses = {"lpips": perceptual.item(), "mse": mse.item()}
        shown = seen.detach() if index % config.picture_every == 0 else None
        work = work_done(taken, config.steps, coarse_steps)
        step = Step("invert", taken, config.steps, losses, shown, done=work)
        if on_step and on_step(step) is False:
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
    """Codes as coordinates along axes of W, in units of its spread.

    Adam scales each coordinate by itself, and goes straight where curvature has no other part: that
    is so along what is `learned`. Else the axes are W's principal components (GANSpace): W is a
    hundred times as wide along the first as along the last, and steps then go far where faces vary
    and stay where they do not. Fifty of them reach what takes a hundred and fifty in w itself, and
    codes stay likely ones; along the learned axes thirty do (`benchmarks/README.md`).
    """

    def __init__(self, generator: Generator, start: Tensor, learned: LatentPrior | None = None):
        self.mean = generator.w_mean
        known = learned.principal if learned else None
        principal = (principal_axes(generator) if known is None else known).to(start)
        self.rows = learned.axes.to(start) if learned else principal
        self._whitening = torch.linalg.inv(principal.double()).to(start)
        there = (start - self.mean).double().flatten(0, -2)
        coordinates = torch.linalg.solve(self.rows.double().T, there.T).T
        self.coordinates = coordinates.to(start).reshape(start.shape)

    def w(self) -> Tensor:
        return self.mean + self.coordinates @ self.rows

    def prior(self, w: Tensor) -> Tensor:
        """Mean square of the coordinates along W's principal axes, in their spreads: one for a
        random face. Without it the learned axes soon lead to codes that are no face's, where edits
        do not do what they should, though the picture is nearer to the photograph."""
        return ((w - self.mean) @ self._whitening).square().mean()


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
