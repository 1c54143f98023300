"""The paper's figures: each function returns a matplotlib figure and the numbers behind it.

matplotlib is imported when the first figure is drawn: only evaluations need it, so it is among the
development requirements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from evaluation import experiments, pivot_choice
from evaluation.bench import Bench
from evaluation.measures import edited_pictures, render, sequential_pictures, subject_of
from evaluation.photographs import Photo
from evaluation.tables import NAMES, number
from pti_core.errors import UserError
from pti_core.faces.images import to_image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: A figure and its numbers, as JSON values.
Drawn = tuple["Figure", dict[str, Any]]
#: Side of a picture in a grid, in inches and in pixels.
TILE_INCHES, TILE_PIXELS = 1.7, 256
#: Random codes that figure 14 shows.
CODES = 6


def check_matplotlib() -> None:
    """Find out before hours of work that figures can be drawn. Raises UserError."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise UserError(
            "The figures need matplotlib: run pip install -r requirements-dev.txt first."
        ) from error


def reconstructions(bench: Bench, photos: Sequence[Photo]) -> Drawn:
    """Figures 4 and 5: the photograph and its reconstruction by each method."""
    methods, grid, numbers = bench.settings.methods, [], {}
    for photo in photos:
        rows = {method: bench.row(photo, method)["reconstruction"] for method in methods}
        numbers[photo.name] = rows
        subjects = {method: bench.subject(photo, method) for method in methods}
        crop = subjects[methods[0]].crop
        row = [("", crop)]
        for method, subject in subjects.items():
            caption = f"MSE {number(rows[method]['mse'])}, id {_id(rows[method])}"
            row.append((caption, render(bench.models.generator, subject)))
        grid.append((photo.name, row))
    return _grid(grid, ["photograph", *(NAMES[m] for m in methods)]), numbers


def edits(bench: Bench, photos: Sequence[Photo]) -> Drawn:
    """Figures 6, 9 and 10: the same edits by each method, a row for a photograph and method."""
    grid, columns = [], ["unedited"]
    numbers: dict[str, Any] = {}
    for photo in photos:
        numbers[photo.name] = {}
        for method in bench.settings.methods:
            editing, subject = bench.row(photo, method)["editing"], bench.subject(photo, method)
            pictures = edited_pictures(bench.models, subject)
            columns = ["unedited", *pictures]
            captions = [f"id {number(d, '.2f')}" for d in editing["single"].values()]
            row = [("", render(bench.models.generator, subject))]
            row += list(zip(captions, pictures.values(), strict=True))
            grid.append((f"{photo.name}\n{NAMES[method]}", row))
            numbers[photo.name][method] = {k: editing[k] for k in ("single", "effects")}
    return _grid(grid, columns), numbers


def sequential(bench: Bench, photos: Sequence[Photo]) -> Drawn:
    """Figures 12 and 13: one edit after the other, by each method."""
    grid, columns = [], ["unedited"]
    numbers: dict[str, Any] = {}
    for photo in photos:
        numbers[photo.name] = {}
        for method in bench.settings.methods:
            distances = bench.row(photo, method)["editing"]["sequence"]
            subject = bench.subject(photo, method)
            pictures = sequential_pictures(bench.models, subject)
            columns = ["unedited", *pictures]
            row = [("", render(bench.models.generator, subject))]
            captions = [f"id {number(d, '.2f')}" for d in distances]
            row += list(zip(captions, pictures.values(), strict=True))
            grid.append((f"{photo.name}\n{NAMES[method]}", row))
            numbers[photo.name][method] = distances
    return _grid(grid, columns), numbers


def multi_identity(bench: Bench, photos: Sequence[Photo]) -> Drawn:
    """Figures 3 and 11: several people, one set of weights, each of them edited by it."""
    chosen = list(photos)[: bench.settings.people]
    numbers = experiments.multi_identity(bench, chosen)
    session = bench.together(chosen)
    grid, columns = [], ["photograph", "reconstruction"]
    for index, photo in enumerate(chosen):
        subject = subject_of(session, bench.models.generator, index)
        pictures = edited_pictures(bench.models, subject)
        columns = ["photograph", "reconstruction", *pictures]
        near = numbers["people"][index]["together"]
        row = [("", subject.crop)]
        row.append((f"MSE {number(near['mse'])}", render(bench.models.generator, subject)))
        row += [("", picture) for picture in pictures.values()]
        grid.append((photo.name, row))
    return _grid(grid, columns), numbers


