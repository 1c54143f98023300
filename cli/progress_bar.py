"""Progress of a personalisation on the terminal, and what Ctrl-C does to it."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from tqdm import tqdm

    from pti_core.progress import Step

STAGE_LABELS = {
    "invert": "Inverting",
    "tune": "Tuning",
    "fit edits": "Fitting the edits",
    "measure": "Comparing",
}


SECONDS_BETWEEN_LINES = 5.0  # in a log: often enough to see that it moves, no flood


class StepDisplay:
    """Optimisation steps as a bar a stage on a terminal, now and then as a line when piped.

    A context manager whose instance is an `OnStep`.
    """

    def __init__(self) -> None:
        self._bar: tqdm[NoReturn] | None = None
        self._stage = ""
        self._spoken = 0.0

    @property
    def began(self) -> bool:
        return bool(self._stage)

    def __enter__(self) -> StepDisplay:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def __call__(self, step: Step) -> None:
        if step.draft is not None and not step.index:  # between two stages
            return
        label = STAGE_LABELS.get(step.stage, step.stage)
        # Several photographs are inverted one after the other: the count starts again.
        begins = step.stage != self._stage or step.index == 1
        if begins:
            self._close()
            self._stage = step.stage
        losses = ", ".join(f"{name} {value:.4f}" for name, value in step.losses.items())
        if sys.stderr.isatty():
            self._draw(label, step, losses)
        elif begins or step.index == step.total or self._silent():
            self._spoken = time.monotonic()
            counted = f" {step.index}/{step.total}: {losses}" if losses else ""
            print(f"{label}{counted}", file=sys.stderr, flush=True)

    def _silent(self) -> bool:
        return time.monotonic() - self._spoken >= SECONDS_BETWEEN_LINES

    def _draw(self, label: str, step: Step, losses: str) -> None:
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(desc=label, total=step.total, dynamic_ncols=True)
        self._bar.set_postfix_str(losses, refresh=False)
        self._bar.update(step.index - self._bar.n)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


@contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """The first Ctrl-C sets the event, so that what is reached is kept; the second one raises."""
    asked = threading.Event()

    def handle(_signal: int, _frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        print("\nStopping; what is reached is kept (Ctrl-C again: not).", file=sys.stderr)

    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, previous)
