"""The device that networks run on, and what a generator needs to know of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F


@dataclass(frozen=True)
class Card:
    """A GPU: its memory in bytes, and whether it computes in bfloat16 itself."""

    memory: int
    bf16: bool


def pick_device(wanted: str | torch.device | None = None) -> torch.device:
    """The device asked for; else the first GPU; else the CPU."""
    if wanted is not None:
        return torch.device(wanted)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def card_of(device: torch.device) -> Card | None:
    """What there is to know of a GPU; None for the CPU."""
    if device.type != "cuda":
        return None
    properties = torch.cuda.get_device_properties(device)
    # Compute capability 8.0 (Ampere) is the first with bf16 units; before it bf16 is emulated.
    return Card(properties.total_memory, properties.major >= 8)


def multiplies_bf16() -> bool:
    """Whether this CPU is faster in bfloat16 than in float32, by a time taken once."""
    return has_fast_half(torch.bfloat16)


def has_fast_half(dtype: torch.dtype) -> bool:
    """Whether this CPU's arithmetic in a 16-bit type is worth its rounding: faster than float32.

    Measured, not looked up: among CPUs with the same bf16 instructions some multiply twice as fast
    with them as in float32 (500 against 250 GFLOP/s a core), some half as fast (83 against 153).
    """
    if dtype == torch.float32:
        return False
    return _seconds(dtype) < 0.8 * _seconds(torch.float32)


@cache
def _seconds(dtype: torch.dtype) -> float:
    """CPU time of one small convolution, the least of several; some twenty milliseconds to find.

    In one thread: of several, the first spins while it waits for the others, and beside other
    programs that counted three times as much as the arithmetic.
    """
    x = torch.ones(1, 64, 64, 64, dtype=dtype).contiguous(memory_format=torch.channels_last)
    weight, taken = torch.ones(64, 64, 3, 3, dtype=dtype), []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            for _ in range(6):
                start = time.thread_time()
                F.conv2d(x, weight, padding=1)
                taken.append(time.thread_time() - start)
    finally:
        torch.set_num_threads(threads)
    return min(taken)
