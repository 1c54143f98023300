"""Keep the C library from giving memory back between two steps that need the same again, and have
it give back what many requests left in pieces."""

from __future__ import annotations

import ctypes
import platform
import threading
from functools import cache
from typing import Any

from service.sweeper import repeat

# glibc's <malloc.h>.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -2, -4, -8
_NEVER = 2**31 - 1
#: Asked from the system beyond each need: a feature map of the last layers at 1024 or two.
_TOP_PAD = 256 * 2**20
#: Free bytes that the heap may hold, and how often that is looked at. A picture at 1024 needs less.
MAX_FREE, SECONDS_BETWEEN_LOOKS = 2 * 2**30, 5.0


def tune_malloc() -> bool:
    """Have malloc keep freed pages for the next tensor; call it once, first thing in a process.

    By default glibc maps every large tensor anew and unmaps it when it is freed, and the kernel
    zeroes the pages again at each use. Measured on two CPU cores, those page faults were two thirds
    of every step: with this setting a forward pass of the embedded generator at 1024 went from
    0.66 s to 0.23 s, forward and backward from 1.9 s to 0.64 to 0.75 s. The price is that the
    process keeps its peak size, and more: small objects that stay settle in pages where a tensor
    was, which then needs others. `keep_trimmed` bounds that.

    Other threads than the first would have arenas of their own, made of pieces of 64 MB that are
    unmapped as soon as they are empty, whatever is set: there is one arena for all, then. In a
    thread, as the app works in, forward and backward went from 560 to 670 ms to 470 to 500, a
    picture from 210 to 300 to 155 to 165 (another processor).

    Returns:
        Whether it could be set: only on glibc. Elsewhere nothing happens, and nothing is lost but
        the speed.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    settings = (
        *((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _NEVER)),
        *((_M_TOP_PAD, _TOP_PAD), (_M_ARENA_MAX, 1)),
    )
    accepted = [mallopt(name, value) == 1 for name, value in settings]
    return all(accepted)


class _Mallinfo2(ctypes.Structure):
    """glibc's `struct mallinfo2`, since 2.33."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def trim_heap(max_free: int = MAX_FREE) -> bool:
    """Give free pages of the heap back where they are more than `max_free` bytes.

    The next picture has to ask for its pages again, which takes some tenths of a second once.

    Returns:
        Whether there were more.
    """
    library = _glibc()
    if library is None or library.mallinfo2().fordblks <= max_free:
        return False
    library.malloc_trim(0)
    return True


def keep_trimmed() -> threading.Thread:
    """Call `trim_heap` now and then, in a thread that ends with the process."""
    there = lambda: _glibc() is not None  # noqa: E731
    return repeat(trim_heap, SECONDS_BETWEEN_LOOKS, "trimming the heap", there)


@cache
def _glibc() -> Any:
    """The C library; None where it does not count its free bytes."""
    if platform.libc_ver()[0] != "glibc":
        return None
    try:
        library = ctypes.CDLL(None)
        library.mallinfo2.restype = _Mallinfo2
        library.malloc_trim.argtypes = (ctypes.c_size_t,)
    except (OSError, AttributeError):
        return None
    return library
