"""The page: its markup, the actions that its script calls, and the events that Gradio keeps.

The whole interface is one `gr.HTML` component. Its markup is `static/page.html`; its script, which
draws the sliders and holds the history, is the files of `static/js` in their order. Pictures come
from `/moving` (`web.middleware.live_preview`), everything else from actions of `web.tabs`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

import gradio as gr

from pti_core.editing.controls import Control
from service.share_store import Store
from service.studio import Studio
from web import page_text
from web.actions import Actions
from web.event_lanes import private
from web.labels import described
from web.tabs.animation import AnimationPart
from web.tabs.doctor import DoctorPart
from web.tabs.edit import EditPart
from web.tabs.field_files import FieldFilesPart
from web.tabs.learn import LearnPart
from web.tabs.open_session import FORMATS, OpenedSession, Stacks
from web.tabs.photo import PhotoPart, examples
from web.tabs.save import SavePart
from web.tabs.share import SharePart
from web.tabs.tasks import Tasks
from web.tabs.text import EXAMPLES as TEXT_EXAMPLES
from web.tabs.text import TextPart

STATIC = Path(__file__).parent / "static"


class Page:
    """The parts of the page.

    Attributes:
        actions: what the script can ask for.
        text: the part for edits in words, whose service programs use, too.
        workspace: the one that this browser tab shows; forgotten with the tab.
    """

    def __init__(
        self, studio: Studio, controls: Sequence[Control], preset: str, store: Store
    ) -> None:
        self.studio, self.controls, self.preset = studio, controls, preset
        self.store = store
        self.actions, tasks = Actions(), Tasks()
        opened = OpenedSession(studio, controls, stacks := Stacks(studio))
        self.text = TextPart(studio, controls, opened, tasks)
        parts = (
            PhotoPart(studio, store, opened),
            LearnPart(studio, opened),
            EditPart(studio, controls, opened, stacks),
            self.text,
            AnimationPart(studio, tasks),
            SavePart(studio),
            SharePart(studio, store),
            DoctorPart(),
            FieldFilesPart(studio, opened),
        )
        for part in parts:
            part.add_to(self.actions)

    def lay_out(self, about: str) -> None:
        self.workspace = gr.State(None, time_to_live=24 * 3600, delete_callback=self.studio.leave)

        def call(data: Any, request: gr.Request) -> dict[str, Any]:
            return self.actions.call(data, request)

        self.html = gr.HTML(
            html_template=markup(),
            facts=self._facts(about),
            js_on_load=script(),
            server_functions=[call],
            apply_default_css=False,
            padding=False,
            elem_id="studio",
        )

    def wire(self) -> None:
        self.html.shown(
            self.keep, self.workspace, self.workspace, show_progress="hidden", **private("shown")
        )

    def keep(self, event: gr.EventData, workspace: str | None) -> str | None:
        """The tab shows another workspace; what no tab shows any more is forgotten."""
        now = event.workspace if isinstance(event.workspace, str) else None
        if workspace and workspace != now:
            self.studio.leave(workspace)
        if now:
            self.studio.workspaces.use(now)
        return now

    def _facts(self, about: str) -> dict[str, Any]:
        """What the script needs to draw the page."""
        studio = self.studio
        return {
            "controls": described(self.controls),
            "presets": [[name, page_text.preset(name)] for name in studio.preset_names],
            "preset": self.preset,
            "generators": [[n, page_text.GENERATORS.get(n, n)] for n in studio.generator_names],
            "examples": examples(),
            "sentences": list(TEXT_EXAMPLES),
            "formats": list(FORMATS),
            "link_days": page_text.days(self.store.days),
            "about": about,
        }


def markup() -> str:
    """The page's HTML."""
    text = Template((STATIC / "page.html").read_text(encoding="utf-8"))
    return text.substitute(
        title=page_text.TITLE,
        tagline=page_text.TAGLINE,
        consent=page_text.CONSENT,
        examples=page_text.example_cards(examples()),
        hero=page_text.hero(examples()),
    )


def script() -> str:
    """The page's script: one function scope of all files in the order of their names."""
    files = sorted((STATIC / "js").glob("*.js"))
    return "\n".join(file.read_text(encoding="utf-8") for file in files)
