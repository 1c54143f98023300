"""The theme of the page; the rest of its look is style.css, and page.js moves it."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

STYLE = Path(__file__).parent / "static" / "style.css"
SCRIPT = Path(__file__).parent / "static" / "page.js"

_FONT = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
_FIXED_FONT = ["ui-monospace", "Menlo", "Consolas", "monospace"]


def theme() -> gr.themes.Base:
    """Gradio's soft theme with fonts that the browser has: nothing is loaded from other hosts."""
    soft = gr.themes.Soft(
        primary_hue="indigo", neutral_hue="slate", font=_FONT, font_mono=_FIXED_FONT
    )
    return soft.set(
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        block_title_background_fill="none",
        block_title_background_fill_dark="none",
        block_title_text_color="*body_text_color",
        block_title_text_color_dark="*body_text_color",
        block_title_padding="0",
        body_background_fill="*neutral_50",
        block_background_fill="white",
        block_border_width="1px",
        input_border_width="1px",
        input_border_color="*neutral_200",
        input_border_color_dark="*neutral_700",
        block_title_text_weight="500",
    )