def locality(bench: Bench, photos: Sequence[Photo]) -> Drawn:
    """Figure 14: random codes before tuning, after it without the term, after it with the term."""
    numbers = experiments.locality(bench, list(photos))
    generator = bench.models.generator
    rows: list[tuple[str, Mapping[str, torch.Tensor]]] = [("before", {})]
    for name, delta in experiments.locality_deltas(bench, list(photos)).items():
        rows.append((name, delta.overrides(generator)))
    drifts = {row["variant"]: row["drift"]["each"] for row in numbers["rows"]}
    grid = []
    for name, weights in rows:
        row = []
        for index, w in enumerate(bench.drift.codes[:CODES]):
            with torch.inference_mode():
                picture = to_image(generator.render(w, weights, exact=True))
            drift = f"drift {drifts[name][index]:.3f}" if name in drifts else ""
            row.append((drift, picture))
        grid.append((name, row))
    return _grid(grid, [""] * len(grid[0][1])), numbers


def drift_by_identity(bench: Bench, photos: Sequence[Photo]) -> Drawn:
    """Figure 15: drift and target reconstruction with and without the term, as bars."""
    numbers = experiments.locality(bench, list(photos))
    names = [row["variant"] for row in numbers["rows"]]
    figure = _figure(6.4, 2.8)
    left, right = figure.subplots(1, 2)
    left.bar(names, [row["drift"]["mean"] for row in numbers["rows"]], color="#4c72b0")
    left.set_title(f"drift of {len(bench.drift.codes)} random codes (LPIPS)", fontsize=9)
    right.bar(names, [row["reconstruction"]["mse"] for row in numbers["rows"]], color="#dd8452")
    right.set_title(f"MSE of {numbers['identities']} targets", fontsize=9)
    for axes in (left, right):
        axes.tick_params(labelsize=8)
    return figure, numbers


def alpha_sweep(bench: Bench, photos: Sequence[Photo]) -> Drawn:
    """Figures 17 and 18: nearness and drift over equation 6's alpha."""
    numbers = experiments.alpha_sweep(bench, list(photos))
    alphas = [row["alpha"] for row in numbers["rows"]]
    figure = _figure(6.4, 2.8)
    left, right = figure.subplots(1, 2)
    left.plot(alphas, [row["drift"]["mean"] for row in numbers["rows"]], "o-", color="#4c72b0")
    left.set_title("drift of random codes (LPIPS)", fontsize=9)
    mse = [row["reconstruction"]["mse"] for row in numbers["rows"]]
    right.plot(alphas, mse, "o-", color="#dd8452")
    right.set_title("MSE of the target", fontsize=9)
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xticks(alphas, [f"{alpha:g}" for alpha in alphas], minor=False)
        axes.minorticks_off()
        axes.set_xlabel("alpha", fontsize=8)
        axes.tick_params(labelsize=8)
    return figure, numbers


def pivots(bench: Bench, photos: Sequence[Photo]) -> Drawn:
    """Figure 16: tuned around pivots of W, of W+, the mean code, a random one, and jointly."""
    numbers = pivot_choice.pivots(bench, list(photos))
    grid, columns = [], ["reconstruction"]
    subjects = pivot_choice.pivot_subjects(bench, photos[0])
    for (kind, subject), row in zip(subjects.items(), numbers["rows"], strict=True):
        pictures = edited_pictures(bench.models, subject)
        columns = ["reconstruction", *pictures]
        near = row["reconstruction"]
        cells = [(f"MSE {number(near['mse'])}", render(bench.models.generator, subject))]
        captions = [f"id {number(d, '.2f')}" for d in row["editing"]["single"].values()]
        cells += list(zip(captions, pictures.values(), strict=True))
        grid.append((kind, cells))
    return _grid(grid, columns), numbers


# ----------------------------------------------------------------------------------------- drawing


def _figure(width: float, height: float) -> Figure:
    check_matplotlib()
    # The class itself, not pyplot: no window system, nothing global.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _grid(
    rows: Sequence[tuple[str, Sequence[tuple[str, Image.Image]]]], columns: Sequence[str]
) -> Figure:
    """Pictures in a grid: rows of (label, cells of (caption, picture)) under column titles."""
    wide = max(len(cells) for _, cells in rows)
    figure = _figure(TILE_INCHES * wide + 0.4, (TILE_INCHES + 0.18) * len(rows) + 0.25)
    axes = figure.subplots(len(rows), wide, squeeze=False)
    for line, (label, cells) in enumerate(rows):
        for column in range(wide):
            place = axes[line, column]
            place.set_xticks([])
            place.set_yticks([])
            for side in place.spines.values():
                side.set_visible(False)
            if column >= len(cells):
                continue
            caption, image = cells[column]
            place.imshow(
                np.asarray(image.resize((TILE_PIXELS, TILE_PIXELS), Image.Resampling.LANCZOS))
            )
            place.set_xlabel(caption, fontsize=7, labelpad=2)
            if line == 0:
                place.set_title(columns[column], fontsize=8, pad=3)
            if column == 0:
                place.set_ylabel(label, fontsize=8)
    return figure


def _id(row: Mapping[str, Any]) -> str:
    return number(row["identity_distance"], ".2f")
