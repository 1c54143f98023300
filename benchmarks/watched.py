"""How long a face takes that is learned on the page: python -m benchmarks.watched PHOTO

Starts the app, opens its page in a headless Chromium, which shares the processor with it, uploads
the photograph and presses Learn. Times count from the press: until the first draft can be edited,
and until learning is finished. Nobody edits meanwhile.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.first_edit import check_rounds, tell
from benchmarks.personalise import machine
from benchmarks.preview import WINDOW, app, chromium
from cli.exit_status import exit_status
from pti_core.errors import UserError

#: What is reached one after the other.
STAGES = ("can be edited", "finished")
_PATIENCE = 900_000  # milliseconds: the slowest machine measured took a fifth of it


def visit(browser: Any, url: str, photo: Path) -> list[float]:
    """Seconds from the press on Learn to each of `STAGES`."""
    page = browser.new_context(viewport=WINDOW).new_page()
    page.set_default_timeout(_PATIENCE)
    page.goto(url)
    page.wait_for_selector("html.pti-ready #status[data-state=ready]")
    page.set_input_files("#file-photo", photo)
    page.wait_for_selector("#learn:not([disabled])")
    begun = time.monotonic()
    page.click("#learn")
    page.wait_for_selector("#controls", state="visible")
    editable = time.monotonic() - begun
    page.wait_for_selector("text=Learning is finished")
    finished = time.monotonic() - begun
    page.context.close()
    return [editable, finished]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.watched")
    parser.add_argument("photo", type=Path)
    parser.add_argument("--rounds", type=int, default=3, help="1 to 20, the app anew each time")
    parsed = parser.parse_args(arguments)
    check_rounds(parsed.rounds)
    if not parsed.photo.is_file():
        raise UserError(f"{parsed.photo} is no file.")
    print(machine())
    found = []
    with chromium() as browser:
        for _ in range(parsed.rounds):
            with app() as url:
                found.append(visit(browser, url, parsed.photo))
    tell(STAGES, found)
    return 0


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
