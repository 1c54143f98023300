"""What is measured on one personalised generator: nearness, edits, rotations, drift.

Edits here are steps of the shipped directions, the same for every method, as the paper's table 2
has it; the product's own amounts (`pti_core.editing.calibration`) would hide what a method does to
an edit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pti_core.editing.directions import Direction
from pti_core.faces.images import to_image
from pti_core.generators.base import Generator
from pti_core.models import TuningModels
from pti_core.networks.lpips import LPIPS, area
from pti_core.report import LPIPS_SMALL, nearness
from pti_core.session.session import Session

#: Edits of table 2, in the order in which they are made one after the other.
EDITS = ("smile", "pose", "age")
#: How far an edit goes: this share of the direction's range on that side. Inside the range, so that
#: not its ends are compared, where the directions' own limits show.
SHARE = 2 / 3
#: Rotations of table 2, in degrees of yaw, to both sides.
ROTATIONS = (5.0, 10.0)
#: A rotation is reached within this many degrees: two renderings of one face differ by 0.3.
ROTATION_TOLERANCE = 0.4
#: No step goes further than this many times its direction's range: beyond, pictures break.
FURTHEST = 2.0
#: Renderings that one rotation may cost.
MOST_TRIES = 9
#: The attribute meter wants pictures of at least this side.
METER_SIDE = 256


@dataclass(frozen=True)
class Subject:
    """One person in a personalised generator.

    Attributes:
        crop: the aligned photograph.
        pivot: (1, w_dim) or (1, num_ws, w_dim).
        overrides: what stands in for weights and noise of the base generator.
    """

    crop: Image.Image
    pivot: Tensor
    overrides: Mapping[str, Tensor]


def subject_of(session: Session, generator: Generator, person: int = 0) -> Subject:
    """A person of a session. Raises SessionError where it was made for another generator."""
    pivot = session.pivot(person).to(generator.w_avg)
    return Subject(session.crop(person), pivot, session.overrides(generator, person))


@torch.inference_mode()
def render(generator: Generator, subject: Subject, step: Tensor | None = None) -> Image.Image:
    """The picture at the pivot, or with a step (w_dim,) in W added to it."""
    w = subject.pivot if step is None else subject.pivot + step.to(subject.pivot)
    return to_image(generator.render(w, subject.overrides, exact=True))


def measure_reconstruction(models: TuningModels, subject: Subject) -> dict[str, float | None]:
    """The rows of table 1 for one subject: `report.nearness` of the picture at its pivot."""
    with torch.inference_mode():
        return nearness(subject.crop, render(models.generator, subject), models)


def edits_of(directions: Mapping[str, Direction]) -> dict[str, tuple[float, float]]:
    """The edits of table 2 that there are directions for: name to its amounts, low and high."""
    found = [directions[name] for name in EDITS if name in directions]
    return {d.name: (SHARE * d.low, SHARE * d.high) for d in found}


def measure_editing(models: TuningModels, subject: Subject) -> dict[str, Any]:
    """The rows of table 2 for one subject.

    Returns:
        `single`: edit to the identity distance from the photograph, mean of both amounts.
        `single_mean`: over the edits.
        `sequence`: distances after the first, the first two, all three (towards the high ends).
        `effects`: edit to the measured change from its low to its high amount, in its unit.
        `pose_magnitude`: half of pose's, the mean to either side, in degrees.
        `rotations`: degrees to the identity distance at that achieved yaw, mean of both sides, with
        the yaws; None where it cannot be reached.
        None everywhere where there is no network to measure it.
    """
    own = models.identity.embedding(subject.crop) if models.identity else None

    def distance(image: Image.Image) -> float | None:
        return models.identity.distance(own, image) if models.identity and own is not None else None

    single, effects = {}, {}
    for name, amounts in edits_of(models.directions).items():
        direction = models.directions[name]
        pictures = [render(models.generator, subject, direction.step(a)) for a in amounts]
        single[name] = mean([distance(picture) for picture in pictures])
        effects[name] = _effect(models, direction, pictures[0], pictures[1])
    sequence = [distance(picture) for picture in sequential_pictures(models, subject).values()]
    pose = effects.get("pose")
    return {
        "single": single,
        "single_mean": mean(list(single.values())),
        "sequence": sequence,
        "effects": effects,
        "pose_magnitude": None if pose is None else pose / 2,
        "rotations": _rotations(models, subject, distance),
    }


def edited_pictures(models: TuningModels, subject: Subject) -> dict[str, Image.Image]:
    """One picture an edit, at its high amount; the key says which, as in "age +12"."""
    return {
        f"{name} {high:+.2g}": render(models.generator, subject, models.directions[name].step(high))
        for name, (_, high) in edits_of(models.directions).items()
    }


def sequential_pictures(models: TuningModels, subject: Subject) -> dict[str, Image.Image]:
    """Pictures after one edit, after two, after all, each at its high amount."""
    total, found = torch.zeros(models.generator.w_dim), {}
    for name, (_, high) in edits_of(models.directions).items():
        total = total + models.directions[name].step(high)
        found[f"+ {name} {high:+.2g}"] = render(models.generator, subject, total)
    return found


def measure_effect(models: TuningModels, subject: Subject, direction: Direction) -> float | None:
    """What a direction moves from end to end of its range, by its own measure, in its unit."""
    ends = (direction.low, direction.high)
    low, high = (render(models.generator, subject, direction.step(end)) for end in ends)
    return _effect(models, direction, low, high)


def pose_magnitude(models: TuningModels, subject: Subject) -> float | None:
    """Degrees that the pose edit of table 2 turns a subject to either side, on average."""
    direction, amounts = models.directions.get("pose"), edits_of(models.directions).get("pose")
    if direction is None or amounts is None:
        return None
    low, high = (render(models.generator, subject, direction.step(amount)) for amount in amounts)
    turned = _effect(models, direction, low, high)
    return None if turned is None else turned / 2


def _effect(
    models: TuningModels, direction: Direction, low: Image.Image, high: Image.Image
) -> float | None:
    """What the direction's own measure says of two pictures, in its unit; None without a meter."""
    measure = direction.made.get("measure")
    if models.meter is None or not measure:
        return None
    scale = float(direction.made.get("scale", 1.0))
    values = [models.meter.measure(_large_enough(picture))[str(measure)] for picture in (low, high)]
    return (values[1] - values[0]) / scale


