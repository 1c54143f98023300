"""The ready-made faces: there, small enough, and editable before the server has all it needs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

import pytest

from pti_core.editing.controls import read_controls
from scripts.make_examples import MOST_BYTES
from service.lazy_loader import LazyLoader
from service.load_networks import load_editor, load_networks
from service.share_store import Store
from service.studio import Studio
from tests.helpers.visit import Visit
from web.page_text import PREVIEWS
from web.serve import create_app, serve
from web.tabs.photo import EXAMPLES, examples

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rest() -> Iterator[threading.Event]:
    """What is no more than editing waits for this."""
    found = threading.Event()
    yield found
    found.set()


@pytest.fixture(scope="module")
def page_studio(rest) -> Iterator[Studio]:
    editor = LazyLoader(partial(load_editor, "mobile"))

    def load(report):
        rest.wait(600)
        return load_networks("mobile", report, editor=editor)

    studio = Studio(load, generator="mobile", editor=editor)
    studio.networks.start()
    editor.start()
    yield studio
    rest.set()
    studio.networks.get()  # a process that ends while torch computes in a thread is aborted


@pytest.fixture(scope="module")
def page_url(page_studio, tmp_path_factory) -> Iterator[str]:
    store = Store(tmp_path_factory.mktemp("shares"))
    app = create_app(page_studio, read_controls(), store=store)
    yield serve(app, store, page_studio, prevent_thread_lock=True, quiet=True)
    app.close(verbose=False)


def test_three_small_faces_come_with_the_product():
    assert examples() == ["astronaut", "biden", "obama"]
    for name in examples():
        assert (EXAMPLES / f"{name}.safetensors").stat().st_size <= MOST_BYTES
        for state in ("small", "before", "after"):
            assert (PREVIEWS / f"{name}-{state}.jpg").stat().st_size < 50_000


@pytest.mark.browser
@pytest.mark.parametrize("name", examples())
def test_a_ready_made_face_is_edited_before_all_networks_are_there(
    browser, page_url, page_studio, name
):
    visit = Visit(browser, page_url)
    page, asked = visit.page, list[str]()
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page.click(f"[data-example={name}]")
    page.wait_for_selector("#controls", state="visible")
    visit.until_drawn()
    assert "/moving" not in asked  # the photograph itself came with the sliders
    plain = visit.pixels()
    visit.tab("Expression")

    def press() -> None:
        page.locator("#in-smile").focus()
        page.keyboard.press("PageUp")

    visit.drawn_after(press)
    assert visit.amounts()["smile"] > 0 and visit.pixels() != plain
    visit.drawn_after(lambda: page.keyboard.press("Control+z"))
    assert visit.pixels() == plain
    assert not page_studio.networks.ready
    assert "Ready-made faces work" in page.inner_text("#status")
    visit.check()
    visit.context.close()
