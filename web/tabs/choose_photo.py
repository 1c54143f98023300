"""The first part of the page: a photograph, an example, or a session file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from service.studio import Studio
from web import strings
from web.events import private
from web.tabs.face_gallery import faces
from web.user_errors import in_a_sentence

if TYPE_CHECKING:
    from web.page import Page

EXAMPLES = Path(__file__).parents[2] / "examples"


class ChoosePhoto:
    """Where a face comes from."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def lay_out(self) -> None:
        gr.HTML("<h2><b>1</b> Photograph</h2>", padding=False)
        self.photograph = gr.Image(
            type="filepath",
            image_mode=None,
            sources=["upload", "webcam", "clipboard"],
            label="Photograph",
            show_label=False,
            height=260,
            buttons=[],
            elem_id="photograph",
        )
        # The file as it came: `open_photograph` reads more kinds than Gradio, turns them upright
        # and says in a sentence why it cannot read one. (Of a subclass Gradio writes a .pyi.)
        self.photograph.preprocess = _as_it_came  # type: ignore[method-assign]
        gr.HTML(f'<p class="consent">{strings.CONSENT}</p>', padding=False)
        with gr.Row(elem_id="or"):
            gr.Examples(
                [[str(path)] for path in sorted(EXAMPLES.glob("*.jpg"))],
                inputs=[self.photograph],
                label="Or take an example",
                cache_examples=False,
                elem_id="examples",
                api_visibility="private",
            )
            self.open_file = gr.UploadButton(
                "Open a session file",
                file_types=[".safetensors"],
                size="sm",
                scale=0,
                min_width=150,
                elem_id="open-session",
            )

    def wire(self, page: Page) -> None:
        self._show = page.editing.show
        found = [page.desk, page.personalising.crop, page.personalising.start, page.gallery.chosen]
        self.photograph.change(
            self.look,
            [self.photograph, page.desk],
            found,
            show_progress_on=[page.personalising.crop],
            concurrency_id="look",
            concurrency_limit=1,
            **private("look"),
        )
        self.open_file.upload(
            self.open_session,
            [self.open_file, page.desk, page.editing.view],
            [*found, *page.editing.shown],
            show_progress_on=[page.personalising.crop],
            **private("open"),
        )

    @in_a_sentence
    def look(self, path: str | None, desk_id: str | None) -> Any:
        """A photograph was chosen: its face at once, or why there is none."""
        if path is None:
            return gr.skip()
        desk = self.studio.align(Path(path), self._known(desk_id))
        start = gr.Button("Personalise", interactive=True)
        return desk.id, desk.crop, start, faces(desk.crops)

    @in_a_sentence
    def open_session(self, path: str | None, desk_id: str | None, view: str) -> Any:
        if path is None:
            return gr.skip()
        desk = self.studio.open(Path(path), self._known(desk_id))
        start = gr.Button("Personalise again", interactive=True)
        return [desk.id, desk.crop, start, faces(desk.crops), *self._show(desk.id, view)]

    def _known(self, desk_id: str | None) -> str | None:
        """The desk, unless it was cleared: then there will be a new one."""
        return desk_id if desk_id in set(self.studio.desks) else None


def _as_it_came(payload: Any) -> str | None:
    return payload.path if payload else None
