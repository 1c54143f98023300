"""All that is done to one person of a session, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pti_core.editing.hair_color import HairColor
from pti_core.editing.text_edit import StackEntry


@dataclass(frozen=True)
class EditState:
    """What is done to one person of a session.

    Attributes:
        amounts: direction name to amount in its unit.
        stack: text-driven edits, in the order in which they were made.
        person: index of the photograph; None: the one that the session shows.
        hair_color: a colour for the hair; without compositing there is none.
        keep_background: the photograph's background stays.
    """

    amounts: Mapping[str, float] = field(default_factory=dict)
    stack: tuple[StackEntry, ...] = ()
    person: int | None = None
    hair_color: HairColor | None = None
    keep_background: bool = True


#: As an argument: amounts alone, or a state; None for what the session says itself.
Edits = Mapping[str, float] | EditState | None
