"""Pivotal tuning (Roich et al. 2021, section 3.2 and 3.3): the generator learns the photograph.

The pivots stay; the synthesis network's weights move a little until they render the photographs
at the pivots (equations 3 and 4, for several photographs equation 5). A locality term keeps what
the base generator renders elsewhere in W (equations 6 and 7).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from pti_core.generators.base import MIDDLE, Generator, PartialForward
from pti_core.inversion.losses import PhotographLoss, View, contrast
from pti_core.inversion.low_res import SIDE as COARSE_SIDE
from pti_core.inversion.low_res import CoarsePictures, halfway, recover_head
from pti_core.inversion.optimisers import Muon
from pti_core.networks.lpips import LPIPS, area
from pti_core.progress import OnStep, Step, work_done

#: Type of a stored difference: half the file, and an error (2^-11 of a weight's change) that is
#: far under what one more step changes.
DELTA_DTYPE = torch.float16
#: Faces halfway to which the coarse steps' head is fitted where no edits are held.
_HEAD_FACES = 6


@dataclass(frozen=True)
class TuningConfig:
    """Settings of `pivotal_tune`; the defaults are the paper's (section 4)."""

    steps: int = 350  # section 4: 350 iterations
    # More of them for a photograph of more detail, in proportion: `steps_for`.
    enough_detail: float = 0.0  # up to which `steps` are enough; 0: they are for all
    most_steps: float = 1.0  # times `steps`, at most
    coarse_share: float = 0.0  # of the steps, the first: on small pictures (`low_res`)
    correct_every: int = 8  # rounds between two corrections of the small pictures
    learning_rate: float = 3e-4  # section 4, Adam
    tuned_from: int = 4  # least side of the hidden maps whose weights move; the paper's: all
    muon_rate: float = 0.0  # of Muon, for weights that mix channels; 0: Adam for all
    muon_momentum: float = 0.8  # 0.95 is usual, for thousands of steps; in 60, 0.8 ends lower
    final_rate: float = 1.0  # linear decay of the rates to this share; the paper's are constant
    lambda_l2: float = 1.0  # equation 3's lambda_L2, section 4
    lambda_lpips: float = 1.0  # equation 3 weighs LPIPS by one
    lambda_coarse: float = 0.0  # squared error of the pictures at 64 x 64
    lambda_masked: float = 0.0  # `PhotographLoss.masked_error`
    lambda_periodic: float = 0.0  # `PhotographLoss.periodic_error`
    lpips_views: tuple[View, ...] = (View(1024),)  # compared at every step
    lpips_in_turn: tuple[View, ...] = ()  # one more at each step, in turn
    lpips_late: tuple[View, ...] = ()  # in their place from `late_from` on
    late_from: float = 0.5  # share of the steps
    views_every: int = 1  # rounds over the photographs between two of the views in turn
    # Equations 6 and 7.
    locality_samples: int = 1  # N_r, section 4; 0 switches the term off
    locality_every: int = 1  # steps between two evaluations of the term (the paper: every one)
    locality_alpha: float = 30.0  # equation 6's alpha, over all rows of w; figure 17: best near 30
    lambda_locality: float = 0.1  # lambda_R, section 4
    lambda_l2_locality: float = 1.0  # lambda_L2^R, section 4
    locality_size: int = 256  # side at which the term's LPIPS sees its pictures
    # Edits keep their size: `_Run._edit_loss`, a term of our own.
    lambda_edits: float = 0.0
    edits_every: int = 3  # rounds between two evaluations, the first among them
    edits_size: int = 128  # side at which it sees its pictures
    # When to stop before `steps`.
    lpips_threshold: float = 0.0  # stop under this LPIPS; the authors' code has 0.06
    plateau_steps: int = 60  # stop if the best loss of so many steps gained nothing ...
    plateau_gain: float = 0.02  # ... by this share; less than that changes no picture visibly
    picture_every: int = 10  # a preview goes to `on_step` every so many steps


