"""Progress of downloads on the terminal."""

import sys
import time
from types import TracebackType

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 2.0  # in a log: often enough to see that it moves, no flood


class Report:
    """Progress of downloads: a bar on a terminal, now and then a line when piped.

    A context manager whose instance is the `progress` callback of `Store.fetch`.
    """

    def __init__(self) -> None:
        self._bar: tqdm | None = None
        self._label = ""
        self._spoken = 0.0

    def __enter__(self) -> "Report":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def __call__(self, label: str, done: int, total: int) -> None:
        if label != self._label:
            self._close()
            self._label, self._spoken = label, time.monotonic()
        if sys.stderr.isatty():
            self._draw(label, done, total)
        elif time.monotonic() - self._spoken >= SECONDS_BETWEEN_LINES:
            self._spoken = time.monotonic()
            of_all = f" of {size_of(total)}" if total else ""
            print(f"{label}: {size_of(done)}{of_all}", file=sys.stderr, flush=True)

    def _draw(self, label: str, done: int, total: int) -> None:
        if self._bar is None:
            self._bar = tqdm(desc=label, unit="B", unit_scale=True, leave=False)
        self._bar.total = total or None
        self._bar.n = done
        self._bar.refresh()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def size_of(size: int | None) -> str:
    if size is None:
        return "size unknown"
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
