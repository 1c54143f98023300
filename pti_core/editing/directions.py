"""Latent directions: what a slider moves, in units, and by how much it may be moved.

A direction is a unit vector in W along which one attribute of the face changes (Shen et al. 2020,
"Interpreting the Latent Space of GANs for Semantic Face Editing"). How the shipped ones were found
and calibrated is in docs/directions.md; `scripts/directions/direction_table.py` lists them, and
`python -m scripts.directions` makes them anew.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from pti_core.errors import CheckpointError, EditError

DATA = Path(__file__).parents[1] / "data" / "directions.safetensors"
#: What a slider that stands at the end of its range may be off by, through rounding.
_ROUNDING = 1e-6
#: What a plain slider moves of each attribute that is measured, and its unit. Own directions are
#: called after the one that they move by the largest share of that.
PLAIN = {
    "age": (20.0, "years"),
    "gender": (0.8, "levels"),
    "yaw": (20.0, "degrees"),
    "pitch": (12.0, "degrees"),
    "smile": (0.8, "levels"),
    "mouth_open": (0.3, "levels"),
    "eyes_open": (0.1, "levels"),
}
#: How many ws a 1024-pixel generator takes: what ranges of layers are counted in.
NUM_WS = 18

#: (amount, length of the step in W) pairs, ascending in both, through (0, 0).
Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True, eq=False)
class Direction:
    """One attribute that can be moved.

    Attributes:
        name: what the command line and sessions call it. label: what a person reads.
        group: under which heading the page shows it (face, expression, pose, ...).
        unit: of an amount, as in "+10 years".
        vector: (w_dim,) float32, unit length, towards positive amounts.
        curve: (amount, length of the step in W) pairs, ascending in both, with (0, 0) among them;
            straight between. It spans the amounts that are offered: the range within which the
            measured effect was monotonic and the person stayed the same person.
        made: how it was made and what was measured on it: plain JSON values.
        layers: which ws it moves, from the first up to, not including, the last, counted from the
            coarsest; None: all alike, so that an edited w stays in W.
    """

    name: str
    label: str
    group: str
    unit: str
    vector: Tensor
    curve: Curve
    made: Mapping[str, Any] = field(default_factory=dict)
    layers: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        vector, curve = self.vector, self.curve
        if vector.ndim != 1 or vector.dtype != torch.float32 or not vector.isfinite().all():
            raise ValueError(f"{self.name}: the vector is not one row of finite float32")
        if abs(float(vector.norm()) - 1) > 1e-4:
            raise ValueError(f"{self.name}: the vector is not of unit length")
        if not all(math.isfinite(a) and math.isfinite(b) for a, b in curve):
            raise ValueError(f"{self.name}: the curve is not finite")
        rises = all(a < c and b < d for (a, b), (c, d) in pairwise(curve))
        if not (rises and (0, 0) in curve[1:-1]):
            raise ValueError(f"{self.name}: the curve does not rise through zero")
        if self.layers is not None and not 0 <= self.layers[0] < self.layers[1] <= NUM_WS:
            raise ValueError(f"{self.name}: {self.layers} is no range of layers")

    @property
    def low(self) -> float:
        """The smallest amount that is offered; negative."""
        return self.curve[0][0]

    @property
    def high(self) -> float:
        """The largest amount that is offered; positive."""
        return self.curve[-1][0]

    @property
    def per_unit(self) -> float:
        """Length of the step in W per unit, on average over the range."""
        return (self.curve[-1][1] - self.curve[0][1]) / (self.high - self.low)

    def step(self, amount: float) -> Tensor:
        """What an amount (in `unit`) adds to w: (w_dim,).

        Raises:
            EditError: the amount is not a number within the range.
        """
        span = f"{self.low:g} to {self.high:g} {self.unit}"
        try:
            number = float(amount)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            raise EditError(f"{amount!r} is no amount of {self.name}: give a number in {span}.")
        slack = _ROUNDING * (self.high - self.low)
        if not self.low - slack <= number <= self.high + slack:
            raise EditError(f"{self.name} goes from {span}: {number:g} is outside of it.")
        return self.vector * self.length(min(max(number, self.low), self.high))

    def fitted(self, curve: Curve) -> Direction:
        """The same direction with one person's own curve, and so range (`calibration`)."""
        return replace(self, curve=curve)

    def length(self, amount: float) -> float:
        """Length of the step in W for an amount within the range, negative for negative ones."""
        amounts, lengths = zip(*self.curve, strict=True)
        return float(np.interp(amount, amounts, lengths))


def load_directions(path: Path = DATA) -> dict[str, Direction]:
    """The directions of a file, by name, in the order they are shown; by default the shipped ones.

    Raises:
        CheckpointError: the file is missing or broken.
    """
    try:
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {})["directions"])
            loaded = [_read(row, file.get_tensor(row["name"])) for row in header]
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"The latent directions in {path.name} cannot be read: restore the file from the tree."
        ) from error
    return {direction.name: direction for direction in loaded}


def _read(row: dict[str, Any], vector: Tensor) -> Direction:
    curve = tuple((float(amount), float(length)) for amount, length in row.pop("curve"))
    layers = row.pop("layers", None)
    span = None if layers is None else (int(layers[0]), int(layers[1]))
    return Direction(vector=vector, curve=curve, layers=span, **row)


def save_directions(directions: Iterable[Direction], path: Path) -> None:
    """Write directions to a safetensors file: the vectors, and the rest as JSON in its header."""
    directions = list(directions)
    names = [f.name for f in fields(Direction) if f.name != "vector"]
    header = [{name: getattr(d, name) for name in names} for d in directions]
    metadata = {"directions": json.dumps(header, sort_keys=True)}
    save_file({d.name: d.vector.contiguous() for d in directions}, path, metadata)


def apply(
    w: Tensor,
    edits: Mapping[str, float],
    directions: Mapping[str, Direction],
    num_ws: int = NUM_WS,
) -> Tensor:
    """Move w along directions, all rows alike; the order of the edits does not matter.

    Args:
        w: (N, w_dim) or (N, num_ws, w_dim); not changed.
        edits: name of a direction to an amount in its unit. Zero leaves w as it is.
        directions: by name, as `load_directions` gives them.
        num_ws: how many ws the generator takes that will render it, where `w` does not say.

    Returns:
        The edited w, of the same dtype and device, and of the same shape; but (N, num_ws, w_dim)
        where an edit moves some layers and not others. Of a range that goes beyond the generator's
        ws, it takes those that are there.

    Raises:
        EditError: an unknown name (the nearest is named) or an amount out of range.
    """
    moved = w.clone()
    for name in sorted(edits):  # a fixed order: the same sum to the last bit
        direction = find(name, directions)
        step = direction.step(edits[name]).to(w)
        if direction.layers is None:
            moved += step
        elif step.any():
            if moved.ndim == 2:
                moved = moved[:, None].repeat(1, num_ws, 1)
            moved[:, slice(*direction.layers)] += step
    return moved


def find(name: str, directions: Mapping[str, Direction]) -> Direction:
    """The direction of a name. Raises EditError, naming the nearest, where there is none."""
    if name in directions:
        return directions[name]
    near = difflib.get_close_matches(str(name), directions, n=1, cutoff=0.5)
    hint = f": did you mean {near[0]}?" if near else "."
    raise EditError(f"There is no edit named {name!r}{hint} There are {', '.join(directions)}.")
