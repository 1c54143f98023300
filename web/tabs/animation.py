"""A tab of the editing part: from one state of the edits to another, as a moving file."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from pti_core.ai_mark import with_visible_mark
from pti_core.editing.animation import FORMS, SIDES, between, encode
from pti_core.errors import UserError
from service.studio import Studio
from web import strings
from web.events import press, private, quiet
from web.files import cached
from web.tabs.edit_list import amount_of

if TYPE_CHECKING:
    from web.page import Page
    from web.tabs.edit import EditPart


class AnimationTab:
    """The start is the photograph or a state that was kept; the end is what the stage shows."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def lay_out(self, editing: EditPart) -> None:
        self.editing = editing
        self.start = gr.State({})
        with gr.Tab("Animate"):
            self.about = gr.HTML(self._about({}), padding=False)
            with gr.Row():
                self.keep = gr.Button("Start from what is shown now", size="sm", elem_id="keep")
                self.clear = gr.Button("Start from the photograph", size="sm", elem_id="unkeep")
            with gr.Row(elem_id="animation"):
                self.form = gr.Radio(
                    [(form.upper(), form) for form in FORMS], value=FORMS[0], label="File"
                )
                self.frames = gr.Slider(6, 40, value=16, step=1, label="Frames", buttons=[])
                self.in_turn = gr.Checkbox(False, label="One edit after the other, as listed")
            self.make = gr.Button("Make the animation", variant="primary", elem_id="animate")
            self.bar = gr.HTML("", padding=False)
            self.result = gr.HTML("", padding=False, elem_id="moving")
            self.file = gr.DownloadButton(
                "Download the animation", visible=False, elem_id="animation-file"
            )

    def wire(self, page: Page) -> None:
        kept = [self.start, self.about]
        self.keep.click(self.keep_state, page.editing.inputs, kept, **quiet("keep"))
        self.clear.click(lambda: ({}, self._about({})), None, kept, **quiet("unkeep"))
        self.make.click(
            self.animate,
            [
                self.start,
                self.form,
                self.frames,
                self.in_turn,
                page.downloads.mark,
                *page.editing.inputs,
            ],
            [self.bar, self.result, self.file],
            concurrency_id="frames",
            concurrency_limit=1,
            **quiet("animate"),
        ).success(None, js=press("animation-file"), **private("animation_ready"))

    def keep_state(self, desk_id: str | None, view: str, *state: Any) -> Any:
        edits = self.editing.edits(state)
        return edits, self._about(edits)

    def animate(
        self,
        start: dict[str, float],
        form: str,
        frames: int,
        in_turn: bool,
        mark: bool,
        desk_id: str | None,
        view: str,
        *state: Any,
    ) -> Iterator[Any]:
        """Frame by frame, then the file."""
        end = self.editing.edits(state)
        if start == end:
            gr.Warning("Start and end are the same; move a slider first.", title="")
            yield gr.skip()
            return
        try:
            states, made = between(start, end, int(frames), in_turn), []
            for picture in self.studio.frames(desk_id or "", states, view, SIDES[form]):
                made.append(with_visible_mark(picture) if mark else picture)
                done = len(made) / len(states)
                text = f"Frame {len(made)} of {len(states)}"
                yield strings.bar_of(done, text), gr.skip(), gr.skip()
            yield strings.bar_of(1, "Writing the file"), gr.skip(), gr.skip()
            path = cached(encode(made, form), f"animation.{form}")
        except UserError as error:
            gr.Warning(str(error), title="")
            yield "", gr.skip(), gr.skip()
            return
        yield "", _shown(path), gr.DownloadButton(value=path, visible=True)

    def _about(self, start: Mapping[str, float]) -> str:
        known = {control.name: control for control in self.editing.controls}
        parts = [f"{known[n].label} {amount_of(known[n], a)}" for n, a in start.items()]
        said = html.escape(", ".join(parts)) or "the face without edits"
        return f'<p class="hint">From <b>{said}</b> to what the stage shows, and back again.</p>'


def _shown(path: str) -> str:
    source = f"gradio_api/file={html.escape(path)}"
    if Path(path).suffix == ".mp4":
        return f'<video src="{source}" autoplay loop muted playsinline></video>'
    return f'<img src="{source}" alt="The animation">'
