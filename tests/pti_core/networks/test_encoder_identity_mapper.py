"""e4e, ArcFace and StyleCLIP's mappers: golden outputs, published layouts, refusals."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from checkpoints.safe_pickle import read_torch
from mappers.styleclip.latent_mapper import LevelsMapper, mapper_from_checkpoint
from pti_core.errors import CheckpointError
from pti_core.faces.arcface_identity import ArcFaceIdentity
from pti_core.networks.arcface import ArcFace
from pti_core.networks.e4e import E4E, e4e_from_checkpoint
from tests.helpers.fill import error, filled, golden

CLOSE = 1e-4


def filled_like(network: torch.nn.Module, skip: tuple[str, ...] = ()) -> dict[str, Tensor]:
    """Filled weights of every name of a network, counters as they are."""
    own = network.state_dict()
    tensors = filled({k: tuple(v.shape) for k, v in own.items() if k not in skip}, conv_gain=True)
    return {k: tensors.get(k, own[k]) for k in own if k not in skip}


def uniform(seed: int, *shape: int) -> Tensor:
    return torch.from_numpy(np.random.RandomState(seed).uniform(-1, 1, shape).astype("f4"))


# e4e.


@pytest.fixture(scope="module")
def encoder_state() -> dict[str, Tensor]:
    """A whole trunk, but four levels: one head of each size would not show the sharing."""
    return filled_like(E4E(torch.zeros(512), num_ws=4), skip=("latent_avg",))


def e4e_file(path: Path, state: dict[str, Tensor], **more: object) -> Path:
    whole = {f"encoder.{k}": v for k, v in state.items()}
    whole["decoder.input.input"] = torch.zeros(1, 512, 4, 4)  # they carry a generator along
    options = argparse.Namespace(start_from_latent_avg=True, encoder_type="Encoder4Editing")
    torch.save({"state_dict": whole, "opts": options, **more}, path)
    return path


@pytest.mark.slow
def test_e4e_from_its_own_layout(encoder_state: dict[str, Tensor], tmp_path: Path) -> None:
    average = torch.randn(4, 512)
    path = e4e_file(tmp_path / "e4e.pt", encoder_state, latent_avg=average)
    encoder = e4e_from_checkpoint(read_torch(path))
    face = uniform(1, 1, 3, 256, 256)
    ws = encoder(face)
    assert ws.shape == (1, 4, 512)
    torch.testing.assert_close(ws, encoder.codes(face) + average)
    # Every level starts from the first: without the others' offsets all are equal.
    for head in list(encoder.styles)[1:]:
        head.linear.weight.zero_()
        head.linear.bias.zero_()
    codes = encoder.codes(face)
    torch.testing.assert_close(codes, codes[:, :1].expand(-1, 4, -1))
    large = torch.nn.functional.interpolate(face, scale_factor=4)
    torch.testing.assert_close(encoder(large), encoder(face))


def test_e4e_without_its_average() -> None:
    whole = {f"encoder.styles.{i}.linear.bias": torch.zeros(512) for i in range(4)}
    with pytest.raises(CheckpointError, match="latent_avg"):
        e4e_from_checkpoint({"state_dict": whole})
    with pytest.raises(CheckpointError, match="latent_avg"):
        e4e_from_checkpoint({"state_dict": whole, "latent_avg": torch.zeros(3, 512)})
    with pytest.raises(CheckpointError, match="state_dict"):
        e4e_from_checkpoint({"latent_avg": torch.zeros(4, 512)})
    with pytest.raises(CheckpointError, match=r"e4e encoder.*is missing"):
        e4e_from_checkpoint({"state_dict": whole, "latent_avg": torch.zeros(4, 512)})


@pytest.mark.slow
def test_golden_e4e() -> None:
    wanted, shapes = golden("e4e-encoder-1024")
    encoder = E4E(torch.zeros(18, 512))
    own = encoder.state_dict()
    assert {k: list(v.shape) for k, v in own.items() if k != "latent_avg"} == shapes
    encoder.load_state_dict(own | filled(shapes, conv_gain=True), assign=True)
    with torch.no_grad():
        codes = encoder.codes(uniform(9, 1, 3, 256, 256))
    assert error(codes, wanted["codes"]) < CLOSE


# ArcFace.


@pytest.fixture(scope="module")
def identity() -> Iterator[ArcFaceIdentity]:
    yield ArcFaceIdentity(filled_like(ArcFace()))


def picture(seed: int, side: int = 256) -> Image.Image:
    pixels = np.random.RandomState(seed).randint(0, 256, (8, 8, 3)).astype(np.uint8)
    return Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)


def test_identity_of_a_picture(identity: ArcFaceIdentity) -> None:
    a, b = identity.embedding(picture(1)), identity.embedding(picture(2))
    assert a.shape == (512,) and np.linalg.norm(a) == pytest.approx(1, abs=1e-5)
    assert identity.distance(a, a) == pytest.approx(0, abs=1e-5)
    assert identity.distance(a, b) > 1e-4
    assert identity.distance(picture(1), b) == pytest.approx(identity.distance(a, b), abs=1e-6)
    assert identity.similarity(a, b) == pytest.approx(1 - identity.distance(a, b), abs=1e-6)


def test_identity_looks_at_the_face_alone(identity: ArcFaceIdentity) -> None:
    """Rows 35 to 222 and columns 32 to 219 of 256; what lies outside does not count."""
    bordered = np.array(picture(3))
    bordered[:35] = bordered[223:] = 255
    bordered[:, :32] = bordered[:, 220:] = 0
    same = identity.distance(picture(3), Image.fromarray(bordered))
    assert same == pytest.approx(0, abs=1e-6)
    bordered[35:45] = 255
    assert identity.distance(picture(3), Image.fromarray(bordered)) > 1e-5


def test_identity_is_differentiable(identity: ArcFaceIdentity) -> None:
    images = uniform(4, 1, 3, 512, 512).requires_grad_()
    identity.embeddings(images)[0, 0].backward()
    assert images.grad.abs().sum() > 0


def test_identity_weights_that_do_not_fit() -> None:
    state = ArcFace().state_dict()
    state.pop("output_layer.3.bias")
    with pytest.raises(CheckpointError, match=r"ArcFace.*output_layer\.3\.bias"):
        ArcFaceIdentity(state)


@pytest.mark.slow
def test_golden_arcface() -> None:
    wanted, shapes = golden("arcface-irse50")
    network = ArcFace()
    own = network.state_dict()
    assert {k: list(v.shape) for k, v in own.items()} == shapes
    network.load_state_dict(own | filled(shapes, conv_gain=True))
    with torch.no_grad():
        assert error(network(uniform(10, 2, 3, 112, 112)), wanted["embedding"]) < CLOSE


# Mappers.

OPTIONS = {
    "mapper_type": "LevelsMapper",
    "work_in_stylespace": False,
    "no_coarse_mapper": False,
    "no_medium_mapper": False,
    "no_fine_mapper": False,
}


def mapper_state(groups: tuple[str, ...]) -> dict[str, Tensor]:
    state = filled({k: tuple(v.shape) for k, v in LevelsMapper(groups).state_dict().items()})
    return {f"mapper.{k}": v for k, v in state.items()}


@pytest.mark.parametrize("as_namespace", [True, False])
def test_mapper_from_its_own_layout(as_namespace: bool, tmp_path: Path) -> None:
    options = {**OPTIONS, "no_fine_mapper": True}
    state = mapper_state(("course_mapping", "medium_mapping"))
    state["decoder.input.input"] = torch.zeros(1, 512, 4, 4)
    path = tmp_path / "afro.pt"
    opts = argparse.Namespace(**options) if as_namespace else options
    torch.save({"state_dict": state, "opts": opts}, path)
    mapper = mapper_from_checkpoint(read_torch(path))
    ws = uniform(3, 2, 18, 512)
    delta = mapper(ws)
    assert not delta[:, 8:].any() and delta[:, :8].abs().min(2).values.max() > 0
    torch.testing.assert_close(mapper.edit(ws), ws + 0.1 * delta)
    torch.testing.assert_close(mapper.edit(ws, -0.2), ws - 0.2 * delta)


def test_mapper_normalises_over_the_levels_of_a_group() -> None:
    """The quirk: a channel scaled on all levels of a group makes no difference."""
    state = mapper_state(("course_mapping", "medium_mapping", "fine_mapping"))
    mapper = mapper_from_checkpoint({"state_dict": state, "opts": OPTIONS})
    ws = uniform(5, 1, 18, 512)
    scaled = ws.clone()
    scaled[:, 4:8, 7] *= 3
    torch.testing.assert_close(mapper(scaled), mapper(ws), rtol=1e-4, atol=1e-4)
    scaled[:, 4, 9] *= 3
    assert error(mapper(scaled), mapper(ws)) > 0.01


@pytest.mark.parametrize(
    "options",
    [{"mapper_type": "SingleMapper"}, {"work_in_stylespace": True}],
)
def test_mapper_of_another_kind(options: dict[str, object]) -> None:
    with pytest.raises(CheckpointError, match="another kind"):
        mapper_from_checkpoint({"state_dict": {}, "opts": {**OPTIONS, **options}})


def test_mapper_file_that_is_none() -> None:
    with pytest.raises(CheckpointError, match="no StyleCLIP mapper"):
        mapper_from_checkpoint({"state_dict": {}, "opts": None})
    with pytest.raises(CheckpointError, match="course_mapping"):
        mapper_from_checkpoint({"state_dict": {}, "opts": OPTIONS})
    with pytest.raises(ValueError, match=r"\(N, 18, 512\)"):
        LevelsMapper()(torch.zeros(1, 14, 512))


@pytest.mark.parametrize("which", ["all", "nofine"])
def test_golden_mapper(which: str) -> None:
    wanted, shapes = golden(f"styleclip-mapper-levels-{which}")
    state = {f"mapper.{k}": v for k, v in filled(shapes).items()}
    options = {**OPTIONS, "no_fine_mapper": which == "nofine"}
    mapper = mapper_from_checkpoint({"state_dict": state, "opts": options})
    assert error(mapper(wanted["ws"]), wanted["delta"]) < CLOSE
