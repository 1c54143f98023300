"""The page while a face is still being learned: one edits, and the likeness improves behind it."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from pti_core.inversion.presets import Preset
from service.studio import Studio
from tests.helpers.small import SHORT
from tests.helpers.visit import Visit

#: Far more steps than a test waits for; the first draft comes soon, the second somewhat later.
LONG = replace(
    SHORT,
    name="fast",
    tuning=replace(SHORT.tuning, steps=100_000, plateau_steps=100_000, drafts_at=(0.0005, 0.01)),
)


@pytest.fixture(scope="module")
def page_preset() -> Preset:
    return LONG


def _revision(studio: Studio) -> int:
    return max((studio.workspaces.get(one).revision for one in studio.workspaces), default=0)


@pytest.mark.browser
@pytest.mark.slow
def test_one_edits_while_the_likeness_improves(browser, page_url, page_studio, group_photograph):
    visit = Visit(browser, page_url)
    page = visit.page
    visit.choose(group_photograph)
    page.click("#learn:not([disabled])")
    page.wait_for_selector("#still", state="visible")
    visit.until_drawn()
    assert page_studio.line.job_of(next(iter(page_studio.workspaces))) is not None
    visit.tab("Face")
    slider = page.locator(".slider input[type=range]").first
    slider.focus()
    edited = visit.drawn_after(lambda: page.keyboard.press("PageUp"))
    amounts = visit.amounts()
    assert amounts
    until = time.monotonic() + 120
    while _revision(page_studio) < 2 and time.monotonic() < until:
        page.wait_for_timeout(200)
    visit.until_drawn(edited)  # with the second draft
    assert visit.amounts() == amounts
    page.reload()
    page.wait_for_selector("#still", state="visible")
    visit.until_drawn()
    assert visit.amounts() == amounts
    page.click("#still-stop")
    page.wait_for_selector("#still", state="hidden")
    page.wait_for_selector("text=Learning is finished")
    visit.until_drawn()
    assert visit.amounts() == amounts
    visit.check()
    visit.context.close()
