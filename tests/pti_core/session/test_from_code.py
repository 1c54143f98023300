"""Sessions of a code alone, exports that open to the same picture, and own directions in a file."""

from __future__ import annotations

import copy
import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load, load_file, save_file

from checkpoints.stylegan2 import load_stylegan2
from pti_core.editing.own_directions import direction_from, sefa_directions
from pti_core.errors import EditError, SessionError
from pti_core.generators.stylegan2 import StyleGAN2
from pti_core.models import EditModels
from pti_core.rendering import render, render_bare
from pti_core.session.export import export_bytes, read_export, session_from_export
from pti_core.session.from_code import session_from_code
from pti_core.session.session import Session
from tests.helpers.layouts import rosinality_state, write_rosinality


@pytest.fixture(scope="module")
def stylegan2(tmp_path_factory) -> StyleGAN2:
    folder = tmp_path_factory.mktemp("generator")
    path = write_rosinality(folder / "g.pt", rosinality_state((12, 10, 8, 6), 512))
    return load_stylegan2(path, folder / "converted", name="stylegan2-ffhq")


def code(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


def tuned(generator, session: Session) -> Session:
    """The session with changed weights, as tuning leaves them, and one changed noise map."""
    random = torch.Generator().manual_seed(4)
    delta = {
        name: 0.02 * torch.randn(parameter.shape, generator=random)
        for name, parameter in generator.synthesis.named_parameters()
        if name.endswith("weight") and parameter.ndim == 4
    }
    noise_name = generator.noise_names()[2]
    own = dict(generator.synthesis.named_buffers())[noise_name]
    noise = {noise_name: torch.randn(own.shape, generator=random)}
    return session_from_code(session.pivot()[0], generator, delta, noise)


@pytest.mark.parametrize("levels", [0, 8])
def test_export_and_import_give_the_same_picture(stylegan2, tmp_path: Path, levels: int) -> None:
    pivot = code(levels, 512) if levels else code(512)
    session = tuned(stylegan2, session_from_code(pivot, stylegan2))
    models = EditModels(generator=stylegan2, directions={})
    path = tmp_path / "face.safetensors"
    path.write_bytes(export_bytes(session, stylegan2))
    exported = read_export(path)
    assert exported is not None
    again = session_from_export(exported, stylegan2)
    before, after = (np.asarray(render_bare(one, models, {})) for one in (session, again))
    assert np.array_equal(before, after)
    plain = np.asarray(render_bare(session_from_code(pivot, stylegan2), models, {}))
    assert np.abs(before.astype(int) - plain).mean() > 1  # tuning shows
    assert again.pivot().shape == session.pivot().shape
    assert np.array_equal(np.asarray(again.crop()), before)
    reopened = Session.open(again.to_bytes(), stylegan2)
    assert np.array_equal(np.asarray(render_bare(reopened, models, {})), before)


@pytest.mark.slow
def test_the_export_is_named_as_nvidias_networks_are(stylegan2, tmp_path: Path) -> None:
    session = session_from_code(code(512), stylegan2)
    path = tmp_path / "face.safetensors"
    path.write_bytes(export_bytes(session, stylegan2))
    tensors = load_file(path)
    state = {k[10:]: v for k, v in tensors.items() if "." in k}
    from pti_core.generators.convert import from_nvidia

    config, weights = from_nvidia(state)  # it wants every tensor, in its shape
    assert config == stylegan2.config
    own = StyleGAN2(config, weights, name="x", fingerprint="0" * 64)
    with torch.inference_mode():
        shown = own.render(tensors["pivot"], exact=True)
        wanted = stylegan2.render(session.pivot(), exact=True)
    torch.testing.assert_close(shown, wanted, atol=1e-4, rtol=1e-4)


def test_the_embedded_generators_kind_is_exported_too(generator, tmp_path: Path) -> None:
    session = tuned(generator, session_from_code(code(512), generator))
    path = tmp_path / "face.safetensors"
    path.write_bytes(export_bytes(session, generator))
    exported = read_export(path)
    assert exported is not None
    again = session_from_export(exported, generator)
    models = EditModels(generator=generator, directions={})
    assert np.array_equal(render(session, models, {}), render(again, models, {}))


def test_exports_that_are_not_sound(stylegan2, generator, tmp_path: Path) -> None:
    data = export_bytes(session_from_code(code(512), stylegan2), stylegan2)
    path = tmp_path / "face.safetensors"
    path.write_bytes(data)
    exported = read_export(path)
    assert exported is not None
    with pytest.raises(SessionError, match="which is not the one here"):
        session_from_export(exported, generator)
    tensors = dict(exported.tensors)
    del tensors["generator.synthesis.b4.const"]
    with pytest.raises(SessionError, match="do not fit"):
        session_from_export(replace(exported, tensors=tensors), stylegan2)
    save_file(load(data), path)  # without the metadata
    assert read_export(path) is None
    assert read_export(tmp_path / "none.safetensors") is None


def test_codes_of_other_generators_are_refused(stylegan2, generator) -> None:
    with pytest.raises(SessionError, match="has 18 levels of 512"):
        session_from_code(code(18, 512), stylegan2)
    generator = copy.copy(generator)
    generator.name = "mobile"
    with pytest.raises(SessionError, match="open it with StyleGAN2"):
        session_from_code(code(generator.num_ws, 512), generator)


def test_own_directions_stay_with_the_session(stylegan2) -> None:
    session = session_from_code(code(512), stylegan2)
    rows = sefa_directions(stylegan2, 3)
    vector = code(512)
    rows["mine"] = direction_from("mine", vector / vector.norm(), stylegan2)
    session = replace(session, own=rows, edits={"mine": 1.5})
    models = EditModels(generator=stylegan2, directions={})
    again = Session.open(session.to_bytes(), stylegan2)
    assert list(again.own) == list(rows) and again.own["mine"].curve == rows["mine"].curve
    assert np.array_equal(render(again, models), render(session, models))
    assert not np.array_equal(render(again, models), render(again, models, {}))
    with pytest.raises(EditError, match="outside"):
        render(again, models, {"mine": 4})


def test_what_an_own_direction_measures_stays_with_the_session(stylegan2) -> None:
    """By that renders of turned heads are moved (`head_turn`)."""
    plain = sefa_directions(stylegan2, 1)["sefa_1"]
    turn = replace(plain, unit="degrees", made={"measure": "yaw", "file": "x"})
    session = replace(session_from_code(code(512), stylegan2), own={turn.name: turn})
    again = Session.open(session.to_bytes(), stylegan2)
    assert again.own["sefa_1"].made == {"measure": "yaw"}


def test_the_unit_is_the_files_sigma_or_the_measured_one(stylegan2) -> None:
    unit = torch.nn.functional.normalize(code(512), dim=0)
    measured = float((stylegan2.sample_w(2000, 0) @ unit).std())

    def of_one(std: float | None) -> float:
        return direction_from("mine", unit, stylegan2, std=std).length(1.0)

    assert of_one(None) == pytest.approx(measured, rel=1e-3)
    assert of_one(1.2 * measured) == pytest.approx(1.2 * measured, rel=1e-3)
    for foreign in (9 * measured, measured / 9):  # of another generator's W
        assert of_one(foreign) == pytest.approx(measured, rel=1e-3)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../x"},
        {"label": 3},
        {"curve": [[0, 0], [1, 1]]},
        {"layers": [3, 1]},
        {"layers": "all"},
        {"measure": "shoe size"},
        {"measure": ["yaw"]},
    ],
)
def test_rows_that_are_not_sound(stylegan2, change) -> None:
    from pti_core.session import own_rows

    session = replace(session_from_code(code(512), stylegan2), own=sefa_directions(stylegan2, 1))
    row = {**own_rows.own_row(session.own["sefa_1"]), **change}
    data = session.to_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    text = json.loads(header["__metadata__"]["pti_session"])
    text["own"] = [row]
    header["__metadata__"]["pti_session"] = json.dumps(text)
    packed = json.dumps(header).encode()
    with pytest.raises(SessionError):
        Session.open(struct.pack("<Q", len(packed)) + packed + data[8 + length :], stylegan2)
