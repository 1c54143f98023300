"""The page in a real browser asks nobody but its own server."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from pti_core.editing.controls import controls_of
from service.share_store import Store
from service.studio import Studio
from tests.helpers.small import SHORT, small_tuning_models
from web.serve import create_app, serve

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(generator, lpips, directions, tmp_path_factory) -> Iterator[str]:
    models = small_tuning_models(generator, lpips, directions)
    studio = Studio(lambda report: models, {"fast": SHORT})
    store = Store(tmp_path_factory.mktemp("shares"))
    blocks = create_app(studio, controls_of(directions.values()), store=store)
    yield serve(blocks, store, studio, prevent_thread_lock=True, quiet=True)
    blocks.close(verbose=False)


def test_the_page_loads_nothing_from_other_hosts_and_reports_to_nobody(browser, url):
    context = browser.new_context()
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector("#studio")
    page.wait_for_timeout(3000)
    context.close()
    own = urlsplit(url).netloc
    others = [one for one in asked if one.startswith("http") and urlsplit(one).netloc != own]
    assert len(asked) > 5 and others == []
