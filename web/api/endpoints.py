"""Endpoints of photographs and sessions, with plain types, for `gradio_client` and others."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from pti_core.ai_mark import to_png
from pti_core.editing.controls import Control
from pti_core.errors import UserError
from service.face_choice import find_face
from service.job_queue import Job, Progress
from service.studio import VIEWS, Studio
from web.error_wrappers import as_error, sentence
from web.event_lanes import EDITS
from web.files import cached, cached_picture
from web.job_watch import watch
from web.middleware.caller import caller_of, network_asking


class Endpoints:
    """Endpoints of photographs and sessions, with plain types, for `gradio_client` and others."""

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
            secret = gr.Textbox("", label="secret")
            choices = list(self.studio.generator_names)
            generator = gr.Dropdown(choices, value=choices[0], label="generator")
            edits = gr.JSON({}, label="edits")
            view = gr.Dropdown(list(VIEWS), value="face", label="view")
            side = gr.Number(0, precision=0, label="side")
            # By itself: Gradio 6.31 shows this one, though the column is not seen.
            person = gr.Number(0, precision=0, label="person", visible=False)
            answer, picture = gr.JSON(label="answer"), gr.Image(label="picture", format="png")
            file = gr.File(label="file")
            face = gr.Number(0, precision=0, label="face", visible=False)
            square = gr.JSON(None, label="square")
            press = gr.Button()
        many: dict[str, Any] = {"concurrency_limit": None}
        taken = [photograph, face, square]
        press.click(self.align, taken, [desk, picture], api_name="align")
        press.click(self.faces, photograph, answer, api_name="faces")
        press.click(self.add_person, [desk, photograph], [answer, picture], api_name="add_person")
        press.click(
            self.personalise,
            [desk, preset, seed, generator, secret],
            answer,
            api_name="personalise",
            **many,
        )
        press.click(self.stop, desk, answer, api_name="stop", **many)
        press.click(self.edit, [desk, edits, view, side], file, api_name="edit", **EDITS)
        turn = [desk, person, edits]
        press.click(self.show_person, turn, answer, api_name="show_person", **EDITS)
        press.click(self.save_session, [desk, edits], file, api_name="save_session")
        press.click(self.open_session, session, [desk, answer], api_name="open_session")
        press.click(self.forget, desk, answer, api_name="forget")
        press.click(self.directions, None, answer, api_name="directions")
        press.click(self.status, None, answer, api_name="status", **many)
        going_on = [desk, preset, seed, edits, secret]
        press.click(self.refine, going_on, answer, api_name="refine", **many)

    @as_error
    def align(
        self,
        photograph: str | None,
        face: int = 0,
        square: Any = None,
        request: gr.Request | None = None,
    ) -> Any:
        """Find the face in a photograph: the first step, before `personalise`.

        Args:
            photograph: a JPEG, PNG, WebP, HEIC, AVIF, BMP, TIFF or GIF file of up to 200 MB that
                shows a face. Use only photographs of yourself or of people who agreed.
            face: which face of several, as `faces` counts them from 0; 0 is the largest.
            square: where no face is found (a profile, a painting): [left, top, side] in pixels of
                a square around the head; "whole" for a picture that is an aligned face already.

        Returns:
            An id for the other calls: who knows it may use what is made from the photograph.
            The face that is used, cut out upright.
        """
        if photograph is None:
            raise UserError("Give a photograph.")
        where = face if square is None else tuple(square) if isinstance(square, list) else square
        desk = self.studio.align(Path(photograph), None, network_asking(request), where)
        assert desk.crop is not None
        return desk.id, cached_picture(desk.crop)

    @as_error
    def faces(self, photograph: str | None) -> list[dict[str, Any]]:
        """The faces in a photograph, for the choice of one with `align`.

        Args:
            photograph: as in `align`.

        Returns:
            One object a face, the largest first: its number `face`, and its `box` (left, top,
            right, bottom) in pixels.
        """
        if photograph is None:
            raise UserError("Give a photograph.")
        boxes = find_face(self.studio, Path(photograph)).boxes
        return [{"face": i, "box": [round(x) for x in box]} for i, box in enumerate(boxes)]

    @as_error
    def add_person(self, desk: str, photograph: str | None) -> Any:
        """Add a photograph that shares one generator with that of `align`; then `personalise`.

        Args:
            desk: the id that `align` gave.
            photograph: as in `align`; of another person or of the same one.

        Returns:
            How many share it now. The face that is used.
        """
        if photograph is None:
            raise UserError("Give a photograph.")
        if not desk:
            raise UserError("Give the desk that align gave.")
        found = self.studio.add([Path(photograph)], desk)
        return {"people": len(found.crops)}, cached_picture(found.crops[-1])

    @as_error
    def show_person(self, desk: str, person: float, edits: Any) -> Any:
        """Turn to another person of a generator that several share: `edit` shows them from then on.

        Args:
            desk: the id, after `personalise`, `open_session` or `open_share`.
            person: counted from 0, in the order in which they were added.
            edits: those that the session has then, as in `edit`, as far as this person's ranges go.

        Returns:
            The person, how many there are, and the edits that were kept.
        """
        session = self.studio.turn_to(desk, whole(person), checked(edits))
        people = len(session.crops)
        return {"person": session.person, "people": people, "edits": session.edits}

    async def personalise(
        self, desk: str, preset: str, seed: int, generator: str, secret: str, request: gr.Request
    ) -> AsyncIterator[Any]:
        """Tune the face generator to the photograph of `align`, so that `edit` works on this face.

        Takes a minute or more; one at a time for each person. Ends with what it has reached when
        `stop` is called, and for nothing when the caller goes away.

        Args:
            desk: the id that `align` gave.
            preset: "fast" (about a minute on two fast cores) or "paper" (the published settings,
                some 25 times as long).
            seed: whole number from 0 to 4294967295; the same one gives the same result again.
            generator: "auto", or a name that `status` lists.
            secret: that of your shares, if you have one; it tells you apart from other programs
                of the same address, each of which has a place in the line.

        Returns:
            Progress again and again: state, jobs ahead, stage, step, seconds left, note; at the end
            with `report`: how near the result is to the photograph, and the ranges of the edits.
        """
        person = caller_of(request, secret)
        try:
            job = self.studio.personalise(desk, preset, whole(seed), generator, person)
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from error
        async for told in self._told(job, desk):
            yield told

    async def refine(
        self, desk: str, preset: str, seed: int, edits: Any, secret: str, request: gr.Request
    ) -> AsyncIterator[Any]:
        """Go on tuning a personalised face where it stopped; the best that was reached is kept.

        Args:
            desk: the id, after `personalise`, `open_session` or `open_share`.
            preset: "fast" or "paper", as in `personalise`.
            seed: whole number from 0 to 4294967295; the same one gives the same result again.
            edits: those that the session has afterwards, as in `edit`.
            secret: as in `personalise`.

        Returns:
            What `personalise` returns.
        """
        person = caller_of(request, secret)
        try:
            job = self.studio.refine(desk, checked(edits), preset, whole(seed), person)
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from error
        async for told in self._told(job, desk):
            yield told

    async def _told(self, job: Job, desk: str) -> AsyncIterator[Any]:
        """The progress of a job, and its report at the end."""
        async for progress in watch(job, self.studio, desk):
            yield _plain(progress)
        if job.error is not None:
            raise gr.Error(sentence(job.error), print_exception=False) from job.error
        yield {**_plain(job.progress()), "report": job.result}

    def stop(self, desk: str) -> dict[str, bool]:
        """End a personalisation that runs with what it has reached; one that waits goes.

        Args:
            desk: the id that `align` gave.

        Returns:
            Whether there was one.
        """
        return {"stopped": self.studio.stop(desk)}

    @as_error
    def edit(self, desk: str, edits: Any, view: str, side: float | None) -> Any:
        """Edit a personalised face by named amounts: the edited picture as a PNG file.

        Args:
            desk: the id, after `personalise`, `open_session` or `open_share`.
            edits: direction to amount in its units, as {"age": 10, "smile": -0.3}; `directions`
                lists them all. {} gives the face unedited.
            view: "face" for the aligned face, "photograph" for the whole photograph.
            side: longest side of the picture at most, in pixels; 0 for the photograph's own size,
                opacity and colour profile.

        Returns:
            The picture, marked as edited with AI.
        """
        if longest := int(side or 0):
            picture = self.studio.picture(desk, checked(edits), view, longest)
        else:
            picture = self.studio.picture_to_save(desk, checked(edits), view)
        return cached(to_png(picture), "edited.png")

    @as_error
    def save_session(self, desk: str, edits: Any) -> Any:
        """The personalised face as a file, to be opened again by `open_session`.

        Args:
            desk: the id, after `personalise`, `open_session` or `open_share`.
            edits: those that the file opens with, as in `edit`.

        Returns:
            A .safetensors file with the photograph, the tuned weights and the edits.
        """
        data = self.studio.session_file(desk, checked(edits))
        return cached(data, "session.safetensors")

    @as_error
    def open_session(self, session: str | None, request: gr.Request | None = None) -> Any:
        """Open a session file that `save_session` or the page gave.

        Args:
            session: the .safetensors file.

        Returns:
            An id for the other calls.
            Its edits, who of how many people it shows, and the report of how it was made.
        """
        if session is None:
            raise UserError("Give a session file.")
        desk = self.studio.open(Path(session), address=network_asking(request))
        found = desk.session
        assert found is not None
        shown = {"person": found.person, "people": len(found.crops)}
        return desk.id, {"edits": found.edits, **shown, "report": desk.report}

    def forget(self, desk: str) -> dict[str, bool]:
        """Forget the photograph and everything made from it; shares stay until deleted.

        Args:
            desk: the id.
        """
        self.studio.forget(desk)
        return {"forgotten": True}

    def directions(self) -> list[dict[str, Any]]:
        """What `edit` can change: names, labels, units, and how far each goes."""
        return [dataclasses.asdict(control) for control in self.controls]

    def status(self) -> dict[str, Any]:
        """Whether the app is ready, how many run or wait, and how long a personalisation takes.

        Returns:
            ready; error and loading, in words; waiting: jobs in the line; seconds: by preset, the
            line included; generators: names that `personalise` takes.
        """
        ready = self.studio.networks.ready
        names = self.studio.preset_names
        return {
            "ready": ready,
            "error": self.studio.networks.error,
            "loading": "" if ready else self.studio.choices.describe(),
            "waiting": len(self.studio.line),
            "generators": list(self.studio.generator_names),
            "seconds": {n: self.studio.expected_seconds(n) for n in names} if ready else {},
        }


def checked(edits: Any) -> dict[str, Any]:
    if not isinstance(edits, dict) or len(edits) > 1000:
        raise UserError('Give the edits as an object of amounts, as in {"age": 10}.')
    return edits


def whole(number: Any) -> int:
    """A number that a program sent, as a whole one; what is none is refused further on."""
    return number if isinstance(number, int) else -1


def _plain(progress: Progress) -> dict[str, Any]:
    """Progress without its picture, as JSON."""
    names = ("state", "ahead", "stage", "index", "total", "done", "seconds_left", "note")
    return {**{name: getattr(progress, name) for name in names}, "losses": dict(progress.losses)}
