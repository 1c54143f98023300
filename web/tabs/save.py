"""The picture and the session as files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pti_core.ai_mark import with_visible_mark
from service.studio import Studio
from web.actions import Actions, Ask
from web.files import cached
from web.tabs.open_session import in_format

#: What a file is called whose photograph has no name.
_UNNAMED = "face"


class SavePart:
    """What a person takes along; files are named after the photograph."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def add_to(self, actions: Actions) -> None:
        actions.add(save_picture=self.save_picture, save_session=self.save_session)

    def save_picture(self, ask: Ask) -> Mapping[str, Any]:
        """The edited picture at its own size, as PNG, JPEG or WebP."""
        form = ask.text("format") or "png"
        view = ask.text("view") or "face"
        picture = self.studio.picture_to_save(ask.workspace, ask.edits, view)
        if ask.data.get("mark") is True:
            picture = with_visible_mark(picture)
        name = f"{file_stem(ask.text('name'))}-edited.{form}"
        return {"file": cached(in_format(picture, form), name), "name": name}

    def save_session(self, ask: Ask) -> Mapping[str, Any]:
        """The learned face with its edits, to be opened again."""
        data = self.studio.session_file(ask.workspace, ask.edits)
        name = f"{file_stem(ask.text('name'))}.safetensors"
        return {"file": cached(data, name), "name": name}


def file_stem(name: str) -> str:
    """A photograph's file name without its ending, with nothing in it that a path could use."""
    stem = name.rsplit(".", 1)[0] if "." in name else name
    return re.sub(r"[^\w-]+", "-", stem, flags=re.UNICODE).strip("-_")[:60] or _UNNAMED
