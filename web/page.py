"""The page: its parts, where they stand, and the line that says how the server is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from pti_core.editing.controls import Control
from service.studio import Studio
from web import strings
from web.events import quiet
from web.tabs.animation import AnimationTab
from web.tabs.choose_photo import ChoosePhoto
from web.tabs.downloads import DownloadsPart
from web.tabs.edit import EditPart, Tab
from web.tabs.face_gallery import FaceGallery
from web.tabs.personalise import PersonalisePart
from web.tabs.range import RangeTab
from web.tabs.text import TextTab


class Page:
    """The parts of the page.

    Attributes:
        desk: the identifier of what this page has before it.
        owner: this browser's secret: of its shares, and for its place in the line.
        choosing, personalising, gallery, editing, texting, downloads: the parts; each has its
            components.
        tabs: the parts beside the sliders, `texting` among them.
    """

    def __init__(self, studio: Studio, controls: Sequence[Control], preset: str) -> None:
        self.studio = studio
        self.choosing = ChoosePhoto(studio)
        self.personalising = PersonalisePart(studio, preset)
        self.gallery = FaceGallery(studio)
        self.editing = EditPart(studio, controls)
        self.texting = TextTab(studio, controls)
        self.downloads = DownloadsPart(studio)
        self.tabs: list[Tab] = [self.texting, RangeTab(studio), AnimationTab(studio)]

    def lay_out(self, about: str) -> None:
        # The key is no secret towards the browser, and every replica must read another's.
        self.owner = gr.BrowserState("", storage_key="pti-owner", secret="pti")
        self.desk = gr.State(None, time_to_live=24 * 3600, delete_callback=self.studio.leave)
        gr.HTML(strings.HEAD, elem_id="head", padding=False)
        self.status = gr.HTML(strings.status(self.studio), elem_id="status", padding=False)
        self.clock = gr.Timer(1.0)
        with gr.Row(elem_id="columns", equal_height=False):
            with gr.Column(scale=4, min_width=320):
                self.choosing.lay_out()
                self.personalising.lay_out()
                self.gallery.lay_out_chosen()
            with gr.Column(scale=6, min_width=320):
                self.editing.lay_out(self.desk, self.tabs, self.gallery)
                with self.editing.panel:
                    self.downloads.lay_out()
        self.about = gr.HTML(strings.about(about), padding=False)

    def wire(self) -> None:
        self.clock.tick(
            self.tell_status, None, [self.status, self.about, self.clock], **quiet("status")
        )
        self.choosing.wire(self)
        self.personalising.wire(self)
        self.editing.wire(self)
        self.gallery.wire(self)
        self.downloads.wire(self)
        for tab in self.tabs:
            tab.wire(self)

    def tell_status(self) -> tuple[Any, Any, Any]:
        """The line under the title, until the networks are there; then which generator it is."""
        ready = self.studio.networks.ready
        about = self.studio.networks.get().about if ready else ""
        shown = strings.about(about) if about else gr.skip()
        return strings.status(self.studio), shown, gr.Timer(active=not ready)
