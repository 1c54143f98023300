"""The first screen on both devices, light and dark: what cannot be used is said."""

from __future__ import annotations

import pytest
from PIL import Image

from tests.helpers.visit import Visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("device", ["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_screen_says_what_cannot_be_used(browser, page_url, device, scheme, tmp_path):
    visit = Visit(browser, page_url, device)
    page = visit.page
    page.emulate_media(color_scheme=scheme)
    page.click("#use-camera")
    page.wait_for_function("document.querySelector('#camera-said').textContent")
    assert "Choose a photo" in page.inner_text("#camera-said") and page.is_disabled("#shoot")
    page.click("#camera-dialog [data-close]")
    Image.new("RGB", (90, 90)).save(tmp_path / "blank.png")
    visit.choose(tmp_path / "blank.png")
    page.wait_for_function("document.querySelector('#photo-note').textContent")
    visit.check()
    visit.context.close()
