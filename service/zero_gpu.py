"""What the app asks of the machine that hosts it: a GPU lent for some seconds, where there is one.

On a ZeroGPU Space a GPU exists only inside functions that `spaces.GPU` decorates. They run in a
process forked for them, so what goes in and comes out is pickled, and only generators can tell how
far they are. Each loan asks for the seconds that its order needs: those that such orders took here,
with a margin, or a first guess by its steps.
"""

from __future__ import annotations

import importlib
import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from service.executors import Order

_log = logging.getLogger(__name__)

#: The first guess, in seconds: 20 for fetching the networks to the GPU, fitting and measuring, and
#: 0.2 a step. The published settings (450 + 350 steps) get 180 so, `fast` some 45.
FIXED_SECONDS, STEP_SECONDS = 20.0, 0.2
#: What was measured is asked for with this margin: a loan that ends early loses everything.
MARGIN = 1.5
#: Bounds of a loan: the platform refuses far longer ones.
LEAST_SECONDS, MOST_SECONDS = 20, 300
#: Loans of a kind that are remembered; the longest of them counts.
REMEMBERED = 8

Stream = Callable[..., Iterator[Any]]


class LoanSeconds:
    """How many seconds to ask for, learned from the loans of before.

    Args:
        file: where they are remembered over restarts; None for this process only.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file, self._lock = file, threading.Lock()
        self._taken: dict[str, list[float]] = self._read()

    def __call__(self, order: Order, *others: Any) -> int:
        """Seconds for an order. `spaces.GPU` calls it with the arguments of the lent function."""
        with self._lock:
            taken = self._taken.get(kind_of(order))
        wanted = MARGIN * max(taken) if taken else FIXED_SECONDS + STEP_SECONDS * steps_of(order)
        return round(min(max(wanted, LEAST_SECONDS), MOST_SECONDS))

    def record(self, order: Order, seconds: float) -> None:
        """A loan for this order took so many seconds."""
        from checkpoints.hash_cache import write_text

        with self._lock:
            taken = self._taken.setdefault(kind_of(order), [])
            taken[:] = [*taken, round(float(seconds), 1)][-REMEMBERED:]
            text = json.dumps(self._taken)
        if self._file is None:
            return
        try:
            write_text(self._file, text)
        except OSError as error:
            _log.warning("the seconds of loans are not kept: %s", error)

    def _read(self) -> dict[str, list[float]]:
        try:
            rows = json.loads(self._file.read_text("utf-8")) if self._file else {}
            return {str(k): [float(s) for s in v][-REMEMBERED:] for k, v in rows.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}


def kind_of(order: Order) -> str:
    """Orders of one kind take about as long."""
    people = len(order.session.crops) if order.session is not None else len(order.photographs)
    what = "refine" if order.session is not None else "learn"
    return f"{what} {order.preset.name} {order.generator} {people}"


def steps_of(order: Order) -> int:
    """Steps that an order takes at most."""
    preset = order.preset
    if order.session is not None:
        return (preset.refining or preset.tuning).steps * len(order.session.crops)
    return (preset.projection.steps + preset.tuning.steps) * len(order.photographs)


@dataclass(frozen=True)
class GpuLoan:
    """What lends a GPU.

    Attributes:
        decorate: makes of a generator function one that runs on a lent GPU.
        seconds: what each loan asks for; it is told how long they took.
    """

    decorate: Callable[[Stream], Stream]
    seconds: LoanSeconds

    def record(self, order: Order, seconds: float) -> None:
        """A loan for this order took so many seconds."""
        self.seconds.record(order, seconds)


def gpu_loan(seconds: LoanSeconds | None = None) -> GpuLoan | None:
    """`spaces.GPU`; None where the package is not there, as on any other machine.

    Call it before torch is imported: the package stands in for CUDA from then on.
    """
    try:
        spaces = importlib.import_module("spaces")
    except ImportError:
        return None
    wanted = seconds or LoanSeconds()
    return GpuLoan(spaces.GPU(duration=wanted), wanted)
