"""Several people who share a generator: their faces while they are chosen, and whom to edit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from pti_core.ai_mark import to_jpeg
from service.studio import Studio
from web.events import EDITS, private, quiet
from web.files import cached
from web.user_errors import in_a_sentence

if TYPE_CHECKING:
    from PIL import Image

    from web.page import Page

#: Side of a face in a gallery, for screens of two pixels a point.
SIDE = 192


class FaceGallery:
    """Two rows of faces, each there only when there are several: those chosen, and those of the
    personalised generator, of which one is shown."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def lay_out_chosen(self) -> None:
        """In the part that personalises."""
        self.chosen = _row("Will share one generator", "chosen")
        self.add = gr.UploadButton(
            "Add more people",
            file_count="multiple",
            file_types=["image"],
            size="sm",
            elem_id="add-people",
        )

    def lay_out_people(self) -> None:
        """In the part that edits."""
        self.people = _row("People of this generator: press one to edit them", "people")

    def wire(self, page: Page) -> None:
        self._show = page.editing.show
        self._edits = page.editing.edits
        crop, start = page.personalising.crop, page.personalising.start
        self.add.upload(
            self.take,
            [self.add, page.desk],
            [page.desk, crop, start, self.chosen],
            show_progress_on=[crop],
            concurrency_id="look",
            concurrency_limit=1,
            **private("add"),
        )
        self.people.select(
            self.turn, page.editing.inputs, page.editing.shown, **EDITS, **quiet("turn")
        )

    @in_a_sentence
    def take(self, paths: list[str] | None, desk_id: str | None) -> Any:
        """More photographs were chosen: their faces at once, or why there is none in one."""
        if not paths:
            return gr.skip()
        known = desk_id if desk_id in set(self.studio.desks) else None
        desk = self.studio.add([Path(path) for path in paths], known)
        start = gr.Button(_personalise(len(desk.crops)), interactive=True)
        return desk.id, desk.crop, start, faces(desk.crops)

    @in_a_sentence
    def turn(self, event: gr.SelectData, desk_id: str | None, view: str, *state: Any) -> Any:
        """A face of the generator's people was pressed."""
        self.studio.turn_to(desk_id or "", event.index, self._edits(state))
        return self._show(desk_id, view)


def faces(crops: Sequence[Image.Image], pressed: int | None = None) -> gr.Gallery:
    """Faces where there are several, one of them marked."""
    if len(crops) < 2:
        return gr.Gallery([], visible=False)
    small = [crop.resize((SIDE, SIDE), reducing_gap=2.0) for crop in crops]
    files = [cached(to_jpeg(face, 85), f"face-{i}.jpg") for i, face in enumerate(small)]
    return gr.Gallery(files, selected_index=pressed, visible=True)


def _personalise(count: int) -> str:
    return "Personalise" if count == 1 else f"Personalise these {count}"


def _row(label: str, name: str) -> gr.Gallery:
    return gr.Gallery(
        label=label,
        columns=8,
        allow_preview=False,
        object_fit="cover",
        height="auto",
        buttons=[],
        visible=False,
        elem_id=name,
        elem_classes="faces",
    )
