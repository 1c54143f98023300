"""The paper's experiments beyond its tables: several people, locality, alpha, pivots, one person.

Each takes a `Bench` and photographs and returns plain JSON figures. What takes minutes is kept in
the bench's workbook, so that an experiment that was stopped goes on where it was.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

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
from evaluation.people import People, gather, one_person
from evaluation.photographs import Photo
from evaluation.tables import AS_NEAR
from pti_core.errors import UserError
from pti_core.faces.images import to_tensor
from pti_core.generators.base import Generator
from pti_core.inversion.pivotal_tuning import (
    DELTA_DTYPE,
    TunedDelta,
    TuningConfig,
    for_all,
    pivotal_tune,
)
from pti_core.inversion.projector import project
from pti_core.networks.lpips import area
from pti_core.progress import Step
from pti_core.report import LPIPS_SMALL

#: Figure 16's pivots.
PIVOTS = ("w", "w+", "mean", "random", "joint")
#: Shares of the tuned difference at which `turning` looks.
TUNED_SHARES = (0.0, 0.25, 0.5, 1.0)
#: Adam's rate for a code that is optimised together with the weights: what fifty plain steps of
#: projection did best with, before a preset moved along W's axes.
JOINT_RATE = 0.05


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
            subject = subject_of(session, bench.kit.generator, index)
            people.append(
                {
                    "photo": photo.name,
                    "together": measure_reconstruction(bench.kit, subject),
                    "editing": measure_editing(bench.kit, subject),
                    "alone": bench.row(photo, "pti")["reconstruction"],
                }
            )
        replaced = session.delta.replaced(bench.kit.generator)
        return {"steps_each": steps, "people": people, "drift": bench.drift(replaced)}

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
    replaced, errors = tuned.replaced(bench.kit.generator), []
    for index, crop in enumerate(people.crops):
        subject = Subject(
            crop, people.pivots[index : index + 1], {**people.noise[index], **replaced}
        )
        picture = to_tensor(render(bench.kit.generator, subject))
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


def pivots(bench: Bench, photos: list[Photo]) -> dict[str, Any]:
    """Tuning around other pivots than W's, on the first photograph (figure 16)."""
    if not photos:
        return {"left_out": "it needs a photograph"}
    photo, steps = photos[0], bench.ablation_steps()

    def measure(subject: Subject) -> dict[str, Any]:
        return {
            "reconstruction": measure_reconstruction(bench.kit, subject),
            "editing": measure_editing(bench.kit, subject),
        }

    rows = []
    for kind, subject in pivot_subjects(bench, photo).items():
        inputs = bench.measured(_pivot_inputs(bench, photo, kind))
        figures = bench.work.figures(f"pivot {kind}", inputs, partial(measure, subject))
        rows.append({"pivot": kind, **figures})
    return {"photo": photo.name, "steps": steps, "rows": rows}


def pivot_subjects(bench: Bench, photo: Photo) -> dict[str, Subject]:
    """The photograph tuned around each of `PIVOTS`."""
    generator = bench.kit.generator
    base = bench.subject(photo, "w")
    pivots = {
        "w": base,
        "w+": bench.subject(photo, "w+"),
        "mean": Subject(base.crop, generator.w_mean[None], {}),
        "random": Subject(base.crop, generator.sample_w(1, bench.settings.seed + 1), {}),
    }
    found = {}
    for kind, start in pivots.items():
        noise = {
            name: start.replaced[name] for name in generator.noise_names() if name in start.replaced
        }
        tuned = bench.delta(
            f"pivot {kind}",
            _pivot_inputs(bench, photo, kind),
            partial(_tune_alone, bench, start, noise),
        )
        replaced = {**noise, **tuned.replaced(generator)}
        found[kind] = Subject(start.crop, start.pivot, replaced)
    found["joint"] = _joint_subject(bench, photo, base)
    return found


def turning(bench: Bench, photos: list[Photo]) -> dict[str, Any]:
    """How far the same pose edit turns a face when a share of the tuned difference is applied.

    Not of the paper: it shows where a lost turn goes, from W's picture (0) to PTI's (1).
    """
    rows = []
    for photo in photos:

        def measure(photo: Photo = photo) -> dict[str, Any]:
            session, generator = bench.session(photo, "pti"), bench.kit.generator
            found = []
            for share in TUNED_SHARES:
                part = {name: share * value for name, value in session.delta.tensors.items()}
                replaced = TunedDelta(part).replaced(generator)
                noise = {n: value.to(generator.w_mean) for n, value in session.noise[0].items()}
                subject = Subject(session.crop(), session.pivot(), {**noise, **replaced})
                near = measure_reconstruction(bench.kit, subject)
                turned = pose_magnitude(bench.kit, subject)
                kept = {key: near[key] for key in ("mse", "identity_distance")}
                found.append({"share": share, "pose_magnitude": turned, **kept})
            return {"photo": photo.name, "shares": found}

        inputs = bench.measured(bench.inputs([photo], preset=bench.settings.preset))
        rows.append(bench.work.figures(f"turning {photo.name}", inputs, measure))
    return {"rows": rows}


