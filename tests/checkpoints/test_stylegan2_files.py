"""From published files to networks, the way the product goes: Hub cache, reading, conversion."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from checkpoints.asset import HubFile
from checkpoints.manifest import MANIFEST
from checkpoints.stylegan2 import convert_cached, load_stylegan2
from pti_core.errors import CheckpointError
from tests.helpers.layouts import NvidiaWriter, as_nvidia, rosinality_state, write_rosinality

REPOSITORY = Path(__file__).parents[2]
CODES = torch.randn(1, 8, 16, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def rosinality(tmp_path: Path) -> Path:
    return write_rosinality(tmp_path / "ffhq.pt", rosinality_state(), latent_avg=torch.ones(16))


@pytest.fixture
def nvidia(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    state = {**as_nvidia(rosinality_state()), "mapping.w_avg": torch.ones(16)}
    options = {"synthesis_kwargs": {"conv_clamp": 256, "num_fp16_res": 4}, "c_dim": 0}
    return NvidiaWriter(monkeypatch).write(tmp_path / "ffhq.pkl", state, **options)


def test_one_picture_from_all_layouts(rosinality: Path, nvidia: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first, second = load_stylegan2(rosinality, cache), load_stylegan2(nvidia, cache)
    torch.testing.assert_close(first.synthesis(CODES), second.synthesis(CODES))
    assert torch.equal(first.w_avg, torch.ones(16)) and torch.equal(second.w_avg, first.w_avg)
    assert second.config.clamp == 256 and first.config.clamp is None
    decoder = {f"decoder.{k}": v for k, v in rosinality_state().items()}
    torch.save({"state_dict": decoder, "latent_avg": torch.ones(8, 16)}, tmp_path / "e4e.pt")
    third = load_stylegan2(tmp_path / "e4e.pt", cache)
    assert torch.equal(third.synthesis(CODES), first.synthesis(CODES))
    assert torch.equal(third.w_avg, torch.ones(16))


def test_generator_is_named_by_the_original(rosinality: Path, tmp_path: Path) -> None:
    generator = load_stylegan2(rosinality, tmp_path / "cache", name="mine")
    assert generator.fingerprint == hashlib.sha256(rosinality.read_bytes()).hexdigest()
    assert generator.name == "mine" and not generator.training
    assert not any(p.requires_grad for p in generator.parameters())


def test_conversion_is_done_once(rosinality: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    converted = convert_cached(rosinality, cache)
    assert converted.parent == cache and "synthesis.b8.conv0.weight" in load_file(converted)
    before = converted.stat().st_mtime_ns
    assert convert_cached(rosinality, cache) == converted
    assert converted.stat().st_mtime_ns == before
    assert list(cache.iterdir()) == [converted]


@pytest.mark.parametrize("damage", [b"", b"not safetensors", "half", "another"])
def test_damaged_conversion_is_done_again(rosinality: Path, tmp_path: Path, damage) -> None:
    cache = tmp_path / "cache"
    wanted = load_stylegan2(rosinality, cache).synthesis(CODES)
    converted = convert_cached(rosinality, cache)
    if damage == "half":
        damage = converted.read_bytes()[: converted.stat().st_size // 2]
    if damage == "another":  # whole, but of another original
        other = write_rosinality(tmp_path / "b.pt", rosinality_state(), latent_avg=torch.zeros(16))
        damage = convert_cached(other, tmp_path / "other").read_bytes()
    converted.write_bytes(damage)
    assert torch.equal(load_stylegan2(rosinality, cache).synthesis(CODES), wanted)


def test_changed_original_is_converted_anew(rosinality: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = convert_cached(rosinality, cache)
    write_rosinality(rosinality, rosinality_state(), latent_avg=torch.zeros(16))
    assert convert_cached(rosinality, cache) != first


def test_cache_that_cannot_be_written(rosinality: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CheckpointError, match="cannot be written"):
        load_stylegan2(rosinality, tmp_path / "file" / "cache")


def test_files_without_a_generator(tmp_path: Path) -> None:
    torch.save({"state_dict": {}}, tmp_path / "a.pt")
    torch.save({"g_ema": {"weight": torch.zeros(1)}}, tmp_path / "b.pt")
    torch.save([1, 2], tmp_path / "c.pt")
    (tmp_path / "d.pkl").write_bytes(pickle.dumps({"G_ema": {"no": "network"}}))
    for name in ("a.pt", "b.pt", "c.pt", "d.pkl", "missing.pt"):
        with pytest.raises(CheckpointError):
            load_stylegan2(tmp_path / name, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


# Through the Hub's own client, offline, from its cache. It reads its settings when it is imported,
# hence a process of its own.

CHILD = """
import dataclasses, sys
from pathlib import Path
import torch
from checkpoints.manifest import MANIFEST
from checkpoints.safe_pickle import read_torch
from checkpoints.fetch import Store
from checkpoints.stylegan2 import load_stylegan2
from mappers.styleclip.latent_mapper import mapper_from_checkpoint

folder = Path(sys.argv[1])
names = ("stylegan2-ffhq", "stylegan2-ffhq-nvidia", "mapper-afro")
assets = {name: dataclasses.replace(MANIFEST[name], sha256=None, size=None) for name in names}
store = Store(assets, folder / "c")
codes = torch.randn(1, 8, 16, generator=torch.Generator().manual_seed(1))
pictures = [
    load_stylegan2(store.fetch(name), folder / "converted").synthesis(codes)
    for name in names[:2]
]
assert torch.equal(*pictures)
mapper = mapper_from_checkpoint(read_torch(store.fetch("mapper-afro")))
assert mapper(torch.ones(1, 18, 512)).shape == (1, 18, 512)
torch.save(pictures[0], folder / "picture.pt")
"""


def lay_out(hub_cache: Path, source: HubFile, content: bytes) -> None:
    """A file in the Hub client's cache, as the client itself puts it there."""
    repository = hub_cache / f"models--{source.repo.replace('/', '--')}"
    commit = source.revision if len(source.revision) == 40 else "0" * 40
    blob = repository / "blobs" / hashlib.sha256(content).hexdigest()
    link = repository / "snapshots" / commit / source.path
    for folder in (blob.parent, link.parent, repository / "refs"):
        folder.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(content)
    link.symlink_to(os.path.relpath(blob, link.parent))
    if commit != source.revision:
        (repository / "refs" / source.revision).write_text(commit)


@pytest.mark.slow
def test_from_the_hub_cache_offline(
    rosinality: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from tests.pti_core.networks.test_encoder_identity_mapper import OPTIONS, mapper_state

    home = tmp_path / "home"
    writer = NvidiaWriter(monkeypatch)
    network = writer.write(tmp_path / "ffhq.pkl", as_nvidia(rosinality_state()))
    mapper = tmp_path / "afro.pt"
    options = {**OPTIONS, "no_fine_mapper": True}
    torch.save(
        {"state_dict": mapper_state(("course_mapping", "medium_mapping")), "opts": options}, mapper
    )
    for name, file in (
        ("stylegan2-ffhq", rosinality),
        ("stylegan2-ffhq-nvidia", network),
        ("mapper-afro", mapper),
    ):
        source = MANIFEST[name].sources[0]
        assert isinstance(source, HubFile)
        lay_out(home / "hub", source, file.read_bytes())
    settings = {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(REPOSITORY)}
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "PTI_"))}
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    done = subprocess.run(command, env={**environment, **settings}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    wanted = load_stylegan2(rosinality, tmp_path / "cache").synthesis(CODES)
    torch.testing.assert_close(torch.load(tmp_path / "picture.pt"), wanted)
