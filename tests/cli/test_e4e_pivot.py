"""Photograph to session with e4e's pivots: from files in the published layouts, Hub cache included.

Tuning must do its work from whatever pivot it is given, so numbers of no meaning will do for the
weights.
"""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from checkpoints.asset import HubFile
from checkpoints.fetch import Store
from checkpoints.manifest import MANIFEST
from checkpoints.network_loaders import load_encoder, load_generator, load_identity, load_perceptual
from checkpoints.network_loaders import load_face_finder as find_faces
from pti_core.errors import UserError
from pti_core.faces.arcface_identity import ArcFaceIdentity
from pti_core.inversion.losses import View
from pti_core.inversion.paper_tuning import TuningConfig
from pti_core.inversion.presets import Preset
from pti_core.inversion.projector import ProjectionConfig
from pti_core.models import TuningModels
from pti_core.networks.arcface import ArcFace
from pti_core.networks.e4e import E4E
from pti_core.networks.lpips import LPIPS
from pti_core.personalisation import personalise
from pti_core.progress import Step
from pti_core.rendering import picture
from pti_core.session.session import Session
from tests.checkpoints.test_stylegan2_files import lay_out
from tests.helpers.fill import filled
from tests.helpers.layouts import rosinality_shapes, rosinality_state, write_rosinality

#: The networks that these tests share take seconds to be made.
pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
PHOTO = REPOSITORY / "examples" / "astronaut.jpg"
#: The published network's widths, 4x4 to 1024x1024.
FULL = (512, 512, 512, 512, 512, 256, 128, 64, 32)
#: Four blocks: pictures of 32 pixels, 8 codes.
SMALL = (12, 10, 8, 6)


def tuning(steps: int) -> Preset:
    views = (View(256),)
    config = TuningConfig(steps=steps, learning_rate=1e-3, lpips_views=views, locality_samples=0)
    return Preset("test", ProjectionConfig(), config)


def encoder_weights(num_ws: int) -> dict[str, Tensor]:
    """e4e's, filled; heads of one size share theirs, which keeps the file small."""
    with torch.device("meta"):
        shapes = {k: tuple(v.shape) for k, v in E4E(torch.zeros(512), num_ws).state_dict().items()}
    shapes.pop("latent_avg")
    trunk = {k: v for k, v in shapes.items() if not k.startswith("styles.")}
    weights = filled(trunk, conv_gain=True)
    for name in [k for k in trunk if k.endswith("num_batches_tracked")]:
        weights[name] = torch.tensor(0)
    heads: dict[tuple[object, ...], Tensor] = {}
    for name in shapes.keys() - trunk.keys():
        key = (name.split(".", 2)[2], shapes[name])
        if key not in heads:
            heads[key] = filled({name: shapes[name]}, conv_gain=True)[name]
        weights[name] = heads[key]
    return weights


def write_e4e(path: Path, num_ws: int) -> Path:
    state = {f"encoder.{k}": v for k, v in encoder_weights(num_ws).items()}
    average = torch.randn(num_ws, 512, generator=torch.Generator().manual_seed(2))
    options = Namespace(start_from_latent_avg=True, encoder_type="Encoder4Editing")
    torch.save({"state_dict": state, "latent_avg": average, "opts": options}, path)
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small generator and the encoder for it, under the published files' names."""
    folder = tmp_path_factory.mktemp("published")
    state, average = rosinality_state(SMALL, w_dim=512), torch.zeros(512)
    write_rosinality(folder / "stylegan2-ffhq-config-f.pt", state, latent_avg=average)
    write_e4e(folder / "e4e_ffhq_encode.pt", num_ws=8)
    return folder


@pytest.fixture(scope="module")
def make_models(lpips: LPIPS) -> Callable[..., TuningModels]:
    faces = find_faces()

    def make(perceptual: LPIPS = lpips, **parts: object) -> TuningModels:
        return TuningModels(
            lpips=perceptual, lpips_report=perceptual, faces=faces, directions={}, **parts
        )

    return make


@pytest.fixture(scope="module")
def models(files: Path, make_models, tmp_path_factory: pytest.TempPathFactory) -> TuningModels:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PTI_CHECKPOINTS", str(files))
        patch.setenv("PTI_CACHE", str(tmp_path_factory.mktemp("cache")))
        return make_models(generator=load_generator("stylegan2-ffhq"), encoder=load_encoder())


@pytest.mark.slow
def test_tuning_around_an_e4e_pivot(models: TuningModels) -> None:
    seen: list[Step] = []
    session, report = personalise(PHOTO, models, tuning(8), pivot="e4e", on_step=seen.append)
    encoded, before = personalise(PHOTO, models, tuning(8), method="e4e")
    assert session.pivots.shape == (1, 8, 512)
    assert torch.equal(session.pivots, encoded.pivots) and not encoded.delta.tensors
    assert report["mse"] < before["mse"] and report["lpips"] < before["lpips"]
    assert report["pivot"] == before["method"] == "e4e" and report["method"] == "pti"
    assert report["steps_by_stage"] == {"invert": 1, "tune": 8}
    assert [step.stage for step in seen if step.index] == ["invert"] + ["tune"] * 8
    losses = [step.losses["loss"] for step in seen if step.stage == "tune" and step.index]
    assert losses[-1] < losses[0]
    assert session.made["settings"]["projection"] is None
    opened = Session.open(session.to_bytes(), models.generator)
    assert torch.equal(picture(opened, models), picture(session, models))


