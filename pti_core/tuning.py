"""Pivotal tuning (Roich et al. 2021, section 3.2 and 3.3): the generator learns the photograph.

The pivots stay; the synthesis network's weights move a little until they render the photographs
at the pivots (equations 3 and 4, for several photographs equation 5). A locality term keeps what
the base generator renders elsewhere in W (equations 6 and 7).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from pti_core.generators.base import Generator
from pti_core.perceptual import LPIPS, area
from pti_core.progress import OnStep, Step

#: Type of a stored difference: half the file, and an error (2^-11 of a weight's change) that is
#: far under what one more step changes.
DELTA_DTYPE = torch.float16


@dataclass(frozen=True)
class TuningConfig:
    """Settings of `pivotal_tune`; the defaults are the paper's (section 4)."""

    steps: int = 350  # section 4: 350 iterations
    learning_rate: float = 3e-4  # section 4, Adam
    lambda_l2: float = 1.0  # equation 3's lambda_L2, section 4
    lambda_lpips: float = 1.0  # equation 3 weighs LPIPS by one
    lpips_sizes: tuple[int, ...] = (1024,)  # sides at which LPIPS sees the whole picture
    lpips_crop: int = 0  # LPIPS on one random window of that side at full resolution; 0: none
    final_rate: float = 1.0  # cosine decay of the rate to this share; the paper's is constant
    tuned: str = ""  # only parameters whose name holds one of these words (by "|"); "": all
    # Equations 6 and 7.
    locality_samples: int = 1  # N_r, section 4; 0 switches the term off
    locality_every: int = 1  # steps between two evaluations of the term (the paper: every one)
    locality_alpha: float = 30.0  # equation 6's alpha; figure 17: best near 30
    lambda_locality: float = 0.1  # lambda_R, section 4
    lambda_l2_locality: float = 1.0  # lambda_L2^R, section 4
    locality_size: int = 256  # side at which the term's LPIPS sees its pictures
    # When to stop before `steps`.
    lpips_threshold: float = 0.0  # stop under this LPIPS; the authors' code has 0.06
    plateau_steps: int = 60  # stop if the best loss of so many steps gained nothing ...
    plateau_gain: float = 0.02  # ... by this share; measured: later steps change no picture
    picture_every: int = 10  # a preview goes to `on_step` every so many steps


@dataclass(frozen=True)
class TunedDelta:
    """Tuned weights as differences from the base generator's.

    Attributes:
        tensors: parameter name inside `synthesis` to its difference, in `DELTA_DTYPE`.
    """

    tensors: dict[str, Tensor] = field(default_factory=dict)

    def replaced(self, generator: Generator) -> dict[str, Tensor]:
        """The tuned parameters, base plus difference: what `Generator.render` takes."""
        base = dict(generator.synthesis.named_parameters())
        return {
            name: base[name].detach() + difference.to(base[name])
            for name, difference in self.tensors.items()
        }


@dataclass(frozen=True)
class TunedResult:
    """What `pivotal_tune` reached.

    Attributes:
        delta: the best weights seen, as differences.
        steps: steps taken.
        losses: losses at the weights in `delta`.
        stopped: why it ended: "steps", "plateau", "threshold" or "person".
    """

    delta: TunedDelta
    steps: int
    losses: dict[str, float]
    stopped: str


def pivotal_tune(
    generator: Generator,
    targets: Tensor,
    pivots: Tensor,
    lpips: LPIPS,
    config: TuningConfig | None = None,
    seed: int = 0,
    noise: Sequence[dict[str, Tensor]] | dict[str, Tensor] | None = None,
    start: TunedDelta | None = None,
    on_step: OnStep | None = None,
) -> TunedResult:
    """Tunes the generator on one photograph or on N that share it (equations 3 to 7).

    Args:
        generator: frozen base generator of resolution R; it is not changed.
        targets: (N, 3, R, R) in [-1, 1].
        pivots: (N, 512), or (N, num_ws, 512) for pivots in W+.
        lpips: perceptual network.
        config: settings; the paper's by default.
        seed: of the windows and of the locality samples; same seed, same result.
        noise: noise maps found with the pivots, one dict for all or one a photograph.
        start: weights to go on from; the base's by default.
        on_step: told of every step; returning False ends the tuning with the best so far.

    With N photographs, every step renders one of them, in turn, so that memory does not grow.
    """
    config = config or TuningConfig()
    run = _Run(generator, targets, pivots, lpips, config, seed, noise, start)
    for index in range(config.steps):
        losses, picture = run.step(index)
        shown = picture if index % config.picture_every == 0 else None
        if on_step and on_step(Step("tune", index + 1, config.steps, losses, shown)) is False:
            return run.result("person")
        if losses["lpips"] < config.lpips_threshold:
            return run.result("threshold")
        if run.on_plateau():
            return run.result("plateau")
    return run.result("steps")


