"""`python -m checkpoints doctor`: what this machine can do, and whether its files are right."""

from __future__ import annotations

import sys

from checkpoints.fetch import Store


def doctor(store: Store, again: bool) -> int:
    """Examine the machine and its weight files. Status 2 if a file is wrong.

    again: also files that were tested before and did not change.
    """
    from service.doctor.background import Doctor
    from service.doctor.examination import forget_verdicts

    if again:
        forget_verdicts(store)

    def report(name: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[Kexamining {name} ...", end="", file=sys.stderr, flush=True)

    found = Doctor(store).examine(report)
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    print(found.text())
    return 2 if found.wrong else 0
