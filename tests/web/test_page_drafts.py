"""The page while a face is still being learned: one edits, and the likeness improves behind it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

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


def learning(browser: Any, page_url: str, photograph: Path) -> Visit:
    """A visitor whose face is being learned, and can be edited already."""
    visit = Visit(browser, page_url)
    visit.choose(photograph)
    visit.page.click("#learn:not([disabled])")
    visit.page.wait_for_selector("#still", state="visible")
    return visit


@pytest.mark.browser
@pytest.mark.slow
def test_one_edits_while_the_likeness_improves(browser, page_url, page_studio, group_photograph):
    visit = learning(browser, page_url, group_photograph)
    page = visit.page
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


@pytest.mark.browser
@pytest.mark.slow
def test_a_lost_connection_ends_no_learning_and_loses_no_edit(
    browser, page_url, page_studio, group_photograph
):
    visit = learning(browser, page_url, group_photograph)
    page = visit.page
    drawn = visit.until_drawn()
    job = page_studio.line.job_of(
        page.evaluate("JSON.parse(sessionStorage.getItem('pti-tab')).desk")
    )
    assert job is not None
    visit.tab("Face")
    visit.context.set_offline(True)
    page.locator("#in-age").focus()
    page.keyboard.press("PageUp")
    page.wait_for_selector("text=The server cannot be reached now")
    amounts, steps = visit.amounts(), job.progress().index
    page.wait_for_timeout(5000)
    assert not job.progress().over and job.progress().index > steps
    visit.context.set_offline(False)
    visit.until_drawn(drawn)  # by itself, with the edit
    visit.errors.clear()  # Chromium's own, one for each request that could not leave
    assert amounts and visit.amounts() == amounts
    assert not job.progress().over and page.locator("#still").is_visible()
    page.click("#still-stop")
    page.wait_for_selector("text=Learning is finished")  # the page still follows it
    visit.until_drawn()
    assert visit.amounts() == amounts
    visit.check()
    visit.context.close()
