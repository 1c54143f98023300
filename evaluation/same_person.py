"""Whether a generator that knows the person inverts a held-out photograph of theirs better."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from evaluation.bench import Bench
from evaluation.measures import Subject, measure_reconstruction
from evaluation.people import one_person
from evaluation.photographs import Photo
from pti_core.errors import UserError
from pti_core.faces.images import to_tensor
from pti_core.generators.base import Generator
from pti_core.inversion.projector import project
from pti_core.inversion.tuned_delta import TunedDelta


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


def _invert_held_out(bench: Bench, photo: Photo, tune: Callable[[], TunedDelta]) -> dict[str, Any]:
    """The photograph projected to W of a personalised generator: how near, without tuning on it."""
    crop, delta = bench.crop(photo), tune()
    generator = personal_generator(bench.models.generator, delta)
    target = to_tensor(crop).to(generator.w_avg)
    config = bench.preset_of("w").projection
    found = project(
        generator, target, bench.models.lpips, config, bench.settings.seed, bench.on_step
    )
    subject = Subject(crop, found.w, {**found.noise, **delta.overrides(bench.models.generator)})
    return {"reconstruction": measure_reconstruction(bench.models, subject), "steps": found.steps}


def personal_generator(generator: Generator, delta: TunedDelta) -> Generator:
    """A generator of its own with the tuned weights, for what cannot replace them by name."""
    own = copy.deepcopy(generator)
    parameters = dict(own.synthesis.named_parameters())
    unknown = delta.tensors.keys() - parameters.keys()
    if unknown:
        raise UserError("The tuned weights do not fit the generator; make the session anew.")
    with torch.no_grad():
        for name, value in delta.overrides(generator).items():
            parameters[name].copy_(value)
    return own
