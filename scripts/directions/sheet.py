"""Pictures of what directions do: seeded faces across each one's range, and the leakage matrix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from pti_core.editing.directions import Direction, apply
from scripts.directions.faces import Tools

#: Faces that nothing was fitted or calibrated on, chosen for being different: a bearded man with
#: short hair, a woman with long hair.
SEEDS = (300_000, 300_001)
#: Columns a face, odd so that the unmoved face stands in the middle; side of one picture in pixels.
COLUMNS, SIDE = 3, 160
_MARGIN = 16


@torch.inference_mode()
def contact_sheet(
    tools: Tools, directions: Iterable[Direction], psi: float, seeds: Sequence[int] = SEEDS
) -> Image.Image:
    """Rows: directions. Columns: the faces, each evenly over the direction's range."""
    directions = list(directions)
    row = SIDE + _MARGIN
    page = Image.new("RGB", (len(seeds) * COLUMNS * SIDE, len(directions) * row), "white")
    draw, unmoved = ImageDraw.Draw(page), {s: tools.picture(tools.draw(s, psi)) for s in seeds}
    for y, direction in enumerate(directions):
        amounts = _amounts(direction)
        for column, (seed, amount) in enumerate((s, a) for s in seeds for a in amounts):
            text = f"{amount:+.3g} {direction.unit}" if amount else direction.label
            draw.text((column * SIDE + 3, y * row + 2), text, fill="black")
            face = unmoved[seed]
            if amount:
                w = tools.draw(seed, psi)[None]
                moved = apply(w, {direction.name: amount}, {direction.name: direction})
                face = tools.picture(moved[0])
            small = face.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            page.paste(small, (column * SIDE, y * row + _MARGIN))
    return page


def leakage_picture(names: Sequence[str], matrix: np.ndarray, bound: float, path: Path) -> None:
    """Write the leakage matrix as a picture: rows are moved, columns measured.

    What is over `bound` of the wanted effect has its number in its cell.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(13, 12))
    shown = axes.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("measured")
    axes.set_ylabel("moved")
    for y, x in np.argwhere(np.abs(matrix) > bound):
        axes.text(x, y, f"{matrix[y, x]:.1f}", ha="center", va="center", fontsize=7)
    figure.colorbar(shown, shrink=0.6, label="effect, of the wanted one (standardised)")
    figure.tight_layout()
    figure.savefig(path, dpi=80, bbox_inches="tight")
    pyplot.close(figure)


def _amounts(direction: Direction) -> list[float]:
    half = COLUMNS // 2
    below = [direction.low * (half - i) / half for i in range(half)]
    above = [direction.high * (i + 1) / half for i in range(half)]
    return [round(a, 6) for a in (*below, 0.0, *above)]
