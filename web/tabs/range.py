"""A tab of the editing part: one edit across its range, as small pictures to choose from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr

from pti_core.ai_mark import to_jpeg
from pti_core.errors import UserError
from service.studio import Studio
from web.events import EDITS, quiet
from web.files import cached
from web.tabs.edit_list import amount_of
from web.user_errors import in_a_sentence

if TYPE_CHECKING:
    from web.page import Page
    from web.tabs.edit import EditPart


class RangeTab:
    """A strip of pictures; pressing one sets the edit to its amount."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def lay_out(self, editing: EditPart) -> None:
        self.editing = editing
        controls = editing.controls
        with gr.Tab("Range") as self.tab:
            self.edit = gr.Dropdown(
                [(control.label, control.name) for control in controls],
                value=controls[0].name if controls else None,
                label="One edit across its range; press a picture to take it",
                elem_id="range-edit",
            )
            self.strip = gr.Gallery(
                show_label=False,
                columns=7,
                allow_preview=False,
                object_fit="cover",
                height="auto",
                buttons=[],
                elem_id="strip",
            )
        self.amounts = gr.State([])

    def wire(self, page: Page) -> None:
        gr.on(
            [self.tab.select, self.edit.input],
            self.draw,
            [self.edit, *page.editing.inputs],
            [self.strip, self.amounts],
            trigger_mode="always_last",
            concurrency_id="strip",
            concurrency_limit=1,
            show_progress_on=[self.strip],
            **quiet("strip"),
        )
        self.strip.select(
            self.take,
            [self.edit, self.amounts, *page.editing.inputs],
            page.editing.moved,
            **EDITS,
            **quiet("take"),
        )

    def draw(self, name: str, desk_id: str | None, view: str, *state: Any) -> Iterator[Any]:
        """The pictures, one after the other."""
        control = {control.name: control for control in self.editing.controls}[name]
        pictures, amounts = [], []
        try:
            for amount, picture in self.studio.strip(
                desk_id or "", self.editing.edits(state), name
            ):
                amount = round(round(amount / control.step) * control.step, 9)
                path = cached(to_jpeg(picture, 85), "strip.jpg")
                pictures.append((path, amount_of(control, amount)))
                amounts.append(amount)
                yield gr.Gallery(pictures, selected_index=None), amounts
        except UserError as error:
            gr.Warning(str(error), title="")
            yield gr.skip()

    @in_a_sentence
    def take(
        self,
        event: gr.SelectData,
        name: str,
        amounts: list[float],
        desk_id: str | None,
        view: str,
        *state: Any,
    ) -> Any:
        """A picture was pressed."""
        edits = {**self.editing.edits(state), name: amounts[event.index]}
        moved = {name: amount for name, amount in edits.items() if amount}
        return self.editing.move(desk_id, view, moved)
