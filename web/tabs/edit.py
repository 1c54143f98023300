"""The third part of the page: before and after, the sliders, the list of edits, the likeness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import gradio as gr

from pti_core.editing.controls import Control
from service.studio import VIEWS, Studio
from web import strings
from web.events import EDITS, private, quiet
from web.files import cached
from web.tabs import edit_list
from web.tabs.face_gallery import FaceGallery, faces
from web.tabs.sliders import Sliders
from web.user_errors import in_a_sentence

if TYPE_CHECKING:
    from web.page import Page


class Tab(Protocol):
    """A part beside the sliders: `lay_out` opens a `gr.Tab`, `wire` follows when all is there."""

    def lay_out(self, editing: EditPart) -> None: ...

    def wire(self, page: Page) -> None: ...


class EditPart:
    """The stage and what moves the face on it.

    Attributes:
        inputs: what a picture is made from: desk, view, and what `edits` reads.
        moved: what `move` changes: the way for other parts to change the edits.
        shown: what `show` changes.
    """

    def __init__(self, studio: Studio, controls: Sequence[Control]) -> None:
        self.studio, self.controls = studio, controls
        self.sliders = Sliders(controls)

    def lay_out(self, desk: gr.State, tabs: Sequence[Tab], gallery: FaceGallery) -> None:
        self.order = gr.State([])  # names of the edits, as they were made one after the other
        self.seed = gr.State(0)
        gr.HTML("<h2><b>3</b> Edit</h2>", padding=False)
        self.empty = gr.HTML(strings.EMPTY, padding=False)
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
            gr.HTML(strings.CAPTION, padding=False)
            gallery.lay_out_people()
            with gr.Row(elem_id="view-row"):
                self.view = gr.Radio(
                    [(strings.VIEWS[view], view) for view in VIEWS],
                    value="face",
                    show_label=False,
                    container=False,
                    elem_id="view",
                )
                self.vary = gr.Button(
                    "Surprise me", size="sm", elem_id="vary", min_width=110, scale=0
                )
                self.reset = gr.Button("Reset", size="sm", elem_id="reset", min_width=70, scale=0)
            self.gauge = gr.HTML("", padding=False, elem_id="gauge")
            self.stack = gr.HTML("", padding=False, elem_id="stack", js_on_load=edit_list.SCRIPT)
            with gr.Tabs():
                with gr.Tab("Sliders"):
                    self.sliders.lay_out()
                for tab in tabs:
                    tab.lay_out(self)
                with gr.Tab("Likeness"):
                    self.facts = gr.HTML("", padding=False, elem_id="facts")
        # Pressed by page.js when a slider that keys moved is at rest, and while one moves and its
        # own way to pictures fails.
        self.settle = gr.Button("Settle", visible="hidden", elem_id="settle")
        self.follower = gr.Button("Follow", visible="hidden", elem_id="follow")
        self.inputs = [desk, self.view, self.order, *self.sliders.all]
        self.moved = [self.stage, self.order, self.stack, *self.sliders.all]
        self.shown = [*self.moved, self.panel, self.empty, self.facts, gallery.people]

    def wire(self, page: Page) -> None:
        sliders = self.sliders.all
        self.follower.click(
            self.follow,
            self.inputs,
            self.stage,
            trigger_mode="always_last",
            queue=False,  # a fifth sooner in the browser; the studio renders one at a time anyway
            **quiet("follow"),
        )
        gr.on(
            [*(slider.release for slider in sliders), self.view.input, self.settle.click],
            self.finish,
            self.inputs,
            [self.stage, self.order, self.stack],
            trigger_mode="always_last",
            **EDITS,
            **quiet("finish"),
        ).then(None, self.stage, js="(stage) => window.ptiRest?.(stage)", **quiet("rest"))
        self.reset.click(
            self.put_back, [page.desk, self.view], self.moved, **EDITS, **quiet("reset")
        )
        self.vary.click(
            self.surprise,
            [page.desk, self.view, self.seed],
            [self.seed, *self.moved],
            **EDITS,
            **private("vary"),
            show_progress_on=[self.stage],
        )
        self.stack.click(self.restack, self.inputs, self.moved, **EDITS, **quiet("restack"))
        # Whatever changes the edits changes the list; the picture does not wait for this.
        self.stack.change(
            self.tell_likeness,
            self.inputs,
            self.gauge,
            trigger_mode="always_last",
            concurrency_id="likeness",
            concurrency_limit=1,
            **quiet("likeness"),
        )

    @in_a_sentence
    def show(self, desk_id: str | None, view: str) -> Any:
        """The panel of what lies on the desk: picture, sliders, facts."""
        hidden, seen = gr.update(visible=False), gr.update(visible=True)
        session = self.studio.desks.get(desk_id).session if desk_id else None
        if not desk_id or session is None:
            return [hidden, [], "", *self.sliders.at({}, {}), hidden, seen, "", faces([])]
        edits = session.edits
        return [
            gr.ImageSlider(self.pictures(desk_id, edits, view), visible=True),
            list(edits),
            self._listed(desk_id, edits),
            *self.sliders.at(edits, self.studio.ranges(desk_id)),
            seen,
            hidden,
            strings.facts(self.studio.desks.get(desk_id).report),
            faces([session.crop(i) for i in range(len(session.crops))], session.person),
        ]

    @in_a_sentence
    def follow(self, desk_id: str | None, view: str, *state: Any) -> Any:
        """A slider moves, and page.js got no picture by itself (`web.middleware.live_preview`)."""
        return self.pictures(desk_id or "", self.edits(state), view, moving=True)

    @in_a_sentence
    def finish(self, desk_id: str | None, view: str, *state: Any) -> Any:
        """A slider was let go, or the view changed: the full picture."""
        return self.move(desk_id, view, self.edits(state))[:3]

    @in_a_sentence
    def put_back(self, desk_id: str | None, view: str) -> Any:
        return self.move(desk_id, view, {})

    @in_a_sentence
    def surprise(self, desk_id: str | None, view: str, seed: int) -> Any:
        """Another look by chance: the first press gives seed 1, the next 2, ..."""
        found = self.studio.variation(desk_id or "", seed + 1)
        steps = {control.name: control.step for control in self.controls}
        edits = {n: round(round(a / steps[n]) * steps[n], 9) for n, a in found.items()}
        return [seed + 1, *self.move(desk_id, view, edits)]

    @in_a_sentence
    def restack(self, event: gr.EventData, desk_id: str | None, view: str, *state: Any) -> Any:
        """A button in the list of edits was pressed."""
        return self.move(desk_id, view, edit_list.after(event.act, event.name, self.edits(state)))

    @in_a_sentence
    def tell_likeness(self, desk_id: str | None, view: str, *state: Any) -> Any:
        """Whether it is still the same person, as a network sees it."""
        if not desk_id:
            return ""
        return strings.gauge(self.studio.likeness(desk_id, self.edits(state)))

    def edits(self, state: Sequence[Any]) -> dict[str, float]:
        """The edits of order and sliders, in the order they were made."""
        order, *amounts = state
        return self.sliders.read(amounts, order)

    def move(self, desk_id: str | None, view: str, edits: Mapping[str, float]) -> list[Any]:
        """What `moved` becomes with these edits."""
        pictures = self.pictures(desk_id or "", edits, view)
        listed = self._listed(desk_id or "", edits)
        return [pictures, list(edits), listed, *self.sliders.at(edits)]

    def pictures(
        self, desk_id: str, edits: Mapping[str, float], view: str, moving: bool = False
    ) -> tuple[str, str]:
        """Before and after as files for the stage."""
        before, after = self.studio.screen(desk_id, edits, view, moving)
        return cached(before, "before.jpg"), cached(after, "after.jpg")

    def _listed(self, desk_id: str, edits: Mapping[str, float]) -> str:
        session = self.studio.session(desk_id)
        texts = [(entry.label, entry.amount) for entry in session.stack]
        return edit_list.listed(edits, self.controls, texts, f"{id(session):x}", desk_id)
