"""Directions that came from elsewhere, as sliders: in units of W's spread, or calibrated.

A step of one is one standard deviation of w along the direction, so that all kinds of files go as
far: the one that the file states (GANSpace's sigma), else the one measured here. Calibration finds
which measured attribute of a face it moves most, and gives it that unit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from PIL import Image
from torch import Tensor

from pti_core.editing.calibration import fit_curves
from pti_core.editing.directions import PLAIN, Direction
from pti_core.faces.attributes import AttributeMeter
from pti_core.faces.identity import Identity
from pti_core.generators.base import Generator
from pti_core.generators.ganspace_sefa import sefa

#: The group of the page that they stand in, and how far they go, in standard deviations: W's faces
#: end at about three.
GROUP, REACH = "own", 3.0
#: Samples for the standard deviation along a direction: known to 2 %.
SAMPLES = 2000
#: A file's standard deviation is used where it and the measured one are within this factor. Those
#: of GANSpace for StyleGAN2-FFHQ and the embedded generator's differ by 5 % at most; others are of
#: another generator or of another layer.
MOST_RATIO = 1.5
#: What InterFaceGAN's names of files have around the attribute.
_AROUND = re.compile(r"^(stylegan2?_)?(ffhq_)?(boundary_)?|(_w)?(_boundary)?$")
#: Directions of a generator that has none of its own.
SEFA_COUNT = 10
#: A direction is called after an attribute if it moves it by that share of `PLAIN`.
LEAST_SHARE = 0.2


def direction_from(
    name: str,
    vector: Tensor,
    generator: Generator,
    *,
    std: float | None = None,
    made: Mapping[str, str] | None = None,
) -> Direction:
    """A slider of a unit vector (w_dim,), in standard deviations of w along it.

    Args:
        std: the standard deviation that the vector's file states, if it does.

    Raises:
        ValueError: the vector is not of the generator's W.
    """
    if vector.shape != (generator.w_dim,):
        raise ValueError(
            f"it has {vector.numel()} numbers, and the generator's w {generator.w_dim}"
        )
    samples = generator.sample_w(SAMPLES, seed=0).float().cpu()
    measured = float((samples @ vector).std())
    if std is None or not 1 / MOST_RATIO <= std / measured <= MOST_RATIO:
        std = measured
    curve = ((-REACH, -REACH * std), (0.0, 0.0), (REACH, REACH * std))
    plain = re.sub(_AROUND, "", name) or name
    label = re.sub(r"_+", " ", plain).strip().capitalize()
    return Direction(name, label, GROUP, "σ", vector.float(), curve, dict(made or {}))


def sefa_directions(generator: Generator, count: int = SEFA_COUNT) -> dict[str, Direction]:
    """The first directions of SeFa of a generator for which there are no others."""
    found = sefa(generator, min(count, generator.w_dim))
    made = {"kind": "sefa"}
    rows = [
        direction_from(f"sefa_{i}", vector.cpu(), generator, made=made)
        for i, vector in enumerate(found.vectors, 1)
    ]
    return {
        row.name: replace(row, group="sefa", label=f"SeFa {i}") for i, row in enumerate(rows, 1)
    }


def calibrated(
    direction: Direction,
    render: Callable[[Tensor], Image.Image],
    unedited: Image.Image,
    meter: AttributeMeter,
    identity: Identity | None = None,
) -> Direction:
    """The direction in the unit of what it moves on one face; unchanged where that is nothing.

    Args:
        render: a picture of the person with this step (w_dim,) added to the pivot.
        unedited: the person, whom the edits have to stay near.
    """
    ends = [
        meter.measure(render(direction.step(amount)), PLAIN)
        for amount in (direction.low / 2, direction.high / 2)
    ]
    change = {name: ends[1][name] - ends[0][name] for name in PLAIN}
    name = max(PLAIN, key=lambda one: abs(change[one]) / PLAIN[one][0])
    plain, unit = PLAIN[name]
    if abs(change[name]) < LEAST_SHARE * plain:
        return direction
    reach = 2 * abs(change[name])  # over the whole range, were it linear
    sign = 1.0 if change[name] > 0 else -1.0
    length = direction.curve[-1][1]
    candidate = replace(
        direction,
        label=f"{direction.label} ({name.replace('_', ' ')})",
        unit=unit,
        vector=sign * direction.vector,
        curve=((-reach / 2, -length), (0.0, 0.0), (reach / 2, length)),
        made={**direction.made, "measure": name},
    )
    curves = fit_curves({candidate.name: candidate}, render, unedited, meter, identity)
    return candidate.fitted(curves[candidate.name])
