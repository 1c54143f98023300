"""Which directions are made, from which measure, and what must not change with each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """How one direction is made.

    name, label, group, unit: as in `pti_core.directions.Direction`.
    measure: the measured attribute. scale: how much of it one unit is.
    leaks: the measures that the direction is made orthogonal to.
    wanted: the range asked for, in units; what is offered is the part of it that holds.
    kept: how much of the identity descriptor's change is avoided: the weight of `least_change`.
    step: amounts are rounded down to a multiple of this.
    reach: the longest step in W that is tried.
    between: only faces whose measure lies here are fitted; None: all.
    """

    name: str
    label: str
    group: str
    unit: str
    measure: str
    scale: float
    leaks: tuple[str, ...]
    wanted: tuple[float, float]
    kept: float
    step: float
    reach: float
    between: tuple[float, float] | None = None


RECIPES = (
    Recipe(
        name="age",
        label="Age",
        group="face",
        unit="years",
        measure="age",
        scale=1.0,
        leaks=("gender", "yaw", "smile", "pitch", "mouth_open", "skin_light", "glasses", "beard"),
        wanted=(-20, 25),
        # Age and identity are not to be had apart: any weight cost more years than distance.
        kept=0,
        step=1,
        reach=3.0,
        # A child's face differs from a grown one in other ways than a young face from an old one.
        between=(15, 80),
    ),
    Recipe(
        name="smile",
        label="Smile",
        group="expression",
        # Six tenths of the way from a mouth at rest to a broad smile with bared teeth.
        unit="clear smiles",
        measure="smile",
        scale=0.6,
        leaks=("age", "gender", "yaw", "pitch", "eyes_open", "skin_light"),
        wanted=(-1, 1),
        kept=100,
        step=0.1,
        reach=2.1,
    ),
    Recipe(
        name="pose",
        label="Turn the head",
        group="pose",
        unit="degrees",
        measure="yaw",
        scale=1.0,
        leaks=("age", "gender", "smile", "mouth_open", "pitch", "light_side"),
        wanted=(-15, 15),
        kept=100,
        step=1,
        reach=3.6,
    ),
)
