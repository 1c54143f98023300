"""The user's own folder, the manifest, and the command line of the weight files."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from checkpoints.asset import Asset, HubFile, PackageFile
from checkpoints.fetch import Store
from checkpoints.manifest import MANIFEST
from pti_core.errors import CheckpointError

DATA = b"weights " * 1000
REPOSITORY = Path(__file__).parents[2]


def make_store(tmp_path: Path, sha256: str | None) -> Store:
    folder = tmp_path / "mine"
    folder.mkdir()
    source = HubFile("someone/nothing", "sub/weights.pt", "main")
    asset = Asset("net", "generator", source, sha256, None, "test", "test")
    return Store({"net": asset}, tmp_path / "cache", folder, hub_cache=tmp_path / "hub")


@pytest.mark.parametrize("file_name", ["weights.pt", "net"])
def test_the_users_folder_comes_first(tmp_path, file_name):
    store = make_store(tmp_path, hashlib.sha256(DATA).hexdigest())
    (store.folder / file_name).write_bytes(DATA)
    assert store.fetch("net") == store.folder / file_name
    assert store.is_verified("net")


def test_a_wrong_file_in_the_users_folder_is_named(tmp_path):
    store = make_store(tmp_path, hashlib.sha256(DATA).hexdigest())
    wrong = store.folder / "weights.pt"
    wrong.write_bytes(DATA[:-1])
    with pytest.raises(CheckpointError) as caught:
        store.fetch("net")
    assert str(wrong) in str(caught.value) and "\n" not in str(caught.value)
    wrong.write_bytes(DATA)
    assert store.fetch("net") == wrong
    os.truncate(wrong, 10)  # changed after it was verified
    with pytest.raises(CheckpointError, match="is not the published net"):
        store.fetch("net")


def test_an_unknown_hash_is_recorded_and_then_required(tmp_path):
    store = make_store(tmp_path, None)
    path = store.folder / "weights.pt"
    path.write_bytes(DATA)
    assert store.expected_sha256("net") is None
    store.fetch("net")
    assert store.expected_sha256("net") == hashlib.sha256(DATA).hexdigest()
    path.write_bytes(DATA + b"!")
    with pytest.raises(CheckpointError, match=r"recorded\.sha256 to accept it"):
        store.fetch("net")
    (store.cache / "net" / "recorded.sha256").unlink()
    assert store.fetch("net") == path


def test_a_folder_that_is_not_there(tmp_path):
    store = Store(MANIFEST, tmp_path / "cache", tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match=r"PTI_CHECKPOINTS names .*nowhere"):
        store.fetch("age-v1")


def test_an_unknown_name_is_answered_with_the_nearest(tmp_path):
    with pytest.raises(CheckpointError, match="did you mean landmarks-68"):
        Store(MANIFEST, tmp_path).fetch("landmark-68")


def test_a_package_file_needs_its_hash():
    source = PackageFile("x", "1", "0" * 64, 1, "a/b.bin")
    with pytest.raises(ValueError, match="sha256"):
        Asset("net", "generator", source, None, None, "test", "test")


def test_the_manifest_is_complete():
    for name, asset in MANIFEST.items():
        assert name == asset.name and asset.licence and asset.purpose
        if isinstance(asset.source, PackageFile):
            assert asset.size and len(asset.sha256) == 64
    assert sum(asset.role == "mapper" for asset in MANIFEST.values()) == 14
    # One archive has one hash and size, however many files are taken from it.
    packaged = [s for a in MANIFEST.values() for s in a.sources if isinstance(s, PackageFile)]
    archives = {(s.distribution, s.version, s.archive_sha256, s.archive_size) for s in packaged}
    assert len(archives) == len({archive[0] for archive in archives})


def test_nothing_is_taken_from_a_moving_branch_by_default():
    """A file has a published hash, or comes from a fixed commit first."""
    for name, asset in MANIFEST.items():
        source = asset.source
        assert asset.sha256 or (isinstance(source, HubFile) and source.is_fixed), name
    assert not Store.from_environment().takes_branches


def command(tmp_path: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PTI_CACHE": str(tmp_path), "HF_HOME": str(tmp_path / "hub")}
    environment.pop("PTI_CHECKPOINTS", None)
    return subprocess.run(
        [sys.executable, "-m", "checkpoints", *arguments],
        cwd=REPOSITORY,
        env={**environment, "HF_HUB_OFFLINE": "1", **settings},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_list_shows_licence_source_and_presence(tmp_path):
    (tmp_path / "age-v1").mkdir()
    (tmp_path / "age-v1" / "age-v1.onnx").write_bytes(DATA)
    result = command(tmp_path, "list")
    assert result.returncode == 0 and result.stderr == ""
    lines = result.stdout.splitlines()
    by_name = {line.split()[0]: line for line in lines if not line.startswith(" ")}
    assert set(by_name) == set(MANIFEST)
    assert by_name["age-v1"].endswith("here, not yet checked")
    assert by_name["fs3"].endswith("not here")
    assert "Nvidia Source Code License-NC" in result.stdout
    assert "recorded at the first download" in result.stdout


@pytest.mark.slow
def test_list_shows_the_hash_that_was_recorded_at_the_first_use(tmp_path):
    folder, cache = tmp_path / "mine", tmp_path / "cache"
    folder.mkdir()
    (folder / "fs3.npy").write_bytes(DATA)

    def listed() -> dict[str, str]:
        """The last line of each file."""
        found = command(cache, "list", PTI_CHECKPOINTS=str(folder))
        assert found.returncode == 0, found.stderr
        parts = re.split(r"\n(?=\S)", found.stdout.strip())
        return {part.split()[0]: part.splitlines()[-1].strip() for part in parts}

    assert listed()["fs3"].startswith("sha256   not known beforehand")
    used = command(cache, "fetch", "fs3", PTI_CHECKPOINTS=str(folder))
    assert used.returncode == 0, used.stderr
    sha256, after = hashlib.sha256(DATA).hexdigest(), listed()
    assert after["fs3"] == f"sha256   {sha256} (recorded at the first download)"
    assert after["age-v1"] == f"sha256   {MANIFEST['age-v1'].sha256}"
    assert after["mapper-afro"].startswith("sha256   not known beforehand")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fetch", "landmark-5"], "did you mean landmarks-5?"),
        (["verify", "landmark-5"], "did you mean landmarks-5?"),
        (["fetch", "fs3"], "HF_HUB_OFFLINE forbids the network"),
        (["verify", "fs3"], "not here"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2(tmp_path, arguments, sentence):
    result = command(tmp_path, *arguments)
    assert result.returncode == 2
    assert sentence in result.stderr and result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_verify_finds_a_damaged_file(tmp_path):
    (tmp_path / "age-v1").mkdir()
    damaged = tmp_path / "age-v1" / "age-v1.onnx"
    damaged.write_bytes(DATA)
    result = command(tmp_path, "verify")
    assert result.returncode == 2
    assert str(damaged) in result.stderr and result.stderr.count("\n") == 1
