"""Text-driven edits for programs: `understand` and `edit_text`."""

from __future__ import annotations

from typing import Any

import gradio as gr

from pti_core.ai_mark import to_png
from service.studio import VIEWS
from service.text_service import WAYS, TextService, Wish, plain
from web.api.endpoints import checked
from web.error_wrappers import as_error
from web.event_lanes import EDITS
from web.files import cached


class TextEndpoints:
    """Reading a prompt, and doing what it asks."""

    def __init__(self, texts: TextService) -> None:
        self.texts = texts

    def add(self) -> None:
        with gr.Column(visible=False):
            desk, prompt = gr.Textbox(label="id"), gr.Textbox(label="prompt")
            way = gr.Dropdown(list(WAYS), value="auto", label="way")
            strength = gr.Number(1.0, label="strength")
            seed = gr.Number(0, precision=0, label="seed")
            edits = gr.JSON({}, label="edits")
            view = gr.Dropdown(list(VIEWS), value="face", label="view")
            answer, file = gr.JSON(label="answer"), gr.File(label="file")
            press = gr.Button()
        press.click(self.understand, [prompt, desk], answer, api_name="understand")
        press.click(
            self.edit_text,
            [desk, prompt, way, strength, edits, view, seed],
            [file, answer],
            api_name="edit_text",
            **EDITS,
        )

    @as_error
    def understand(self, prompt: str, desk: str = "") -> dict[str, Any]:
        """What a prompt asks: parts with way, name, amount, confidence; and what is left over.

        desk: whose person's ranges hold; may be empty.
        """
        return plain(self.texts.read(prompt, desk or None))

    @as_error
    def edit_text(
        self,
        desk: str,
        prompt: str,
        way: str,
        strength: float,
        edits: Any,
        view: str,
        seed: int,
    ) -> Any:
        """Do what a prompt asks, on top of `edits` and of earlier prompts: picture and new edits.

        way: "auto", "attributes", "mapper", "global" or "optimise". strength: factor on it.
        """
        wish = Wish(prompt, way, float(strength), int(seed))
        done = self.texts.do(desk, wish, checked(edits))
        picture = self.texts.studio.picture(desk, done.edits, view)
        answer = {
            "edits": done.edits,
            "done": done.said,
            "rest": done.left,
            "stack": [{"label": label, "amount": at} for label, at in self.texts.stack(desk)],
        }
        return cached(to_png(picture), "edited.png"), answer
