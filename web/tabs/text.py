"""Edits in words: what a sentence asks for, and doing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pti_core.ai_mark import to_jpeg
from pti_core.editing.controls import Control
from service.studio import Studio
from service.text_service import WAYS, Reading, TextService, Wish
from web.actions import Actions, Ask
from web.files import cached
from web.labels import amount_text
from web.picture_options import hair_of
from web.tabs.open_session import OpenedSession
from web.tabs.tasks import Task, Tasks

if TYPE_CHECKING:
    from mappers.prompts import Part
    from pti_core.progress import Step

#: All of them are done by sliders, so no server lacks what they need.
EXAMPLES = (
    "ten years younger",
    "a big smile",
    "blond hair",
    "grey hair and glasses",
    "no beard",
    "looking to the left",
    "a bit less makeup",
)


class TextPart:
    """The text tab. Sliders that a sentence moves are set on the page; other edits are entries."""

    def __init__(
        self, studio: Studio, controls: Sequence[Control], opened: OpenedSession, tasks: Tasks
    ) -> None:
        self.studio, self.texts = studio, TextService(studio, controls)
        self.opened, self.tasks = opened, tasks
        self._controls = {control.name: control for control in controls}

    def add_to(self, actions: Actions) -> None:
        actions.add(
            read=self.read,
            say=self.say,
            words=self.words,
            entry=self.entry,
            task=self.tasks.look,
            stop_task=self.tasks.stop,
        )

    def read(self, ask: Ask) -> Mapping[str, Any]:
        """What a sentence asks for; nothing is done."""
        prompt = ask.text("prompt")
        if not prompt.strip():
            return {"said": "", "left": "", "doable": False}
        found = self.texts.read(prompt, ask.workspace or None, self._way(ask))
        return self._told(found)

    def say(self, ask: Ask) -> Mapping[str, Any]:
        """Do what a sentence asks for, on top of the edits."""
        edits, workspace = ask.edits, ask.workspace
        wish = Wish(
            ask.text("prompt"), self._way(ask), ask.number("strength", 1.0), ask.whole("seed")
        )
        self.studio.session(workspace)

        def work(task: Task) -> Mapping[str, Any]:
            def on_step(step: Step) -> bool:
                task.done, task.said = step.index / max(step.total, 1), "Working on it"
                if step.picture is not None:
                    task.picture = cached(_preview(step), "preview.jpg")
                return not task.unwanted

            done = self.texts.do(workspace, wish, edits, on_step)
            return {
                "edits": done.edits,
                "hair": hair_of(done.hair_color),
                "left": done.left,
                **self.opened.text_edits(workspace),
            }

        return self.tasks.start(ask, work)

    def words(self, ask: Ask) -> Mapping[str, Any]:
        """The edits as a sentence that, said on the unedited face, gives the same edits."""
        hair = ask.data.get("hair")
        color = hair if isinstance(hair, Mapping) else {}
        amount = Ask(color).number("amount") / 100 if color else 0.0
        return {"words": self.texts.words(ask.edits, Ask(color).text("colour"), amount)}

    def entry(self, ask: Ask) -> Mapping[str, Any]:
        """Change the amount of an edit that is no slider, or take it away: amount null."""
        gone = ask.data.get("amount") is None
        amount = None if gone else min(max(ask.number("amount", 1.0), -3.0), 3.0)
        self.texts.set_amount(ask.workspace, ask.whole("index", -1), amount)
        return self.opened.text_edits(ask.workspace)

    def _told(self, found: Reading) -> dict[str, Any]:
        """A reading for a person; what needs a file that is not here stands apart."""
        from mappers.edits import notes_of

        lacking = [part for part in found.parts if part.way != "attributes" and part.note]
        here = [part for part in found.parts if part not in lacking]
        return {
            "said": ", ".join(self._part(part) for part in here),
            "lacking": ", ".join(part.label for part in lacking),
            "left": found.left,
            "note": notes_of(here),
            "seconds": found.seconds,
            "doable": bool(found.parts),
        }

    def _part(self, part: Part) -> str:
        control = self._controls.get(part.name)
        if control is None or part.way != "attributes":
            return part.label
        return f"{part.label} {amount_text(control, part.amount)}"

    def _way(self, ask: Ask) -> str:
        way = ask.text("way")
        return way if way in WAYS else "auto"


def _preview(step: Step) -> bytes:
    from pti_core.faces.images import to_image

    assert step.picture is not None
    return to_jpeg(to_image(step.picture), marked=True)
