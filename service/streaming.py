"""A function that calls back, as a generator: for where only what is yielded comes across."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pti_core.progress import OnStep, Step


@dataclass(frozen=True)
class Outcome:
    """What the function returned, or what it raised."""

    value: Any = None
    error: BaseException | None = None


def steps_of(work: Callable[[OnStep], Any], stop: Path) -> Iterator[Step | Outcome]:
    """Every step that `work(on_step)` tells of, then its outcome.

    Args:
        stop: the work is told to end as soon as this file exists. A file, since the one who wants
            it to end may be another process.
    """
    told: queue.Queue[Step | Outcome] = queue.Queue()

    def on_step(step: Step) -> bool:
        picture = None if step.picture is None else step.picture.cpu()
        told.put(replace(step, picture=picture))
        return not stop.exists()

    def run() -> None:
        try:
            told.put(Outcome(work(on_step)))
        except BaseException as error:  # raised again by `follow`, wherever that runs
            told.put(Outcome(error=error))

    thread = threading.Thread(target=run, name="steps")
    thread.start()
    while not isinstance(told_now := told.get(), Outcome):
        yield told_now
    thread.join()
    yield told_now


def follow(steps: Iterator[Step | Outcome], on_step: OnStep, stop: Path) -> Any:
    """The other end of `steps_of`: calls `on_step`, and returns or raises what the work did."""
    for step in steps:
        if isinstance(step, Outcome):
            if step.error is not None:
                raise step.error
            return step.value
        if on_step(step) is False:
            stop.touch()
    raise RuntimeError("the work ended without an outcome")