class _Run:
    """State of one tuning: the moving weights, their optimiser, and the best seen."""

    def __init__(self, generator, targets, pivots, lpips, config, seed, noise, start):
        count = len(targets)
        if len(pivots) != count:
            raise ValueError(f"{count} targets and {len(pivots)} pivots")
        self.generator, self.lpips, self.config = generator, lpips, config
        self.targets, self.ws = targets, generator.broadcast(pivots)
        self.noise = list(noise) if isinstance(noise, list | tuple) else [noise or {}] * count
        self.random = torch.Generator().manual_seed(seed)
        self.weights = _free_weights(generator, config.tuned, start)
        # Adam with its default betas, as section 4 has it.
        self.optimiser = torch.optim.Adam(list(self.weights.values()), lr=config.learning_rate)
        self.wanted = [
            {size: lpips.features(area(target[None], size)) for size in config.lpips_sizes}
            for target in targets
        ]
        self.steps = 0
        self.history: list[float] = []  # mean loss of each whole round over the photographs
        self.round: list[dict[str, float]] = []
        self.best_loss, self.best_losses = math.inf, {}
        self.best = {name: value.detach().clone() for name, value in self.weights.items()}

    def step(self, index: int) -> tuple[dict[str, float], Tensor]:
        which = index % len(self.targets)
        at_round_start = which == 0
        if at_round_start:
            before = {name: value.detach().clone() for name, value in self.weights.items()}
            self.before = before
        self.optimiser.zero_grad(set_to_none=True)
        loss, losses, picture = self._photograph_loss(which)
        loss.backward()
        if self.config.locality_samples and index % self.config.locality_every == 0:
            local = self._locality_loss()
            losses["locality"] = local.item()
            # Evaluated every k steps, it weighs k times as much.
            (self.config.lambda_locality * self.config.locality_every * local).backward()
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * self._rate(index)
        self.optimiser.step()
        self.steps = index + 1
        self._remember(losses)
        return losses, picture

    def _photograph_loss(self, which: int) -> tuple[Tensor, dict[str, float], Tensor]:
        config, target = self.config, self.targets[which : which + 1]
        replaced = {**self.noise[which], **self.weights}
        picture = self.generator.render(self.ws[which : which + 1], replaced)
        mse = F.mse_loss(picture, target)
        seen = [
            self.lpips.compare(self.lpips.features(area(picture, size)), wanted).sum()
            for size, wanted in self.wanted[which].items()
        ]
        perceptual = torch.stack(seen).mean() if seen else torch.zeros(())
        loss = config.lambda_l2 * mse + config.lambda_lpips * perceptual
        losses = {"mse": mse.item(), "lpips": perceptual.item()}
        if config.lpips_crop:
            rows, columns = self._window(picture.shape[-1])
            window = picture[..., rows, columns], target[..., rows, columns]
            detail = self.lpips(*window).sum()
            losses["lpips_crop"] = detail.item()
            loss = loss + config.lambda_lpips * detail
        return loss, losses, picture.detach()

    def _window(self, side: int) -> tuple[slice, slice]:
        size = min(self.config.lpips_crop, side)
        top, left = torch.randint(0, side - size + 1, (2,), generator=self.random).tolist()
        return slice(top, top + size), slice(left, left + size)

    def _locality_loss(self) -> Tensor:
        """Equations 6 and 7: pictures at a distance alpha from the pivot stay the base's."""
        config, total = self.config, torch.zeros(())
        for _ in range(config.locality_samples):
            which = int(torch.randint(0, len(self.ws), (1,), generator=self.random))
            z = torch.randn(1, self.generator.w_dim, generator=self.random)
            pivot = self.ws[which : which + 1]
            away = self.generator.broadcast(self.generator.mapping(z.to(pivot))) - pivot
            ws = pivot + config.locality_alpha * away / away.norm(dim=-1, keepdim=True)
            with torch.no_grad():
                base = self.generator.render(ws)
            tuned = self.generator.render(ws, self.weights)
            size = config.locality_size
            perceptual = self.lpips(area(tuned, size), area(base, size)).sum()
            total = total + perceptual + config.lambda_l2_locality * F.mse_loss(tuned, base)
        return total / config.locality_samples

    def _rate(self, index: int) -> float:
        final = self.config.final_rate
        done = index / max(1, self.config.steps)
        return final + (1 - final) * (0.5 + 0.5 * math.cos(math.pi * done))

    def _remember(self, losses: dict[str, float]) -> None:
        """Keeps the weights of the round (one step for each photograph) with the least loss.

        The losses of a round belong to the weights it began with, up to the round's own steps.
        The window's LPIPS is left out: which window came up would decide.
        """
        self.round.append(losses)
        if len(self.round) < len(self.targets):
            return
        mean = {key: _mean([part[key] for part in self.round]) for key in ("mse", "lpips")}
        self.round = []
        loss = self.config.lambda_l2 * mean["mse"] + self.config.lambda_lpips * mean["lpips"]
        self.history.append(loss)
        if loss < self.best_loss:
            self.best_loss, self.best_losses, self.best = loss, mean, self.before

    def on_plateau(self) -> bool:
        rounds = max(1, self.config.plateau_steps // len(self.targets))
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


def _free_weights(generator: Generator, tuned: str, start: TunedDelta | None) -> dict[str, Tensor]:
    words = tuned.split("|")
    begin = start.replaced(generator) if start else {}
    return {
        name: begin.get(name, value).detach().clone().requires_grad_(True)
        for name, value in generator.synthesis.named_parameters()
        if any(word in name for word in words)
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
