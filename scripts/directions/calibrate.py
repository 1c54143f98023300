"""Moves held-out faces along a direction, measures them, and finds the range that holds."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from scripts.directions.direction_table import Recipe
from scripts.directions.faces import Album, Tools, place_name
from scripts.directions.measures import Gauge
from service.malloc_tuning import tune_malloc

#: One face in ten may be further from itself than a recipe's `distance` by so much.
TENTH_BEYOND = 0.1
#: Share of the faces that every step has to move the right way: ten of twelve.
SHARE_MONOTONIC = 0.8
#: The moved faces lie in this album; w of a seed is truncated by it first.
MOVED = "moved"
#: Where a measure stands still, its curve rises by this much a step, so that it can be inverted.
_CREEP = 1e-4

_log = logging.getLogger("directions")


@dataclass(frozen=True)
class Strips:
    """Faces moved along one direction.

    lengths: (L,) steps in W, ascending, with 0 among them. measures: name to (faces, L), nan where
    no face was found. distances: (faces, L), identity distance to the unmoved face.
    """

    lengths: np.ndarray
    measures: dict[str, np.ndarray]
    distances: np.ndarray

    @property
    def start(self) -> int:
        """The index of length 0."""
        return int(np.flatnonzero(self.lengths == 0)[0])

    def change(self, name: str) -> np.ndarray:
        """How a measure differs from that of the unmoved face: (faces, L)."""
        values = self.measures[name]
        return values - values[:, self.start, None]


class Wanted(Protocol):
    """A picture that is wanted: what it is called, and its w."""

    @property
    def name(self) -> str: ...

    def w(self, tools: Tools) -> Tensor: ...


@dataclass(frozen=True)
class Move:
    """One picture that is wanted: the face of a seed, truncated by psi, moved by a step of W."""

    seed: int
    psi: float
    step: Tensor

    @property
    def name(self) -> str:
        return place_name(self.seed, self.psi, self.step)

    def w(self, tools: Tools) -> Tensor:
        """(512,), or (num_ws, 512) where the step is."""
        return tools.draw(self.seed, self.psi) + self.step


def lengths_of(recipe: Recipe) -> list[float]:
    """The steps in W that a recipe tries, ascending, with 0 among them."""
    steps = recipe.steps
    return [recipe.reach * step / steps for step in range(-steps, steps + 1)]


def unit_step(vector: np.ndarray, layers: tuple[int, int] | None, num_ws: int) -> Tensor:
    """A step of length 1: (512,), or (num_ws, 512) with the layers that stand still at zero."""
    step = torch.as_tensor(vector, dtype=torch.float32)
    if layers is None:
        return step
    rows = torch.zeros(num_ws, len(step))
    rows[layers[0] : layers[1]] = step
    return rows


def moves(seeds: Sequence[int], psi: float, step: Tensor, lengths: Sequence[float]) -> list[Move]:
    """Every seed at every length, seed by seed."""
    return [Move(seed, psi, length * step) for seed in seeds for length in lengths]


def read_all(folder: Path, wanted: Sequence[Wanted], jobs: int) -> None:
    """Render and read what is missing of `wanted`, in so many processes."""
    album = Album(folder)
    missing = list({m.name: m for m in wanted if not album.is_read(m.name)}.values())
    if not missing:
        return
    chunks = [missing[i : i + 8] for i in range(0, len(missing), 8)]
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        for done, _ in enumerate(pool.map(_read_chunk, [folder] * len(chunks), chunks), 1):
            if done % 10 == 0:
                _log.info("%d of %d faces", 8 * done, len(missing))


def _read_chunk(folder: Path, chunk: Sequence[Wanted]) -> None:
    tools, album = _own_tools(), Album(folder)
    for move in chunk:
        album.read(tools, move.name, move.w(tools))


@cache
def _own_tools() -> Tools:
    """The tools of one worker process, on one thread."""
    tune_malloc()
    torch.set_num_threads(1)
    return Tools.fetched()


def strips(
    album: Album,
    gauge: Gauge,
    seeds: Sequence[int],
    psi: float,
    step: Tensor,
    lengths: Sequence[float],
) -> Strips:
    """What was read of moved faces, measured."""
    rows = [[m.name for m in moves([seed], psi, step, lengths)] for seed in seeds]
    measured = [[gauge.measure(album, name) for name in row] for row in rows]
    measures = {n: np.array([[m[n] for m in row] for row in measured]) for n in gauge.names}
    faces = [[gauge.measurer.face(album, name) for name in row] for row in rows]
    embeddings = np.array([[face.embedding for face in row] for row in faces])
    start = list(lengths).index(0)
    distances = np.linalg.norm(embeddings - embeddings[:, start : start + 1], axis=2)
    return Strips(np.array(lengths, dtype=float), measures, distances)


@dataclass(frozen=True)
class Calibration:
    """What the strips of a recipe's direction say; effects are in its unit.

    spread: of the measure over the sampled faces: the unit where amounts are percent.
    """

    recipe: Recipe
    strips: Strips
    spread: float

    @property
    def scale(self) -> float:
        """How much of the measure one unit of `effects` is."""
        return self.recipe.sign * (self.recipe.scale or self.spread)

    @property
    def effects(self) -> np.ndarray:
        """(faces, L)."""
        return self.strips.change(self.recipe.counts) / self.scale

    @property
    def mean(self) -> np.ndarray:
        """The mean effect (L,)."""
        return np.nanmean(self.effects, axis=0)

    def curve(self) -> list[tuple[float, float]]:
        """(amount, length in W) over the range that is offered; empty where nothing holds."""
        low, high = (self._end(side) for side in (-1, 1))
        if not low < 0 < high:
            return []
        effects, lengths = self._rising()
        knots = [low, low / 2, 0.0, high / 2, high]
        reached = [float(np.interp(knot, effects, lengths)) for knot in knots]
        amounts = [-100.0, -50.0, 0.0, 50.0, 100.0] if self.recipe.scale is None else knots
        return [(round(a, 6), length) for a, length in zip(amounts, reached, strict=True)]

    def rows(self, curve: Sequence[tuple[float, float]]) -> list[dict[str, float]]:
        """For each (amount, length): the mean effect, and the distances, interpolated."""
        known, distances = self.strips.lengths, self.strips.distances
        columns = {
            "effect": self.mean,
            "identity_distance": distances.mean(0),
            "identity_distance_tenth": np.quantile(distances, 0.9, axis=0),
        }
        return [
            {
                "amount": amount,
                "length": round(length, 4),
                **{n: round(float(np.interp(length, known, c)), 3) for n, c in columns.items()},
            }
            for amount, length in curve
        ]

    def monotonic(self) -> float:
        """The share of faces in which every step raises the measure."""
        steps = np.diff(self.effects, axis=1)
        return float((steps > 0).all(axis=1).mean())

    def _rising(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean effects and lengths, where needed made to rise, for an inversion."""
        mean, at = self.mean.copy(), self.strips.start
        for i in range(at + 1, len(mean)):
            mean[i] = max(mean[i], mean[i - 1] + _CREEP)
        for i in range(at - 1, -1, -1):
            mean[i] = min(mean[i], mean[i + 1] - _CREEP)
        return mean, self.strips.lengths

    def _end(self, side: int) -> float:
        """The effect at the end of what holds, on one side of zero.

        From zero outwards as far as the mean effect rises with each step, ten faces in twelve,
        and the distances stay under their bounds; then, in units, rounded towards zero.
        """
        effects, _ = self._rising()
        at, amount = self.strips.start, 0.0
        while 0 <= at + side < len(effects) and self._rises(at, side):
            ahead = at + side
            part = min(
                self._part(at, ahead, np.mean, self.recipe.distance),
                self._part(at, ahead, _tenth, self.recipe.distance + TENTH_BEYOND),
            )
            amount = float(effects[at] + part * (effects[ahead] - effects[at]))
            if part < 1:
                break
            at = ahead
        if self.recipe.scale is None:
            return amount
        wanted = min(abs(amount), abs(self.recipe.wanted[side > 0]))
        steps = math.floor(wanted / self.recipe.step + 1e-6)
        return side * round(steps * self.recipe.step, 6)

    def _rises(self, at: int, side: int) -> bool:
        """Whether the step from `at` outwards does what it says."""
        if side < 0 and self.recipe.one_sided:
            return True  # what is not there cannot be taken away: it rises for those who have it
        steps = side * (self.effects[:, at + side] - self.effects[:, at])
        share = 0.0 if self.recipe.saturates else SHARE_MONOTONIC
        return bool(np.nanmean(steps > 0) >= share and np.nanmean(steps) > 0)

    def _part(self, at: int, ahead: int, of: Callable[..., float], bound: float) -> float:
        """How much of the way between two steps stays within a bound of distance: 0 to 1."""
        near, far = of(self.strips.distances[:, at]), of(self.strips.distances[:, ahead])
        return 1.0 if far <= bound else float(max(0.0, (bound - near) / (far - near)))


def _tenth(values: np.ndarray) -> float:
    return float(np.quantile(values, 0.9))