def same_person(bench: Bench, photos: list[Photo]) -> dict[str, Any]:
    """Whether a held-out photograph is inverted better by a generator that knows the person.

    The last photograph is held out. It is projected to W of the base generator, of one tuned on the
    first of the others, and of one tuned on all of the others (as many steps for each photograph).
    Without photographs a generated person takes their place (`people.one_person`).
    """
    generated = not photos
    photos = photos or one_person(bench)
    if len(photos) < 3:
        return {"left_out": "it needs three photographs of one person (--same-person FOLDER)"}
    *known, held_out = photos
    variants: dict[str, Callable[[], TunedDelta]] = {
        "base": lambda: TunedDelta({}),
        "one photograph": lambda: bench.together(known[:1]).delta,
        f"{len(known)} photographs": lambda: bench.together(known).delta,
    }
    rows = []
    for name, make in variants.items():
        inputs = bench.measured(bench.inputs(photos, preset=bench.settings.preset, variant=name))
        rows.append(
            {
                "generator": name,
                **bench.work.figures(
                    f"held out {name}",
                    inputs,
                    partial(_invert_held_out, bench, held_out, make),
                ),
            }
        )
    return {
        "generated": generated,
        "known": [photo.name for photo in known],
        "held_out": held_out.name,
        "steps_each": bench.settings.preset.tuning.steps,
        "rows": rows,
    }


# ------------------------------------------------------------------------------------- many tuned


def _shared(
    bench: Bench, photos: list[Photo], count: int, config: TuningConfig, name: str
) -> dict[str, Any]:
    """Figures of one generator tuned on `count` people: nearness, mean over them, and drift."""

    def measure() -> dict[str, Any]:
        generator = bench.kit.generator
        people = gather(bench, photos, count)
        replaced = _tuned(bench, photos, count, config, name).replaced(generator)
        each = [
            measure_reconstruction(
                bench.kit,
                Subject(crop, people.pivots[i : i + 1], {**people.noise[i], **replaced}),
            )
            for i, crop in enumerate(people.crops)
        ]
        return {
            "people": people.names,
            "reconstruction": {key: mean([row[key] for row in each]) for key in each[0]},
            "each": each,
            "drift": bench.drift(replaced),
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
            bench.kit.generator,
            people.targets(),
            people.pivots,
            bench.kit.lpips,
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


# ------------------------------------------------------------------------------------ other pivots


def _pivot_inputs(bench: Bench, photo: Photo, kind: str) -> dict[str, Any]:
    return bench.inputs(
        [photo],
        pivot=kind,
        tuning=bench.plain_tuning(bench.ablation_steps()),
        projection=bench.preset_of("w").projection,
    )


def _tune_alone(bench: Bench, start: Subject, noise: dict[str, Tensor]) -> TunedDelta:
    return pivotal_tune(
        bench.kit.generator,
        to_tensor(start.crop).to(bench.kit.generator.w_mean),
        start.pivot,
        bench.kit.lpips,
        bench.plain_tuning(bench.ablation_steps()),
        seed=bench.settings.seed,
        noise=noise,
        on_step=bench.on_step,
    ).delta


def _joint_subject(bench: Bench, photo: Photo, base: Subject) -> Subject:
    """Code and weights optimised together from the mean code, in as many steps as tuning has."""
    generator = bench.kit.generator

    def optimise() -> dict[str, Tensor]:
        w, delta = tune_jointly(bench, to_tensor(base.crop).to(generator.w_mean))
        return {"w": w, **{f"delta.{name}": value for name, value in delta.tensors.items()}}

    kept = bench.work.tensors("pivot joint", _pivot_inputs(bench, photo, "joint"), optimise)
    delta = {n.removeprefix("delta."): value for n, value in kept.items() if n != "w"}
    replaced = TunedDelta(delta).replaced(generator)
    return Subject(base.crop, kept["w"].to(generator.w_mean), replaced)


def tune_jointly(bench: Bench, target: Tensor) -> tuple[Tensor, TunedDelta]:
    """Equation 3 minimised over the code and the weights together (the ablation of figure 16).

    Adam, at the tuning's learning rate for the weights; LPIPS at 256 and the preset's weight of the
    squared error.
    """
    generator, lpips = bench.kit.generator, bench.kit.lpips
    config, steps = bench.settings.preset.tuning, bench.ablation_steps()
    w = generator.w_mean[None].clone().requires_grad_(True)
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


# --------------------------------------------------------------------------------------- one person


def _invert_held_out(bench: Bench, photo: Photo, tune: Callable[[], TunedDelta]) -> dict[str, Any]:
    """The photograph projected to W of a personalised generator: how near, without tuning on it."""
    crop, delta = bench.crop(photo), tune()
    generator = personal_generator(bench.kit.generator, delta)
    target = to_tensor(crop).to(generator.w_mean)
    config = bench.preset_of("w").projection
    found = project(generator, target, bench.kit.lpips, config, bench.settings.seed, bench.on_step)
    subject = Subject(crop, found.w, {**found.noise, **delta.replaced(bench.kit.generator)})
    return {"reconstruction": measure_reconstruction(bench.kit, subject), "steps": found.steps}


def personal_generator(generator: Generator, delta: TunedDelta) -> Generator:
    """A generator of its own with the tuned weights, for what cannot replace them by name."""
    own = copy.deepcopy(generator)
    parameters = dict(own.synthesis.named_parameters())
    unknown = delta.tensors.keys() - parameters.keys()
    if unknown:
        raise UserError("The tuned weights do not fit the generator; make the session anew.")
    with torch.no_grad():
        for name, value in delta.replaced(generator).items():
            parameters[name].copy_(value)
    return own
