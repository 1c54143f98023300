"""What the page lets people move, read from the directions' file without loading any network.

The page is laid out before the heavy libraries are there; `directions` needs them, this does not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError, safe_open

from pti_core.errors import CheckpointError

if TYPE_CHECKING:
    from pti_core.editing.directions import Direction

DATA = Path(__file__).parents[1] / "data" / "directions.safetensors"
# A slider of some hundred positions: a finger on a telephone can still hit each of them.
_POSITIONS = 100


@dataclass(frozen=True)
class Control:
    """One slider: the direction it moves, how it is called, its unit and its range."""

    name: str
    label: str
    group: str
    unit: str
    low: float
    high: float

    @property
    def step(self) -> float:
        """A round step (1, 2 or 5 times a power of ten) that gives some hundred positions."""
        rough = (self.high - self.low) / _POSITIONS
        power = 10.0 ** math.floor(math.log10(rough))
        return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)

    def within(self, span: tuple[float, float] | None) -> Control:
        """The control with a person's own range, if there is one."""
        return replace(self, low=span[0], high=span[1]) if span else self

    @property
    def bounds(self) -> tuple[float, float]:
        """The range, drawn in to whole steps, so that zero is a position too."""
        step = self.step
        return (
            round(math.ceil(self.low / step - 1e-9) * step, 9),
            round(math.floor(self.high / step + 1e-9) * step, 9),
        )


def read_controls(path: Path = DATA) -> list[Control]:
    """The controls of a directions' file, in its order.

    Raises:
        CheckpointError: the file is missing or broken.
    """
    try:
        with safe_open(path, "numpy") as file:
            rows = json.loads((file.metadata() or {})["directions"])
        return [
            Control(
                name=str(row["name"]),
                label=str(row["label"]),
                group=str(row["group"]),
                unit=str(row["unit"]),
                low=float(row["curve"][0][0]),
                high=float(row["curve"][-1][0]),
            )
            for row in rows
        ]
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, IndexError) as error:
        raise CheckpointError(
            f"The latent directions in {path.name} cannot be read: restore the file from the tree."
        ) from error


def controls_of(directions: Iterable[Direction]) -> list[Control]:
    """The controls of directions that are loaded."""
    return [Control(d.name, d.label, d.group, d.unit, d.low, d.high) for d in directions]
