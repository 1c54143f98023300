"""Hashes of files, and the small notes that save hashing an unchanged file at every start."""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

CHUNK = 1 << 20  # bytes read at a time: large enough that Python's loop costs nothing


@dataclass(frozen=True)
class Stamp:
    """This file, with this size and time of change, had this hash."""

    path: str
    size: int
    mtime_ns: int
    sha256: str


def hash_file(path: Path, on_bytes: Callable[[int], None] | None = None) -> str:
    """sha256 of a file as hex. on_bytes: called with the bytes read so far. Raises OSError."""
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            done += len(chunk)
            if on_bytes:
                on_bytes(done)
    return digest.hexdigest()


def make_stamp(path: Path, on_bytes: Callable[[int], None] | None = None) -> Stamp:
    """Hash the file. A change while it is read shows: size and time are taken beforehand."""
    status = path.stat()
    sha256 = hash_file(path, on_bytes)
    return Stamp(str(path), status.st_size, status.st_mtime_ns, sha256)


def read_stamp(stamp_file: Path) -> Stamp | None:
    """The stamp of an earlier check, or None where there is none that can be read."""
    try:
        return Stamp(**json.loads(stamp_file.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def still_true(stamp: Stamp | None, path: Path) -> bool:
    """Whether the file is the one the stamp speaks of, unchanged."""
    if stamp is None or stamp.path != str(path):
        return False
    try:
        status = path.stat()
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (stamp.size, stamp.mtime_ns)


def write_stamp(stamp_file: Path, stamp: Stamp) -> None:
    """Keep the stamp. A folder that cannot be written costs only the saving, so it is no error."""
    with contextlib.suppress(OSError):
        write_text(stamp_file, json.dumps(asdict(stamp), indent=1))


def write_text(path: Path, text: str) -> None:
    """Write a small file so that a reader sees the old text or the new, never half. OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f"{path.name}.", delete=False
    ) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, path)
