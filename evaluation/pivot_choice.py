"""Tuning around other pivots than W's (figure 16), one optimised with the weights included."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from evaluation.bench import Bench
from evaluation.measures import Subject, measure_editing, measure_reconstruction
from evaluation.photographs import Photo
from pti_core.faces.images import to_tensor
from pti_core.inversion.paper_tuning import pivotal_tune
from pti_core.inversion.tuned_delta import DELTA_DTYPE, TunedDelta
from pti_core.networks.lpips import area
from pti_core.progress import Step
from pti_core.report import LPIPS_SMALL

#: Figure 16's pivots.
PIVOTS = ("w", "w+", "mean", "random", "joint")
#: Adam's rate for a code that is optimised together with the weights: what fifty plain steps of
#: projection did best with, before a preset moved along W's axes.
JOINT_RATE = 0.05


def pivots(bench: Bench, photos: list[Photo]) -> dict[str, Any]:
    """Tuning around other pivots than W's, on the first photograph (figure 16)."""
    if not photos:
        return {"left_out": "it needs a photograph"}
    photo, steps = photos[0], bench.ablation_steps()

    def measure(subject: Subject) -> dict[str, Any]:
        return {
            "reconstruction": measure_reconstruction(bench.models, subject),
            "editing": measure_editing(bench.models, subject),
        }

    rows = []
    for kind, subject in pivot_subjects(bench, photo).items():
        inputs = bench.measured(_pivot_inputs(bench, photo, kind))
        figures = bench.work.figures(f"pivot {kind}", inputs, partial(measure, subject))
        rows.append({"pivot": kind, **figures})
    return {"photo": photo.name, "steps": steps, "rows": rows}


def pivot_subjects(bench: Bench, photo: Photo) -> dict[str, Subject]:
    """The photograph tuned around each of `PIVOTS`."""
    generator = bench.models.generator
    base = bench.subject(photo, "w")
    pivots = {
        "w": base,
        "w+": bench.subject(photo, "w+"),
        "mean": Subject(base.crop, generator.w_avg[None], {}),
        "random": Subject(base.crop, generator.sample_w(1, bench.settings.seed + 1), {}),
    }
    found = {}
    for kind, start in pivots.items():
        noise = {
            name: start.overrides[name]
            for name in generator.noise_names()
            if name in start.overrides
        }
        tuned = bench.delta(
            f"pivot {kind}",
            _pivot_inputs(bench, photo, kind),
            partial(_tune_alone, bench, start, noise),
        )
        overrides = {**noise, **tuned.overrides(generator)}
        found[kind] = Subject(start.crop, start.pivot, overrides)
    found["joint"] = _joint_subject(bench, photo, base)
    return found


def _pivot_inputs(bench: Bench, photo: Photo, kind: str) -> dict[str, Any]:
    return bench.inputs(
        [photo],
        pivot=kind,
        tuning=bench.plain_tuning(bench.ablation_steps()),
        projection=bench.preset_of("w").projection,
    )


def _tune_alone(bench: Bench, start: Subject, noise: dict[str, Tensor]) -> TunedDelta:
    return pivotal_tune(
        bench.models.generator,
        to_tensor(start.crop).to(bench.models.generator.w_avg),
        start.pivot,
        bench.models.lpips,
        bench.plain_tuning(bench.ablation_steps()),
        seed=bench.settings.seed,
        noise=noise,
        on_step=bench.on_step,
    ).delta


def _joint_subject(bench: Bench, photo: Photo, base: Subject) -> Subject:
    """Code and weights optimised together from the mean code, in as many steps as tuning has."""
    generator = bench.models.generator

    def optimise() -> dict[str, Tensor]:
        w, delta = tune_jointly(bench, to_tensor(base.crop).to(generator.w_avg))
        return {"w": w, **{f"delta.{name}": value for name, value in delta.tensors.items()}}

    kept = bench.work.tensors("pivot joint", _pivot_inputs(bench, photo, "joint"), optimise)
    delta = {n.removeprefix("delta."): value for n, value in kept.items() if n != "w"}
    overrides = TunedDelta(delta).overrides(generator)
    return Subject(base.crop, kept["w"].to(generator.w_avg), overrides)


def tune_jointly(bench: Bench, target: Tensor) -> tuple[Tensor, TunedDelta]:
    """Equation 3 minimised over the code and the weights together (the ablation of figure 16).

    Adam, at the tuning's learning rate for the weights; LPIPS at 256 and the preset's weight of the
    squared error.
    """
    generator, lpips = bench.models.generator, bench.models.lpips
    config, steps = bench.settings.preset.tuning, bench.ablation_steps()
    w = generator.w_avg[None].clone().requires_grad_(True)
    base = {
        name: value
        for name, value in generator.synthesis.named_parameters()
        if generator.side_of(name) >= config.tuned_from
    }
    weights = {n: value.detach().clone().requires_grad_(True) for n, value in base.items()}
    optimiser = torch.optim.Adam(
        [
            {"params": [w], "lr": JOINT_RATE},
            {"params": list(weights.values()), "lr": config.learning_rate},
        ]
    )
    side = min(LPIPS_SMALL, generator.resolution)
    wanted = lpips.features(area(target, side))
    for index in range(steps):
        picture = generator.render(w, weights)
        perceptual = lpips.compare(lpips.features(area(picture, side)), wanted).sum()
        mse = F.mse_loss(picture, target)
        optimiser.zero_grad(set_to_none=True)
        (perceptual + config.lambda_l2 * mse).backward()
        optimiser.step()
        if bench.on_step:
            losses = {"mse": mse.item(), "lpips": perceptual.item()}
            bench.on_step(Step("tune", index + 1, steps, losses))
    delta = {n: (value - base[n]).detach().to(DELTA_DTYPE) for n, value in weights.items()}
    return w.detach(), TunedDelta(delta)
