"""python -m benchmarks.waiting PHOTOS: what the machine gives when several people wait in the line.

As many people as asked for put a photograph each into one process's line at once, as the page does.
Twice a second each asks how long it will be; written are how long it was, by how much the first
answer and the median of all answers were off, and how many personalisations an hour that makes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

from benchmarks.personalise import machine
from evaluation.photographs import find_photographs
from service.job_queue import Job
from service.malloc_tuning import tune_malloc
from service.studio import Studio

_EVERY = 0.5  # seconds between two questions
#: What is left of less than this is not judged: a second's error there helps nobody.
_LEAST = 5.0


def wait(jobs: list[Job], began: float) -> list[dict[str, Any]]:
    """Ask until all are over: for each, its seconds and its estimates' errors, in parts of them."""
    asked: list[list[tuple[float, float]]] = [[] for _ in jobs]
    over = [0.0] * len(jobs)
    while not all(over):
        for i, job in enumerate(jobs):
            progress, now = job.progress(), time.perf_counter() - began
            if progress.over:
                over[i] = over[i] or now
            elif progress.seconds_left is not None:
                asked[i].append((now, progress.seconds_left))
        time.sleep(_EVERY)
    rows = []
    for i, end in enumerate(over):
        errors = [(left / (end - now)) - 1 for now, left in asked[i] if end - now > _LEAST]
        rows.append(
            {
                "place": i + 1,
                "state": jobs[i].progress().state,
                "seconds": round(end, 1),
                "first_answer_off": round(errors[0], 3),
                "median_off": round(statistics.median(abs(error) for error in errors), 3),
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.waiting", description=__doc__)
    parser.add_argument("photos", type=Path, help="a folder of photographs")
    parser.add_argument("--people", type=int, default=4)
    parser.add_argument("--out", type=Path, help="a JSON file")
    arguments = parser.parse_args()
    tune_malloc()
    from service.load_networks import load_networks

    studio = Studio(lambda report: load_networks("mobile", report))
    studio.networks.get()
    photos = find_photographs([arguments.photos], None)
    workspaces = [studio.align(photos[i % len(photos)].path) for i in range(arguments.people + 1)]
    first = studio.personalise(workspaces[-1].id)  # what a running app has learnt before
    first.wait()
    began = time.perf_counter()
    rows = wait([studio.personalise(desk.id) for desk in workspaces[:-1]], began)
    hour = 3600 * len(rows) / max(row["seconds"] for row in rows)
    found = {"machine": machine(), "people": rows, "an_hour": round(hour, 1)}
    print(json.dumps(found, indent=1))
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
