"""What the sliders' part asks of the server besides pictures, which take `/moving`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pti_core.ai_mark import to_jpeg
from pti_core.editing.controls import Control
from pti_core.errors import UserError
from service.studio import Studio
from web import page_text
from web.actions import Actions, Ask
from web.files import cached
from web.labels import amount_text, bounds_of
from web.looks import surprise
from web.tabs.open_session import OpenedSession, Stacks

#: Side of a look's picture, for screens of two pixels a point.
LOOK_SIDE = 224


class EditPart:
    """Whose face is shown, likeness, chance, one edit across its range, steps of the history."""

    def __init__(
        self, studio: Studio, controls: Sequence[Control], opened: OpenedSession, stacks: Stacks
    ) -> None:
        self.studio, self.controls = studio, controls
        self.opened, self.stacks = opened, stacks

    def add_to(self, actions: Actions) -> None:
        actions.add(
            turn=self.turn,
            put_back=self.put_back,
            likeness=self.likeness,
            notes=self.notes,
            surprise=self.surprise,
            across=self.across,
            prepare=self.prepare,
            look=self.look,
        )

    def turn(self, ask: Ask) -> Mapping[str, Any]:
        """Show another person of the open session, with these edits."""
        self.studio.turn_to(ask.workspace, ask.whole("person", -1), ask.edits)
        return {"opened": self.opened.told(ask.workspace)}

    def put_back(self, ask: Ask) -> Mapping[str, Any]:
        """A step of the history had other edits by text: give the session those again."""
        self.stacks.put_back(ask.workspace, ask.whole("stack", -1))
        return self.opened.text_edits(ask.workspace)

    def prepare(self, ask: Ask) -> Mapping[str, Any]:
        """The unedited photograph is shown: begin what the first edit would wait for."""
        self.studio.prepare(ask.workspace)
        return {}

    def likeness(self, ask: Ask) -> Mapping[str, Any]:
        """Whether it is still the same person, as a network sees it; {} before that is loaded."""
        if not self.studio.networks.ready:
            return {}
        found = self.studio.likeness(ask.workspace, ask.edits)
        return page_text.likeness(found) if found else {}

    def notes(self, ask: Ask) -> Mapping[str, Any]:
        """What of the edits cannot be done on this photograph: sentences; "" as a rule."""
        from pti_core.rendering import notes

        session = self.studio.session(ask.workspace)
        state = self.studio.workspaces.get(ask.workspace).edit_state(ask.edits)
        return {"note": " ".join(notes(session, self.studio.edit_models(ask.workspace), state))}

    def surprise(self, ask: Ask) -> Mapping[str, Any]:
        """Random edits that suit the person; the same for the same seed."""
        ranges = self.studio.ranges(ask.workspace)
        every = [*self.controls, *self.opened.further(ask.workspace)]
        bounds = bounds_of([one for one in every if one.name in ranges], ranges)
        return {"edits": surprise(bounds, ask.whole("seed"))}

    def look(self, ask: Ask) -> Mapping[str, Any]:
        """A small picture of the face with a look's edits, which are not applied.

        With "quick" it is a preview's, which stands in until the "whole" one is there; None while
        previews are not prepared.
        """
        edits = ask.edits
        if ask.data.get("quick") is True:
            generator = self.studio.edit_models(ask.workspace).generator
            renders = self.studio.workspaces.get(ask.workspace).renders
            if generator.has_middle and not renders.has_previews:
                return {"picture": None, "whole": False}
            data = self.studio.preview(ask.workspace, edits, "face")
            return {"picture": cached(data, "look.jpg"), "whole": False}
        (picture,) = self.studio.frames(ask.workspace, [edits], "face", LOOK_SIDE)
        return {"picture": cached(to_jpeg(picture, 85, marked=True), "look.jpg"), "whole": True}

    def across(self, ask: Ask) -> Mapping[str, Any]:
        """Small pictures of one edit across its range."""
        name = ask.text("name")
        every = [*self.controls, *self.opened.further(ask.workspace)]
        control = {control.name: control for control in every}.get(name)
        if control is None:
            raise UserError("There is no such slider.")
        low, high, step = bounds_of([control], self.studio.ranges(ask.workspace))[name]
        pictures = []
        for amount, picture in self.studio.strip(ask.workspace, ask.edits, name):
            if not low <= amount <= high:  # a slider that begins at zero has one side only
                continue
            whole = min(max(round(round(amount / step) * step, 9), low), high)
            pictures.append(
                {
                    "amount": whole,
                    "said": amount_text(control, whole),
                    "picture": cached(to_jpeg(picture, 85, marked=True), "strip.jpg"),
                }
            )
        return {"pictures": pictures}
