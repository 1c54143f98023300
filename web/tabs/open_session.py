"""What the page needs to know about a session that is open: one JSON object."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from PIL import Image

from pti_core.ai_mark import marked_file, to_jpeg
from pti_core.editing.controls import Control
from pti_core.errors import UserError
from service.studio import SCREEN_SIDE, Studio
from service.workspaces import Workspace
from web import page_text
from web.files import cached
from web.labels import bounds_of, described
from web.looks import looks_for
from web.picture_options import hair_of

if TYPE_CHECKING:
    from pti_core.editing.text_edit import StackEntry

#: Side of a face in the list of people, for screens of two pixels a point.
FACE_SIDE = 160


class Stacks:
    """Text edits beyond the sliders as the page's history refers to them: by a number.

    A stack holds vectors or weights, which stay on the server; the history in the browser holds
    the number of a stack that the workspace had once.
    """

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self._kept: WeakKeyDictionary[Workspace, list[list[StackEntry]]] = WeakKeyDictionary()

    def number(self, workspace_id: str) -> int:
        """That of the session's stack as it is now; 0 is the empty one."""
        stack = list(self.studio.session(workspace_id).stack)
        kept = self._of(workspace_id)
        for number, known in enumerate(kept):
            # By identity: entries hold tensors.
            if len(known) == len(stack) and all(map(operator.is_, known, stack)):
                return number
        kept.append(stack)
        return len(kept) - 1

    def put_back(self, workspace_id: str, number: int) -> None:
        """Give the session an earlier stack again.

        Raises:
            UserError: the workspace never had it.
        """
        kept = self._of(workspace_id)
        if not 0 <= number < len(kept):
            raise UserError("The text edits of that step are no longer kept on the server.")
        self.studio.restack(workspace_id, kept[number])

    def _of(self, workspace_id: str) -> list[list[StackEntry]]:
        return self._kept.setdefault(self.studio.workspaces.get(workspace_id), [[]])


class OpenedSession:
    """Describes the session of a workspace to the page's script."""

    def __init__(self, studio: Studio, controls: Sequence[Control], stacks: Stacks) -> None:
        self.studio, self.controls, self.stacks = studio, controls, stacks

    def told(self, workspace_id: str) -> dict[str, Any]:
        """All about the open session: pictures, ranges, looks, edits, people.

        Raises:
            NoWorkspaceError, UserError: there is none.
        """
        session = self.studio.session(workspace_id)
        crop, photograph = session.crop(), session.photograph()
        ranges = self.studio.ranges(workspace_id)
        controls = [one for one in self.controls if one.name in ranges]
        more = self.further(workspace_id)
        bounds = bounds_of([*controls, *more], ranges)
        count = len(session.crops)
        return {
            "desk": workspace_id,
            "edits": _within(session.edits, ranges),
            "controls": described([*controls, *more]),
            "own": list(session.own),
            "bounds": bounds,
            "looks": looks_for(bounds_of([*controls, *more], ranges, both_sides=True)),
            "off": page_text.what_is_off(self.studio.edit_models(workspace_id)),
            "person": session.person,
            "people": faces([session.crop(i) for i in range(count)]),
            "before": {"face": on_screen(crop), "photograph": on_screen(photograph)},
            "sizes": {"face": crop.size, "photograph": photograph.size},
            "composited": self.studio.composites(workspace_id),
            "hair": hair_of(session.hair_color),
            "keep_background": self.studio.workspaces.get(workspace_id).keep_background,
            "facts": page_text.facts(self.studio.workspaces.get(workspace_id).report),
            **self.text_edits(workspace_id),
        }

    def further(self, workspace_id: str) -> list[Control]:
        """Sliders that the page was not built with: the session's own, another generator's."""
        from pti_core.editing.controls import controls_of

        known = {control.name for control in self.controls}
        rows = self.studio.session(workspace_id).directions(
            self.studio.edit_models(workspace_id).directions
        )
        return controls_of(row for row in rows.values() if row.name not in known)

    def text_edits(self, workspace_id: str) -> dict[str, Any]:
        """The edits by text that are no sliders, and the number of their stack."""
        entries = self.studio.session(workspace_id).stack
        return {
            "stack": self.stacks.number(workspace_id),
            "entries": [{"label": one.label, "amount": one.amount} for one in entries],
        }


def faces(crops: Sequence[Image.Image]) -> list[str]:
    """Small pictures of faces, as paths of files."""
    small = [crop.resize((FACE_SIDE, FACE_SIDE), reducing_gap=2.0) for crop in crops]
    return [cached(to_jpeg(face, 85), f"face-{i}.jpg") for i, face in enumerate(small)]


def on_screen(image: Image.Image, name: str = "before.jpg") -> str:
    """A picture at the size of a screen, as the path of a file."""
    copy = image.copy()
    copy.thumbnail((SCREEN_SIDE, SCREEN_SIDE), reducing_gap=2.0)
    return cached(to_jpeg(copy, 92), name)


def in_format(image: Image.Image, form: str) -> bytes:
    """A picture as a file of a format of `FORMATS`, marked as edited with AI.

    Raises:
        UserError: an unknown format.
    """
    if form not in FORMATS:
        raise UserError(f"Pictures are saved as {', '.join(FORMATS)}; choose one of these.")
    encoding, settings = FORMATS[form]
    return marked_file(image, encoding, **settings)


#: File endings that a picture can be saved with, and Pillow's encoding and settings of each.
FORMATS: Mapping[str, tuple[str, dict[str, int]]] = {
    "png": ("PNG", {}),
    "jpg": ("JPEG", {"quality": 95}),
    "webp": ("WEBP", {"quality": 92}),
}


def _within(
    edits: Mapping[str, float], ranges: Mapping[str, tuple[float, float]]
) -> dict[str, float]:
    return {n: min(max(a, ranges[n][0]), ranges[n][1]) for n, a in edits.items() if n in ranges}