def for_all(config: TuningConfig, count: int) -> TuningConfig:
    """Settings for `count` photographs of what `config` does for one of them: each has its steps.

    The plateau too is counted in steps of all: else a dozen people would have one round to gain in.
    """
    plateau = config.plateau_steps * count
    return replace(config, steps=config.steps * count, plateau_steps=plateau)


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
    edits: Tensor | None = None,
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
        edits: (K, w_dim), steps in W whose effect at the pivots is to stay the base's, if
            `lambda_edits` is not nought.

    With N photographs, every step renders one of them, in turn, so that memory does not grow;
    `for_all` gives them the steps. The pictures that `on_step` gets are the first one's.
    """
    config = config or TuningConfig()
    config = replace(config, steps=steps_for(config, targets))
    run = _Run(generator, targets, pivots, lpips, config, seed, noise, start, edits)
    for index in range(config.steps):
        if index == run.coarse_steps:
            run.go_fine()
        losses, picture = run.step(index)
        shown = picture if run.is_shown(index) else None
        done = work_done(index + 1, config.steps, run.coarse_steps)
        step = Step("tune", index + 1, config.steps, losses, shown, done=done)
        if on_step and on_step(step) is False:
            return run.result("person")
        if 0 < losses["lpips"] < config.lpips_threshold:
            return run.result("threshold")
        if run.on_plateau():
            return run.result("plateau")
    return run.result("steps")


def steps_for(config: TuningConfig, targets: Tensor) -> int:
    """How many steps photographs (N, 3, R, R) take: what has more `contrast` is learnt for longer.

    Freckles, curls and grain take more steps than smooth skin to the same likeness.
    """
    if not config.enough_detail:
        return config.steps
    most = max(contrast(target[None]) for target in targets)
    return round(config.steps * min(max(most / config.enough_detail, 1.0), config.most_steps))


class _Code(NamedTuple):
    """Where pictures are rendered over and over while weights move: ws, and what stays there."""

    ws: Tensor
    stem: PartialForward | None


class _Held(NamedTuple):
    """An edit that is held: where it leads, the picture that is wanted there at `edits_size`, and
    the mean square of how the base's differs from its picture at the pivot."""

    code: _Code
    wanted: Tensor
    scale: float


