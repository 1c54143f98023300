"""Programs of one user that personalise at the same time take their steps in turn.

A step takes all cores. Two at once wait for each other's threads in every layer, and take five
times as long each; one after the other they take twice as long (benchmarks/README.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from service.process_setup import private_folder

if TYPE_CHECKING:
    from pti_core.progress import OnStep, Step

#: Seconds that a step waits for its turn: longer than a step or the fitting of edits takes another.
#: A program that was stopped in the midst of its turn would else stop all others.
PATIENCE = 40.0
_LOOK = 0.005  # seconds between two looks whether the turn is free


class MachineTurn:
    """The turn of this program among all that have the same folder.

    Whoever comes next holds the second lock while it waits for the first, so that nobody takes two
    turns while another waits. A program whose patience has ended goes on without turns.
    """

    def __init__(self, folder: Path, patience: float = PATIENCE) -> None:
        self._step, self._next = (
            FileLock(folder / f"{name}.lock", timeout=patience, poll_interval=_LOOK)
            for name in ("step", "next")
        )
        self.alone = False

    def take(self) -> None:
        if self.alone:
            return
        try:
            with self._next:
                self._step.acquire()
        except (Timeout, OSError):  # also a folder that cannot be written to any more
            self.alone = True

    def give(self) -> None:
        self._step.release()


@contextmanager
def in_turn(on_step: OnStep, folder: Path | None = None) -> Iterator[OnStep]:
    """An `on_step` that gives the turn to whoever waits for it, after every step.

    It is held inside the block, but not while `on_step` itself runs. folder: the user's own, if
    none is given.
    """
    turn = MachineTurn(folder or private_folder("pti-turns"))

    def after(step: Step) -> bool | None:
        turn.give()
        try:
            return on_step(step)
        finally:
            turn.take()

    turn.take()
    try:
        yield after
    finally:
        turn.give()
