"""The field's files on workspaces: codes, exports and directions, in and out.

Everything is read by `checkpoints.read_arrays`, which executes nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from checkpoints.direction_files import FoundDirection, read_directions
from checkpoints.fetch import Store
from checkpoints.identify import identify
from checkpoints.latent_codes import Code, read_codes
from checkpoints.read_arrays import ENDINGS
from pti_core.editing.directions import Direction
from pti_core.editing.own_directions import calibrated, direction_from
from pti_core.editing.text_edit import MAX_ENTRIES, StackEntry
from pti_core.errors import EditError, SessionError, UserError
from pti_core.generators.base import Generator
from pti_core.models import EditModels, TuningModels
from pti_core.personalisation import CALIBRATION_SIDE
from pti_core.rendering import calibration_images
from pti_core.session.export import export_bytes, read_export, session_from_export
from pti_core.session.from_code import check_code, session_from_code
from pti_core.session.header import MAX_OWN
from pti_core.session.session import Session
from service.studio import Studio
from service.workspaces import Renders, Workspace


def is_field_file(path: Path) -> bool:
    """Whether a file is for `FieldFiles.open`, by its ending; sessions are `.safetensors`, too."""
    return path.suffix.lower() in ENDINGS


class FieldFiles:
    """Opens, adds and exports files of the field for a studio's workspaces."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def open(self, path: Path, workspace_id: str | None = None, address: str = "") -> Workspace:
        """Open a session, an exported generator or a latent code (without a photograph).

        Raises:
            UserError: it is none of these; the sentence says what it seems to be.
        """
        if path.suffix.lower() == ".safetensors":
            if identify(path).kind == "session":
                return self.studio.open(path, workspace_id, address)
            exported = read_export(path)
            if exported is not None:
                models = self.studio.choices.edit_models(exported.generator_name)
                session = session_from_export(exported, models.generator)
                return self.studio.open(session.to_bytes(), workspace_id, address)
        code = read_codes(path)[0]
        session = session_from_code(code.w, self._generator_for(code))
        return self.studio.open(session.to_bytes(), workspace_id, address)

    def use_code(self, workspace_id: str, path: Path) -> Code:
        """Tune the workspace's photograph around a code, in place of a projection.

        Raises:
            UserError: the file holds none, or none for the generator; or no photograph is there.
        """
        workspace = self.studio.workspaces.get(workspace_id)
        if not workspace.photographs:
            raise UserError("Choose the photograph first; then the code to learn it around.")
        code = read_codes(path)[0]
        workspace.code = check_code(code.w, self.studio.networks.get().generator)
        return code

    def _generator_for(self, code: Code) -> Generator:
        """The first choice's, or StyleGAN2-FFHQ where only that takes the code and it is here."""
        first = self.studio.networks.get().generator
        try:
            check_code(code.w, first)
            return first
        except SessionError:
            for name in ("stylegan2-ffhq", "stylegan2-ffhq-nvidia"):
                if code.levels == 18 and Store.from_environment().find(name) is not None:
                    return self.studio.choices.edit_models(name).generator
            raise

    def export(self, workspace_id: str) -> bytes:
        """The workspace's pivot and tuned generator (`pti_core.session.export`)."""
        models = self.studio.edit_models(workspace_id)
        with self.studio.rendering():
            return export_bytes(self.studio.session(workspace_id), models.generator)

    def add_directions(self, workspace_id: str, path: Path) -> list[str]:
        """Make sliders of a file's directions; their names. Steps in StyleSpace become text edits
        with an amount.

        Raises:
            UserError: the file holds none, none for this generator, or there are too many.
        """
        session, models = self.studio.session(workspace_id), self.studio.edit_models(workspace_id)
        found = read_directions(path)
        rows = own_directions(found, models, session)
        own = {**session.own, **{row.name: row for row in rows}}
        entries = style_entries(found, models.generator)
        if len(own) > MAX_OWN or len(session.stack) + len(entries) > MAX_ENTRIES:
            raise UserError("There are too many directions of your own here; open the face anew.")
        workspace = self.studio.workspaces.get(workspace_id)
        workspace.session = dataclasses.replace(session, own=own, stack=[*session.stack, *entries])
        return [row.name for row in rows] or [entry.label for entry in entries]

    def calibrate(self, workspace_id: str, name: str) -> Direction:
        """Give an own slider the unit of what it moves on this face.

        Raises:
            UserError: no such slider, or nothing here measures faces.
        """
        session, models = self.studio.session(workspace_id), self.studio.edit_models(workspace_id)
        tuning_models = self.studio.networks.get()
        if name not in session.own:
            raise EditError(f"There is no slider of your own named {name[:64]!r}.")
        with self.studio.rendering():
            row = calibrate_on(session, models, tuning_models, session.own[name])
        workspace = self.studio.workspaces.get(workspace_id)
        edits = {key: amount for key, amount in session.edits.items() if key != name}
        workspace.session = dataclasses.replace(
            session, own={**session.own, name: row}, edits=edits
        )
        workspace.renders = Renders()
        return row


def own_directions(
    found: Sequence[FoundDirection], models: EditModels, session: Session
) -> list[Direction]:
    """Sliders of found directions in W, whose names none of the session's others has.

    Raises:
        UserError: a vector is not of the generator's W.
    """
    taken = {*models.directions, *session.own}
    rows = []
    for one in found:
        if one.vector is None:
            continue
        name = one.name if one.name not in taken else f"own_{one.name}"
        try:
            made = {"kind": one.kind}
            rows.append(direction_from(name, one.vector, models.generator, std=one.std, made=made))
        except ValueError as error:
            raise UserError(f"The direction does not fit the generator: {error}.") from error
    return rows


def style_entries(found: Sequence[FoundDirection], generator: Generator) -> list[StackEntry]:
    """Text edits of found steps in StyleSpace.

    Raises:
        UserError: they are not of the generator's layers.
    """
    biases = {
        name.removesuffix(".affine.bias"): name
        for name, _ in generator.synthesis.named_parameters()
        if name.endswith(".affine.bias")
    }
    entries = []
    for one in found:
        if not one.styles:
            continue
        styles = {biases.get(layer, layer): step for layer, step in one.styles.items()}
        entry = StackEntry(one.name.replace("_", " "), "global", 1.0, styles=styles)
        try:
            entry.check(generator)
        except SessionError as error:
            raise UserError(
                "The steps in StyleSpace are not of this generator's layers."
            ) from error
        entries.append(entry)
    return entries


def calibrate_on(
    session: Session, models: EditModels, tuning_models: TuningModels, direction: Direction
) -> Direction:
    """`calibrated` on the face that the session shows. Raises UserError without a meter."""
    if tuning_models.meter is None or tuning_models.generator.name != session.generator_name:
        raise UserError("Nothing here measures what this generator draws; use the slider as it is.")
    render_step, unedited = calibration_images(session, models, CALIBRATION_SIDE)
    meter, identity = tuning_models.meter, tuning_models.identity
    return calibrated(direction, render_step, unedited, meter, identity)
