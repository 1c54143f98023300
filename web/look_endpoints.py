"""Looking around among the edits, for other programs: likeness, variations, strips, animations."""

from __future__ import annotations

from typing import Any

import gradio as gr

from pti_core.animation import FORMS, SIDES, between, check_form, encode
from pti_core.errors import UserError
from pti_core.marking import to_jpeg
from pti_core.studio import VIEWS, Studio
from web.endpoints import checked
from web.events import EDITS
from web.files import cached
from web.guards import as_error


class LookEndpoints:
    """What the page's gauge, its button of chance and its tabs do."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def add(self) -> None:
        with gr.Column(visible=False):
            desk, name = gr.Textbox(label="id"), gr.Textbox(label="name")
            start, edits = gr.JSON({}, label="start"), gr.JSON({}, label="edits")
            seed = gr.Number(0, precision=0, label="seed")
            frames = gr.Number(16, precision=0, label="frames")
            form = gr.Dropdown(list(FORMS), value=FORMS[0], label="form")
            view = gr.Dropdown(list(VIEWS), value="face", label="view")
            answer, file = gr.JSON(label="answer"), gr.File(label="file")
            pictures = gr.Gallery(label="pictures")
            press = gr.Button()
        press.click(self.likeness, [desk, edits], answer, api_name="likeness", **EDITS)
        press.click(self.variation, [desk, seed], answer, api_name="variation")
        press.click(self.strip, [desk, edits, name], pictures, api_name="strip", **EDITS)
        inputs = [desk, start, edits, frames, form, view]
        press.click(self.animate, inputs, file, api_name="animate", **EDITS)

    @as_error
    def likeness(self, desk: str, edits: Any) -> Any:
        """How far the edited face is from the photograph's, and from where on it is another person;
        null where there is no network for it."""
        found = self.studio.likeness(desk, checked(edits))
        return found and {
            "distance": found.distance,
            "same_person": found.same_person,
            "network": found.network,
        }

    @as_error
    def variation(self, desk: str, seed: int) -> Any:
        """Random edits within the person's ranges, the same for the same seed."""
        return self.studio.variation(desk, _whole(seed))

    @as_error
    def strip(self, desk: str, edits: Any, name: str) -> Any:
        """Small pictures of one edit across its range on top of the others, with their amounts."""
        strip = self.studio.strip(desk, checked(edits), name)
        return [
            (cached(to_jpeg(picture, marked=True), "strip.jpg"), f"{a:g}") for a, picture in strip
        ]

    @as_error
    def animate(self, desk: str, start: Any, edits: Any, frames: int, form: str, view: str) -> Any:
        """A GIF or MP4 file from one state of the edits to another, and back.

        form: "gif" or "mp4". view: "face" or "photograph".
        """
        check_form(form)
        states = between(checked(start), checked(edits), _whole(frames))
        pictures = list(self.studio.frames(desk, states, view, SIDES[form]))
        return cached(encode(pictures, form), f"animation.{form}")


def _whole(number: Any) -> int:
    if isinstance(number, bool) or not isinstance(number, (int, float)) or number != int(number):
        raise UserError("Give a whole number.")
    return int(number)
