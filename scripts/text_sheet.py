"""A sheet of prompts done to sessions, for docs/text-internals.md: a row a session.

python -m scripts.text_sheet S.safetensors... --out docs/images/text.jpg
"""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from checkpoints.network_loaders import load_edit_models
from mappers.edits import plan, what_is_known
from mappers.prompts.reader import fetch_reader
from pti_core.errors import UserError
from pti_core.models import EditModels
from pti_core.rendering import render
from pti_core.session.session import Session
from scripts.picture_sheet import sheet_parser

PROMPTS = (
    *("bowl cut", "older", "smiling", "blond hair", "no beard", "looking to the left", "glasses"),
)
SIDE, HEAD = 200, 18


def row_of(session: Session, models: EditModels) -> list[tuple[str, Image.Image]]:
    """The photograph, and each prompt done to it by attributes alone, with its title."""
    fetch_reader()
    known = what_is_known(session)
    tiles = [("photograph", session.crop()), ("personalised", render(session, models, {}))]
    for prompt in PROMPTS:
        try:
            wanted = plan(prompt, known, "attributes")
        except UserError as error:
            print(error)
            continue
        print(prompt, dict(wanted.edits))
        tiles.append((prompt, render(session, models, wanted.edits)))
    return tiles


def main(arguments: Sequence[str] | None = None) -> None:
    parsed = sheet_parser("text_sheet").parse_args(arguments)
    rows = []
    for path in parsed.sessions:
        session = Session.open(path)
        rows.append(row_of(session, load_edit_models(session.generator_name)))
    sheet = Image.new("RGB", (SIDE * max(map(len, rows)), (SIDE + HEAD) * len(rows)), "white")
    draw = ImageDraw.Draw(sheet)
    for y, tiles in enumerate(rows):
        for x, (title, image) in enumerate(tiles):
            place = (x * SIDE, y * (SIDE + HEAD))
            draw.text((place[0] + 6, place[1] + 4), title, fill="black")
            sheet.paste(image.resize((SIDE, SIDE)), (place[0], place[1] + HEAD))
    sheet.save(parsed.out, quality=74)


if __name__ == "__main__":
    main()
