"""Pivotal tuning for a CPU: the paper's loss terms (`losses`), and what shortens the way there.

The first steps compare low-resolution pictures (`low_res`); Muon moves the convolutions; LPIPS
sees one view at a time; squared error and LPIPS look at the face first, as hair and scene of an
edit are the photograph's own pixels; edits are held to the size that they have on the base
generator (`HeldEdit`). Refining looks at all of the picture, and suppresses the patterns that
tuning leaves in fine detail. None of it is the paper's; `benchmarks/notes.md` has what each was
measured to gain.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from pti_core.generators.base import MIDDLE
from pti_core.inversion.losses import PhotographLoss, View, contrast
from pti_core.inversion.low_res import SIDE as COARSE_SIDE
from pti_core.inversion.low_res import LowResRenderer, mid_activations, recover_head
from pti_core.inversion.tuning_config import TuningConfig
from pti_core.inversion.tuning_run import Latent, Losses, TuningRun, TuningTask
from pti_core.networks.lpips import area

#: Random faces to which the low-resolution head is fitted where no edits are held.
_HEAD_FACES = 6


def steps_for(config: TuningConfig, targets: Tensor) -> int:
    """Steps for photographs (N, 3, R, R): more where their `contrast` is above `enough_detail`.

    Freckles, curls and grain take more steps than smooth skin to the same likeness.
    """
    if not config.enough_detail:
        return config.steps
    most = max(contrast(target[None]) for target in targets)
    return round(config.steps * min(max(most / config.enough_detail, 1.0), config.most_steps))


class HeldEdit(NamedTuple):
    """An edit whose effect is held.

    Attributes:
        latent: the pivot moved by the edit.
        wanted: (1, 3, S, S) picture wanted there, at `edits_size`: the photograph plus what the
            edit changes on the base generator.
        scale: mean square of that change.
    """

    latent: Latent
    wanted: Tensor
    scale: float


class FastTuning(TuningRun):
    """Low-resolution steps, Muon, views in turn, terms on fine detail, and held edits."""

    def __init__(self, task: TuningTask, config: TuningConfig):
        super().__init__(task, config)
        self.held: list[list[HeldEdit]] = []  # of each photograph
        self.coarse: list[LowResRenderer] = []  # of each photograph, where there are coarse steps
        self.low_res_steps = self._count_low_res_steps()
        for which in range(self.count):
            self._render_base(which)
        self.fine = not self.low_res_steps
        self.photographs = self._full_losses() if self.fine else self._low_res_losses()
        self.last_detail = [0.0] * self.count  # the last LPIPS of a view in turn

    def _count_low_res_steps(self) -> int:
        steps = self.count * round(self.config.low_res_share * self.config.steps / self.count)
        return steps if self.generator.has_middle else 0

    def _low_res_losses(self) -> list[PhotographLoss]:
        small = area(self.task.targets, COARSE_SIDE).split(1)
        weight = self.config.face_weight
        view = View(COARSE_SIDE, face=weight > 0)
        return [PhotographLoss(t, self.lpips, (), (view,), face_weight=weight) for t in small]

    def _full_losses(self) -> list[PhotographLoss]:
        config = self.config
        views = (config.lpips_views, config.lpips_in_turn, config.lpips_late)
        return [
            PhotographLoss(t, self.lpips, *views, face_weight=config.face_weight)
            for t in self.task.targets.split(1)
        ]

    @torch.no_grad()
    def _render_base(self, which: int) -> None:
        """Fill `held` and `coarse` of a photograph from the base's pictures around its pivot."""
        generator, config, size = self.generator, self.config, self.config.edits_size
        pivot, noise, pictures = self.pivots[which], self.task.noise[which], []
        edits = self.task.edits if config.lambda_edits else None
        steps = [] if edits is None else [x * e for e in edits.to(pivot.ws) for x in (0.5, 1.0)]
        moved = [self.latent(pivot.ws + step, noise) for step in steps]

        def seen(around: list[Latent]) -> Iterator[tuple[Tensor, Tensor]]:
            for latent in (pivot, *around):
                maps, picture = mid_activations(generator, latent.ws, noise, latent.stem)
                pictures.append(area(picture, size))
                yield maps, picture

        if self.low_res_steps:
            head = recover_head(seen(moved or self._faces_near(pivot.ws)))
            self.coarse.append(LowResRenderer(generator, head))
        elif moved:
            for latent in (pivot, *moved):
                picture = generator.render(latent.ws, noise, stem=latent.stem)
                pictures.append(area(picture.float(), size))
        target = area(self.task.targets[which : which + 1], size)
        changes = [picture - pictures[0] for picture in pictures[1:]]
        self.held.append(
            [
                HeldEdit(latent, target + change, change.square().mean().item())
                for latent, change in zip(moved, changes, strict=False)  # none are held, or all
            ]
        )

    def _faces_near(self, ws: Tensor) -> list[Latent]:
        faces = self.generator.sample_w(_HEAD_FACES, seed=0).split(1)
        return [Latent(ws + 0.5 * (self.generator.broadcast(w) - ws), None) for w in faces]

    def step(self, index: int) -> tuple[Losses, Tensor]:
        if index == self.low_res_steps and not self.fine:
            # From here on the pictures are of full resolution, and their losses are other ones.
            self.fine, self.photographs = True, self._full_losses()
            self.forget()
        return super().step(index)

    def backward(self, which: int, index: int) -> tuple[Losses, Tensor]:
        losses, picture = self._backward_photograph(which, index)
        losses |= self.backward_locality(index)
        losses |= self._backward_edit(which, index)
        return losses, picture

    def _backward_photograph(self, which: int, index: int) -> tuple[Losses, Tensor]:
        """Add the gradients of equation 3's loss and of the terms on detail."""
        config, photograph = self.config, self.photographs[which]
        round_ = index // self.count
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
            self.last_detail[which] = detail.item()
            varying = config.lambda_lpips * config.views_every * detail
        if config.lambda_masked and self.fine:  # both are of the finest detail
            varying = varying + config.lambda_masked * photograph.masked_error(picture, self.random)
        if config.lambda_periodic and self.fine:
            periodic = photograph.periodic_error(picture, self.random)
            varying = varying + config.lambda_periodic * periodic
        (steady + varying).backward()
        seen = perceptual.item() if photograph.always else self.last_detail[which]
        return {"mse": mse.item(), "lpips": seen, "loss": steady.item()}, picture.detach()

    def _picture(self, which: int, round_: int) -> Tensor:
        """A photograph's picture as its step sees it: at low resolution, or in full."""
        (ws, stem), weights = self.pivots[which], {**self.task.noise[which], **self.weights}
        corrected = self.coarse and round_ % self.config.correct_every == 0
        if not self.fine:
            if corrected:
                self.coarse[which].correct(ws, weights, stem)
            return self.coarse[which].picture(ws, weights, stem)
        if not corrected:
            return self.generator.render(ws, weights, stem=stem)
        middle = self.generator.stem(ws, MIDDLE, weights, stem)
        picture = self.generator.render(ws, weights, stem=middle)
        self.coarse[which].match(middle.maps, picture)
        return picture

    def _backward_edit(self, which: int, index: int) -> Losses:
        """Add the gradients of `_edit_loss` where it is its turn.

        Turns are counted in rounds: counted in steps, of two people the second's edits would
        never be held. A term that is evaluated every k rounds weighs k times as much.
        """
        config = self.config
        if not self.held[which] or index // self.count % config.edits_every:
            return {}
        loss = self._edit_loss(which)
        (config.lambda_edits * config.edits_every * loss).backward()
        return {"edits": loss.item()}

    def _edit_loss(self, which: int) -> Tensor:
        """How far an edit of the photograph is from what the same edit does on the base.

        For a random edit the tuned picture has to differ from the photograph as the base's picture
        there differs from the base's at the pivot: mean squared error at `edits_size`, over the
        mean square of that difference; low-resolution pictures are used where there are any.
        Without this term, edits near the pivot are suppressed too; for example, teeth ghost
        through the lips.
        """
        held = self.held[which]
        chosen = int(torch.randint(0, len(held), (1,), generator=self.random))
        (ws, stem), wanted, scale = held[chosen]
        weights = {**self.task.noise[which], **self.weights}
        render = self.coarse[which].picture if self.coarse else self.generator.render
        picture = render(ws, weights, stem=stem)
        return F.mse_loss(area(picture, self.config.edits_size), wanted) / scale
