"""Looking at a personalisation that runs, for the page and for programs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from service.job_queue import Job, Progress
from service.studio import Studio

# Often enough for a bar that moves; each update is a few kilobytes.
SECONDS_BETWEEN_UPDATES = 0.4


async def watch(
    job: Job, studio: Studio, desk_id: str, patience: float = 0
) -> AsyncIterator[Progress]:
    """Progress every now and then until the job is over; a job that nobody watches for `patience`
    seconds is stopped."""
    latest: tuple[Any, ...] = ()
    job.watch()
    try:
        while not (progress := job.progress()).over:
            if desk_id in set(studio.desks):
                studio.desks.get(desk_id)  # it is in use
            shown = (progress.state, progress.ahead, progress.stage, progress.index)
            if shown != latest:
                yield progress
            latest = shown
            await asyncio.sleep(SECONDS_BETWEEN_UPDATES)
    finally:
        job.unwatch(patience)
