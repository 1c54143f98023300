"""Moves held-out faces along a direction, measures them, and finds the range that holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scripts.directions.faces import MEASURES, Tools
from scripts.directions.recipes import Recipe

#: Ends of the offered range: neither may the mean distance to the unmoved face be over the first,
#: nor may that of one face in ten be over the second. dlib's "another person" is 0.6, of which the
#: reconstruction of a photograph takes a part before anything is moved.
MEAN_DISTANCE, TENTH_DISTANCE = 0.40, 0.50
#: Share of the faces that every step has to move the right way.
SHARE_MONOTONIC = 0.9


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


class Notebook:
    """What moved faces measured, one JSON line each, so that a run can be resumed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def move(
        self,
        tools: Tools,
        seeds: Sequence[int],
        psi: float,
        vector: np.ndarray,
        lengths: Sequence[float],
    ) -> Strips:
        """Render the face of every seed at every length along a vector, and measure."""
        if 0 not in lengths:
            raise ValueError("the unmoved face is missing from the lengths")
        known = self._known()
        rows = []
        with self._path.open("a") as out:
            for seed in seeds:
                w = tools.draw(seed, psi)
                for key, moved in _steps(seed, psi, w, vector, lengths):
                    if key not in known:
                        known[key] = _measured(tools, moved)
                        out.write(json.dumps({"key": key, **known[key]}) + "\n")
                        out.flush()
                rows.append([known[key] for key, _ in _steps(seed, psi, w, vector, lengths)])
        return _strips(rows, lengths)

    def _known(self) -> dict[str, dict[str, Any]]:
        if not self._path.exists():
            return {}
        rows = {}
        for line in self._path.read_text().splitlines():
            try:
                row = json.loads(line)
            except json.JSONDecodeError:  # the line that an interrupted run was writing
                continue
            rows[row.pop("key")] = row
        return rows


def offered(recipe: Recipe, strips: Strips) -> tuple[float, float]:
    """The range of amounts (in the recipe's unit) that holds, of what is wanted.

    From nought outwards as far as the mean effect rises with each step, nine faces in ten rise, and
    the distances stay under their bounds; then rounded towards nought.
    """
    ends = []
    for side, wanted in zip((-1, 1), recipe.wanted, strict=True):
        amount = side * min(abs(wanted), abs(_reached(recipe, strips, side)))
        ends.append(side * np.floor(abs(amount) / recipe.step + 1e-6) * recipe.step)
    return round(ends[0], 6), round(ends[1], 6)


def curve(recipe: Recipe, strips: Strips, amounts: Sequence[float]) -> list[tuple[float, float]]:
    """(amount, length in W) for amounts within what the strips reached, by the mean effect."""
    effect = np.nanmean(strips.change(recipe.measure), axis=0) / recipe.scale
    first, last = _rising(effect, strips.start)
    known, lengths = effect[first : last + 1], strips.lengths[first : last + 1]
    return [(a, float(np.interp(a, known, lengths))) for a in amounts]


def calibration(
    recipe: Recipe, strips: Strips, points: Sequence[tuple[float, float]]
) -> list[dict[str, float]]:
    """For each (amount, length): the mean effect in units, and the distances, interpolated."""
    effects = np.nanmean(strips.change(recipe.measure), axis=0) / recipe.scale
    means, tenths = strips.distances.mean(0), np.quantile(strips.distances, 0.9, axis=0)
    return [
        {
            "amount": amount,
            "length": round(length, 4),
            "effect": round(float(np.interp(length, strips.lengths, effects)), 3),
            "identity_distance": round(float(np.interp(length, strips.lengths, means)), 3),
            "identity_distance_tenth": round(float(np.interp(length, strips.lengths, tenths)), 3),
        }
        for amount, length in points
    ]


def monotonic(recipe: Recipe, strips: Strips) -> float:
    """The share of faces in which every step raises the measure."""
    steps = np.diff(strips.measures[recipe.measure], axis=1)
    return float((steps > 0).all(axis=1).mean())


def _steps(
    seed: int, psi: float, w: Tensor, vector: np.ndarray, lengths: Sequence[float]
) -> Iterator[tuple[str, Tensor]]:
    """A name and the w of every step; the unmoved face is the same for every vector."""
    direction = torch.as_tensor(vector, dtype=torch.float32)
    digest = hashlib.sha256(np.round(vector, 6).tobytes()).hexdigest()[:12]
    for length in lengths:
        place = f"{digest} {length:.5f}" if length else "unmoved"
        yield f"{seed} {psi:g} {place}", w + length * direction


def _measured(tools: Tools, w: Tensor) -> dict[str, Any]:
    picture = tools.picture(w)
    measures = tools.measure(picture)
    return {"measures": measures, "embedding": tools.identity.embedding(picture).tolist()}


def _strips(rows: list[list[dict[str, Any]]], lengths: Sequence[float]) -> Strips:
    measures = {
        name: np.array([[(r["measures"] or {}).get(name, np.nan) for r in row] for row in rows])
        for name in MEASURES
    }
    embeddings = np.array([[r["embedding"] for r in row] for row in rows])
    start = list(lengths).index(0)
    distances = np.linalg.norm(embeddings - embeddings[:, start : start + 1], axis=2)
    return Strips(np.array(lengths, dtype=float), measures, distances)


def _rising(effect: np.ndarray, start: int) -> tuple[int, int]:
    """The first and last index of the run around `start` in which `effect` rises."""
    first = last = start
    while first > 0 and effect[first - 1] < effect[first]:
        first -= 1
    while last < len(effect) - 1 and effect[last + 1] > effect[last]:
        last += 1
    return first, last


def _reached(recipe: Recipe, strips: Strips, side: int) -> float:
    """The amount at the end of what holds, on one side of nought."""
    values = strips.measures[recipe.measure]
    effect = np.nanmean(strips.change(recipe.measure), axis=0) / recipe.scale
    means, tenths = strips.distances.mean(0), np.quantile(strips.distances, 0.9, axis=0)
    at, amount = strips.start, 0.0
    while 0 <= at + side < len(effect):
        ahead = at + side
        rises = np.nanmean(side * (values[:, ahead] - values[:, at]) > 0) >= SHARE_MONOTONIC
        if not rises or side * (effect[ahead] - effect[at]) <= 0:
            break
        part = min(
            _part(means[at], means[ahead], MEAN_DISTANCE),
            _part(tenths[at], tenths[ahead], TENTH_DISTANCE),
        )
        amount = effect[at] + part * (effect[ahead] - effect[at])
        if part < 1:
            break
        at = ahead
    return float(amount)


def _part(near: float, far: float, bound: float) -> float:
    """How much of the way from `near` to `far` is within `bound`: 0 to 1."""
    return 1.0 if far <= bound else float(max(0.0, (bound - near) / (far - near)))
