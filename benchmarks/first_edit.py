"""How soon a ready-made face can be edited on a fresh server: python -m benchmarks.first_edit

Each round starts the app anew and opens its page in a headless Chromium: at once when the server
answers, or as its second visitor (`--warm`), when what edits need is loaded. It presses the first
ready-made face and, once its sliders are there, moves one by the keyboard. Times count from opening
the page.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.personalise import machine
from benchmarks.preview import WINDOW, app, chromium
from cli.exit_status import exit_status
from pti_core.errors import UserError

_DRAWN = """() => {
  const stage = document.querySelector("#stage");
  return stage?.dataset.shown && !stage.classList.contains("drawing") ? stage.dataset.shown : "";
}"""
#: What is reached one after the other.
STAGES = ("page painted", "page ready", "sliders and picture", "first edit drawn")


def visit(browser: Any, url: str) -> list[float]:
    """Seconds from opening the page to each of `STAGES`."""
    page = browser.new_context(viewport=WINDOW).new_page()
    page.set_default_timeout(60_000)
    begun = time.monotonic()
    page.goto(url)
    painted = time.monotonic() - begun
    page.wait_for_selector("html.pti-ready [data-example]", state="visible")
    ready = time.monotonic() - begun
    page.locator("[data-example]").first.click()
    page.wait_for_selector("#controls", state="visible")
    before = page.wait_for_function(_DRAWN).json_value()
    editable = time.monotonic() - begun
    page.click("#tabs [data-tab='Expression']")
    page.locator("#in-smile").focus()
    page.keyboard.press("PageUp")
    page.wait_for_function(
        f"before => {{ const now = ({_DRAWN})(); return now && now !== before }}", arg=before
    )
    drawn = time.monotonic() - begun
    page.context.close()
    return [painted, ready, editable, drawn]


def measure(rounds: int, warm: bool) -> list[list[float]]:
    """For each round the seconds of `visit`, the app anew each time."""
    found = []
    with chromium() as browser:
        for _ in range(rounds):
            with app() as url:
                if warm:
                    visit(browser, url)
                found.append(visit(browser, url))
    return found


def check_rounds(rounds: int) -> None:
    if not 1 <= rounds <= 20:
        raise UserError("Give 1 to 20 rounds.")


def tell(stages: Sequence[str], found: Sequence[Sequence[float]]) -> None:
    """Print the median of each stage's seconds, and each round's."""
    for name, times in zip(stages, zip(*found, strict=True), strict=True):
        each = ", ".join(f"{one:.1f}" for one in times)
        print(f"{name}: median {statistics.median(times):.1f} s ({each})")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_edit")
    parser.add_argument("--rounds", type=int, default=3, help="1 to 20")
    parser.add_argument("--warm", action="store_true", help="the second visitor of each app")
    parsed = parser.parse_args(arguments)
    check_rounds(parsed.rounds)
    print(f"{machine()}, load {os.getloadavg()[0]:.1f}")
    tell(STAGES, measure(parsed.rounds, parsed.warm))
    return 0


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
