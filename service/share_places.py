"""Where shares are kept: named objects in a folder, or in any place that `fsspec` reaches.

Each object is written in one step: it is there as a whole or not at all, whenever the process dies.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pti_core.errors import UserError
from pti_core.session.atomic_write import OutputError, write_atomically
from service.free_disk import DiskFullError, check_free_disk

_log = logging.getLogger(__name__)

NO_ROOM = (
    "There is no room for more shared sessions now; download the session instead, or try again "
    "tomorrow."
)


class ShareError(UserError):
    """A link leads to nothing, or somebody else's, or the store is full or out of reach."""


def objects_at(place: str) -> Folder | Remote:
    """The objects of a place: a folder, or a URL that fsspec knows."""
    return Remote(place) if "://" in place else Folder(Path(place).expanduser())


class Folder:
    """Objects as files of one folder; names are checked before they come here."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, data: bytes) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise _unreachable() from error
        try:
            check_free_disk(self._folder, len(data))
        except DiskFullError as error:
            raise ShareError(NO_ROOM) from error
        try:
            write_atomically(self._folder / name, data)
        except OutputError as error:  # its sentence names the server's folder
            _log.error("a share could not be written", exc_info=error)
            raise _unreachable() from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """While this is held nobody else saves, in whichever process."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = FileLock(self._folder / ".lock", timeout=60)
            lock.acquire()
        except (OSError, Timeout) as error:
            raise _unreachable() from error
        try:
            yield
        finally:
            lock.release()

    def read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreachable() from error

    def delete(self, name: str) -> None:
        try:
            (self._folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise _unreachable() from error

    def list(self) -> list[tuple[str, tuple[int, float]]]:
        """Name, and bytes and time of writing, of each."""
        found = []
        try:
            for entry in os.scandir(self._folder):
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:  # another process swept it meanwhile
                    continue
                found.append((entry.name, (status.st_size, status.st_mtime)))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unreachable() from error
        return found


class Remote:
    """Objects of a store that writes each of them in one step, as S3 and the Hub do."""

    def __init__(self, url: str) -> None:
        import fsspec

        self._lock = threading.Lock()
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise UserError(
                f"PTI_SESSIONS names {url.split('://')[0]}://, which cannot be used here: install "
                "the package that fsspec needs for it, or name a folder."
            ) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """While this is held nobody else saves, in this process."""
        with self._lock:
            yield

    def write(self, name: str, data: bytes) -> None:
        try:
            self._files.pipe_file(self._path(name), data)
        except Exception as error:  # each kind of store has errors of its own
            raise _unreachable() from error

    def read(self, name: str) -> bytes | None:
        try:
            return self._files.cat_file(self._path(name))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise _unreachable() from error

    def delete(self, name: str) -> None:
        try:
            self._files.rm_file(self._path(name))
        except FileNotFoundError:
            return
        except Exception as error:
            raise _unreachable() from error

    def list(self) -> list[tuple[str, tuple[int, float]]]:
        try:
            self._files.invalidate_cache()  # other processes write there too
            entries = self._files.ls(self._root, detail=True)
        except FileNotFoundError:
            return []
        except Exception as error:
            raise _unreachable() from error
        return [
            (entry["name"].rsplit("/", 1)[-1], (int(entry.get("size") or 0), _modified(entry)))
            for entry in entries
        ]

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"


def _modified(entry: Mapping[str, Any]) -> float:
    """Seconds since 1970, by whichever name a store calls it; 0 where it does not say."""
    for key in ("mtime", "LastModified", "last_modified", "created"):
        value = entry.get(key)
        if isinstance(value, (int, float)):
            return float(value)
        if isinstance(value, datetime):
            return value.timestamp()
    return 0.0


def _unreachable() -> ShareError:
    return ShareError(
        "The place where shared sessions are kept cannot be reached now; try again in a minute, "
        "or download the session."
    )
