"""Projection of a photograph into the latent space of a generator: W, or W+ for comparison.

The projector of Karras et al. 2020 (StyleGAN2, appendix D) with the changes of Roich et al. 2021
(section 3.1): w and the noise maps n are optimised together,

    w_p, n = argmin L_LPIPS(x, G(w, n; theta)) + lambda_n L_n(n)             (1, 2)

where L_n keeps the maps noise (`noise_maps`). The latent found is the pivot w_p. `axes`,
`lambda_prior` and `low_res_share` are ours: they shorten the way on a CPU.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from pti_core.generators.base import Generator
from pti_core.inversion.latent_axes import AxisLatent, DirectLatent, start_latent
from pti_core.inversion.latent_prior import LatentPrior
from pti_core.inversion.low_res import LowResRenderer
from pti_core.inversion.noise_maps import NoiseMaps
from pti_core.networks.lpips import LPIPS, area
from pti_core.progress import OnStep, Step, work_done


@dataclass(frozen=True)
class ProjectionConfig:
    """Settings of `project`; the defaults are those of PTI's first step."""

    space: str = "w"  # "w", or "w+" (one w for each layer)
    steps: int = 450  # section 4: 450 iterations
    learning_rate: float = 5e-3  # section 4
    betas: tuple[float, float] = (0.9, 0.999)  # of Adam; appendix D has its defaults
    axes: bool = False  # optimise coordinates along axes of W (`AxisLatent`), not w itself
    lambda_prior: float = 0.0  # of `AxisLatent.prior`; only with `axes`
    low_res_share: float = (
        0.0  # share of the steps, the first ones, at low resolution; needs `latent_prior`
    )
    correct_every: int = 10  # steps between two corrections of the low-resolution pictures
    lpips_size: int = 256  # side at which LPIPS sees the pictures; Karras et al., appendix D
    lambda_l2: float = 0.0  # equation 2 has LPIPS alone
    ramp_up: float = 0.05  # share of steps; appendix D
    ramp_down: float = 0.25  # share of steps; appendix D
    w_noise: float = 0.05  # in units of the standard deviation of w; appendix D
    w_noise_until: float = 0.75  # share of steps; appendix D
    optimise_noise: bool = True  # equation 1: the noise maps are optimised too
    lambda_noise: float = 1e5  # equation 2's lambda_n; appendix D
    picture_every: int = 10  # a preview goes to `on_step` every so many steps
    # Shares of the steps after which the latent so far goes to `on_step`, for editing meanwhile.
    drafts_at: tuple[float, ...] = ()


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
    latent_prior: LatentPrior | None = None,
) -> Projection:
    """The latent in W or W+ whose picture is perceptually nearest to `target`.

    Args:
        generator: frozen generator of resolution R.
        target: picture (1, 3, R, R) in [-1, 1].
        lpips: perceptual network.
        config: settings; the paper's by default.
        seed: of the noise on w and of the first noise maps; same seed, same result.
        on_step: called after every step; returning False ends the projection with what is reached.
        start: (1, 512) or (1, num_ws, 512) to start from; the mean of w by default.
        latent_prior: precomputed for this generator, for `axes` and `low_res_share`.
    """
    config = config or ProjectionConfig()
    random = torch.Generator().manual_seed(seed)
    first = start_latent(generator, config.space, start)
    latent = AxisLatent(generator, first, latent_prior) if config.axes else DirectLatent(first)
    noise = NoiseMaps(generator, random) if config.optimise_noise else None
    pictures = _Pictures(generator, config, latent_prior)
    parameters = [latent.free, *(noise.free if noise else [])]
    optimiser = torch.optim.Adam(parameters, lr=config.learning_rate, betas=config.betas)
    small = area(target, config.lpips_size)
    wanted = lpips.features(small)
    taken, losses = 0, {}
    drafts = {math.ceil(share * config.steps) for share in config.drafts_at}
    for index in range(config.steps):
        taken, done = index + 1, index / config.steps
        ramp = learning_rate_ramp(done, config.ramp_up, config.ramp_down)
        optimiser.param_groups[0]["lr"] = config.learning_rate * ramp
        w, maps = latent.w(), noise.maps() if noise else None
        std = _w_noise(config, done) * generator.w_std
        noisy = w + std * torch.randn(w.shape, generator=random).to(w.device)
        seen = area(pictures.render(index, noisy, maps), config.lpips_size)
        perceptual = lpips.compare(lpips.features(seen), wanted).sum()
        mse = F.mse_loss(seen, small)
        loss = perceptual + config.lambda_l2 * mse
        if config.lambda_prior and (prior := latent.prior(w)) is not None:
            loss = loss + config.lambda_prior * prior
        if noise:
            loss = loss + config.lambda_noise * noise.regularisation()  # equation 2
        _descend(optimiser, loss, noise)
        losses = {"lpips": perceptual.item(), "mse": mse.item()}
        shown = seen.detach() if index % config.picture_every == 0 else None
        work = work_done(taken, config.steps, pictures.low_res_steps)
        draft = latent.w().detach().clone() if taken in drafts else None
        step = Step("invert", taken, config.steps, losses, shown, done=work, draft=draft)
        if on_step and on_step(step) is False:
            break
    found = {} if noise is None else {name: m.detach() for name, m in noise.maps().items()}
    return Projection(latent.w().detach(), found, taken, losses)


def _descend(optimiser: torch.optim.Optimizer, loss: Tensor, noise: NoiseMaps | None) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    if noise:
        noise.normalise()


class _Pictures:
    """Rendered pictures; those of the first `low_res_steps` steps are of low resolution."""

    def __init__(
        self, generator: Generator, config: ProjectionConfig, latent_prior: LatentPrior | None
    ):
        self.generator, self.correct_every = generator, config.correct_every
        self.coarse = LowResRenderer(generator, latent_prior.head) if latent_prior else None
        self.low_res_steps = round(config.low_res_share * config.steps) if latent_prior else 0

    def render(self, index: int, w: Tensor, maps: dict[str, Tensor] | None) -> Tensor:
        """The picture of w at step `index`, with these noise maps."""
        if self.coarse is None or index >= self.low_res_steps:
            return self.generator.render(w, maps)
        if index % self.correct_every == 0:
            self.coarse.correct(w.detach(), maps)
        return self.coarse.picture(w, maps)


def learning_rate_ramp(done: float, ramp_up: float, ramp_down: float) -> float:
    """Factor of the learning rate at a share `done` of the steps (Karras et al., appendix D):
    linear up over the first `ramp_up`, cosine down to zero over the last `ramp_down`."""
    down = min(1.0, (1 - done) / ramp_down) if ramp_down else 1.0
    up = min(1.0, done / ramp_up) if ramp_up else 1.0
    return (0.5 - 0.5 * math.cos(math.pi * down)) * up


def _w_noise(config: ProjectionConfig, done: float) -> float:
    return config.w_noise * max(0.0, 1 - done / config.w_noise_until) ** 2
