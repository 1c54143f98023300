"""A sheet of hair colours, for docs/text-internals.md: a row a session, a column a colour.

python -m scripts.hair_sheet S.safetensors... --out docs/images/hair-colours.jpg
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from checkpoints.network_loaders import load_edit_models
from pti_core.editing.edit_state import EditState
from pti_core.editing.hair_color import HairColor
from pti_core.rendering import render
from pti_core.session.session import Session
from scripts.picture_sheet import draw_sheet, sheet_parser

COLOURS = {
    "pink": "#ff69b4",
    "green": "#3f9b4b",
    "navy": "#27408b",
    "purple": "#7d3cb5",
    "blond": "#e3c384",
    "auburn": "#8a3a1c",
    "black": "#14100f",
    "silver": "#c3c5cb",
}
SIDE, QUALITY = 224, 84


def main(arguments: Sequence[str] | None = None) -> None:
    parser = sheet_parser("hair_sheet")
    parser.add_argument("--large", type=Path, help="folder for the images at full size")
    parsed = parser.parse_args(arguments)
    rows = []
    for path in parsed.sessions:
        session = Session.open(path)
        models = load_edit_models(session.generator_name)
        tiles = [session.crop()]
        began = time.perf_counter()
        for color in COLOURS.values():
            tiles.append(render(session, models, EditState(hair_color=HairColor(color))))
        print(f"{path.stem}: {(time.perf_counter() - began) / len(COLOURS):.2f} s a colour")
        for x, tile in enumerate(tiles if parsed.large is not None else ()):
            tile.save(parsed.large / f"{path.stem}-{x}.png")
        rows.append(tiles)
    titles = ["photograph", *(f"{name} {color}" for name, color in COLOURS.items())]
    draw_sheet(titles, rows, SIDE).save(parsed.out, quality=QUALITY)


if __name__ == "__main__":
    main()
