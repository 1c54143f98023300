"""Training a latent mapper for a prompt (StyleCLIP, section 5).

    python -m mappers.train --prompt "..." [--name NAME] [--generator NAME] [--steps N]

The codes it is trained on are sampled by the generator itself. The file has the published layout,
with what training needs to go on beside it, and is listed beside the published mappers.
"""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mappers.styleclip.clip import Clip
from mappers.styleclip.latent_mapper import (
    ABSENT,
    RATE,
    STRENGTH,
    LevelsMapper,
    mapper_from_checkpoint,
)
from mappers.styleclip.losses import COPIES, IdentityLoss, clip_loss
from pti_core.errors import CheckpointError, UserError
from pti_core.generators.base import Generator
from pti_core.progress import OnStep, Step
from pti_core.session.atomic_write import write_atomically

SAVE_EVERY = 120.0  # seconds between two savings: what an interruption may cost


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of `train`; the defaults are section 5's and its authors' code's."""

    steps: int = 5000  # on a GPU; the authors' 50,000 took half a day, most of it after 5000
    batch: int = 2
    learning_rate: float = 0.5  # the authors'; weights are 100 times what they are used as
    lambda_clip: float = 1.0
    lambda_l2: float = 0.8  # section 5's lambda_L2
    lambda_id: float = 0.1  # section 5's lambda_ID
    copies: int = COPIES
    truncation: float = 0.7  # codes are drawn in to the mean by this: faces, not oddities
    seed: int = 0
    no_fine: bool = False  # without the fine levels, for shapes that keep their colours


@dataclass
class TrainingState:
    """A mapper in training: what a file holds, and what it takes to go on."""

    mapper: LevelsMapper
    optimiser: torch.optim.Optimizer
    prompt: str
    config: TrainingConfig
    step: int = 0


def begin(prompt: str, config: TrainingConfig) -> TrainingState:
    """An untrained mapper, its weights as the authors' code draws them."""
    groups = [g for g in ABSENT if not (config.no_fine and g == "fine_mapping")]
    mapper = LevelsMapper(tuple(groups))
    random = torch.Generator().manual_seed(config.seed)
    for parameter in mapper.parameters():
        drawn = torch.randn(parameter.shape, generator=random) / RATE
        parameter.copy_(drawn if parameter.ndim == 2 else torch.zeros_like(drawn))
    return TrainingState(mapper, _optimiser(mapper, config), prompt, config)


def _optimiser(mapper: LevelsMapper, config: TrainingConfig) -> torch.optim.Optimizer:
    mapper.requires_grad_(True)
    return torch.optim.Adam(mapper.parameters(), lr=config.learning_rate)


def train(
    state: TrainingState,
    generator: Generator,
    clip: Clip,
    identity: IdentityLoss | None,
    path: Path | None = None,
    on_step: OnStep | None = None,
) -> TrainingState:
    """Train up to `state.config.steps`; the state is changed and, if `path` is given, kept there.

    Raises:
        UserError: the generator does not take the 18 codes that a mapper moves.
    """
    config = state.config
    if generator.num_ws != 18:
        raise UserError(
            f"A mapper moves 18 codes, and the generator {generator.name!r} takes "
            f"{generator.num_ws}; use one of 1024 pixels."
        )
    target, saved = clip.text([state.prompt]), time.monotonic()
    device = generator.w_avg.device
    state.mapper.to(device)
    while state.step < config.steps:
        random = torch.Generator().manual_seed(config.seed * 1_000_003 + state.step)
        w = generator.sample_w(config.batch, seed=config.seed * 7_919 + state.step + 1)
        ws = generator.broadcast(generator.w_avg + config.truncation * (w - generator.w_avg))
        change = STRENGTH * state.mapper(ws)
        losses = _losses(config, generator, clip, identity, ws, change, target, random)
        loss = config.lambda_clip * losses["clip"] + config.lambda_l2 * losses["l2"]
        loss = loss + config.lambda_id * losses.get("identity", torch.zeros((), device=device))
        state.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        state.optimiser.step()
        state.step += 1
        if path is not None and time.monotonic() - saved >= SAVE_EVERY:
            save_training(state, path)
            saved = time.monotonic()
        values = {name: float(term.detach()) for name, term in losses.items()}
        if on_step and on_step(Step("train", state.step, config.steps, values)) is False:
            break
    if path is not None:
        save_training(state, path)
    return state


def _losses(
    config: TrainingConfig,
    generator: Generator,
    clip: Clip,
    identity: IdentityLoss | None,
    ws: Tensor,
    change: Tensor,
    target: Tensor,
    random: torch.Generator,
) -> dict[str, Tensor]:
    """Section 5's terms: CLIP, the size of the change, identity."""
    with torch.no_grad():
        original = generator.render(ws)
    picture = generator.render(ws + change)
    found = {
        "clip": clip_loss(clip, picture, target, random, config.copies),
        "l2": change.square().sum((1, 2)).sqrt().mean(),
    }
    if identity is not None:
        found["identity"] = identity(picture, original)
    return found


# ----------------------------------------------------------------------------------------- the file


def save_training(state: TrainingState, path: Path) -> None:
    """Write the mapper in the published layout, and what going on needs beside it."""
    mapper = {f"mapper.{k}": v.detach().cpu() for k, v in state.mapper.state_dict().items()}
    opts: dict[str, Any] = {
        "mapper_type": "LevelsMapper",
        "work_in_stylespace": False,
        "description": state.prompt,
        **{absent: not hasattr(state.mapper, group) for group, absent in ABSENT.items()},
    }
    training = {
        "step": state.step,
        "config": asdict(state.config),
        "optimiser": state.optimiser.state_dict(),
    }
    stream = io.BytesIO()
    torch.save({"state_dict": mapper, "opts": opts, "training": training}, stream)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, stream.getvalue())


def resume(path: Path, prompt: str, config: TrainingConfig) -> TrainingState:
    """What an earlier run left; `config.steps` may be another.

    Raises:
        CheckpointError: it is no mapper in training. UserError: for another prompt or settings.
    """
    from checkpoints.safe_pickle import read_torch

    checkpoint = read_torch(path)
    training, opts = checkpoint.get("training"), checkpoint.get("opts")
    if not isinstance(training, Mapping) or not isinstance(opts, Mapping):
        raise CheckpointError(f"{path.name} is no mapper that was trained here.")
    before = {**dict(training.get("config", {})), "steps": config.steps}
    if opts.get("description") != prompt or before != asdict(config):
        raise UserError(f"{path} was begun for another prompt or settings; use another --name.")
    mapper = mapper_from_checkpoint(checkpoint)
    state = TrainingState(mapper, _optimiser(mapper, config), prompt, config)
    try:
        state.optimiser.load_state_dict(training["optimiser"])
        state.step = int(training["step"])
    except (KeyError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path.name} is no mapper that was trained here.") from error
    return state
