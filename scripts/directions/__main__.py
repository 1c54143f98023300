"""python -m scripts.directions: sample faces, measure them, fit, calibrate, write, show.

Every stage resumes: pictures and measures are kept in `--cache`, by seed. From nothing it renders
some 2,900 faces; with what is measured on each that is 0.8 seconds of one core a face.
"""

from __future__ import annotations

import argparse
import logging
import platform
from functools import partial
from pathlib import Path

import numpy as np
import torch

from pti_core.directions import DATA, Direction, load_directions, save_directions
from pti_core.memory import keep_memory
from scripts.directions import fit
from scripts.directions.calibrate import Notebook, Strips, calibration, curve, monotonic, offered
from scripts.directions.faces import MEASURES, Album, Table, Tools
from scripts.directions.recipes import RECIPES, Recipe
from scripts.directions.sheet import contact_sheet

#: Faces that are fitted: as the mapping gives them, so that every attribute has its extremes.
FIT_SEEDS, FIT_PSI = range(2400), 1.0
#: Held-out faces: truncated as pictures usually are; and untruncated ones, further out than most
#: pivots of photographs lie, to see whether a direction still does there what it says.
CHECK_SEEDS, CHECK_PSI = range(100_000, 100_018), 0.7
WIDE_SEEDS, WIDE_PSI = range(200_000, 200_010), 1.0
#: Per sample; the best of 0.01 to 10 for age, smile and yaw by five-fold cross-validation.
RIDGE_PENALTY = 0.3
#: Steps on either side of nought, of which the longest is the recipe's reach.
STEPS = 3
#: Knots of the shipped curve on either side of nought.
KNOTS = 3

_log = logging.getLogger("directions")


