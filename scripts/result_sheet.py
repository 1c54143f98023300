"""The README's picture: a row a session, the photograph first and then an edit a column.

python -m scripts.result_sheet S.safetensors... --out docs/images/result.jpg
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from checkpoints.network_loaders import load_edit_models
from pti_core.editing.edit_state import EditState
from pti_core.editing.hair_color import HairColor
from pti_core.rendering import render
from pti_core.session.session import Session
from scripts.picture_sheet import draw_sheet, sheet_parser

#: Title, amounts as shares of the person's own range (of its lower end where negative), hair.
COLUMNS: tuple[tuple[str, dict[str, float], str | None], ...] = (
    ("older", {"age": 0.8}, None),
    ("younger", {"age": -0.8}, None),
    ("bigger smile", {"smile": 0.9}, None),
    ("smaller smile", {"smile": -0.8}, None),
    ("turned", {"pose": 0.7}, None),
    ("glasses", {"glasses": 1.0}, None),
    ("pink hair", {}, "#ff69b4"),
)
SIDE, QUALITY = 260, 86


def draw_row(path: Path) -> list[Image.Image]:
    """The photograph and its edits, aligned."""
    session = Session.open(path)
    models = load_edit_models(session.generator_name)
    ranges = session.directions(models.directions)
    tiles = [session.crop()]
    for _, shares, color in COLUMNS:
        edits = {
            name: share * ranges[name].high if share > 0 else -share * ranges[name].low
            for name, share in shares.items()
        }
        hair = HairColor(color) if color else None
        tiles.append(render(session, models, EditState(edits, hair_color=hair)))
    return tiles


def main(arguments: Sequence[str] | None = None) -> None:
    parsed = sheet_parser("result_sheet").parse_args(arguments)
    titles = ["photograph", *(title for title, _, _ in COLUMNS)]
    sheet = draw_sheet(titles, [draw_row(path) for path in parsed.sessions], SIDE)
    sheet.save(parsed.out, quality=QUALITY)


if __name__ == "__main__":
    main()
