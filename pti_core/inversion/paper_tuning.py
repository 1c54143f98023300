"""Pivotal tuning (Roich et al. 2021, sections 3.2 and 3.3): the generator learns the photograph.

The pivot w_p stays; the weights theta of the synthesis network G move until it renders the
photograph x at the pivot, x^p = G(w_p; theta*):

    L_pt = L_LPIPS(x, x^p) + lambda_L2 L_L2(x, x^p)                          (3)
    theta* = argmin L_pt                                                     (4)

N photographs share one generator by the mean of L_pt over them (5). Locality regularisation
keeps what the base generator renders elsewhere: between the pivot and a random w_z, at distance
alpha from the pivot, the tuned picture x*_r stays the base's x_r:

    w_r = w_p + alpha (w_z - w_p) / |w_z - w_p|                              (6)
    L_R = L_LPIPS(x_r, x*_r) + lambda_L2^R L_L2(x_r, x*_r)                   (7)

and lambda_R L_R, averaged over N_r samples of w_z, is added to the loss. `PaperTuning` is this
algorithm; `fast_tuning.FastTuning` is ours for a CPU, with the same loss terms and more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from pti_core.generators.base import Generator
from pti_core.inversion.fast_tuning import FastTuning, steps_for
from pti_core.inversion.losses import PhotographLoss
from pti_core.inversion.tuned_delta import DELTA_DTYPE, TunedDelta, TunedResult
from pti_core.inversion.tuning_config import TuningConfig, for_all
from pti_core.inversion.tuning_run import Losses, TuningRun, TuningTask, noise_of_each
from pti_core.networks.lpips import LPIPS
from pti_core.progress import OnStep, Step, work_done

__all__ = [
    "DELTA_DTYPE",
    "PaperTuning",
    "TunedDelta",
    "TunedResult",
    "TuningConfig",
    "for_all",
    "pivotal_tune",
    "steps_for",
]


class PaperTuning(TuningRun):
    """The paper's algorithm: Adam on all weights, equation 3's loss and locality."""

    def __init__(self, task: TuningTask, config: TuningConfig):
        super().__init__(task, config)
        self.photographs = [
            PhotographLoss(target, task.lpips, config.lpips_views)
            for target in task.targets.split(1)
        ]

    def backward(self, which: int, index: int) -> tuple[Losses, Tensor]:
        config, photograph = self.config, self.photographs[which]
        weights = {**self.task.noise[which], **self.weights}
        picture = self.generator.render(self.pivots[which].ws, weights)  # x^p
        mse = photograph.squared_error(picture)
        perceptual = photograph.perceptual(picture, self.random)
        loss = config.lambda_l2 * mse + config.lambda_lpips * perceptual  # equation 3
        loss.backward()
        losses = {"mse": mse.item(), "lpips": perceptual.item(), "loss": loss.item()}
        losses |= self.backward_locality(index)  # equations 6 and 7
        return losses, picture.detach()


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
    """Tune the generator on one photograph, or on N that share it (equations 3 to 7).

    Args:
        generator: frozen base generator of resolution R; it is not changed.
        targets: (N, 3, R, R) in [-1, 1].
        pivots: (N, 512), or (N, num_ws, 512) for pivots in W+.
        lpips: perceptual network.
        config: settings; the paper's by default.
        seed: of the windows and of the locality samples; same seed, same result.
        noise: noise maps found with the pivots, one dict for all or one per photograph.
        start: weights to continue from; the base's by default.
        on_step: called after every step; returning False ends the tuning with the best so far.
        edits: (K, w_dim), steps in W whose effect at the pivots has to stay the base's; used
            where `lambda_edits` is not zero.

    With N photographs, every step renders one of them, in turn, so memory does not grow;
    `for_all` gives them the steps. The pictures that `on_step` gets are the first one's.
    """
    if len(pivots) != len(targets):
        raise ValueError(f"{len(targets)} targets and {len(pivots)} pivots")
    config = config or TuningConfig()
    config = replace(config, steps=steps_for(config, targets))
    each = noise_of_each(noise, len(targets))
    task = TuningTask(generator, lpips, targets, pivots, each, start, edits, seed)
    run = PaperTuning(task, config) if config.is_paper_method else FastTuning(task, config)
    for index in range(config.steps):
        losses, picture = run.step(index)
        shown = picture if run.is_shown(index) else None
        done = work_done(index + 1, config.steps, run.low_res_steps)
        draft = run.result("").delta if run.is_draft(index) else None
        step = Step("tune", index + 1, config.steps, losses, shown, done=done, draft=draft)
        if on_step and on_step(step) is False:
            return run.result("person")
        if 0 < losses["lpips"] < config.lpips_threshold:
            return run.result("threshold")
        if run.on_plateau():
            return run.result("plateau")
    return run.result("steps")
