"""The doctor behind the page: one examination at a time, its latest result kept."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

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
        self._at = ""

    def latest(self) -> Examination | None:
        """Of this process, else the one that an earlier start kept, if no file is new since."""
        if self._latest is None:
            from service.doctor.examination import has_untested, report_file

            if not has_untested(self._store):
                self._latest = Examination.open(report_file(self._store))
        return self._latest

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
        """Examine here and now, and keep the result beside the cache. report: told what is
        looked at."""
        from service.doctor.examination import examine, report_file

        found = examine(self._store, report=report or self._report)
        self._latest = found
        try:
            found.save(report_file(self._store))
        except OSError as error:
            _log.warning("the doctor's report is not kept: %s", error)
        for finding in found.wrong:
            _log.warning("%s is not used: %s", finding.name, finding.sentence)
        return found

    def _run(self) -> None:
        try:
            self.examine()
        except Exception:
            _log.exception("the doctor failed")

    def _report(self, name: str) -> None:
        self._at = name
