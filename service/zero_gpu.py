"""What the app asks of the machine that hosts it: a GPU lent for some seconds, where there is one.

On a ZeroGPU Space a GPU exists only inside functions that `spaces.GPU` decorates. They run in a
process forked for them, so what goes in and comes out is pickled, and only generators can tell how
far they are.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

#: Longest loan to ask for: the published settings (450 + 350 steps) with loading, on an H200.
GPU_SECONDS = 180

Stream = Callable[..., Iterator[Any]]
Loan = Callable[[Stream], Stream] | None


def gpu_loan(seconds: int = GPU_SECONDS) -> Loan:
    """`spaces.GPU` for that long; None where the package is not there, as on any other machine.

    Call it before torch is imported: the package stands in for CUDA from then on.
    """
    try:
        spaces = importlib.import_module("spaces")
    except ImportError:
        return None
    return spaces.GPU(duration=seconds)