class _Run:
    """State of one tuning: the moving weights, their optimisers, and the best seen."""

    def __init__(self, generator, targets, pivots, lpips, config, seed, noise, start, edits=None):
        count = len(targets)
        if len(pivots) != count:
            raise ValueError(f"{count} targets and {len(pivots)} pivots")
        self.generator, self.lpips, self.config = generator, lpips, config
        self.targets, self.edits = targets, edits
        self.noise = list(noise) if isinstance(noise, list | tuple) else [noise or {}] * count
        self.random = torch.Generator().manual_seed(seed)
        self.weights = _free_weights(generator, config.tuned_from, start)
        self.optimisers = _optimisers(self.weights, config)
        self.rates = [optimiser.param_groups[0]["lr"] for optimiser in self.optimisers]
        rows = generator.broadcast(pivots).split(1)
        self.pivots = [self._code(ws, noise) for ws, noise in zip(rows, self.noise, strict=True)]
        self.held: list[list[_Held]] = []  # of each photograph
        self.coarse: list[CoarsePictures] = []  # of each photograph, where there are coarse steps
        self.coarse_steps = self._coarse_steps()
        for which in range(count):
            self._look_at_the_base(which)
        self.fine = not self.coarse_steps
        self.photographs = self._small() if self.coarse_steps else self._large()
        self.detail = [0.0] * count  # the last LPIPS of a view in turn
        self.steps = 0
        self.best_losses: dict[str, float] = {}
        self.best = self.before = _copies(self.weights)
        self._forget()

    @torch.no_grad()
    def _code(self, ws: Tensor, noise: dict[str, Tensor]) -> _Code:
        least = min(map(self.generator.side_of, self.weights))
        stem = self.generator.stem(ws, least // 2, noise) if least >= 8 else None
        return _Code(ws, stem)

    def _coarse_steps(self) -> int:
        count = len(self.targets)
        steps = count * round(self.config.coarse_share * self.config.steps / count)
        return steps if self.generator.has_middle else 0

    def _small(self) -> list[PhotographLoss]:
        small = area(self.targets, COARSE_SIDE)
        return [PhotographLoss(t[None], self.lpips, (), (View(COARSE_SIDE),)) for t in small]

    def _large(self) -> list[PhotographLoss]:
        config = self.config
        views = (config.lpips_views, config.lpips_in_turn, config.lpips_late)
        return [PhotographLoss(target[None], self.lpips, *views) for target in self.targets]

    def go_fine(self) -> None:
        """From the small pictures to those of full size, whose losses are other ones."""
        if not self.fine:
            self.fine = True
            self.photographs = self._large()
            self._forget()

    @torch.no_grad()
    def _look_at_the_base(self, which: int) -> None:
        """`held` and `coarse` of a photograph, from the base's pictures around its pivot."""
        generator, config, size = self.generator, self.config, self.config.edits_size
        pivot, noise, pictures = self.pivots[which], self.noise[which], []
        edits = [] if self.edits is None or not config.lambda_edits else self.edits.to(pivot.ws)
        steps = [length * edit for edit in edits for length in (0.5, 1.0)]
        moved = [self._code(pivot.ws + step, noise) for step in steps]

        def seen(around: list[_Code]) -> Iterator[tuple[Tensor, Tensor]]:
            for code in (pivot, *around):
                maps, picture = halfway(generator, code.ws, noise, code.stem)
                pictures.append(area(picture, size))
                yield maps, picture

        if self.coarse_steps:
            head = recover_head(seen(moved or self._faces_near(pivot.ws)))
            self.coarse.append(CoarsePictures(generator, head))
        elif moved:
            for code in (pivot, *moved):
                picture = generator.render(code.ws, noise, stem=code.stem)
                pictures.append(area(picture.float(), size))
        target = area(self.targets[which : which + 1], size)
        changes = [picture - pictures[0] for picture in pictures[1:]]
        self.held.append(
            [
                _Held(code, target + change, change.square().mean().item())
                for code, change in zip(moved, changes, strict=False)  # none are held, or all
            ]
        )

    def _faces_near(self, ws: Tensor) -> list[_Code]:
        faces = self.generator.sample_w(_HEAD_FACES, seed=0).split(1)
        return [_Code(ws + 0.5 * (self.generator.broadcast(w) - ws), None) for w in faces]

    def _forget(self) -> None:
        self.history: list[float] = []  # mean loss of each whole round over the photographs
        self.round: list[dict[str, float]] = []
        self.best_loss = math.inf

    def step(self, index: int) -> tuple[dict[str, float], Tensor]:
        config, which = self.config, index % len(self.photographs)
        if which == 0:
            self.before = _copies(self.weights)
        for optimiser, rate in zip(self.optimisers, self.rates, strict=True):
            optimiser.zero_grad(set_to_none=True)
            optimiser.param_groups[0]["lr"] = rate * self._rate(index)
        losses, picture = self._photograph_step(which, index)
        # What is evaluated every k steps weighs k times as much.
        if config.locality_samples and index % config.locality_every == 0:
            local = self._locality_loss()
            losses["locality"] = local.item()
            (config.lambda_locality * config.locality_every * local).backward()
        # By rounds, or of two people the second's edits would never be held.
        round_ = index // len(self.photographs)
        if self.held[which] and round_ % config.edits_every == 0:
            moved = self._edit_loss(which)
            losses["edits"] = moved.item()
            (config.lambda_edits * config.edits_every * moved).backward()
        for optimiser in self.optimisers:
            optimiser.step()
        self.steps = index + 1
        self._remember(losses)
        return losses, picture

    def is_shown(self, index: int) -> bool:
        """Whether the picture of this step is a preview: the first photograph's, now and then."""
        round_, which = divmod(index, len(self.photographs))
        every = math.ceil(self.config.picture_every / len(self.photographs))
        return which == 0 and round_ % every == 0

    def _photograph_step(self, which: int, index: int) -> tuple[dict[str, float], Tensor]:
        """Gradients of equation 3's loss for one photograph; its terms and the picture."""
        config, photograph = self.config, self.photographs[which]
        round_ = index // len(self.photographs)
        picture = self._picture(which, round_)
        mse = photograph.squared_error(picture)
        perceptual = photograph.perceptual(picture, self.random)
        steady = config.lambda_l2 * mse + config.lambda_lpips * perceptual
        if config.lambda_coarse:
            steady = steady + config.lambda_coarse * photograph.coarse_error(picture)
        # Which view or tile comes up must not decide which weights were best: not in "loss".
        varying = torch.zeros(())
        turn, rest = divmod(round_, config.views_every)
        if rest == config.views_every - 1:  # the other rounds are the edits'
            late = index >= config.late_from * config.steps
            detail = photograph.detail(picture, turn, self.random, late)
            self.detail[which] = detail.item()
            varying = config.lambda_lpips * config.views_every * detail
        if config.lambda_masked and self.fine:  # both are of the finest detail
            varying = varying + config.lambda_masked * photograph.masked_error(picture, self.random)
        if config.lambda_periodic and self.fine:
            periodic = photograph.periodic_error(picture, self.random)
            varying = varying + config.lambda_periodic * periodic
        (steady + varying).backward()
        seen = perceptual.item() if photograph.always else self.detail[which]
        losses = {"mse": mse.item(), "lpips": seen, "loss": steady.item()}
        return losses, picture.detach()

    def _picture(self, which: int, round_: int) -> Tensor:
        """A photograph's picture as its step sees it: small, or of full size."""
        (ws, stem), replaced = self.pivots[which], {**self.noise[which], **self.weights}
        amiss = self.coarse and round_ % self.config.correct_every == 0
        if not self.fine:
            if amiss:
                self.coarse[which].correct(ws, replaced, stem)
            return self.coarse[which].picture(ws, replaced, stem)
        if not amiss:
            return self.generator.render(ws, replaced, stem=stem)
        middle = self.generator.stem(ws, MIDDLE, replaced, stem)
        picture = self.generator.render(ws, replaced, stem=middle)
        self.coarse[which].match(middle.maps, picture)
        return picture

    def _locality_loss(self) -> Tensor:
        """Equations 6 and 7: pictures at a distance alpha from the pivot stay the base's.

        The distance is that of all num_ws rows together, as the authors' code takes it: 30 is 7.1
        a row of 18. Thirty a row would lie far beyond what random w are apart (14 in the embedded
        generator's W), where pictures are broken and the term would hold nothing of use.
        """
        config, total = self.config, torch.zeros(())
        for _ in range(config.locality_samples):
            which = int(torch.randint(0, len(self.pivots), (1,), generator=self.random))
            z = torch.randn(1, self.generator.w_dim, generator=self.random)
            pivot = self.pivots[which].ws
            away = self.generator.broadcast(self.generator.mapping(z.to(pivot))) - pivot
            ws = pivot + config.locality_alpha * away / away.norm()
            with torch.no_grad():
                base = self.generator.render(ws)
            tuned = self.generator.render(ws, self.weights)
            size = config.locality_size
            perceptual = self.lpips(area(tuned, size), area(base, size)).sum()
            total = total + perceptual + config.lambda_l2_locality * F.mse_loss(tuned, base)
        return total / config.locality_samples

    def _edit_loss(self, which: int) -> Tensor:
        """How far an edit of the photograph is from what the same edit does on the base.

        For a random edit the tuned picture has to differ from the photograph as the base's picture
        there differs from the base's at the pivot: mean squared error at `edits_size`, over the
        mean square of that difference. Small pictures do for it, where there are any. Tuning binds
        the picture to the photograph; without this it does so around the pivot too, and a smile's
        teeth come through the lips of before.
        """
        held = self.held[which]
        chosen = int(torch.randint(0, len(held), (1,), generator=self.random))
        (ws, stem), wanted, scale = held[chosen]
        replaced = {**self.noise[which], **self.weights}
        seen = self.coarse[which].picture if self.coarse else self.generator.render
        picture = seen(ws, replaced, stem=stem)
        return F.mse_loss(area(picture, self.config.edits_size), wanted) / scale

    def _rate(self, index: int) -> float:
        final = self.config.final_rate
        return final + (1 - final) * (1 - index / max(1, self.config.steps))

    def _remember(self, losses: dict[str, float]) -> None:
        """Keeps the weights that began the round (a step for each photograph) of least loss."""
        self.round.append(losses)
        if len(self.round) < len(self.photographs):
            return
        mean = {key: sum(part[key] for part in self.round) / len(self.round) for key in losses}
        self.round = []
        self.history.append(mean["loss"])
        if mean["loss"] < self.best_loss:
            self.best_loss, self.best_losses, self.best = mean["loss"], mean, self.before

    def on_plateau(self) -> bool:
        rounds = max(1, self.config.plateau_steps // len(self.photographs))
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


def _free_weights(
    generator: Generator, tuned_from: int, start: TunedDelta | None
) -> dict[str, Tensor]:
    """Copies that may move: those of large enough maps, and whatever `start` has moved already."""
    begin = start.replaced(generator) if start else {}
    return {
        name: begin.get(name, value).detach().clone().requires_grad_(True)
        for name, value in generator.synthesis.named_parameters()
        if name in begin or generator.side_of(name) >= tuned_from
    }


def _optimisers(weights: dict[str, Tensor], config: TuningConfig) -> list[torch.optim.Optimizer]:
    """Adam with its default betas, as section 4 has it; Muon, where asked for, beside it."""
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

    Depthwise kernels and heads do not; the embedded generator's first convolution does, but its
    update would cost as much as all others together (a 512 x 4608 matrix) for a map of 4x4.
    """
    return (
        weight.ndim == 4
        and not name.startswith("input.")
        and min(weight.shape[0], weight[0].numel()) >= 32
    )


def _copies(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in weights.items()}
