"""The folder of uploads and of pictures on their way to a browser: private, and short-lived.

It lies in a folder of the user's own (mode 0700), one for each process, and holds a lock file for
as long as its process lives. Files go by age, on the monotonic clock: one that jumps deletes
nothing early and keeps nothing long. The folder of a process that was killed goes at the next start
of any other.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from service.process_setup import private_folder
from service.sweeper import repeat
from web.files import CACHE_SECONDS

_LOCK, _FILES = "lock", "files"


class TemporaryFolder:
    """This process's folder, until `close`.

    Args:
        parent: where the folders of all processes lie; the user's own by default.
        max_age: seconds after which a file that has not changed goes.
        now: a clock that does not jump, in seconds.
    """

    def __init__(
        self,
        parent: Path | None = None,
        max_age: float = CACHE_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._parent = parent or private_folder("pti-studio")
        self._max_age, self._now = max_age, now
        self._own = Path(tempfile.mkdtemp(prefix="run-", dir=self._parent))
        self._lock = FileLock(self._own / _LOCK)
        self._lock.acquire(timeout=10)  # another process may look whether it is held
        self.path = self._own / _FILES
        self.path.mkdir(mode=0o700)
        # What lies there: bytes and time of change, and when it was first seen so.
        self._seen: dict[Path, tuple[tuple[int, int], float]] = {}

    def use(self, environment: MutableMapping[str, str]) -> None:
        """Have Gradio and everything else in this process put its temporary files there.

        environment: `os.environ`. Call it before the page is put together.
        """
        environment["GRADIO_TEMP_DIR"] = environment["TMPDIR"] = str(self.path)
        tempfile.tempdir = None  # asked for anew
        # A request that runs while the server ends writes its picture after `close`; threads that
        # carry requests out have ended when this is called.
        atexit.register(self.close)

    def sweep(self) -> None:
        """Delete old files, old empty folders, and the folders of processes that are no more."""
        for folder in self._parent.glob("run-*"):
            if folder != self._own:
                _remove_if_dead(folder)
        seen: dict[Path, tuple[tuple[int, int], float]] = {}
        for path in self._contents():
            with suppress(OSError):  # gone meanwhile
                status = path.lstat()
                state = (status.st_size, status.st_mtime_ns)
                before = self._seen.get(path)
                since = before[1] if before is not None and before[0] == state else self._now()
                if self._now() - since < self._max_age:
                    seen[path] = (state, since)
                elif path.is_dir() and not path.is_symlink():
                    seen[path] = (state, since)
                    path.rmdir()  # one that is not empty stays
                else:
                    path.unlink()
        self._seen = seen

    def _contents(self) -> list[Path]:
        """Everything in the folder, files before the folders that hold them."""
        found = []
        for folder, folders, files in os.walk(self.path, topdown=False):
            found += [Path(folder) / name for name in [*files, *folders]]
        return found

    def keep_swept(self, seconds: float = CACHE_SECONDS) -> threading.Thread:
        """Sweep now and then, in a thread that ends with the process."""
        return repeat(self.sweep, seconds, "sweeping files", self.path.is_dir)

    def close(self) -> None:
        """Delete all of it; what is written meanwhile, at the next call."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()
        shutil.rmtree(self._own, ignore_errors=True)


def _remove_if_dead(folder: Path) -> None:
    """Delete another process's folder if nobody holds its lock."""
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        return
    lock.release()
    # One that was made a moment ago may not hold its lock yet.
    with suppress(OSError):
        if (folder / _FILES).is_dir() or time.time() - folder.stat().st_mtime > 60:
            shutil.rmtree(folder, ignore_errors=True)
