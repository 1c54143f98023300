"""A link from one browser profile to another: real Chromium, real generator, real photograph."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from pti_core.editing.controls import read_controls
from service.load_networks import load_networks
from service.malloc_tuning import tune_malloc
from service.share_store import DAY, Store
from service.studio import Studio
from tests.web.test_app_browser import PATIENCE, PHOTOGRAPH, SHORT, SIZES, browser  # noqa: F401
from web.serve import create_app, serve

_LINK = "document.querySelector('#link textarea, #link input')?.value"

pytestmark = [pytest.mark.browser, pytest.mark.slow]


class Clock:
    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def store(tmp_path_factory, clock) -> Store:
    return Store(tmp_path_factory.mktemp("shares"), now=clock)


@pytest.fixture(scope="module")
def url(store) -> Iterator[str]:
    tune_malloc()
    studio = Studio(lambda report: load_networks("mobile", report), {"short": SHORT})
    studio.networks.start()
    blocks = create_app(studio, read_controls(), store=store)
    yield serve(blocks, store, prevent_thread_lock=True, quiet=True)
    blocks.close(verbose=False)


class Profile:
    """A browser profile of its own: storage, clipboard, one page."""

    def __init__(self, browser, origin: str) -> None:  # noqa: F811
        width, height = SIZES["desktop"]
        self.context = browser.new_context(viewport={"width": width, "height": height})
        self.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=origin)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, url: str) -> None:
        self.page.goto(url)
        self.page.wait_for_selector("#photograph")

    def press(self, slider: str, key: str, times: int) -> float:
        found = self.page.locator(f"#slider-{slider} input[type=range]")
        found.focus()
        for _ in range(times):
            found.press(key)
        self.page.wait_for_timeout(2500)  # the picture follows
        return float(found.input_value())

    def value(self, slider: str) -> float:
        return float(self.page.locator(f"#slider-{slider} input[type=range]").input_value())

    def picture(self, folder, name: str) -> np.ndarray:
        with self.page.expect_download() as waiting:
            self.page.click("#save-picture")
        path = folder / f"{name}.png"
        waiting.value.save_as(path)
        return np.asarray(Image.open(path)).astype(int)

    def stage(self) -> bytes:
        """The edited side as the server sent it."""
        source = self.page.locator("#stage img").last.get_attribute("src")
        return self.context.request.get(source).body()


def test_a_link_shows_the_same_picture_in_another_profile(browser, url, store, clock, tmp_path):  # noqa: F811
    ann, bea, cem = (Profile(browser, url.rstrip("/")) for _ in range(3))
    ann.open(url)
    ann.page.set_input_files("#photograph input[type=file]", PHOTOGRAPH)
    ann.page.wait_for_selector("#crop img")
    ann.page.click("#start:not([disabled])")
    ann.page.wait_for_selector("#edit")
    ann.page.wait_for_selector("#start:not([disabled])")
    assert not store.nbytes()  # nothing is kept before she asks
    age = ann.press("age", "ArrowRight", 12)
    assert age > 0
    for view in (1, 0):  # keys leave a quick picture on the stage, a change of view a full one
        ann.page.locator("#view label").nth(view).click()
        ann.page.wait_for_timeout(2500)
    ann.page.click("#share")
    ann.page.wait_for_function(_LINK)
    link = ann.page.locator("#link textarea, #link input").first.input_value()
    ann.page.wait_for_timeout(1000)
    assert ann.page.evaluate("navigator.clipboard.readText()") == link
    assert link.startswith(f"{url}?s=")

    bea.open(link)
    bea.page.wait_for_selector("#stage img")
    bea.page.wait_for_selector("#edit")
    assert bea.value("age") == age
    shown = ann.picture(tmp_path, "ann")
    assert (bea.picture(tmp_path, "bea") == shown).all()
    assert bea.stage() == ann.stage()
    assert bea.press("age", "ArrowLeft", 20) < age
    moved = bea.picture(tmp_path, "bea moved")
    assert np.abs(moved - shown).mean() > 0.5
    assert (ann.picture(tmp_path, "ann again") == shown).all()

    # She comes back to her own page: what she made is still there, and the list of what she keeps.
    ann.open(url)
    ann.page.wait_for_selector("#stage img")
    ann.page.click("#shares button >> nth=0")
    listed = ann.page.locator("#share-list input")
    assert "since" in listed.input_value()
    ann.page.click("#share-delete")
    ann.page.get_by_text("Deleted").wait_for()
    assert not store.nbytes()

    bea.page.click("#share")
    bea.page.wait_for_function(f"![undefined, '', '{link}'].includes({_LINK})")
    later = bea.page.locator("#link textarea, #link input").first.input_value()
    assert later.startswith(f"{url}?s=") and store.nbytes()
    clock.ahead = 7 * DAY + 60
    for ended in (link, later):  # deleted, and expired
        cem.open(ended)
        cem.page.get_by_text("This link leads nowhere any more").wait_for()
    assert cem.page.locator("#edit").count() == 0 or not cem.page.locator("#edit").is_visible()
    assert ann.errors == bea.errors == cem.errors == []
