"""Take the documents' pictures of the page: `python -m scripts.page_pictures`, beside `app.py`.

Drives Chromium (`PTI_CHROMIUM`, by default the system's) over the app at `--url` with a ready-made
face, and writes `docs/images/page-{first,looks,editing,phone}.jpg`.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

IMAGES = Path(__file__).parents[1] / "docs" / "images"
_SETTLED = """(before) => {
  const stage = document.querySelector("#stage"), shown = stage.dataset.shown;
  return shown && shown !== before && !stage.classList.contains("drawing");
}"""
#: Stops the loop of the first screen where both of its pictures show.
_BOTH_SHOWN = """() => {
  for (const one of document.getAnimations()) {
    one.pause();
    one.currentTime = 2000;
  }
}"""
_LOOKS = """() => {
  const all = [...document.querySelectorAll("#looks img")];
  return all.length && all.every((one) => one.dataset.whole);
}"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--url", default="http://127.0.0.1:7860")
    parser.add_argument("--example", default="obama")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("PTI_CHROMIUM", "/usr/bin/chromium")
    arguments = ["--no-sandbox"] if os.getuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        draw_desktop(browser, options.url, options.example)
        draw_phone(browser, options.url, options.example)
        browser.close()
    return 0


def draw_desktop(browser: Any, url: str, example: str) -> None:
    """The first screen, the looks, and editing."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(300_000)
    page.goto(url)
    page.wait_for_selector("#status[data-state=ready]")
    page.wait_for_timeout(2000)
    page.evaluate(_BOTH_SHOWN)
    keep(page, "first")
    open_example(page, example)
    page.wait_for_function(_LOOKS)
    after(page, lambda: page.click(".look >> nth=0"))
    page.wait_for_timeout(2500)
    keep(page, "looks")
    page.click("#tabs [data-tab=text]")
    page.fill("#prompt", "pink hair and ten years younger")
    after(page, lambda: page.click("#do-it"))
    page.click("#tabs [data-tab=Hair]")
    page.wait_for_timeout(2500)
    keep(page, "editing")


def draw_phone(browser: Any, url: str, example: str) -> None:
    """Editing on a phone."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
        device_scale_factor=2,
    )
    page = context.new_page()
    page.set_default_timeout(300_000)
    page.goto(url)
    page.wait_for_selector("html.pti-ready")
    open_example(page, example)
    page.click("#tabs [data-tab=Face]")

    def grow_younger() -> None:
        page.locator("#in-age").focus()
        for _ in range(20):
            page.keyboard.press("ArrowLeft")

    after(page, grow_younger)
    page.wait_for_timeout(2500)
    keep(page, "phone")


def open_example(page: Any, name: str) -> None:
    page.click(f"[data-example={name}]")
    page.wait_for_function(_SETTLED, arg="")


def after(page: Any, press: Callable[[], None]) -> None:
    """Do something that changes the picture, and wait for the full one."""
    before = page.evaluate("document.querySelector('#stage').dataset.shown")
    press()
    page.wait_for_function(_SETTLED, arg=before)


def keep(page: Any, name: str) -> None:
    with Image.open(io.BytesIO(page.screenshot())) as image:
        path = IMAGES / f"page-{name}.jpg"
        image.convert("RGB").save(path, quality=84, optimize=True)
    print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    sys.exit(main())
