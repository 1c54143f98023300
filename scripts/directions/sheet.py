"""A picture of what directions do: seeded faces across each one's range."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from PIL import Image, ImageDraw

from pti_core.directions import Direction, apply
from scripts.directions.faces import Tools

#: A man and two women; none of them was fitted or calibrated on.
SEEDS = (300_000, 300_001, 300_002)
#: Columns, odd so that the unmoved face stands in the middle; side of one picture in pixels.
COLUMNS, SIDE = 5, 192
_MARGIN = 24


@torch.no_grad()
def contact_sheet(tools: Tools, directions: Iterable[Direction], psi: float) -> Image.Image:
    """Rows: every direction on every face. Columns: evenly over the direction's range."""
    directions = list(directions)
    height = len(directions) * (len(SEEDS) * SIDE + _MARGIN)
    sheet = Image.new("RGB", (COLUMNS * SIDE, height), "white")
    draw, top = ImageDraw.Draw(sheet), 0
    for direction in directions:
        amounts = _amounts(direction)
        for column, amount in enumerate(amounts):
            text = f"{direction.label} {amount:+g} {direction.unit}" if amount else "as it is"
            draw.text((column * SIDE + 4, top + 6), text, fill="black")
        for row, seed in enumerate(SEEDS):
            w = tools.draw(seed, psi)[None]
            for column, amount in enumerate(amounts):
                moved = apply(w, {direction.name: amount}, {direction.name: direction})
                face = tools.picture(moved[0]).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
                sheet.paste(face, (column * SIDE, top + _MARGIN + row * SIDE))
        top += len(SEEDS) * SIDE + _MARGIN
    return sheet


def _amounts(direction: Direction) -> list[float]:
    half = COLUMNS // 2
    below = [direction.low * (half - i) / half for i in range(half)]
    above = [direction.high * (i + 1) / half for i in range(half)]
    return [round(a, 6) for a in (*below, 0.0, *above)]
