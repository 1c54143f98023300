"""How soon the page follows a slider, in a real browser: python -m benchmarks.preview S.safetensors

Starts the app by itself, opens the session as a person would, drags sliders in a headless Chromium,
and writes down two times for each: from the slider's movement to a preview on the screen, and from
its release to the full picture. App and browser inherit the priority: `nice -n -15` before it keeps
other programs on the machine from being measured.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.personalise import machine
from cli.exit_status import exit_status
from pti_core.errors import UserError

#: One slider of each way of editing: by W alone, by W and moved hair, and carried over on a mask.
SLIDERS = ("age", "pose", "glasses")
#: Movements of a drag and the milliseconds between them: a hand's, at 12 a second.
MOVES, PAUSE = 20, 80
#: A phone's screen would show the same; pointers do not wait.
WINDOW: Any = {"width": 1440, "height": 900}
THUMB = 22  # pixels, as in web/static/style.css

# Written to by the page itself: what a person's eye sees is the frame after a picture is decoded.
_WATCH = """() => {
  window.times = {previews: [], full: []};
  let moves = [], asked = [], released = null;
  const age = (since) => Math.round((performance.now() - since) * 10) / 10;
  addEventListener("pointermove", (event) => {
    if (event.buttons && event.target.closest(".slider")) moves.push(performance.now());
  }, true);
  addEventListener("pointerup", () => (released = performance.now()), true);
  // A preview answers all movements since the one before was asked for; the first waited longest.
  const fetched = window.fetch;
  window.fetch = (url, ...rest) => {
    if (!String(url).endsWith("/moving") || released !== null) return fetched(url, ...rest);
    asked.push(moves);
    moves = [];
    return fetched(url, ...rest).then((answer) => (answer.ok || asked.shift(), answer));
  };
  // The page decodes a full picture, and then writes down what it shows.
  let shown = 0;
  new MutationObserver(async (changes) => {
    const image = document.querySelector("#after"), at = released;
    const full = changes.some((change) => change.attributeName === "data-shown");
    if (full) {
      if (at === null) return;
      released = null;
      asked = [];
      await new Promise(requestAnimationFrame);
      times.full.push(age(at));
    } else if (at === null && asked.length) {
      const first = asked.shift()[0];
      if (!first) return;
      const mine = ++shown;
      await image.decode().catch(() => {});
      await new Promise(requestAnimationFrame);
      if (mine === shown) times.previews.push(age(first));
    }
  }).observe(document.querySelector("#stage"), {
    subtree: true, attributes: true, attributeFilter: ["src", "data-shown"],
  });
}"""


@contextmanager
def app() -> Iterator[str]:
    """The address of an app of its own, ready."""
    command = [sys.executable, "-u", "app.py", "--generator", "mobile"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if found:
                yield found[0]
                return
        raise UserError("The app did not start.")
    finally:
        process.terminate()
        process.wait()


@contextmanager
def chromium() -> Iterator[Any]:
    """The system's Chromium, headless, or that of `PTI_CHROMIUM`."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("PTI_CHROMIUM", "/usr/bin/chromium")
    arguments = ["--no-sandbox"] if os.getuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


def drag(page: Any, name: str, far: float) -> None:
    """One slider, from its thumb towards its upper end, `far` of that way, and let go."""
    row = page.locator(f"#slider-{name}")
    tab = row.get_attribute("data-tab")
    # Not by the mouse: letting it go would be taken for the slider's.
    page.locator(f"#tabs [data-tab='{tab}']").evaluate("tab => tab.click()")
    slider = row.locator("input[type=range]")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    low, value, high = slider.evaluate("s => [s.min, s.value, s.max].map(Number)")
    start = THUMB / 2 + (value - low) / (high - low) * (box["width"] - THUMB)
    way = far * (box["width"] - THUMB / 2 - start)
    x, y = box["x"] + start, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for index in range(MOVES):
        page.mouse.move(x + way * (index + 1) / MOVES, y)
        page.wait_for_timeout(PAUSE)
    count = page.evaluate("times.full.length")
    page.mouse.up()
    page.wait_for_function(f"times.full.length > {count}")
    page.wait_for_timeout(1500)  # the likeness is measured
    page.locator("#reset").evaluate("button => button.click()")
    page.wait_for_function("!document.querySelector('#stage').classList.contains('drawing')")
    page.wait_for_timeout(1500)  # what previews start from is made


def measure(session: Path, rounds: int, sliders: Sequence[str] = SLIDERS) -> dict[str, list[float]]:
    """Milliseconds, by `previews` and `full`."""
    with app() as url, chromium() as browser:
        page = browser.new_page(viewport=WINDOW)
        page.set_default_timeout(120_000)
        page.goto(url)
        page.wait_for_selector("html.pti-ready #status[data-state=ready]")
        page.set_input_files("#file-session", session)
        page.wait_for_selector("#pti[data-mode=editing] #stage[data-shown]")
        page.wait_for_timeout(8000)  # the previews' head is fitted
        page.evaluate(_WATCH)
        for index in range(rounds):
            for name in sliders:  # elsewhere each time: what was shown before is not drawn again
                drag(page, name, 0.95 - 0.05 * index)
        times: dict[str, list[float]] = page.evaluate("times")
    return times


def described(times: Sequence[float]) -> str:
    ordered = sorted(times)
    late = ordered[min(int(0.95 * len(ordered)), len(ordered) - 1)]
    return f"median {statistics.median(ordered):.0f} ms, 95 % within {late:.0f} ms ({len(times)})"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.preview")
    parser.add_argument("session", type=Path)
    parser.add_argument("--rounds", type=int, default=3, help="1 to 10")
    parser.add_argument("--sliders", nargs="+", default=SLIDERS, help="one after the other")
    parsed = parser.parse_args(arguments)
    if not parsed.session.is_file():
        raise UserError(f"There is no file {parsed.session}.")
    if not 1 <= parsed.rounds <= 10:
        raise UserError("Give 1 to 10 rounds.")
    print(f"{machine()}, load {os.getloadavg()[0]:.1f}")
    times = measure(parsed.session, parsed.rounds, parsed.sliders)
    print("slider moved to preview shown:", described(times["previews"]))
    print("slider released to full picture shown:", described(times["full"]))
    for index, name in enumerate(parsed.sliders):
        each = ", ".join(f"{time:.0f}" for time in times["full"][index :: len(parsed.sliders)])
        print(f"  {name}: {each} ms")
    return 0


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
