"""Sheets of small pictures for the docs: a row a session, a title over each column."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

#: Height of the line of titles, in pixels.
HEAD = 20


def sheet_parser(program: str) -> argparse.ArgumentParser:
    """Sessions in, `--out` for the sheet."""
    parser = argparse.ArgumentParser(prog=f"python -m scripts.{program}")
    parser.add_argument("sessions", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    return parser


def draw_sheet(
    titles: Sequence[str], rows: Sequence[Sequence[Image.Image]], side: int
) -> Image.Image:
    """Rows of square images, each reduced to `side` pixels."""
    sheet = Image.new("RGB", (side * len(titles), HEAD + side * len(rows)), "white")
    draw = ImageDraw.Draw(sheet)
    for x, title in enumerate(titles):
        draw.text((x * side + 6, 4), title, fill="black")
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            small = image.resize((side, side), Image.Resampling.LANCZOS)
            sheet.paste(small, (x * side, HEAD + y * side))
    return sheet
