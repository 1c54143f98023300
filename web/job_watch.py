"""Looking at a personalisation that runs, for the page and for programs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

from service.job_queue import Job, Progress
from service.studio import Studio

# Often enough for a bar that moves; each update is a few kilobytes.
SECONDS_BETWEEN_UPDATES = 0.4
# How long a personalisation goes on without its page: a phone may be locked, or on a train.
RELOAD_SECONDS = 600.0


async def watch(
    job: Job, studio: Studio, workspace_id: str, patience: float = 0
) -> AsyncIterator[Progress]:
    """Progress every now and then until the job is over; a job that nobody watches for `patience`
    seconds is stopped."""
    latest: tuple[Any, ...] = ()
    job.watch()
    try:
        while not (progress := job.progress()).over:
            if workspace_id in set(studio.workspaces):
                studio.workspaces.get(workspace_id)  # it is in use
            shown = (progress.state, progress.ahead, progress.stage, progress.index)
            if shown != latest:
                yield progress
            latest = shown
            await asyncio.sleep(SECONDS_BETWEEN_UPDATES)
    finally:
        job.unwatch(patience)


class Polls:
    """Jobs that pages ask about again and again; one that no page asks about any more is stopped.

    patience: seconds without a question after which a job is stopped.
    """

    def __init__(self, patience: float = RELOAD_SECONDS) -> None:
        self._patience = patience
        self._asked: dict[Job, float] = {}
        self._lock = threading.Lock()

    def asked(self, job: Job) -> None:
        """A page asked about the job just now."""
        with self._lock:
            new = job not in self._asked
            self._asked[job] = time.monotonic()
        if new:
            job.watch()
            self._look_later(job)

    def _look_later(self, job: Job) -> None:
        timer = threading.Timer(self._patience / 4, self._look, (job,))
        timer.daemon = True
        timer.start()

    def _look(self, job: Job) -> None:
        with self._lock:
            idle = time.monotonic() - self._asked[job]
            over = job.progress().over
            if over or idle > self._patience:
                del self._asked[job]
        if over or idle > self._patience:
            job.unwatch()
        else:
            self._look_later(job)
