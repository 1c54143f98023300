"""Codes, directions and exports of other programs, as endpoints for programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from pti_core.errors import UserError
from service.studio import Studio
from web.error_wrappers import as_error
from web.files import cached
from web.middleware.caller import network_asking

if TYPE_CHECKING:
    from service.field_files import FieldFiles


class FieldFileEndpoints:
    """What `service.field_files` does, for other programs."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def add(self) -> None:
        with gr.Column(visible=False):
            desk, name = gr.Textbox(label="id"), gr.Textbox("", label="name")
            file = gr.File(label="file", type="filepath")
            answer, made = gr.JSON(label="answer"), gr.File(label="export")
            press = gr.Button()
        press.click(self.open_file, file, [desk, answer], api_name="open_file")
        press.click(self.use_code, [desk, file], answer, api_name="use_code")
        press.click(self.add_directions, [desk, file], answer, api_name="add_directions")
        press.click(self.calibrate, [desk, name], answer, api_name="calibrate")
        press.click(self.export, desk, made, api_name="export")

    @property
    def _files(self) -> FieldFiles:
        from service.field_files import FieldFiles  # with torch, which loads behind the page

        return FieldFiles(self.studio)

    @as_error
    def open_file(self, file: str | None, request: gr.Request | None = None) -> Any:
        """Open a latent code or an exported generator, without a photograph.

        Args:
            file: a code of PTI, e4e, stylegan2-ada or rosinality (.pt, .npy, .npz, .safetensors),
                or what `export` gave.

        Returns:
            An id for the other calls.
            The generator's name, and the space that its pivot is of: "W" or "W+".
        """
        desk = self._files.open(_given(file), address=network_asking(request))
        found = desk.session
        assert found is not None
        space = "W+" if found.pivot().ndim == 3 else "W"
        return desk.id, {"generator": found.generator_name, "space": space}

    @as_error
    def use_code(self, desk: str, file: str | None) -> Any:
        """Have `personalise` tune around a latent code, in place of a projection.

        Args:
            desk: the id that `align` gave.
            file: a code, as in `open_file`.

        Returns:
            The code's name and its levels; 0 levels are a code in W.
        """
        code = self._files.use_code(desk, _given(file))
        return {"name": code.name, "levels": code.levels}

    @as_error
    def add_directions(self, desk: str, file: str | None) -> Any:
        """Add directions of your own to a face: `edit` then takes them by name.

        Args:
            desk: the id, after `personalise`, `open_session` or `open_file`.
            file: a boundary of InterFaceGAN, components of GANSpace or SeFa, or steps in
                StyleSpace (.npy, .npz, .pt, .safetensors).

        Returns:
            Their names, and the range of each in its unit. Steps in StyleSpace are applied at once,
            and have no range.
        """
        names = self._files.add_directions(desk, _given(file))
        return {"names": names, "ranges": self._ranges(desk, names)}

    @as_error
    def calibrate(self, desk: str, name: str) -> Any:
        """Give an own direction the unit of what it moves most on this face, such as years.

        Args:
            desk: the id.
            name: of the direction, as `add_directions` answered.

        Returns:
            Its name, label, unit and range.
        """
        row = self._files.calibrate(desk, name)
        return {
            "name": row.name,
            "label": row.label,
            "unit": row.unit,
            "range": [row.low, row.high],
        }

    @as_error
    def export(self, desk: str) -> Any:
        """The pivot and the tuned generator as one safetensors file that other programs read.

        Args:
            desk: the id, after `personalise`, `open_session` or `open_file`.

        Returns:
            The file: `pivot`, and `generator.NAME` for every weight, as NVIDIA's networks name it.
        """
        return cached(self._files.export(desk), "generator.safetensors")

    def _ranges(self, desk: str, names: list[str]) -> dict[str, list[float]]:
        found = self.studio.ranges(desk)
        return {name: list(found[name]) for name in names if name in found}


def _given(file: str | None) -> Path:
    if file is None:
        raise UserError("Give a file.")
    return Path(file)
