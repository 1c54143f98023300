"""Who renders next: a full picture takes all cores, so there is one at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

#: Seconds that a picture of an animation or a strip lets edits go first: some three edits, so that
#: those that move many pictures take a quarter of a busy server.
PATIENCE = 4.0
_LOOK = 0.02  # seconds between two looks
#: Seconds in which somebody who waits takes the turn that is given away.
_TURN = 0.005


class RenderTurns:
    """A lock that edits take before pictures of animations do."""

    def __init__(self) -> None:
        self._rendering, self._counting = threading.Lock(), threading.Lock()
        self._waiting = 0  # edits

    @contextmanager
    def edit(self) -> Iterator[None]:
        """The turn of a picture that somebody waits for."""
        self._take()
        try:
            yield
        finally:
            self._rendering.release()

    @contextmanager
    def frame(self) -> Iterator[None]:
        """The turn of one picture of many: after the edits that wait, for `PATIENCE` at most."""
        end = time.monotonic() + PATIENCE
        while self._waiting and time.monotonic() < end:
            time.sleep(_LOOK)
        with self._rendering:
            yield

    def let_others(self) -> None:
        """Give the turn, which this thread has, to whoever waits, and take it again."""
        self._rendering.release()
        time.sleep(_TURN)
        self._take()

    def _take(self) -> None:
        with self._counting:
            self._waiting += 1
        try:
            self._rendering.acquire()
        finally:
            with self._counting:
                self._waiting -= 1
