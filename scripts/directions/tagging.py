"""Contact sheets of seeded faces to be looked at, and the tags that a person gave them.

Where nothing measures an attribute, looking does: `python -m scripts.directions tags` draws sheets
of numbered faces, and `tags.csv` holds what was seen, one face a line. A tag is a number: 0 for
"not at all", higher for more; a face that does not show it (hair under a hat) has an empty cell.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

TAGS = Path(__file__).parent / "tags.csv"
#: One sheet: columns, rows, and the side of a face, on which a fringe and a rim can be seen.
COLUMNS, ROWS, FACE = 12, 8, 125
_LINE = 13


def read_tags(path: Path = TAGS) -> tuple[list[int], dict[str, np.ndarray]]:
    """Seeds, and tag to its values (N,), nan where it was not given."""
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    names = [name for name in (rows[0] if rows else {}) if name != "seed"]
    values = {name: np.array([float(row[name] or "nan") for row in rows]) for name in names}
    return [int(row["seed"]) for row in rows], values


def sheet(pictures: Sequence[Path], labels: Sequence[str]) -> Image.Image:
    """A sheet of faces, each with its label above; at most `COLUMNS` * `ROWS` of them."""
    rows = -(-len(pictures) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * FACE, rows * (FACE + _LINE)), "white")
    draw = ImageDraw.Draw(page)
    for i, (path, label) in enumerate(zip(pictures, labels, strict=True)):
        left, top = i % COLUMNS * FACE, i // COLUMNS * (FACE + _LINE)
        face = Image.open(path).convert("RGB").resize((FACE, FACE), Image.Resampling.LANCZOS)
        page.paste(face, (left, top + _LINE))
        draw.text((left + 3, top + 1), label, fill="black")
    return page


def sheets(album: Path, seeds: Iterable[int], folder: Path) -> None:
    """Write sheets of the faces of an album (`SEED.jpg`) as PNG files."""
    folder.mkdir(parents=True, exist_ok=True)
    seeds = list(seeds)
    for first in range(0, len(seeds), COLUMNS * ROWS):
        page = seeds[first : first + COLUMNS * ROWS]
        picture = sheet([album / f"{seed}.jpg" for seed in page], [str(seed) for seed in page])
        picture.save(folder / f"{page[0]:05}.png")
