"""A visitor of the page in a real browser."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

#: Of a machine that is busy with much else; an idle one takes a twentieth of that. Milliseconds.
PATIENCE = 120_000
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}

_SETTLED = """(before) => {
  const stage = document.querySelector("#stage"), shown = stage?.dataset.shown;
  return shown && shown !== before && !stage.classList.contains("drawing");
}"""
_PIXELS = """async () => {
  const image = document.querySelector("#after");
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
  const hash = await crypto.subtle.digest("SHA-256", data);
  return [...new Uint8Array(hash)].join(" ");
}"""
_AMOUNTS = """() => Object.fromEntries(
  [...document.querySelectorAll(".slider")]
    .map((row) => [row.dataset.name, Number(row.querySelector("input[type=range]").value)])
    .filter(([, amount]) => amount))"""
_SEEN = """() => {
  const box = document.querySelector("#stage").getBoundingClientRect();
  return box.top >= 0 && box.bottom <= innerHeight && box.left >= 0 && box.right <= innerWidth;
}"""


class Visit:
    """A page of one visitor, who sees what leaves this machine and what goes wrong."""

    def __init__(self, browser: Any, url: str, device: str = "desktop", context: Any = None):
        width, height = SIZES[device]
        phone = {"has_touch": True, "is_mobile": True} if device == "phone" else {}
        self.context = context or browser.new_context(
            viewport={"width": width, "height": height}, **phone
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.hosts: set[str] = set()
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: said.type == "error" and self.errors.append(said.text))
        self.url = url
        self.go(url)

    def go(self, url: str) -> None:
        self.page.goto(url)
        self.page.wait_for_selector("html.pti-ready")

    def shown(self) -> str:
        return self.page.evaluate("document.querySelector('#stage').dataset.shown || ''")

    def until_drawn(self, before: str = "") -> str:
        """Wait for the full picture of other edits than those of `before`; what is shown now."""
        self.page.wait_for_function(_SETTLED, arg=before)
        return self.shown()

    def drawn_after(self, press: Any) -> str:
        before = self.shown()
        press()
        return self.until_drawn(before)

    def pixels(self) -> str:
        return self.page.evaluate(_PIXELS)

    def amounts(self) -> dict[str, float]:
        return self.page.evaluate(_AMOUNTS)

    def stage_is_in_view(self) -> bool:
        return self.page.evaluate(_SEEN)

    def tab(self, name: str) -> None:
        self.page.click(f"#tabs [data-tab='{name}']")

    def choose(self, photograph: Any) -> None:
        self.page.set_input_files("#file-photo", photograph)

    def check(self) -> None:
        """Nothing left this machine, nothing failed, nothing is wider than the screen."""
        assert self.hosts <= {urlsplit(self.url).netloc, ""}
        assert self.errors == []
        inner = "document.documentElement.scrollWidth <= innerWidth"
        assert self.page.evaluate(inner)


def pick(visit: Visit, button: str, file: Path) -> None:
    """Press a button and choose a file, as a person does."""
    with visit.page.expect_file_chooser() as waiting:
        visit.page.click(button)
    waiting.value.set_files(file)


def wait_until_idle(seconds: float = 120) -> None:
    """Wait until no thread of this process computes: native code that runs while Python ends takes
    the process down."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        used = time.process_time()
        time.sleep(1)
        if time.process_time() - used < 0.05:
            return
