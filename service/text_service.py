"""The text box without the page: read a prompt, and do what it asks in a workspace."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakKeyDictionary

from pti_core.editing.controls import Control
from pti_core.errors import UserError
from service.studio import Studio
from service.workspaces import Workspace

if TYPE_CHECKING:
    from mappers.prompts import Known, Part
    from pti_core.editing.hair_color import HairColor
    from pti_core.progress import Step

#: A crop's file, and what measures it.
Measured: TypeAlias = tuple[bytes, Callable[[], Mapping[str, float]]]
#: Hair in any colour as prompts ask for it; its amount is the colour's strength.
HAIR_COLOR = Control("hair_color", "Hair colour", "hair", "", 0.0, 1.0)
#: Ways as a person reads them; the first decides by itself.
WAYS = {
    "auto": "Automatic",
    "attributes": "Sliders’ directions",
    "mapper": "Latent mapper",
    "global": "Global direction (CLIP)",
    "optimise": "Optimisation (CLIP)",
}


@dataclass(frozen=True)
class Reading:
    """What a prompt was understood to ask, and what was not understood of it."""

    parts: tuple[Part, ...]
    left: str
    seconds: float
    note: str = ""


@dataclass(frozen=True)
class Wish:
    """What a person asks for in words.

    Attributes:
        way: "auto", or one of the ways of `mappers.edits`.
        strength: factor on every amount.
        seed: of an optimisation.
    """

    prompt: str
    way: str = "auto"
    strength: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Done:
    """What an edit left: the amounts of all directions moved, and in words what was done.

    hair_color: that of the session then.
    """

    edits: dict[str, float]
    said: str
    left: str
    hair_color: HairColor | None = None


class TextService:
    """Prompts over a studio; nothing heavy is loaded before the first one."""

    def __init__(self, studio: Studio, controls: Sequence[Control]) -> None:
        self.studio, self.controls = studio, controls
        self._known: Known | None = None
        self._lock = threading.Lock()
        # Gone with their workspace: a measure holds its photograph.
        self._measures: WeakKeyDictionary[Workspace, Measured] = WeakKeyDictionary()

    def known(self, workspace_id: str | None) -> Known:
        """What can be asked for, in the ranges of the workspace's person."""
        from mappers.edits import what_is_known
        from mappers.prompts.reader import find_reader
        from mappers.styleclip.published import installed, trained

        with self._lock:
            if self._known is None:
                self._known = what_is_known()
            if self._known.reader is None:  # its files may have been fetched since
                self._known = dataclasses.replace(self._known, reader=find_reader())
        ranges = self.studio.ranges(workspace_id) if workspace_id else {}
        controls = {c.name: c.within(ranges.get(c.name)) for c in self.controls}
        if workspace_id and self.studio.composites(workspace_id):
            controls[HAIR_COLOR.name] = HAIR_COLOR
        own = trained()
        return dataclasses.replace(
            self._known,
            controls=controls,
            trained=own,
            here=frozenset([*installed(), *own]),
            measure=self._measure(workspace_id),
        )

    def _measure(self, workspace_id: str | None) -> Callable[[], Mapping[str, float]] | None:
        """What measures the workspace's photograph; the same as long as the photograph is."""
        from mappers.edits import measure_of

        if not workspace_id:
            return None
        session = self.studio.session(workspace_id)
        workspace = self.studio.workspaces.get(workspace_id)
        of, measure = self._measures.get(workspace, (None, None))
        if of != (crop := session.crops[session.at(None)]):
            self._measures[workspace] = crop, (measure := measure_of(session))
        return measure

    def read(self, prompt: str, workspace_id: str | None = None, way: str = "auto") -> Reading:
        """What a prompt asks. A prompt that asks for nothing has no parts and says why."""
        from mappers.edits import SECONDS, NotUnderstoodError, notes_of, plan

        try:
            found = plan(prompt, self.known(workspace_id), way)
        except NotUnderstoodError as error:
            return Reading((), str(error), 0)
        seconds = sum(SECONDS[part.way] for part in found.parts)
        return Reading(found.parts, found.left, seconds, notes_of(found.parts))

    def words(self, edits: Mapping[str, float], color: str = "", amount: float = 0.0) -> str:
        """Edits, and an amount (0 to 1) of a hair colour, as a sentence that gives them."""
        from mappers.prompts import in_words

        known = self.known(None)
        usual = {**known.controls, **known.usual, HAIR_COLOR.name: HAIR_COLOR}
        dyed = {HAIR_COLOR.name: amount} if color and amount else {}
        return in_words({**edits, **dyed}, usual, color)

    def do(
        self,
        workspace_id: str,
        wish: Wish,
        edits: Mapping[str, float],
        on_step: Callable[[Step], bool | None] | None = None,
    ) -> Done:
        """Do what a prompt asks, on top of `edits` and of the workspace's text edits.

        An optimisation takes minutes: other edits go between its steps, and it ends with what it
        has reached where `on_step` says False or the workspace is closed.

        Raises:
            UserError: nothing was understood, or it cannot be done here.
        """
        from mappers.edits import ATTRIBUTES, edited, entry_of, plan

        known = self.known(workspace_id)
        wanted = plan(wish.prompt, known, wish.way, wish.strength)
        parts = wanted.parts
        moves = {part.name: part.amount for part in parts if part.way == ATTRIBUTES}
        moves.pop(HAIR_COLOR.name, None)
        session, models = self.studio.session(workspace_id), self.studio.edit_models(workspace_id)
        over = self.studio.workspaces.get(workspace_id).over

        merged = {**edits, **moves}
        with self.studio.rendering() as let_others:

            def watched(step: Step) -> bool:
                let_others()
                told = on_step(step) if on_step else None
                return told is not False and not over.is_set()

            entries = [
                entry_of(part, session, models, None, merged, wish.seed, watched)
                for part in parts
                if part.way != ATTRIBUTES
            ]
        result = edited(session, {}, entries)
        self.studio.restack(workspace_id, result.stack)
        color = self._color_hair(workspace_id, parts)
        said = ", ".join(f"{part.label} {part.amount:+.3g} {part.unit}".strip() for part in parts)
        return Done({k: v for k, v in merged.items() if v}, said, wanted.left, color)

    def _color_hair(self, workspace_id: str, parts: Sequence[Part]) -> HairColor | None:
        """Give the session the hair colour that a part asks for; the session's colour then."""
        from pti_core.editing.hair_color import HairColor

        color = self.studio.session(workspace_id).hair_color
        for part in parts:
            if part.name == HAIR_COLOR.name:
                strength = min(max(part.amount, 0.0), 1.0)
                color = HairColor(part.color, strength) if strength else None
                keep = self.studio.workspaces.get(workspace_id).keep_background
                self.studio.set_options(workspace_id, color, keep)
        return color

    def stack(self, workspace_id: str | None) -> list[tuple[str, float]]:
        """The workspace's text edits that are no directions: label and amount."""
        if not workspace_id:
            return []
        return [(entry.label, entry.amount) for entry in self.studio.session(workspace_id).stack]

    def set_amount(self, workspace_id: str, index: int, amount: float | None) -> None:
        """Change the amount of a text edit; None takes it away."""
        entries = list(self.studio.session(workspace_id).stack)
        if not 0 <= index < len(entries):
            raise UserError("There is no such text edit any more.")
        if amount is None:
            del entries[index]
        else:
            entries[index] = entries[index].with_amount(amount)
        self.studio.restack(workspace_id, entries)


def plain(reading: Reading) -> dict[str, Any]:
    """A reading as plain values."""
    return {
        "parts": [dataclasses.asdict(part) for part in reading.parts],
        "rest": reading.left,
        "seconds": reading.seconds,
    }
