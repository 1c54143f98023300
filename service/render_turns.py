"""Who renders next: a full picture takes all cores, so there is one at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

#: Seconds that a picture of an animation or a strip lets edits go first: some three edits, so that
#: those that move many pictures take a quarter of a busy server.
PATIENCE = 4.0
#: The same of its first picture, which needs the photograph's layers, some three edits' time:
#: longer than until an animation that nobody listens to is dropped (`web.event_queue_guard`), so
#: that many of those take nothing from edits.
FIRST_PATIENCE = 12.0
#: Seconds that `wait_until_quiet` takes at most: on a busy server nobody would ever learn a face.
LONGEST = 60.0
_LOOK = 0.02  # seconds between two looks
#: Seconds after an edit in which the next may come: the page's queue lets one in at a time, so that
#: between two none waits here.
_BETWEEN = 0.5
#: Seconds in which somebody who waits takes the turn that is given away.
_TURN = 0.005


#: Whether a picture is still wanted.
Wanted: TypeAlias = Callable[[], bool]


def always() -> bool:
    return True


class RenderTurns:
    """A lock that edits take before pictures of animations do."""

    def __init__(self) -> None:
        self._rendering, self._counting = threading.Lock(), threading.Lock()
        self._waiting = 0  # edits
        self._editing = False
        self._used = time.monotonic()
        self._ended = -_BETWEEN  # of the last edit

    @contextmanager
    def edit(self) -> Iterator[None]:
        """The turn of a picture that somebody waits for."""
        self._take()
        try:
            yield
        finally:
            self.touch()
            self._release()

    @contextmanager
    def frame(self, first: bool = False, wanted: Wanted = always) -> Iterator[bool]:
        """The turn of one picture of many: once nobody edits, or after `PATIENCE`.

        first: of the many; `FIRST_PATIENCE` then. Gives False, and no turn, once the picture is not
        `wanted` any more.
        """
        end = time.monotonic() + (FIRST_PATIENCE if first else PATIENCE)
        while self._is_busy() and wanted() and time.monotonic() < end:
            time.sleep(_LOOK)
        if not wanted():
            yield False
            return
        with self._rendering:
            yield wanted()

    def touch(self) -> None:
        """Somebody edits, or is about to."""
        self._used = time.monotonic()

    def wait_until_quiet(self, seconds: float, unless: threading.Event) -> None:
        """Return once nobody has edited for so long from now, once `unless` is set, or after
        `LONGEST`."""
        self.touch()
        end = time.monotonic() + LONGEST
        while not unless.is_set() and time.monotonic() < end:
            left = self._used + seconds - time.monotonic()
            if left <= 0 and not self._waiting:
                return
            unless.wait(max(left, _LOOK))

    def let_others(self) -> None:
        """Give the turn, which this thread has, to whoever waits, and take it again."""
        self._release()
        time.sleep(_TURN)
        self._take()

    def _is_busy(self) -> bool:
        just = time.monotonic() - self._ended < _BETWEEN
        return self._waiting > 0 or self._editing or just

    def _take(self) -> None:
        self.touch()
        with self._counting:
            self._waiting += 1
        try:
            self._rendering.acquire()
            self._editing = True
        finally:
            with self._counting:
                self._waiting -= 1

    def _release(self) -> None:
        self._editing, self._ended = False, time.monotonic()
        self._rendering.release()
