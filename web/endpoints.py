"""Every action as an endpoint with plain types, for `gradio_client` and other programs."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from pti_core.controls import Control
from pti_core.errors import UserError
from pti_core.jobs import Progress
from pti_core.marking import to_png
from pti_core.studio import VIEWS, Studio
from web.events import EDITS
from web.files import cached
from web.guards import as_error, sentence
from web.watching import watch


class Endpoints:
    """Every action as an endpoint with plain types, for `gradio_client` and other programs."""

    def __init__(self, studio: Studio, controls: Sequence[Control]) -> None:
        self.studio, self.controls = studio, controls

    def add(self) -> None:
        with gr.Column(visible=False):
            desk = gr.Textbox(label="id")
            photograph = gr.File(label="photograph", type="filepath")
            session = gr.File(label="session", type="filepath")
            preset = gr.Dropdown(
                list(self.studio.preset_names), value=self.studio.preset_names[0], label="preset"
            )
            seed = gr.Number(0, precision=0, label="seed")
            choices = list(self.studio.generator_names)
            generator = gr.Dropdown(choices, value=choices[0], label="generator")
            edits = gr.JSON({}, label="edits")
            view = gr.Dropdown(list(VIEWS), value="face", label="view")
            side = gr.Number(0, precision=0, label="side")
            answer, picture = gr.JSON(label="answer"), gr.Image(label="picture", format="png")
            file = gr.File(label="file")
            press = gr.Button()
        many: dict[str, Any] = {"concurrency_limit": None}
        press.click(self.align, photograph, [desk, picture], api_name="align")
        press.click(
            self.personalise,
            [desk, preset, seed, generator],
            answer,
            api_name="personalise",
            **many,
        )
        press.click(self.stop, desk, answer, api_name="stop", **many)
        press.click(self.edit, [desk, edits, view, side], file, api_name="edit", **EDITS)
        press.click(self.save, [desk, edits], file, api_name="save_session")
        press.click(self.open, session, [desk, answer], api_name="open_session")
        press.click(self.forget, desk, answer, api_name="forget")
        press.click(self.directions, None, answer, api_name="directions")
        press.click(self.status, None, answer, api_name="status", **many)

    @as_error
    def align(self, photograph: str | None) -> Any:
        """Find the face in a photograph: an id for the other calls, and the aligned crop."""
        if photograph is None:
            raise UserError("Give a photograph.")
        desk = self.studio.align(Path(photograph))
        return desk.id, desk.crop

    async def personalise(
        self, desk: str, preset: str, seed: int, generator: str
    ) -> AsyncIterator[Any]:
        """Tune the generator to the photograph of `align`; streams progress, ends with a report."""
        try:
            job = self.studio.personalise(desk, preset, int(seed), generator)
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from error
        async for progress in watch(job, self.studio, desk):
            yield _plain(progress)
        if job.error is not None:
            raise gr.Error(sentence(job.error), print_exception=False) from job.error
        yield {**_plain(job.progress()), "report": job.result}

    def stop(self, desk: str) -> dict[str, bool]:
        """End the personalisation with what it has reached; whether there was one."""
        return {"stopped": self.studio.stop(desk)}

    @as_error
    def edit(self, desk: str, edits: Any, view: str, side: float | None) -> Any:
        """The edited picture as a PNG file.

        edits: direction to amount in its units, as {"age": 10}; see `directions`. view: "face" or
        "photograph". side: longest side at most; 0 for full resolution.
        """
        picture = self.studio.picture(desk, checked(edits), view, int(side or 0) or None)
        return cached(to_png(picture), "edited.png")

    @as_error
    def save(self, desk: str, edits: Any) -> Any:
        """The session as a .safetensors file, with these edits in it."""
        data = self.studio.session_file(desk, checked(edits))
        return cached(data, "session.safetensors")

    @as_error
    def open(self, session: str | None) -> Any:
        """Open a session file: an id for the other calls, and its edits and report."""
        if session is None:
            raise UserError("Give a session file.")
        desk = self.studio.open(Path(session))
        assert desk.session is not None
        return desk.id, {"edits": desk.session.edits, "report": desk.report}

    def forget(self, desk: str) -> dict[str, bool]:
        """Forget the photograph and everything made from it."""
        self.studio.forget(desk)
        return {"forgotten": True}

    def directions(self) -> list[dict[str, Any]]:
        """What can be edited, in which units, how far."""
        return [dataclasses.asdict(control) for control in self.controls]

    def status(self) -> dict[str, Any]:
        """Whether the networks are loaded, how many wait, and seconds a personalisation takes."""
        ready = self.studio.networks.ready
        names = self.studio.preset_names
        return {
            "ready": ready,
            "error": self.studio.networks.error,
            "loading": "" if ready else self.studio.networks.describe(),
            "waiting": len(self.studio.line),
            "seconds": {n: self.studio.expected_seconds(n) for n in names} if ready else {},
        }


def checked(edits: Any) -> dict[str, Any]:
    if not isinstance(edits, dict) or len(edits) > 1000:
        raise UserError('Give the edits as an object of amounts, as in {"age": 10}.')
    return edits


def _plain(progress: Progress) -> dict[str, Any]:
    """Progress without its picture, as JSON."""
    names = ("state", "ahead", "stage", "index", "total", "done", "seconds_left")
    return {**{name: getattr(progress, name) for name in names}, "losses": dict(progress.losses)}
