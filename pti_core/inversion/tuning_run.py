"""What the paper's tuning and the fast one share: moving weights, optimisers, the best weights."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from pti_core.generators.base import Generator, PartialForward
from pti_core.inversion.locality import locality_loss
from pti_core.inversion.optimisers import Muon
from pti_core.inversion.tuned_delta import (
    DELTA_DTYPE,
    TunedDelta,
    TunedResult,
    names_to_tune,
)
from pti_core.inversion.tuning_config import TuningConfig
from pti_core.networks.lpips import LPIPS

Weights = dict[str, Tensor]
Losses = dict[str, float]


@dataclass(frozen=True, eq=False)
class TuningTask:
    """What is to be tuned on what: the arguments of `pivotal_tune`, checked."""

    generator: Generator
    lpips: LPIPS
    targets: Tensor
    pivots: Tensor
    noise: list[dict[str, Tensor]]
    start: TunedDelta | None = None
    edits: Tensor | None = None
    seed: int = 0


class Latent(NamedTuple):
    """A fixed latent: ws (1, num_ws, w_dim), and the layers below the tuned ones run once."""

    ws: Tensor
    stem: PartialForward | None


class TuningRun(ABC):
    """State of one tuning: the moving weights, their optimisers, and the best weights seen.

    A subclass gives the loss of a step (`backward`). With N photographs each step uses one of
    them, in turn; N steps are a round.
    """

    low_res_steps = 0  # steps at low resolution, the first ones

    def __init__(self, task: TuningTask, config: TuningConfig):
        self.task, self.config = task, config
        self.generator, self.lpips = task.generator, task.lpips
        self.count = len(task.targets)
        self.random = torch.Generator().manual_seed(task.seed)
        self.weights = free_weights(task.generator, config.tuned_from, task.start)
        self.optimisers = make_optimisers(self.weights, config)
        self.rates = [optimiser.param_groups[0]["lr"] for optimiser in self.optimisers]
        rows = task.generator.broadcast(task.pivots).split(1)
        self.pivots = [self.latent(ws, noise) for ws, noise in zip(rows, task.noise, strict=True)]
        self.steps = 0
        self.best_losses: Losses = {}
        self.best = self.before = copy_weights(self.weights)
        self.forget()

    @abstractmethod
    def backward(self, which: int, index: int) -> tuple[Losses, Tensor]:
        """Add the gradients of the loss of photograph `which` at step `index`.

        Returns:
            The terms, unweighted, with the value to minimise under "loss"; and the picture.
        """

    @torch.no_grad()
    def latent(self, ws: Tensor, noise: dict[str, Tensor]) -> Latent:
        least = min(map(self.generator.side_of, self.weights))
        stem = self.generator.stem(ws, least // 2, noise) if least >= 8 else None
        return Latent(ws, stem)

    def step(self, index: int) -> tuple[Losses, Tensor]:
        """One optimisation step: the losses before it, and the picture they were taken of."""
        which = index % self.count
        if which == 0:
            self.before = copy_weights(self.weights)
        for optimiser, rate in zip(self.optimisers, self.rates, strict=True):
            optimiser.zero_grad(set_to_none=True)
            optimiser.param_groups[0]["lr"] = rate * self._rate(index)
        losses, picture = self.backward(which, index)
        for optimiser in self.optimisers:
            optimiser.step()
        self.steps = index + 1
        self._remember(losses)
        return losses, picture

    def backward_locality(self, index: int) -> Losses:
        """Add the gradients of equations 6 and 7 where it is their turn.

        A term that is evaluated every k steps weighs k times as much.
        """
        config = self.config
        if not config.locality_samples or index % config.locality_every:
            return {}
        pivots = [pivot.ws for pivot in self.pivots]
        loss = locality_loss(self.generator, self.lpips, pivots, self.weights, config, self.random)
        (config.lambda_locality * config.locality_every * loss).backward()
        return {"locality": loss.item()}

    def _rate(self, index: int) -> float:
        final = self.config.final_rate
        return final + (1 - final) * (1 - index / max(1, self.config.steps))

    def is_shown(self, index: int) -> bool:
        """Whether the picture of this step is a preview: the first photograph's, now and then."""
        round_, which = divmod(index, self.count)
        every = math.ceil(self.config.picture_every / self.count)
        return which == 0 and round_ % every == 0

    def is_draft(self, index: int) -> bool:
        """Whether the weights after this step, the last of a round, are given to `on_step`."""
        rounds, which = divmod(index + 1, self.count)
        total = self.config.steps / self.count
        return which == 0 and rounds in {
            math.ceil(share * total) for share in self.config.drafts_at
        }

    def forget(self) -> None:
        """Start the comparison of losses anew, as when the loss becomes a different one."""
        self.history: list[float] = []  # mean loss of each whole round over the photographs
        self.round: list[Losses] = []
        self.best_loss = math.inf

    def _remember(self, losses: Losses) -> None:
        """Keep the weights that began the round (a step for each photograph) of least loss."""
        self.round.append(losses)
        if len(self.round) < self.count:
            return
        mean = {key: sum(part[key] for part in self.round) / len(self.round) for key in losses}
        self.round = []
        self.history.append(mean["loss"])
        if mean["loss"] < self.best_loss:
            self.best_loss, self.best_losses, self.best = mean["loss"], mean, self.before

    def on_plateau(self) -> bool:
        """Whether the best loss of the last `plateau_steps` is no better than the one before."""
        rounds = max(1, self.config.plateau_steps // self.count)
        if len(self.history) < 2 * rounds:
            return False
        earlier, later = min(self.history[:-rounds]), min(self.history[-rounds:])
        return later > earlier * (1 - self.config.plateau_gain)

    def result(self, stopped: str) -> TunedResult:
        base = dict(self.generator.synthesis.named_parameters())
        delta = {
            name: (value - base[name].detach()).to(DELTA_DTYPE) for name, value in self.best.items()
        }
        return TunedResult(TunedDelta(delta), self.steps, self.best_losses, stopped)


def noise_of_each(
    noise: Sequence[dict[str, Tensor]] | dict[str, Tensor] | None, count: int
) -> list[dict[str, Tensor]]:
    """Noise maps of `count` photographs from one dict for all, one each, or none."""
    return list(noise) if isinstance(noise, list | tuple) else [noise or {}] * count  # type: ignore[list-item]


def free_weights(generator: Generator, tuned_from: int, start: TunedDelta | None) -> Weights:
    """Copies that may move: weights of maps of side `tuned_from` and more, and those in `start`."""
    begin = start.overrides(generator) if start else {}
    chosen = {*begin, *names_to_tune(generator, tuned_from)}
    return {
        name: begin.get(name, value).detach().clone().requires_grad_(True)
        for name, value in generator.synthesis.named_parameters()
        if name in chosen
    }


def make_optimisers(weights: Weights, config: TuningConfig) -> list[torch.optim.Optimizer]:
    """Adam with its default betas (section 4); where `muon_rate` is set, Muon beside it."""
    by_muon = {
        name for name, value in weights.items() if config.muon_rate and _is_matrix(name, value)
    }
    optimisers: list[torch.optim.Optimizer] = [
        torch.optim.Adam(
            [value for name, value in weights.items() if name not in by_muon],
            lr=config.learning_rate,
        )
    ]
    if by_muon:
        chosen = [weights[name] for name in sorted(by_muon)]
        optimisers.append(Muon(chosen, lr=config.muon_rate, momentum=config.muon_momentum))
    return optimisers


def _is_matrix(name: str, weight: Tensor) -> bool:
    """Whether a weight mixes many channels into many, which is what Muon is for.

    Depthwise kernels and heads do not. The embedded generator's first convolution does, but its
    update would cost as much as all others together (a 512 x 4608 matrix) for a map of 4x4.
    """
    return (
        weight.ndim == 4
        and not name.startswith("input.")
        and min(weight.shape[0], weight[0].numel()) >= 32
    )


def copy_weights(weights: Weights) -> Weights:
    return {name: value.detach().clone() for name, value in weights.items()}