def _rotations(
    models: TuningModels, subject: Subject, distance: Callable[[Image.Image], float | None]
) -> dict[str, Any]:
    direction = models.directions.get("pose")
    meter = models.meter
    if direction is None or meter is None:
        return {}

    def yaw(length: float) -> float:
        picture = render(models.generator, subject, length * direction.vector)
        return meter.measure(_large_enough(picture))["yaw"]

    start, found = yaw(0.0), {}
    for degrees in ROTATIONS:
        sides = []
        for wanted in (-degrees, degrees):
            end = direction.low if wanted < 0 else direction.high
            most = FURTHEST * abs(direction.length(end))
            sign = float(np.sign(wanted))

            def turned(length: float, sign: float = sign) -> float:
                return sign * (yaw(sign * length) - start)

            guess = abs(direction.length(wanted))
            sides.append((sign, solve(turned, degrees, guess, most, ROTATION_TOLERANCE)))
        found[f"{degrees:g}"] = _at_both_sides(models, subject, sides, distance)
    return found


def _at_both_sides(models: TuningModels, subject: Subject, sides, distance) -> dict[str, Any]:
    distances: list[float | None] = []
    yaws: list[float | None] = []
    for sign, solved in sides:
        if solved is None:
            distances.append(None)
            yaws.append(None)
            continue
        length, achieved = solved
        step = sign * length * models.directions["pose"].vector
        distances.append(distance(render(models.generator, subject, step)))
        yaws.append(sign * achieved)
    whole = None not in distances  # one side alone would be another question
    return {"distance": mean(distances) if whole else None, "sides": distances, "yaws": yaws}


def solve(
    effect: Callable[[float], float],
    wanted: float,
    guess: float,
    most: float,
    tolerance: float,
    tries: int = MOST_TRIES,
) -> tuple[float, float] | None:
    """The length in (0, most] whose effect is `wanted` (> 0), and that effect; None if none is.

    The effect is taken to rise from zero, not necessarily steadily (it is measured): a bracket is
    widened from `guess`, then closed by false position with the Illinois rule.
    """
    low, below = 0.0, -wanted
    high = min(guess, most)
    above = effect(high) - wanted
    for _ in range(tries):
        if abs(above) <= tolerance:
            return high, above + wanted
        if above > 0:
            break
        if high >= most:
            return None
        low, below = high, above
        high = min(high * 1.5, most)
        above = effect(high) - wanted
    if above <= 0:
        return None
    for _ in range(tries):
        length = (low * above - high * below) / (above - below)
        off = effect(length) - wanted
        if abs(off) <= tolerance:
            return length, off + wanted
        if off < 0:
            low, below, above = length, off, above / 2
        else:
            high, above, below = length, off, below / 2
    return None


class Drift:
    """LPIPS between a tuned generator and its base at random codes: what tuning did to the rest.

    Args:
        generator: the base.
        lpips: perceptual network; it sees the pictures at `side`.
        samples: how many random w, untruncated. The base's pictures of them are kept (0.8 MB each).
        seed: of the codes.
    """

    def __init__(self, generator: Generator, lpips: LPIPS, samples: int = 64, seed: int = 7):
        self.generator, self.lpips = generator, lpips
        self.side = min(LPIPS_SMALL, generator.resolution)
        self.codes = generator.sample_w(samples, seed).split(1)
        self._base: list[Tensor] = []

    @torch.inference_mode()
    def __call__(self, weights: Mapping[str, Tensor]) -> dict[str, Any]:
        """`mean`, `each` and `side` for the weights that stand in for the base's."""
        if not self._base:
            self._base = [self._picture(w, {}) for w in self.codes]
        each = [
            float(self.lpips(self._picture(w, weights), base).sum())
            for w, base in zip(self.codes, self._base, strict=True)
        ]
        return {"mean": mean(each), "each": each, "side": self.side}

    def _picture(self, w: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        return area(self.generator.render(w, weights, exact=True).clamp(-1, 1), self.side)


def mean(values: list[Any]) -> float | None:
    """The mean of those that are not None; None where all are."""
    numbers = [float(value) for value in values if value is not None]
    return sum(numbers) / len(numbers) if numbers else None


def std(values: list[Any]) -> float | None:
    """Standard deviation of those that are not None; None under two of them."""
    numbers = [float(value) for value in values if value is not None]
    return float(np.std(numbers, ddof=1)) if len(numbers) > 1 else None


def _large_enough(image: Image.Image) -> Image.Image:
    if min(image.size) >= METER_SIDE:
        return image
    return image.resize((METER_SIDE, METER_SIDE), Image.Resampling.BICUBIC)
