"""The paper's experiments beyond its tables: several people, locality, alpha, turning.

Each takes a `Bench` and photographs and returns plain JSON figures. What takes minutes is kept in
the bench's workbook, so that an experiment that was stopped goes on where it was.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F

from evaluation.bench import Bench
from evaluation.measures import (
    Subject,
    mean,
    measure_editing,
    measure_reconstruction,
    pose_magnitude,
    render,
    subject_of,
)
from evaluation.people import People, gather
from evaluation.photographs import Photo
from evaluation.tables import AS_NEAR
from pti_core.faces.images import to_tensor
from pti_core.inversion.paper_tuning import pivotal_tune
from pti_core.inversion.tuned_delta import TunedDelta
from pti_core.inversion.tuning_config import TuningConfig, for_all

#: Shares of the tuned difference at which `turning` looks.
TUNED_SHARES = (0.0, 0.25, 0.5, 1.0)


def multi_identity(bench: Bench, photos: list[Photo]) -> dict[str, Any]:
    """One generator for several people (equation 5, figures 3 and 11), beside one for each.

    Every photograph gets as many steps in the shared generator as alone.
    """
    chosen = photos[: bench.settings.people]
    if len(chosen) < 2:
        return {"left_out": "it needs two photographs"}
    steps = bench.settings.preset.tuning.steps

    def measure() -> dict[str, Any]:
        session, people = bench.together(chosen), []
        for index, photo in enumerate(chosen):
            subject = subject_of(session, bench.models.generator, index)
            people.append(
                {
                    "photo": photo.name,
                    "together": measure_reconstruction(bench.models, subject),
                    "editing": measure_editing(bench.models, subject),
                    "alone": bench.row(photo, "pti")["reconstruction"],
                }
            )
        overrides = session.delta.overrides(bench.models.generator)
        return {"steps_each": steps, "people": people, "drift": bench.drift(overrides)}

    inputs = bench.measured(bench.inputs(chosen, preset=bench.settings.preset))
    return bench.work.figures("multi-identity", inputs, measure)


def locality(bench: Bench, photos: list[Photo]) -> dict[str, Any]:
    """Drift of random codes with and without locality regularisation (figures 14 and 15).

    The term may cost nearness, so that as many steps compare two things at once. Where it does, a
    third generator is tuned without it in as few steps as come nearest to the error of the one with
    it (`_as_near`): drift at an equal target reconstruction.
    """
    steps, count = bench.ablation_steps(), bench.settings.identities
    rows: list[dict[str, Any]] = []
    for name, config in _locality_variants(bench).items():
        figures = _shared(bench, photos, count, config, name)
        rows.append({"variant": name, "steps_each": steps, **figures})
    without, held = (row["reconstruction"]["mse"] for row in rows)
    fewer = steps if without >= held else _as_near(bench, photos, held)
    figures = _shared(bench, photos, count, bench.plain_tuning(fewer), f"without {fewer}")
    rows.append({"variant": AS_NEAR, "steps_each": fewer, **figures})
    return {
        "identities": count,
        "lambda_locality": bench.locality_weight(),
        "alpha": bench.ablation().locality_alpha,
        "rows": rows,
    }


def _locality_variants(bench: Bench) -> dict[str, TuningConfig]:
    steps, held = bench.ablation_steps(), {"lambda_locality": bench.locality_weight()}
    return {
        "without": bench.plain_tuning(steps),
        "with": bench.plain_tuning(steps, locality_samples=1, **held),
    }


def _as_near(bench: Bench, photos: list[Photo], wanted: float) -> int:
    """Steps a person with which tuning without the term comes nearest to an error, by halving."""
    low, high = 0, bench.ablation_steps()
    found: dict[int, float] = {}
    count = bench.settings.identities
    people: People = gather(bench, photos, count)
    while high - low > 1:
        middle = (low + high) // 2
        tuned = _tuned(bench, photos, count, bench.plain_tuning(middle), f"without {middle}")
        mse = _error_of(bench, people, tuned)
        found[middle] = abs(math.log(mse / wanted))
        if found[middle] < math.log(1.05):
            break
        low, high = (middle, high) if mse > wanted else (low, middle)
    return min(found, key=lambda steps: found[steps], default=bench.ablation_steps())


@torch.inference_mode()
def _error_of(bench: Bench, people: People, tuned: TunedDelta) -> float:
    """Mean squared error of the people's pictures under tuned weights."""
    overrides, errors = tuned.overrides(bench.models.generator), []
    for index, crop in enumerate(people.crops):
        subject = Subject(
            crop, people.pivots[index : index + 1], {**people.noise[index], **overrides}
        )
        picture = to_tensor(render(bench.models.generator, subject))
        errors.append(float(F.mse_loss(picture, to_tensor(crop))))
    return sum(errors) / len(errors)


