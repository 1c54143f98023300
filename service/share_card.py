"""The image that chats show for a shared link: before and after over one line of text."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont

from pti_core.ai_mark import to_jpeg

#: Width and height that the large previews of chats are cut to.
SIZE = (1200, 630)


_MARGIN, _FACE, _PAPER, _INK, _QUIET = 40, 480, "#f8fafc", "#0f172a", "#64748b"


def draw_card(before: Image.Image, after: Image.Image, caption: str) -> bytes:
    """Before and after beside each other over one line of text: a JPEG of `SIZE`, marked as edited.

    before, after: RGB, of any size; drawn whole within 480 pixels a side.
    """
    card = Image.new("RGB", SIZE, _PAPER)
    draw = ImageDraw.Draw(card)
    for image, centre in ((before, SIZE[0] * 3 // 10), (after, SIZE[0] * 7 // 10)):
        factor = _FACE / max(image.size)
        width, height = (max(round(side * factor), 1) for side in image.size)
        small = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
        card.paste(small, (centre - width // 2, _MARGIN + (_FACE - height) // 2))
    top = _MARGIN + _FACE + 22
    draw.text((_MARGIN, top), _fitted(draw, caption, 30), _INK, ImageFont.load_default(30))
    mark = "PTI Studio, edited with AI"
    draw.text((_MARGIN, top + 42), mark, _QUIET, ImageFont.load_default(22))
    return to_jpeg(card, 88, marked=True)


def _fitted(draw: ImageDraw.ImageDraw, text: str, size: int) -> str:
    """The text, cut with an ellipsis where it is wider than the card."""
    font, width = ImageFont.load_default(size), SIZE[0] - 2 * _MARGIN
    while draw.textlength(text, font) > width:
        text = text.rstrip("…")[:-1].rstrip(" ,") + "…"
    return text
