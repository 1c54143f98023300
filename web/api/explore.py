"""Looking around among the edits, for other programs: likeness, variations, strips, animations."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from pti_core.ai_mark import to_jpeg
from pti_core.editing.animation import FORMS, SIDES, between, check_form, encode
from service.render_turns import Wanted
from service.studio import VIEWS, Studio
from web.api.endpoints import checked, whole
from web.error_wrappers import as_error
from web.event_lanes import EDITS, FRAMES, STRIPS
from web.files import cached


class ExploreEndpoints:
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
        press.click(self.strip, [desk, edits, name], pictures, api_name="strip", **STRIPS)
        inputs = [desk, start, edits, frames, form, view]
        press.click(self.animate, inputs, file, api_name="animate", **FRAMES)

    @as_error
    def likeness(self, desk: str, edits: Any) -> Any:
        """How far an edited face is from the photograph's: whether it is still the same person.

        Args:
            desk: the id, after `personalise`, `open_session` or `open_share`.
            edits: direction to amount, as in `edit`.

        Returns:
            `distance`, `same_person` (from this distance on it is another person for the network),
            and `network`; null where there is no network for it.
        """
        found = self.studio.likeness(desk, checked(edits))
        return found and {
            "distance": found.distance,
            "same_person": found.same_person,
            "network": found.network,
        }

    @as_error
    def variation(self, desk: str, seed: int) -> Any:
        """Random edits within the person's ranges, for another look.

        Args:
            desk: the id, after `personalise`, `open_session` or `open_share`.
            seed: whole number; the same one gives the same edits again.

        Returns:
            Direction to amount, for `edit`.
        """
        return self.studio.variation(desk, whole(seed))

    async def strip(self, desk: str, edits: Any, name: str) -> Any:
        """Small pictures of one edit across its range, on top of other edits.

        Args:
            desk: the id, after `personalise`, `open_session` or `open_share`.
            edits: the other edits: direction to amount, as in `edit`.
            name: the direction that is moved; `directions` lists them.

        Returns:
            Pictures, each with its amount as caption.
        """
        amounts = checked(edits)
        strip = await _one_by_one(lambda wanted: self.studio.strip(desk, amounts, name, wanted))
        return [
            (cached(to_jpeg(picture, marked=True), "strip.jpg"), f"{a:g}") for a, picture in strip
        ]

    async def animate(
        self, desk: str, start: Any, edits: Any, frames: int, form: str, view: str
    ) -> Any:
        """A moving picture from one state of the edits to another, and back.

        Args:
            desk: the id, after `personalise`, `open_session` or `open_share`.
            start: edits at the beginning: direction to amount, as in `edit`; {} for none.
            edits: edits at the end.
            frames: how many pictures from one to the other, 2 to 60.
            form: "gif" or "mp4".
            view: "face" for the aligned face, "photograph" for the whole photograph.

        Returns:
            The file, marked as edited with AI.
        """
        check_form(form)
        states = between(checked(start), checked(edits), whole(frames))
        pictures = await _one_by_one(
            lambda wanted: self.studio.frames(desk, states, view, SIDES[form], wanted)
        )
        data = await asyncio.to_thread(encode, pictures, form)
        return cached(data, f"animation.{form}")


async def _one_by_one(start: Callable[[Wanted], Iterator[Any]]) -> list[Any]:
    """All pictures of what `start` begins, each made in a thread. A call that is cancelled ends
    between two, and the thread, which waits for its turn, is told that none is wanted any more."""
    made, end, over = [], object(), threading.Event()
    pictures = start(lambda: not over.is_set())
    try:
        while (picture := await asyncio.to_thread(next, pictures, end)) is not end:
            made.append(picture)
    finally:
        over.set()
    return made