def test_a_w_plus_pivot_can_be_tuned_too(models: TuningModels) -> None:
    short = replace(tuning(2), projection=ProjectionConfig(steps=2, lpips_size=32))
    session, report = personalise(PHOTO, models, short, pivot="w+")
    assert session.pivots.shape == (1, 8, 512) and report["pivot"] == "w+"
    assert report["steps_by_stage"] == {"invert": 2, "tune": 2}


def test_e4e_where_it_cannot_serve(models: TuningModels, generator) -> None:
    with pytest.raises(UserError, match="not loaded"):
        personalise(PHOTO, replace(models, encoder=None), tuning(1), pivot="e4e")
    with pytest.raises(UserError, match="--generator stylegan2"):
        personalise(PHOTO, replace(models, generator=generator, encoder=make_other()), method="e4e")
    with pytest.raises(UserError, match="no pivot named 'z'"):
        personalise(PHOTO, models, tuning(1), pivot="z")


def make_other() -> E4E:
    with torch.device("meta"):
        return E4E(torch.zeros(512), num_ws=4)


# The whole way offline, from the Hub client's cache, in a process of its own.

COMMAND = [sys.executable, "-m", "pti_core", "invert", str(PHOTO)]


def command_line(tmp_path: Path, files: Path, *options: str) -> subprocess.CompletedProcess[str]:
    for name in ("stylegan2-ffhq", "e4e-ffhq"):
        source = MANIFEST[name].source
        assert isinstance(source, HubFile)
        lay_out(tmp_path / "hf" / "hub", source, (files / source.file_name).read_bytes())
    # A cache of its own: the hashes of these files must not be remembered as the published ones'.
    (tmp_path / "others").mkdir()
    for name in ("landmarks-68", "stlpips-alex", "face-recognition"):
        path = Store.from_environment().fetch(name)
        (tmp_path / "others" / path.name).symlink_to(path)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    environment |= {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"}
    environment |= {"PTI_CACHE": str(tmp_path / "c"), "PTI_CHECKPOINTS": str(tmp_path / "others")}
    return subprocess.run(
        [*COMMAND, "--out", str(tmp_path / "s.safetensors"), *options],
        env=environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.mark.slow
def test_from_the_hub_cache_to_a_session(tmp_path: Path, files: Path) -> None:
    done = command_line(tmp_path, files, "--generator", "stylegan2", "--method", "e4e")
    assert done.returncode == 0, done.stderr
    assert "StyleGAN2-FFHQ runs on" in done.stderr and "Traceback" not in done.stderr
    session = Session.open(tmp_path / "s.safetensors")
    assert session.generator_name == "stylegan2-ffhq" and session.pivots.shape == (1, 8, 512)
    assert session.made["report"]["pivot"] == "e4e"


@pytest.mark.slow
def test_the_embedded_generator_has_no_e4e_pivots(tmp_path: Path) -> None:
    out = str(tmp_path / "s.safetensors")
    options = ["--generator", "mobile", "--pivot", "e4e", "--out", out]
    done = subprocess.run([*COMMAND, *options], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "as asked" in done.stderr and "use the pivot w" in done.stderr


# ArcFace, where its file is at hand.


@pytest.mark.slow
def test_arcface_measures_identity_where_it_is_here(tmp_path: Path) -> None:
    own = ArcFace().state_dict()
    weights = filled({k: tuple(v.shape) for k, v in own.items()}, conv_gain=True)
    folder = tmp_path / "folder"
    folder.mkdir()
    torch.save({k: weights.get(k, own[k]) for k in own}, folder / "model_ir_se50.pth")
    anything = {**MANIFEST, "arcface-irse50": replace(MANIFEST["arcface-irse50"], sha256=None)}
    cache = Store.from_environment().cache
    found = load_identity(store=Store(anything, tmp_path / "cache", folder))
    assert isinstance(found, ArcFaceIdentity) and found.name == "arcface-ir-se50"
    # It is not the published file, which the product's own manifest says; dlib's network stands in.
    assert load_identity(store=Store(MANIFEST, cache, folder)).name == "dlib-resnet-v1"


# The full size, on the CPU.


@pytest.mark.slow
def test_the_full_size_generator_around_an_e4e_pivot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_models
) -> None:
    state = filled(rosinality_shapes(FULL, 512))
    average = torch.zeros(512)
    write_rosinality(tmp_path / "stylegan2-ffhq-config-f.pt", state, latent_avg=average)
    write_e4e(tmp_path / "e4e_ffhq_encode.pt", num_ws=18)
    monkeypatch.setenv("PTI_CHECKPOINTS", str(tmp_path))
    perceptual = load_perceptual()
    monkeypatch.setenv("PTI_CACHE", str(tmp_path / "cache"))
    models = make_models(
        perceptual, generator=load_generator("stylegan2-ffhq"), encoder=load_encoder()
    )
    assert models.generator.resolution == 1024 and models.generator.num_ws == 18
    losses: list[float] = []

    def on_step(step: Step) -> None:
        if step.stage == "tune" and step.index:
            losses.append(step.losses["loss"])

    session, report = personalise(PHOTO, models, tuning(4), pivot="e4e", on_step=on_step)
    assert session.pivots.shape == (1, 18, 512) and len(losses) == 4
    assert losses[-1] < losses[0]
    print(f"losses {losses}, {report['seconds_by_stage']}, {report['peak_rss_mb']} MB")
