"""From sampled, measured faces to directions: normals, vectors, calibrated curves, leakage."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pti_core.editing.directions import Direction
from scripts.directions import fit
from scripts.directions.calibrate import (
    MOVED,
    Calibration,
    Move,
    Strips,
    lengths_of,
    moves,
    read_all,
    strips,
    unit_step,
)
from scripts.directions.direction_table import GUARDED, RECIPES, Recipe
from scripts.directions.faces import Album, Readings, Tools, sampled
from scripts.directions.looks import fit_looks
from scripts.directions.measures import Gauge, Measurer, Table, gauged
from scripts.directions.tagging import read_tags

#: Faces that are fitted: as the mapping gives them, so that every attribute has its extremes.
FIT_SEEDS, FIT_PSI = range(2000), 1.0
#: Held-out faces, truncated as pictures usually are.
CHECK_SEEDS, CHECK_PSI = range(100_000, 100_012), 0.7
#: Faces that are moved to find out what leaks, so far to either side, in parts of the reach.
PROBE_SEEDS, PROBE = range(100_020, 100_026), 0.6
#: Per sample; the best of 0.01 to 10 for age, smile and yaw by five-fold cross-validation.
RIDGE_PENALTY = 0.3
#: How much of the mending of measured leaks is held back, relative to the wanted effect.
MENDING_PENALTY = 0.5
#: How much more than a leak of the same size the loss of the wanted effect counts, while mending.
KEEPING = 2.0


@dataclass(frozen=True)
class Sampled:
    """The faces that directions are fitted to.

    w: (N, 512). table: their measures. gauge: what measured them, and measures others.
    """

    w: np.ndarray
    table: Table
    gauge: Gauge

    def spread(self, name: str) -> float:
        """The standard deviation of a measure."""
        return float(self.table.measures[name].std())


def sample(tools: Tools, cache: Path, jobs: int) -> Sampled:
    """Render, read and measure the faces that are fitted, those that show one."""
    album = sampled(cache, FIT_PSI)
    still = torch.zeros(tools.generator.w_dim)
    names = {seed: Move(seed, FIT_PSI, still).name for seed in FIT_SEEDS}
    read_all(album.folder, [Move(seed, FIT_PSI, still) for seed in FIT_SEEDS], jobs)
    measurer = Measurer(fit_looks(*tagged(cache)), cache / "measures.jsonl")
    faces = {seed: measurer.face(album, name) for seed, name in names.items()}
    faces = {seed: face for seed, face in faces.items() if face.found}
    gauge = gauged(measurer, [face.plain for face in faces.values()])
    measured = [{**face.plain, **gauge.mixed(face.plain)} for face in faces.values()]
    table = Table(
        list(faces),
        {name: np.array([row[name] for row in measured]) for name in gauge.names},
        np.array([face.embedding for face in faces.values()]),
    )
    w = torch.cat([tools.generator.sample_w(1, seed) for seed in faces]).numpy()
    return Sampled(w, table, gauge)


def normals(faces: Sampled) -> dict[str, np.ndarray]:
    """The unit vector (512,) along which each measure rises."""
    return {name: _normal(faces.w, values) for name, values in faces.table.measures.items()}


def vectors(faces: Sampled) -> dict[str, np.ndarray]:
    """Recipe to its unit vector (512,): what must not change is orthogonal, by the regressions."""
    known = normals(faces)
    identity = fit.ridge(faces.w, faces.table.embeddings, RIDGE_PENALTY)
    made = {}
    for recipe in RECIPES:
        target = recipe.sign * _normal(*chosen(faces, recipe))
        leaks = [known[name] for name in guarded(recipe)]
        made[recipe.name] = fit.least_change(target, leaks, identity, recipe.kept)
    return made


def guarded(recipe: Recipe) -> list[str]:
    """The measures that a recipe's direction must leave alone."""
    own = {recipe.measure, recipe.target, *recipe.kin}
    return [name for name in GUARDED if name not in own]


def watched(recipe: Recipe) -> list[str]:
    """The measures whose change by a recipe's direction is mended: guarded, or others' own."""
    own = {recipe.measure, recipe.target, *recipe.kin}
    others = [other.measure for other in RECIPES if other.measure not in own]
    return list(dict.fromkeys([*guarded(recipe), *others]))


