"""Load something slow behind a page that already answers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from pti_core.errors import UserError

_log = logging.getLogger(__name__)

T = TypeVar("T")
Report = Callable[[str, int, int], None]  # what, how much is done, of how much (0: unknown)


class LazyLoader(Generic[T]):
    """The result of `load(report)`, run once in a thread; run again after it failed.

    Raises what `load` raised where the result is asked for.

    Args:
        wait: is called before `load`, in the same thread, with an event that is set once somebody
            asks for the result.
    """

    def __init__(
        self,
        load: Callable[[Report], T],
        wait: Callable[[threading.Event], None] = lambda wanted: None,
    ) -> None:
        self._load, self._wait, self._wanted = load, wait, threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._value: T | None = None
        self._error: BaseException | None = None
        self._ready = False
        self._what, self._done, self._total = "", 0, 0

    def start(self) -> None:
        """Begin, unless it runs or is there already; returns at once."""
        with self._lock:
            if self._ready or (self._thread is not None and self._thread.is_alive()):
                return
            self._error = None
            self._thread = threading.Thread(target=self._run, name="loading", daemon=True)
            self._thread.start()

    def get(self) -> T:
        """Wait for it and return it; starts it if need be."""
        self._wanted.set()
        self.start()
        thread = self._thread
        if thread is not None:
            thread.join()
        if not self._ready:
            raise self._error or RuntimeError("loading ended without a result")
        return self._value  # type: ignore[return-value]

    def wait(self, seconds: float) -> None:
        """Wait for it, so long at most; starts it if need be. What goes wrong is not raised."""
        self.start()
        thread = self._thread
        if thread is not None:
            thread.join(seconds)

    @property
    def ready(self) -> bool:
        return self._ready

    @property
    def error(self) -> str:
        """What went wrong, in a sentence; "" while all is well."""
        if self._error is None:
            return ""
        if isinstance(self._error, UserError):
            return str(self._error)
        return "Loading failed for a reason that the server's log names; try again."

    def describe(self) -> str:
        """What it is doing, for a person: "face-v1, 12 of 38 MB", or "" before it says so."""
        if not self._what:
            return ""
        done, total = self._done / 1e6, self._total / 1e6
        return f"{self._what}, {done:.0f} of {total:.0f} MB" if total else self._what

    def _run(self) -> None:
        try:
            self._wait(self._wanted)
            self._value = self._load(self._report)
            self._ready = True
        except BaseException as error:  # raised again in `get`, in the thread that asks
            if not isinstance(error, UserError):
                _log.exception("loading failed")
            self._error = error

    def _report(self, what: str, done: int, total: int) -> None:
        self._what, self._done, self._total = what, done, total
