"""Files of the field on the page: codes and exports in, own sliders, the tuned generator out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pti_core.errors import UserError
from service.studio import Studio
from web.actions import Actions, Ask
from web.files import cached, uploaded
from web.tabs.open_session import OpenedSession

if TYPE_CHECKING:
    from service.field_files import FieldFiles


class FieldFilesPart:
    """What `service.field_files` does, for the page's script."""

    def __init__(self, studio: Studio, opened: OpenedSession) -> None:
        self.studio, self.opened = studio, opened

    @property
    def files(self) -> FieldFiles:
        from service.field_files import FieldFiles  # with torch, which loads behind the page

        return FieldFiles(self.studio)

    def add_to(self, actions: Actions) -> None:
        actions.add(
            open_code=self.open_code,
            use_code=self.use_code,
            add_directions=self.add_directions,
            calibrate=self.calibrate,
            export=self.export,
        )

    def open_code(self, ask: Ask) -> Mapping[str, Any]:
        """Open a code or an exported generator without a photograph."""
        workspace = self.files.open(_given(ask), address=ask.address)
        return {"opened": self.opened.told(workspace.id)}

    def use_code(self, ask: Ask) -> Mapping[str, Any]:
        """Learn the chosen photograph around a code."""
        code = self.files.use_code(ask.workspace, _given(ask))
        space = f"W+, {code.levels} levels" if code.levels else "W"
        return {"said": f"It will be learned around the code {code.name} ({space})."}

    def add_directions(self, ask: Ask) -> Mapping[str, Any]:
        """Sliders of a file's directions."""
        names = self.files.add_directions(ask.workspace, _given(ask))
        return {"names": names, "opened": self.opened.told(ask.workspace)}

    def calibrate(self, ask: Ask) -> Mapping[str, Any]:
        """Measure what an own slider moves on this face."""
        self.files.calibrate(ask.workspace, ask.text("name", 64))
        return {"opened": self.opened.told(ask.workspace)}

    def export(self, ask: Ask) -> Mapping[str, Any]:
        """The pivot and the tuned generator as a file."""
        return {"file": cached(self.files.export(ask.workspace), "generator.safetensors")}


def _given(ask: Ask) -> Path:
    path = uploaded(ask.text("path"))
    if not path.suffix:
        raise UserError("The file has no ending; .npy, .npz, .pt and .safetensors are read.")
    return path
