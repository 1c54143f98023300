"""The third part of the page: before and after, the sliders, how near it is."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from pti_core.controls import Control
from pti_core.studio import VIEWS, Studio
from web import words
from web.events import EDITS, quiet
from web.files import cached
from web.guards import in_a_sentence

if TYPE_CHECKING:
    from web.page import Page


class Editing:
    """The stage and what moves the face on it.

    Attributes:
        shown: what `show` changes.
        inputs: what a picture is made from: desk, view, amounts of all sliders.
    """

    def __init__(self, studio: Studio, controls: Sequence[Control]) -> None:
        self.studio, self.controls = studio, controls

    def lay_out(self, desk: gr.State) -> None:
        gr.HTML("<h2><b>3</b> Edit</h2>", padding=False)
        self.empty = gr.HTML(words.EMPTY, padding=False)
        self.stage = gr.ImageSlider(
            label="Before and after",
            show_label=False,
            interactive=False,
            visible=False,
            buttons=["fullscreen"],
            max_height=620,
            elem_id="stage",
        )
        with gr.Column(visible=False, elem_id="edit") as self.panel:
            gr.HTML(
                '<p class="caption"><span>Photograph</span><span>Edited</span></p>', padding=False
            )
            with gr.Row(elem_id="view-row"):
                self.view = gr.Radio(
                    [(words.VIEWS[view], view) for view in VIEWS],
                    value="face",
                    show_label=False,
                    container=False,
                    elem_id="view",
                )
                self.reset = gr.Button("Reset", size="sm", elem_id="reset", min_width=80, scale=0)
            with gr.Tab("Sliders"):
                self.sliders = self._lay_out_sliders()
            with gr.Tab("Likeness"):
                self.facts = gr.HTML("", padding=False, elem_id="facts")
        self.shown = [self.stage, self.panel, self.empty, self.facts, *self.sliders]
        self.inputs = [desk, self.view, *self.sliders]

    def _lay_out_sliders(self) -> list[gr.Slider]:
        sliders = {}
        groups = list(dict.fromkeys(control.group for control in self.controls))
        headed = len(self.controls) >= 2 * len(groups)  # a heading over each slider says nothing
        for group in groups if headed else [None]:
            if group:
                gr.HTML(f"<h3>{html.escape(group.capitalize())}</h3>", padding=False)
            with gr.Row(elem_classes="sliders"):
                for control in self.controls:
                    if group in (None, control.group):
                        sliders[control.name] = _slider(control)
        return [sliders[control.name] for control in self.controls]

    def wire(self, page: Page) -> None:
        gr.on(
            [slider.input for slider in self.sliders],
            self.follow,
            self.inputs,
            self.stage,
            trigger_mode="always_last",
            **EDITS,
            **quiet("follow"),
        )
        gr.on(
            [*(slider.release for slider in self.sliders), self.view.input],
            self.finish,
            self.inputs,
            self.stage,
            trigger_mode="always_last",
            **EDITS,
            **quiet("finish"),
        )
        self.reset.click(
            self.put_back,
            [page.desk, self.view],
            [self.stage, *self.sliders],
            **EDITS,
            **quiet("reset"),
        )

    @in_a_sentence
    def show(self, desk_id: str | None, view: str) -> Any:
        """The panel of what lies on the desk: picture, sliders, facts."""
        hidden = gr.update(visible=False)
        if not desk_id or self.studio.desks.get(desk_id).session is None:
            return [hidden, hidden, gr.HTML(visible=True), "", *self._slid({})]
        desk = self.studio.desks.get(desk_id)
        edits = desk.session.edits if desk.session else {}
        return [
            gr.ImageSlider(self._pictures(desk_id, edits, view), visible=True),
            gr.Column(visible=True),
            hidden,
            words.facts(desk.report),
            *self._slid(edits, desk_id),
        ]

    @in_a_sentence
    def follow(self, desk_id: str | None, view: str, *amounts: float) -> Any:
        """A slider moves: a quick picture."""
        return self._pictures(desk_id or "", self.edits(amounts), view, moving=True)

    @in_a_sentence
    def finish(self, desk_id: str | None, view: str, *amounts: float) -> Any:
        """A slider was let go, or the view changed: the full picture."""
        return self._pictures(desk_id or "", self.edits(amounts), view)

    @in_a_sentence
    def put_back(self, desk_id: str | None, view: str) -> Any:
        return [self._pictures(desk_id or "", {}, view), *self._amounts({})]

    def edits(self, amounts: Sequence[float]) -> dict[str, float]:
        """What the sliders say, by direction."""
        pairs = zip(self.controls, amounts, strict=True)
        return {control.name: float(amount or 0) for control, amount in pairs}

    def _slid(self, edits: Mapping[str, float], desk_id: str = "") -> list[Any]:
        """The sliders at these amounts, within the person's own ranges."""
        ranges = self.studio.ranges(desk_id) if desk_id else {}
        spans = [control.within(ranges.get(control.name)).bounds for control in self.controls]
        amounts = self._amounts(edits)
        return [gr.Slider(*span, value=at) for span, at in zip(spans, amounts, strict=True)]

    def _amounts(self, edits: Mapping[str, float]) -> list[float]:
        return [edits.get(control.name, 0) for control in self.controls]

    def _pictures(
        self, desk_id: str, edits: Mapping[str, float], view: str, moving: bool = False
    ) -> tuple[str, str]:
        before, after = self.studio.screen(desk_id, edits, view, moving)
        return cached(before, "before.jpg"), cached(after, "after.jpg")


def _slider(control: Control) -> gr.Slider:
    low, high = control.bounds
    return gr.Slider(
        low,
        high,
        value=0,
        step=control.step,
        label=f"{control.label} ({control.unit})" if control.unit else control.label,
        min_width=220,
        elem_id=f"slider-{control.name}",
        buttons=[],
    )
