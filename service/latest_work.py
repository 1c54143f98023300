"""Work that nobody waits for, beside the answers: one piece at a time, and only the latest."""

from __future__ import annotations

import logging
import os
import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

_log = logging.getLogger(__name__)

Owner = TypeVar("Owner")

#: The system's lowest priority.
LAST = 19


class LatestWork:
    """A queue of the latest piece of work for each owner, run in a thread that ends with it.

    A piece that waits holds nothing of its owner, and is dropped with it: a busy server keeps no
    memory for those who have left. Where more wait, those who asked longest ago are left out.

    Args:
        most: pieces that may wait.
        aside: it takes what other threads leave of the processor (Linux; elsewhere its share).
    """

    def __init__(self, most: int, aside: bool = False) -> None:
        self._most, self._aside = most, aside
        self._waiting: OrderedDict[int, tuple[weakref.ref, Callable[[Any], None]]] = OrderedDict()
        self._lock = threading.Lock()
        self._running = False

    def put(self, owner: Owner, work: Callable[[Owner], None]) -> None:
        """Run `work(owner)` soon, in place of what waits for this owner; returns at once."""
        with self._lock:
            self._waiting.pop(id(owner), None)
            self._waiting[id(owner)] = weakref.ref(owner), work
            while len(self._waiting) > self._most:
                self._waiting.popitem(last=False)
            if self._running:
                return
            self._running = True
        # No daemon: torch's threads abort a process that ends under them, and this takes seconds.
        threading.Thread(target=self._run, name="latest work").start()

    def _run(self) -> None:
        if self._aside and sys.platform == "linux":
            # Of this thread alone, and of torch's that it starts: both end with the work.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LAST)
        while (piece := self._next()) is not None:
            owner = piece[0]()
            if owner is None:
                continue
            try:
                piece[1](owner)
            except Exception:  # nobody waits for it, and the next piece is another owner's
                _log.exception("work beside the answers failed")
            del owner, piece  # nothing is held while the thread waits for the next

    def _next(self) -> tuple[weakref.ref, Callable[[Any], None]] | None:
        with self._lock:
            if not self._waiting:
                self._running = False
                return None
            return self._waiting.popitem(last=False)[1]
