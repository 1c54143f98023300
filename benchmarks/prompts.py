"""python -m benchmarks.prompts: seconds and memory that understanding a prompt takes.

Prints the time of the first prompt (the reader loaded with it), the median of
later ones, and what was added to the process's memory meanwhile (both with torch imported before).
"""

from __future__ import annotations

import json
import resource
import statistics
import time

import torch

from mappers.edits import what_is_known
from mappers.prompts import understand
from mappers.prompts.reader import fetch_reader

PROMPT = "an astonishingly woolly chin warmer of a beard, older, with glasses"
TIMES = 50


def measure() -> dict[str, float]:
    """Seconds and MiB of understanding `PROMPT` in this process."""
    before, start = _memory(), time.perf_counter()
    known = what_is_known()
    understand(PROMPT, known)
    first, added = time.perf_counter() - start, _memory() - before
    times = []
    for _ in range(TIMES):
        start = time.perf_counter()
        understand(PROMPT, known)
        times.append(time.perf_counter() - start)
    return {
        "first_s": round(first, 2),
        "median_ms": round(1000 * statistics.median(times), 1),
        "slowest_ms": round(1000 * max(times), 1),
        "added_mib": round(added),
        "reader": known.reader is not None,
    }


def _memory() -> float:
    """The most that the process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    torch.set_num_threads(1)
    fetch_reader()
    print(json.dumps(measure()))