def chosen(faces: Sampled, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """w (N, 512) and the fitted measure (N,) of the faces that a recipe is fitted to."""
    values = faces.table.measures[recipe.measure]
    low, high = recipe.between or (-np.inf, np.inf)
    among = (values >= low) & (values <= high)
    return faces.w[among], faces.table.measures[recipe.target][among]


def correlation(faces: Sampled, recipe: Recipe) -> float:
    """How well the normal, fitted on four fifths of the faces, explains the fifth."""
    return fit.held_out(_normal, *chosen(faces, recipe))


def calibrations(
    tools: Tools, cache: Path, faces: Sampled, made: Mapping[str, np.ndarray], jobs: int
) -> dict[str, Calibration]:
    """Move held-out faces along every direction to where its range is looked for, and measure."""
    lengths = {recipe.name: lengths_of(recipe) for recipe in RECIPES}
    found = _moved(tools, cache, faces, made, CHECK_SEEDS, lengths, jobs)
    return {r.name: Calibration(r, found[r.name], faces.spread(r.counts)) for r in RECIPES}


def probes(
    tools: Tools, cache: Path, faces: Sampled, made: Mapping[str, np.ndarray], jobs: int
) -> dict[str, Strips]:
    """Move a few faces along every direction, and measure everything."""
    lengths = {r.name: [-PROBE * r.reach, 0.0, PROBE * r.reach] for r in RECIPES}
    return _moved(tools, cache, faces, made, PROBE_SEEDS, lengths, jobs)


def _moved(
    tools: Tools,
    cache: Path,
    faces: Sampled,
    made: Mapping[str, np.ndarray],
    seeds: Sequence[int],
    lengths: Mapping[str, list[float]],
    jobs: int,
) -> dict[str, Strips]:
    steps = {r.name: unit_step(made[r.name], r.layers, tools.generator.num_ws) for r in RECIPES}
    wanted = [m for n, s in steps.items() for m in moves(seeds, CHECK_PSI, s, lengths[n])]
    album = Album(cache / MOVED)
    read_all(album.folder, wanted, jobs)
    return {
        n: strips(album, faces.gauge, seeds, CHECK_PSI, step, lengths[n])
        for n, step in steps.items()
    }


def effects(faces: Sampled, found: Mapping[str, Strips]) -> np.ndarray:
    """(recipes, measures): what a step of length 1 changes, in spreads of the sampled faces.

    From the whole range that was tried, end to end; the measures are those of `faces.gauge`.
    """
    rows = []
    for strip in found.values():
        width = strip.lengths[-1] - strip.lengths[0]
        change = {n: np.nanmean(v[:, -1] - v[:, 0]) for n, v in strip.measures.items()}
        rows.append([change[n] / faces.spread(n) / width for n in faces.gauge.names])
    return np.array(rows)


def mend(
    faces: Sampled, made: Mapping[str, np.ndarray], found: Mapping[str, Strips]
) -> dict[str, np.ndarray]:
    """Directions from which the leaks that were measured are taken out, by the other directions.

    To each direction such amounts of all others are added that its effects on what it guards
    vanish and the one that is wanted stays, in the least squares, at the price of
    `MENDING_PENALTY` a squared amount.
    """
    moved = effects(faces, found)
    index = {name: i for i, name in enumerate(faces.gauge.names)}
    stack = np.stack([made[recipe.name] for recipe in RECIPES])
    mended = {}
    for i, recipe in enumerate(RECIPES):
        others = [j for j in range(len(RECIPES)) if j != i]
        columns = [index[name] for name in watched(recipe)]
        own = index[recipe.measure]
        leaks, ways = moved[i, columns], moved[np.ix_(others, columns)]
        wanted = KEEPING * moved[others, own]
        load = MENDING_PENALTY * moved[i, own] ** 2 * np.eye(len(others))
        normal = ways @ ways.T + np.outer(wanted, wanted) + load
        amounts = np.linalg.solve(normal, -ways @ leaks)
        mended[recipe.name] = fit.unit(stack[i] + amounts @ stack[others])
    return mended


def direction(
    tools: Tools, faces: Sampled, vector: np.ndarray, found: Calibration
) -> Direction | None:
    """A calibrated direction; None where nothing of it holds."""
    recipe = found.recipe
    curve = found.curve()
    if not curve:
        return None
    made = {
        "method": "ridge regression of a measure on w; conditional projection; leaks mended",
        "measured_by": recipe.counts,
        "fitted_to": recipe.target,
        # What `pti_core.editing.calibration` measures on the person; the others keep this curve.
        **({"measure": recipe.measure} if recipe.eager else {}),
        "scale": found.scale,
        "orthogonal_to": guarded(recipe),
        "identity_weight": recipe.kept,
        "ridge_penalty": RIDGE_PENALTY,
        "generator": tools.generator.fingerprint,
        "seeds": f"{FIT_SEEDS.start} to {FIT_SEEDS.stop - 1}",
        "samples": len(faces.table.seeds),
        "no_face_found": len(FIT_SEEDS) - len(faces.table.seeds),
        "held_out_correlation": round(correlation(faces, recipe), 3),
        "calibration_faces": len(CHECK_SEEDS),
        "calibration": found.rows(curve),
        "monotonic": round(found.monotonic(), 3),
        "versions": versions(),
    }
    unit = torch.from_numpy(vector).float()
    return Direction(
        recipe.name,
        recipe.label,
        recipe.group,
        recipe.unit,
        unit / unit.norm(),
        tuple(curve),
        made,
        recipe.layers,
    )


def leakage(
    faces: Sampled, found: Sequence[Calibration], curves: Sequence[Sequence[tuple[float, float]]]
) -> np.ndarray:
    """(directions, directions): what moving the row's from end to end does to the column's measure.

    In spreads of the sampled faces, relative to the row's own, so that the diagonal is 1.
    """
    rows = []
    for one, curve in zip(found, curves, strict=True):
        ends = [curve[0][1], curve[-1][1]]
        row = []
        for other in found:
            mean = np.nanmean(one.strips.change(other.recipe.counts), axis=0)
            low, high = np.interp(ends, one.strips.lengths, mean)
            row.append((high - low) * other.recipe.sign / other.spread)
        rows.append(row)
    matrix = np.array(rows)
    return matrix / np.diag(matrix)[:, None]


def versions() -> dict[str, str]:
    """What the numbers may depend on to the last digit."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
        "numpy": np.__version__,
    }


def tagged(cache: Path) -> tuple[list[Readings], dict[str, np.ndarray]]:
    """The tagged faces that were read and show one, and their tags."""
    album = sampled(cache, FIT_PSI)
    seeds, tags = read_tags()
    names = [Move(seed, FIT_PSI, torch.zeros(1)).name for seed in seeds]
    read = {i: album.readings(name) for i, name in enumerate(names) if album.is_read(name)}
    shown = [i for i, readings in read.items() if readings.found]
    return [read[i] for i in shown], {n: v[shown] for n, v in tags.items()}


def _normal(w: np.ndarray, values: np.ndarray) -> np.ndarray:
    return fit.ridge_normal(w, values, RIDGE_PENALTY)
