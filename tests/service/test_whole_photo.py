"""The whole photograph, as the app shows and saves it."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
import torch
from PIL import Image

from pti_core.ai_mark import marked_file
from pti_core.models import TuningModels
from pti_core.networks.face_parsing import FaceParser
from service.studio import Studio
from tests.helpers.small import SHORT, small_tuning_models
from tests.pti_core.faces.test_images import _linear_rgb_profile
from tests.pti_core.session.test_session import make_session


@pytest.fixture
def parser() -> FaceParser:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return FaceParser()


@pytest.mark.slow
def test_unedited_the_app_gives_the_photograph(
    generator, directions, lpips, make_picture, parser
) -> None:
    """The edit is repeated on the photograph's own pixels; a pasted crop would soften them."""
    parts = {"lpips": lpips, "lpips_report": lpips, "faces": None}
    studio = Studio(
        lambda report: TuningModels(
            generator=generator, directions=directions, parser=parser, **parts
        )
    )
    studio.networks.get()
    session = make_session(generator, make_picture)
    workspace = studio.open(session.to_bytes()).id
    whole = studio.picture(workspace, {}, "photograph")
    assert np.array_equal(whole, session.photograph())
    small = studio.picture(workspace, {}, "photograph", side=100)
    assert max(small.size) == 100
    edited = studio.picture(workspace, {"age": 10.0}, "photograph")
    assert edited.size == whole.size and not np.array_equal(edited, whole)


@pytest.mark.slow
def test_what_is_saved_has_the_files_own_size_opacity_and_profile(
    generator, directions, lpips, make_picture, parser, monkeypatch
) -> None:
    from pti_core.faces import images

    rgb = make_picture(300, 200)
    alpha = Image.linear_gradient("L").resize(rgb.size)
    file, profile = io.BytesIO(), _linear_rgb_profile()
    Image.merge("RGBA", (*rgb.split(), alpha)).save(file, "PNG", icc_profile=profile)
    monkeypatch.setattr(images, "MAX_SIDE", 150)  # what learning reduces a photograph to
    reading = images.read_photograph.__defaults__
    monkeypatch.setattr(images.read_photograph, "__defaults__", (150,))
    assert reading is not None
    models = dataclasses.replace(small_tuning_models(generator, lpips, directions), parser=parser)
    studio = Studio(lambda report: models, {"fast": SHORT})
    workspace = studio.align(file.getvalue())
    assert studio.personalise(workspace.id).wait(60) and workspace.session is not None
    assert max(workspace.session.photograph().size) == 150
    for edits in ({}, {"age": 10.0}):
        saved = studio.picture_to_save(workspace.id, edits, "photograph")
        found = Image.open(io.BytesIO(marked_file(saved, "PNG")))
        assert found.size == rgb.size and found.mode == "RGBA"
        assert found.info["icc_profile"] == profile
        assert found.getchannel("A").tobytes() == alpha.tobytes()
        opaque = np.asarray(alpha) == 255
        off = np.abs(np.asarray(found.convert("RGB")).astype(int) - np.asarray(rgb))[opaque]
        assert (off.max() <= 2) is not bool(edits), (edits, off.max(), opaque.sum())
    flat = Image.open(io.BytesIO(marked_file(saved, "JPEG", quality=95)))
    assert flat.mode == "RGB" and flat.info["icc_profile"] == profile
