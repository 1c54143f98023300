"""Latent optimisation (StyleCLIP, section 4): the code whose picture is CLIP-near to a text."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from mappers.styleclip.clip import Clip
from mappers.styleclip.losses import COPIES, IdentityLoss, clip_loss
from pti_core.generators.base import Generator
from pti_core.inversion.projector import learning_rate_ramp
from pti_core.networks.lpips import area
from pti_core.progress import OnStep, Step

#: Side of the pictures that `on_step` is shown.
PREVIEW = 256


@dataclass(frozen=True)
class OptimisationConfig:
    """Settings of `optimise`; the defaults are section 4's and its authors' code's."""

    space: str = "w+"  # "w" (one step for all levels) or "w+"
    steps: int = 200  # the authors': 200 to 300
    seconds: float = 900.0  # a bound in time: on two cores a step at 1024 takes about 3 s
    learning_rate: float = 0.1  # Adam, the authors' code
    ramp_up: float = 0.05  # share of steps
    ramp_down: float = 0.25  # share of steps
    lambda_l2: float = 0.008  # equation 1
    lambda_id: float = 0.005  # equation 1
    copies: int = COPIES  # augmented copies that CLIP sees; 0 for the picture alone
    picture_every: int = 5


@dataclass(frozen=True)
class OptimisedResult:
    """What `optimise` reached.

    step: (1, w_dim) or (num_ws, w_dim), to add to the code it began with. losses: the last
    step's. stopped: "steps", "time" or "person".
    """

    step: Tensor
    steps: int
    losses: dict[str, float]
    stopped: str


def optimise(
    generator: Generator,
    w: Tensor,
    clip: Clip,
    text: str,
    identity: IdentityLoss | None = None,
    config: OptimisationConfig | None = None,
    overrides: Mapping[str, Tensor] | None = None,
    seed: int = 0,
    on_step: OnStep | None = None,
) -> OptimisedResult:
    """Equation 1: the CLIP loss, the squared distance from w, and the identity loss.

    Args:
        generator: frozen. replaced: a session's tuned weights and noise, as `render` takes them.
        w: (1, w_dim) or (1, num_ws, w_dim) to begin with.
        identity: None leaves its term out.
        seed: of the augmentations; same seed, same result.
        on_step: told of every step; returning False ends with what is reached.
    """
    config = config or OptimisationConfig()
    if config.space not in ("w", "w+"):
        raise ValueError(f"space is {config.space!r}, not 'w' or 'w+'")
    random = torch.Generator().manual_seed(seed)
    start = generator.broadcast(w.detach())
    levels = generator.num_ws if config.space == "w+" else 1
    step = torch.zeros(levels, generator.w_dim, device=w.device, requires_grad=True)
    optimiser = torch.optim.Adam([step], lr=config.learning_rate)
    with torch.no_grad():
        original = generator.render(start, overrides)
    target, begun = clip.text([text]), time.monotonic()
    taken, losses, stopped = 0, dict[str, float](), "steps"
    for index in range(config.steps):
        ramp = learning_rate_ramp(index / config.steps, config.ramp_up, config.ramp_down)
        optimiser.param_groups[0]["lr"] = config.learning_rate * max(ramp, 1 / config.steps)
        picture = generator.render(start + step, overrides)
        terms = {
            "clip": clip_loss(clip, picture, target, random, config.copies),
            "l2": step.square().sum() * (generator.num_ws / levels),
        }
        if identity is not None:
            terms["identity"] = identity(picture, original)
        loss = terms["clip"] + config.lambda_l2 * terms["l2"]
        loss = loss + config.lambda_id * terms.get("identity", torch.zeros(()))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        taken, losses = index + 1, {n: float(t.detach()) for n, t in terms.items()}
        shown = area(picture.detach(), min(PREVIEW, picture.shape[-1]))
        done = Step("optimise", taken, config.steps, losses, shown)
        if index % config.picture_every:
            done = Step("optimise", taken, config.steps, losses)
        if on_step and on_step(done) is False:
            stopped = "person"
            break
        if time.monotonic() - begun > config.seconds:
            stopped = "time"
            break
    return OptimisedResult(step.detach(), taken, losses, stopped)
