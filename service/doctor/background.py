"""The doctor behind the page: one examination at a time, its latest result kept."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock

from checkpoints.fetch import Store
from service.doctor.findings import Examination

_log = logging.getLogger(__name__)


class Doctor:
    """Examines in a thread of its own, and says what was found last.

    Args:
        store: of the settings by default.
    """

    def __init__(self, store: Store | None = None) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._latest: Examination | None = None
        self._seen: frozenset[tuple[str, int, int]] = frozenset()
        self._at = ""
        #: Whether the latest examination ended without a result.
        self.failed = False

    def latest(self) -> Examination | None:
        """Of this process, else the one that an earlier start kept; None where a file is new."""
        from service.doctor.examination import files_here, has_untested, report_file

        if self._latest is not None:
            return self._latest if files_here(self._store) == self._seen else None
        return None if has_untested(self._store) else Examination.open(report_file(self._store))

    def start(self) -> None:
        """Examine, unless that runs already; returns at once."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="doctor", daemon=True)
                self._thread.start()

    @property
    def looking_at(self) -> str:
        """The file that is tested now; "" while nothing is."""
        running = self._thread is not None and self._thread.is_alive()
        return (self._at or "the machine") if running else ""

    def examine(self, report: Callable[[str], None] | None = None) -> Examination:
        """Examine here and now, and keep the result beside the cache. One at a time, also of other
        processes: the next finds the files tested. report: told what is looked at."""
        from service.doctor.examination import examine, files_here, report_file

        with _alone((self._store or Store.from_environment()).cache):
            seen = files_here(self._store)
            found = examine(self._store, report=report or self._report)
        self._latest, self._seen = found, seen
        try:
            found.save(report_file(self._store))
        except OSError as error:
            _log.warning("the doctor's report is not kept: %s", error)
        for finding in found.wrong:
            _log.warning("%s is not used: %s", finding.name, finding.sentence)
        return found

    def _run(self) -> None:
        self.failed = False
        try:
            self.examine()
        except Exception:
            _log.exception("the doctor failed")
            self.failed = True

    def _report(self, name: str) -> None:
        self._at = name


@contextlib.contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """The only examination of this cache, where the cache can be written to."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            cache.mkdir(parents=True, exist_ok=True)
            held.enter_context(FileLock(cache / "doctor.lock"))
        yield
