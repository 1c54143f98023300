"""From one state of the edits to another and back, as a moving file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pti_core.ai_mark import with_visible_mark
from pti_core.editing.animation import FORMS, SIDES, between, check_form, encode
from pti_core.errors import UserError
from service.studio import Studio
from web.actions import Actions, Ask
from web.files import cached
from web.tabs.save import file_stem
from web.tabs.tasks import Task, Tasks


class AnimationPart:
    """Makes a GIF or MP4, frame by frame."""

    def __init__(self, studio: Studio, tasks: Tasks) -> None:
        self.studio, self.tasks = studio, tasks

    def add_to(self, actions: Actions) -> None:
        actions.add(animate=self.animate)

    def animate(self, ask: Ask) -> Mapping[str, Any]:
        start, end, form = ask.amounts("start"), ask.edits, ask.text("format") or FORMS[0]
        check_form(form)
        if start == end:
            raise UserError("Start and end are the same picture; move a slider first.")
        states = between(start, end, ask.whole("frames", 16), ask.data.get("in_turn") is True)
        workspace, view, mark = (
            ask.workspace,
            ask.text("view") or "face",
            ask.data.get("mark") is True,
        )
        self.studio.session(workspace)  # said at once where there is none
        name = f"{file_stem(ask.text('name'))}-animation.{form}"

        def work(task: Task) -> Mapping[str, Any]:
            def wanted() -> bool:
                return not task.unwanted

            made = []
            for picture in self.studio.frames(workspace, states, view, SIDES[form], wanted):
                made.append(with_visible_mark(picture) if mark else picture)
                task.done = len(made) / len(states)
                task.said = f"Picture {len(made)} of {len(states)}"
            if task.unwanted:
                raise UserError("The animation was stopped.")
            return {"file": cached(encode(made, form), name), "name": name}

        return self.tasks.start(ask, work)