def locality_deltas(bench: Bench, photos: list[Photo]) -> dict[str, TunedDelta]:
    """The tuned weights of `locality`, without and with the term, in as many steps."""
    return {
        name: _tuned(bench, photos, bench.settings.identities, config, name)
        for name, config in _locality_variants(bench).items()
    }


def alpha_sweep(bench: Bench, photos: list[Photo]) -> dict[str, Any]:
    """Nearness and drift for each of equation 6's alphas, on the first photograph (17, 18)."""
    steps, rows = bench.ablation_steps(), []
    for alpha in bench.settings.alphas:
        config = bench.plain_tuning(
            steps,
            locality_samples=1,
            locality_alpha=alpha,
            lambda_locality=bench.locality_weight(),
        )
        rows.append({"alpha": alpha, **_shared(bench, photos, 1, config, f"alpha {alpha:g}")})
    return {"steps": steps, "lambda_locality": bench.locality_weight(), "rows": rows}


def turning(bench: Bench, photos: list[Photo]) -> dict[str, Any]:
    """How far the same pose edit turns a face when a share of the tuned difference is applied.

    Not of the paper: it shows where a lost turn goes, from W's picture (0) to PTI's (1).
    """
    rows = []
    for photo in photos:

        def measure(photo: Photo = photo) -> dict[str, Any]:
            session, generator = bench.session(photo, "pti"), bench.models.generator
            found = []
            for share in TUNED_SHARES:
                part = {name: share * value for name, value in session.delta.tensors.items()}
                overrides = TunedDelta(part).overrides(generator)
                noise = {n: value.to(generator.w_avg) for n, value in session.noise[0].items()}
                subject = Subject(session.crop(), session.pivot(), {**noise, **overrides})
                near = measure_reconstruction(bench.models, subject)
                turned = pose_magnitude(bench.models, subject)
                kept = {key: near[key] for key in ("mse", "identity_distance")}
                found.append({"share": share, "pose_magnitude": turned, **kept})
            return {"photo": photo.name, "shares": found}

        inputs = bench.measured(bench.inputs([photo], preset=bench.settings.preset))
        rows.append(bench.work.figures(f"turning {photo.name}", inputs, measure))
    return {"rows": rows}


# ------------------------------------------------------------------------------------- many tuned


def _shared(
    bench: Bench, photos: list[Photo], count: int, config: TuningConfig, name: str
) -> dict[str, Any]:
    """Figures of one generator tuned on `count` people: nearness, mean over them, and drift."""

    def measure() -> dict[str, Any]:
        generator = bench.models.generator
        people = gather(bench, photos, count)
        overrides = _tuned(bench, photos, count, config, name).overrides(generator)
        each = [
            measure_reconstruction(
                bench.models,
                Subject(crop, people.pivots[i : i + 1], {**people.noise[i], **overrides}),
            )
            for i, crop in enumerate(people.crops)
        ]
        return {
            "people": people.names,
            "reconstruction": {key: mean([row[key] for row in each]) for key in each[0]},
            "each": each,
            "drift": bench.drift(overrides),
        }

    inputs = bench.measured(_shared_inputs(bench, photos, count, config))
    return bench.work.figures(f"people {name}", inputs, measure)


def _tuned(
    bench: Bench, photos: list[Photo], count: int, config: TuningConfig, name: str
) -> TunedDelta:
    """The generator tuned on `count` people by `config`, whose steps are those of one of them."""

    def tune() -> TunedDelta:
        people: People = gather(bench, photos, count)
        return pivotal_tune(
            bench.models.generator,
            people.targets(),
            people.pivots,
            bench.models.lpips,
            for_all(config, count),
            seed=bench.settings.seed,
            noise=people.noise,
            on_step=bench.on_step,
        ).delta

    return bench.delta(f"people {name}", _shared_inputs(bench, photos, count, config), tune)


def _shared_inputs(
    bench: Bench, photos: list[Photo], count: int, config: TuningConfig
) -> dict[str, Any]:
    projection = bench.preset_of("w").projection
    return bench.inputs(
        photos[:count], count=count, tuning=for_all(config, count), projection=projection
    )
