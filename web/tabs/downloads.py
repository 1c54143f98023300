"""The last part of the page: the picture and the session as files, and the button of a link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from pti_core.ai_mark import to_png, with_visible_mark
from service.studio import Studio
from web.events import EDITS, press, private, quiet
from web.files import cached
from web.user_errors import in_a_sentence

if TYPE_CHECKING:
    from web.page import Page


class DownloadsPart:
    """What a person takes along. `share` and `link` are wired by `web.tabs.share`."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def lay_out(self) -> None:
        with gr.Row():
            self.save_picture = gr.Button("Download picture", elem_id="save-picture")
            self.save_session = gr.Button("Download session", elem_id="save-session")
            self.share = gr.Button("Share a link", variant="primary", elem_id="share")
        self.mark = gr.Checkbox(
            False, label="Write “Edited with AI” on downloaded pictures", elem_id="mark"
        )
        self.link = gr.Textbox(
            label="Link", visible=False, interactive=False, buttons=["copy"], elem_id="link"
        )
        self.picture_file = gr.DownloadButton(visible="hidden", elem_id="picture-file")
        self.session_file = gr.DownloadButton(visible="hidden", elem_id="session-file")

    def wire(self, page: Page) -> None:
        self._edits = page.editing.edits
        self.save_picture.click(
            self.give_picture,
            [self.mark, *page.editing.inputs],
            self.picture_file,
            **EDITS,
            **quiet("picture"),
        ).success(None, js=press("picture-file"), **private("picture_ready"))
        self.save_session.click(
            self.give_session, page.editing.inputs, self.session_file, **quiet("session")
        ).success(None, js=press("session-file"), **private("session_ready"))

    @in_a_sentence
    def give_picture(self, mark: bool, desk_id: str | None, view: str, *amounts: float) -> Any:
        picture = self.studio.picture(desk_id or "", self._edits(amounts), view)
        picture = with_visible_mark(picture) if mark else picture
        return cached(to_png(picture), "edited.png")

    @in_a_sentence
    def give_session(self, desk_id: str | None, view: str, *amounts: float) -> Any:
        data = self.studio.session_file(desk_id or "", self._edits(amounts))
        return cached(data, "session.safetensors")
