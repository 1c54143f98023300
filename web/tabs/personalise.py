"""The second part of the page: a personalisation with its progress, previews and stop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import gradio as gr

from pti_core.ai_mark import to_jpeg
from pti_core.errors import UserError
from service.job_queue import Job, Progress
from service.studio import Studio
from web import strings
from web.events import quiet
from web.files import cached
from web.job_watch import watch
from web.middleware.caller import caller_of
from web.user_errors import sentence

if TYPE_CHECKING:
    from web.page import Page

# How long a personalisation goes on without its page: a reload on a telephone is back by then.
RELOAD_SECONDS = 45


class PersonalisePart:
    """Start, bar and stop; the preview appears on the editing part's stage."""

    def __init__(self, studio: Studio, preset: str) -> None:
        self.studio, self.first_preset = studio, preset

    def lay_out(self) -> None:
        gr.HTML("<h2><b>2</b> Personalise</h2>", padding=False)
        with gr.Row(elem_id="personalise"):
            self.crop = gr.Image(
                label="The face that is used",
                show_label=False,
                interactive=False,
                buttons=[],
                height=132,
                min_width=132,
                scale=0,
                elem_id="crop",
                placeholder="The face appears here",
            )
            with gr.Column(scale=1, min_width=160):
                names = self.studio.preset_names
                self.preset = gr.Radio(
                    [(strings.preset(name), name) for name in names],
                    value=self.first_preset,
                    label="Settings",
                    show_label=False,
                    container=False,
                    visible=len(names) > 1,
                    elem_id="preset",
                )
                choices = self.studio.generator_names
                self.generator = gr.Dropdown(
                    [(strings.GENERATORS.get(name, name), name) for name in choices],
                    value=choices[0],
                    label="Generator",
                    visible=len(choices) > 1,
                    elem_id="generator",
                )
                self.start = gr.Button(
                    "Personalise", variant="primary", interactive=False, elem_id="start"
                )
                self.stop = gr.Button("Stop and keep this", visible=False, elem_id="stop")
                # style.css shows it where there is something to refine.
                self.refine = gr.Button("Refine this", elem_id="refine")
        self.bar = gr.HTML("", elem_id="bar", padding=False)

    def wire(self, page: Page) -> None:
        editing = page.editing
        self._stage, self._panel, self._empty = editing.stage, editing.panel, editing.empty
        #: What `personalise` and `resume` change.
        self.followed = [
            self.bar,
            editing.stage,
            self.start,
            self.stop,
            editing.panel,
            editing.empty,
        ]
        self.start.click(
            self.personalise,
            [page.desk, self.preset, self.generator, page.owner],
            self.followed,
            concurrency_limit=None,
            **quiet("personalise"),
        ).then(editing.show, [page.desk, editing.view], editing.shown, **quiet("show"))
        self.refine.click(
            self.go_on,
            [self.preset, page.owner, *editing.inputs],
            self.followed,
            concurrency_limit=None,
            **quiet("refine"),
        ).then(editing.show, [page.desk, editing.view], editing.shown, **quiet("show_refined"))
        self._edits = editing.edits
        self.stop.click(self.stop_it, page.desk, self.stop, queue=False, **quiet("stop"))

    async def personalise(
        self, desk_id: str | None, preset: str, generator: str, owner: str, request: gr.Request
    ) -> AsyncIterator[Any]:
        """Bar and preview, until the session lies on the desk."""
        desk, person = desk_id or "", caller_of(request, owner)

        def begin() -> Job:
            return self.studio.personalise(desk, preset, generator=generator, person=person)

        async for update in self._begun(begin, desk):
            yield update

    async def go_on(
        self, request: gr.Request, preset: str, owner: str, desk_id: str | None, *state: Any
    ) -> AsyncIterator[Any]:
        """More tuning of what is there, with bar and preview; the edits stay as they are."""
        desk, person = desk_id or "", caller_of(request, owner)
        edits = self._edits(state[1:])  # after the view

        def begin() -> Job:
            return self.studio.refine(desk, edits, preset, person=person)

        async for update in self._begun(begin, desk):
            yield update

    async def resume(self, desk_id: str | None) -> AsyncIterator[Any]:
        """Bar and preview of the personalisation that runs for a page that was reloaded."""
        job = self.studio.line.job_of(desk_id) if desk_id else None
        if job is None:
            yield gr.skip()
            return
        async for update in self._follow(job, desk_id or ""):
            yield update

    async def _begun(self, begin: Callable[[], Job], desk_id: str) -> AsyncIterator[Any]:
        """Bar and preview of a job that is put into the line now, or why it is not."""
        try:
            job = begin()
        except UserError as error:
            gr.Warning(str(error), title="")
            yield gr.skip()
            return
        async for update in self._follow(job, desk_id):
            yield update

    async def _follow(self, job: Job, desk_id: str) -> AsyncIterator[Any]:
        working: dict[Any, Any] = {
            self.start: gr.Button(visible=False),
            self.stop: gr.Button("Stop and keep this", visible=True, interactive=True),
        }
        crop = self.studio.desks.get(desk_id).crop
        before = cached(to_jpeg(crop), "before.jpg") if crop else None
        pictures = 0
        async for progress in watch(job, self.studio, desk_id, RELOAD_SECONDS):
            update = {self.bar: strings.bar(progress), **working}
            working = {}
            if progress.pictures > pictures:
                pictures = progress.pictures
                preview = cached(_preview(progress), "preview.jpg")
                update[self._stage] = gr.ImageSlider((before, preview), visible=True)
                update[self._panel] = update[self._empty] = gr.update(visible=False)
            yield update
        if job.error is not None:
            gr.Warning(sentence(job.error), title="")
        yield {
            self.bar: "",
            self.start: gr.Button(
                "Personalise again" if job.result else "Personalise", visible=True
            ),
            self.stop: gr.Button(visible=False),
        }

    def stop_it(self, desk_id: str | None) -> Any:
        if desk_id and self.studio.stop(desk_id):
            return gr.Button("Stopping …", interactive=False)
        return gr.skip()


def _preview(progress: Progress) -> bytes:
    from pti_core.faces.images import to_image

    assert progress.picture is not None
    return to_jpeg(to_image(progress.picture))
