"""The web app as a person meets it: a real Chromium, the real generator, a real photograph.

Screenshots go to artifacts/ (desktop and telephone).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from pti_core.editing.controls import read_controls
from pti_core.inversion.presets import FAST, Preset
from pti_core.session.session import Session
from service.load_networks import describe_generator, load_networks
from service.malloc_tuning import tune_malloc
from service.studio import Studio
from web.serve import create_app, serve

pytestmark = [pytest.mark.browser, pytest.mark.slow]

REPOSITORY = Path(__file__).parents[2]
PHOTOGRAPH = REPOSITORY / "examples" / "astronaut.jpg"
ARTIFACTS = REPOSITORY / "artifacts"
SIZES = {"desktop": (1280, 900), "telephone": (390, 844)}
# Of a machine that is busy with much else; an idle one takes a twentieth of that.
PATIENCE = 300_000  # milliseconds

#: The default preset in kind, with few enough steps for a test.
SHORT = Preset(
    "short",
    replace(FAST.projection, steps=4, picture_every=2),
    replace(FAST.tuning, steps=4, picture_every=2),
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    tune_malloc()
    studio = Studio(lambda report: load_networks("mobile", report), {"short": SHORT})
    studio.networks.start()
    blocks = create_app(studio, read_controls(), describe_generator("mobile"))
    yield serve(blocks, None, studio, prevent_thread_lock=True, quiet=True)
    blocks.close(verbose=False)


@pytest.fixture(scope="module")
def browser() -> Iterator:
    path = Path(os.environ.get("PTI_CHROMIUM", "/usr/bin/chromium"))
    if not path.is_file():
        pytest.skip(f"there is no Chromium at {path}; install it, or set PTI_CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Root, as in a container, may not use Chromium's sandbox.
        arguments = ["--no-sandbox"] if os.getuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=str(path), args=arguments)
        yield browser
        browser.close()


class Visit:
    """A page of one visitor, who sees what leaves this machine and what goes wrong."""

    def __init__(self, browser, url: str, device: str) -> None:
        width, height = SIZES[device]
        self.device = device
        self.page = browser.new_page(viewport={"width": width, "height": height})
        self.page.set_default_timeout(PATIENCE)
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(url)
        self.page.wait_for_selector("#photograph")

    def shot(self, name: str) -> None:
        ARTIFACTS.mkdir(exist_ok=True)
        self.page.wait_for_timeout(500)  # transitions end
        self.page.screenshot(path=ARTIFACTS / f"{self.device}-{name}.png", full_page=True)

    def stage(self) -> np.ndarray:
        """The right half of what the stage shows: the edited side."""
        data = self.page.locator("#stage").screenshot()
        path = ARTIFACTS / f"{self.device}-stage.png"
        path.write_bytes(data)
        pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
        return pixels[:, pixels.shape[1] * 6 // 10 : pixels.shape[1] * 9 // 10]

    def until_stage_differs(self, before: np.ndarray) -> np.ndarray:
        for _ in range(PATIENCE // 4000):
            now = self.stage()
            if now.shape == before.shape and np.abs(now - before).mean() > 1:
                return now
            self.page.wait_for_timeout(1000)
        raise AssertionError("the stage shows the same picture")

    def download(self, button: str, folder: Path) -> Path:
        with self.page.expect_download() as waiting:
            self.page.click(button)
        path = folder / waiting.value.suggested_filename
        waiting.value.save_as(path)
        return path

    def check(self) -> None:
        """Nothing left this machine, nothing failed, nothing is wider than the screen."""
        hosts = {urlsplit(url).hostname for url in self.requests if not url.startswith("data:")}
        assert hosts - {None} == {"127.0.0.1"}
        assert self.errors == []
        # What only programs fill in.
        for name in ("person", "seed", "side"):
            assert self.page.get_by_label(name, exact=True).count() == 0
        assert self.page.evaluate("document.documentElement.scrollWidth") <= SIZES[self.device][0]


@pytest.fixture(scope="module")
def session_file(tmp_path_factory) -> Path:
    """Where the first visit leaves its session for the second."""
    return tmp_path_factory.mktemp("session") / "session.safetensors"


def test_a_photograph_is_personalised_and_edited(browser, url, tmp_path, session_file):
    visit = Visit(browser, url, "desktop")
    page = visit.page
    visit.shot("1-empty")
    assert page.locator("#start").is_disabled()
    page.set_input_files("#photograph input[type=file]", PHOTOGRAPH)
    page.wait_for_selector("#crop img")
    page.wait_for_selector("#start:not([disabled])")
    visit.shot("2-face")

    page.click("#start")
    page.wait_for_selector("#stage img")
    page.wait_for_selector("[role=progressbar]")
    visit.shot("3-personalising")
    page.wait_for_selector("#edit")
    page.wait_for_selector("#start:not([disabled])")
    visit.shot("4-personalised")

    plain = visit.stage()
    age = page.locator("#slider-age input[type=range]")
    age.scroll_into_view_if_needed()
    box = age.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.4, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.95, y, steps=4)
    page.mouse.up()
    older = visit.until_stage_differs(plain)
    assert float(age.input_value()) > 0
    page.wait_for_timeout(1500)
    visit.shot("5-older")

    picture = visit.download("#save-picture", tmp_path)
    with Image.open(picture) as image:
        assert (image.format, image.size) == ("PNG", (1024, 1024))
        assert not image.getexif()
    saved = visit.download("#save-session", tmp_path)
    saved.rename(session_file)
    assert Session.open(session_file).edits["age"] == float(age.input_value())

    page.locator("#view label").nth(1).click()
    visit.until_stage_differs(older)
    page.wait_for_timeout(1500)
    visit.shot("6-in-the-photograph")
    pasted = visit.download("#save-picture", tmp_path)
    assert Image.open(pasted).size == Image.open(PHOTOGRAPH).size

    page.click("#reset")
    page.wait_for_function("document.querySelector('#slider-age input[type=range]').value == 0")
    visit.check()
    page.close()


def test_a_session_is_opened_again_on_a_telephone(browser, url, session_file):
    if not session_file.is_file():
        pytest.skip("the visit before left no session")
    visit = Visit(browser, url, "telephone")
    page = visit.page
    visit.shot("1-empty")
    with page.expect_file_chooser() as chooser:
        page.click("#open-session")
    chooser.value.set_files(session_file)
    page.wait_for_selector("#edit")
    page.wait_for_selector("#stage img")
    amount = page.locator("#slider-age input[type=range]").input_value()
    assert float(amount) == Session.open(session_file).edits["age"]
    visit.shot("2-opened")

    before = visit.stage()
    slider = page.locator("#slider-age input[type=range]")
    slider.focus()
    slider.press("ArrowLeft")
    slider.press("Home")  # how far a step of an arrow goes depends on the person's range
    visit.until_stage_differs(before)
    page.wait_for_timeout(1500)
    visit.shot("3-edited")
    visit.check()
    page.close()


def test_mistakes_are_said_and_nothing_is_lost(browser, url, session_file, tmp_path):
    visit = Visit(browser, url, "desktop")
    page = visit.page
    page.set_input_files("#photograph input[type=file]", PHOTOGRAPH)
    page.wait_for_selector("#crop img")
    source = page.locator("#crop img").get_attribute("src")

    blank = tmp_path / "blank.png"
    Image.new("RGB", (300, 300), "grey").save(blank)
    page.locator("#photograph button[aria-label='Remove Image']").click()
    page.set_input_files("#photograph input[type=file]", blank)
    page.wait_for_selector(".toast-body")
    assert "face" in page.locator(".toast-body").first.inner_text().lower()
    visit.shot("7-no-face")
    assert page.locator("#crop img").get_attribute("src") == source
    assert page.locator("#start").is_enabled()

    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\xff" * 1000)
    with page.expect_file_chooser() as chooser:
        page.click("#open-session")
    chooser.value.set_files(broken)
    page.get_by_text("not a session").wait_for()
    assert page.locator("#crop img").get_attribute("src") == source
    visit.check()
    page.close()