class Fit:
    """The normals of every measure, and the directions that the recipes make of them."""

    def __init__(self, tools: Tools, table: Table) -> None:
        generator = tools.generator
        self.table = table
        self.w = torch.cat([generator.sample_w(1, seed) for seed in table.seeds]).numpy()
        self.normals = {name: self._normal(name) for name in MEASURES}
        for recipe in RECIPES:
            self.normals[recipe.measure] = self._normal(recipe.measure, recipe.between)
        self.identity = fit.ridge(self.w, table.embeddings, RIDGE_PENALTY)

    def vector(self, recipe: Recipe) -> np.ndarray:
        """The unit vector (512,) of a recipe."""
        leaks = [self.normals[name] for name in recipe.leaks]
        return fit.least_change(self.normals[recipe.measure], leaks, self.identity, recipe.kept)

    def correlation(self, recipe: Recipe) -> float:
        """How well the normal, fitted on four fifths of the faces, explains the fifth."""
        w, values = self.chosen(recipe.measure, recipe.between)
        return fit.held_out(_ridge_normal, w, values)

    def chosen(
        self, name: str, between: tuple[float, float] | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """w (N, 512) and a measure (N,) of the faces whose measure lies between two values."""
        values = self.table.measures[name]
        low, high = between or (-np.inf, np.inf)
        chosen = (values >= low) & (values <= high)
        return self.w[chosen], values[chosen]

    def _normal(self, name: str, between: tuple[float, float] | None = None) -> np.ndarray:
        return _ridge_normal(*self.chosen(name, between))


def make(tools: Tools, fitted: Fit, notebook: Notebook, recipe: Recipe) -> Direction:
    """Calibrate the direction of a recipe on held-out faces."""
    vector = fitted.vector(recipe)
    lengths = [recipe.reach * step / STEPS for step in range(-STEPS, STEPS + 1)]
    strips = notebook.move(tools, CHECK_SEEDS, CHECK_PSI, vector, lengths)
    low, high = offered(recipe, strips)
    if not low < 0 < high:
        raise SystemExit(f"{recipe.name} does not hold anywhere: {low} to {high}")
    amounts = [*np.linspace(low, 0, KNOTS + 1), *np.linspace(0, high, KNOTS + 1)[1:]]
    points = curve(recipe, strips, [round(float(a), 6) for a in amounts])
    wide = notebook.move(tools, WIDE_SEEDS, WIDE_PSI, vector, [length for _, length in points])
    made = {
        "method": "ridge regression of the measure on w; conditional projection; least change",
        "measure": recipe.measure,
        "scale": recipe.scale,
        "orthogonal_to": list(recipe.leaks),
        "identity_weight": recipe.kept,
        "ridge_penalty": RIDGE_PENALTY,
        "generator": tools.generator.fingerprint,
        "seeds": f"{FIT_SEEDS.start} to {FIT_SEEDS.stop - 1}",
        "samples": len(fitted.table.seeds),
        "no_face_found": len(FIT_SEEDS) - len(fitted.table.seeds),
        "held_out_correlation": round(fitted.correlation(recipe), 3),
        "calibration_faces": len(CHECK_SEEDS),
        "calibration": calibration(recipe, strips, points),
        "leakage": leakage(fitted, recipe, strips, points),
        "monotonic_untruncated": round(monotonic(recipe, wide), 3),
        "identity_distance_untruncated": [round(float(d), 3) for d in wide.distances.mean(0)],
        "versions": versions(),
    }
    unit = torch.from_numpy(vector).float()
    return Direction(
        recipe.name,
        recipe.label,
        recipe.group,
        recipe.unit,
        unit / unit.norm(),
        tuple(points),
        made,
    )


def leakage(
    fitted: Fit, recipe: Recipe, strips: Strips, points: list[tuple[float, float]]
) -> dict[str, float]:
    """How much each measure changes from end to end of the range, relative to the wanted one.

    Both in standard deviations over the fitted faces, so the direction's own measure has 1.
    """
    ends = [points[0][1], points[-1][1]]
    moved = {}
    for name in MEASURES:
        mean = np.nanmean(strips.change(name), axis=0) / fitted.table.measures[name].std()
        low, high = np.interp(ends, strips.lengths, mean)
        moved[name] = float(high - low)
    return {name: round(value / moved[recipe.measure], 3) for name, value in moved.items()}


def versions() -> dict[str, str]:
    """What the numbers may depend on to the last digit."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
        "numpy": np.__version__,
    }


def compare(fitted: Fit) -> None:
    """Print held-out correlations of ridge normals and InterFaceGAN's SVM boundaries."""
    for recipe in RECIPES:
        w, values = fitted.chosen(recipe.measure, recipe.between)
        for penalty in (0.03, 0.1, 0.3, 1.0, 3.0):
            score = fit.held_out(partial(fit.ridge_normal, penalty=penalty), w, values)
            print(f"{recipe.name:8} ridge, penalty {penalty:<5} {score:.3f}")
        for share in (0.2, 0.35, 0.5):
            for penalty in (0.001, 0.01):
                way = partial(fit.svm_boundary, share=share, penalty=penalty)
                score = fit.held_out(way, w, values)
                print(f"{recipe.name:8} SVM, {share:.0%} a side, C {penalty:<5} {score:.3f}")


def sheet(tools: Tools, path: Path) -> None:
    """Write the contact sheet of the shipped directions."""
    contact_sheet(tools, load_directions().values(), CHECK_PSI).save(path, quality=85)


def main() -> None:
    keep_memory()
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    tools = Tools.fetched()
    if arguments.stage == "sheet":
        return sheet(tools, arguments.out)
    album = Album(arguments.cache, FIT_PSI)
    for done, _ in enumerate(album.fill(tools, FIT_SEEDS), 1):
        if done % 50 == 0:
            _log.info("%d of %d faces", done, len(FIT_SEEDS))
    fitted = Fit(tools, album.table(FIT_SEEDS))
    if arguments.stage == "compare":
        return compare(fitted)
    notebook = Notebook(arguments.cache / "moved.jsonl")
    made = []
    for recipe in RECIPES:
        made.append(make(tools, fitted, notebook, recipe))
        _log.info("%s: %g to %g %s", recipe.name, made[-1].low, made[-1].high, recipe.unit)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    save_directions(made, arguments.out)


def _ridge_normal(w: np.ndarray, values: np.ndarray) -> np.ndarray:
    return fit.ridge_normal(w, values, RIDGE_PENALTY)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.directions", description=__doc__)
    parser.add_argument(
        "stage",
        nargs="?",
        default="make",
        choices=("make", "compare", "sheet"),
        help="make the directions' file; compare ways to fit; draw the contact sheet",
    )
    parser.add_argument("--out", type=Path, help="the file to write")
    parser.add_argument(
        "--cache", type=Path, default=Path.home() / ".cache" / "pti-studio" / "directions"
    )
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.out is None:
        arguments.out = Path("docs/images/directions.jpg") if arguments.stage == "sheet" else DATA
    return arguments


if __name__ == "__main__":
    main()
