"""Learning a face as its page shows it: the time left, the queue, and Stop."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import replace

import pytest

from pti_core.inversion.presets import Preset
from pti_core.progress import Step
from service.job_queue import JobQueue, Stage
from tests.helpers.small import SHORT
from tests.helpers.visit import Visit
from web.page_text import status

#: Some ten seconds of steps; a stop comes long before its end.
LONG = replace(
    SHORT,
    name="fast",
    projection=replace(SHORT.projection, steps=300),
    tuning=replace(SHORT.tuning, steps=3000, drafts_at=()),
)


@pytest.fixture(scope="module")
def page_preset() -> Preset:
    return LONG


@pytest.mark.slow
@pytest.mark.parametrize("guess", [0.002, 0.1])
def test_the_time_left_is_right_once_a_tenth_is_done(guess):
    """The first guess is wrong by a factor of ten or of five."""
    steps, seconds, told = 100, 0.02, []

    def work(on_step):
        for index in range(steps):
            time.sleep(seconds)
            on_step(Step("tune", index + 1, steps, {}))

    line = JobQueue()
    job = line.submit(work, [Stage("tune", steps, guess)], owner="one")
    while not job.wait(seconds):
        now = job.progress()
        told.append((time.monotonic(), now.done, now.seconds_left or 0.0))
    end = time.monotonic()
    assert job.error is None
    checked = [(at, left) for at, done, left in told if 0.1 < done < 0.8]
    assert len(checked) > 20
    wrong = [abs(left - (end - at)) / (end - at) for at, left in checked]
    assert sorted(wrong)[len(wrong) * 9 // 10] < 0.3


@pytest.fixture
def somebody(page_studio):
    """Somebody else's job, which runs until it is told to end."""
    end = threading.Event()
    job = page_studio.line.submit(
        lambda on_step: end.wait(300), [Stage("tune", 1, 60.0)], owner="somebody"
    )
    yield end
    end.set()
    assert job.wait(30)


def test_the_status_counts_the_others_only(page_studio, somebody):
    assert "1 person before you" in status(page_studio)["status"]
    assert "before you" not in status(page_studio, "somebody")["status"]


def seconds_said(text: str) -> list[int]:
    """What the page says is left, in seconds; none where it says no time."""
    if text.startswith("Almost done"):  # on a fast machine it soon is
        return [0]
    found = re.match(r"About (an?|\d+) (s|min|h)", text)
    if found is None:
        return []
    number = int(found[1]) if found[1].isdigit() else 1
    return [number * {"s": 1, "min": 60, "h": 3600}[found[2]]]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Almost done", [0]),
        ("About 25 s until you can edit", [25]),
        ("About a minute until you can edit", [60]),
        ("About 3 min until you can edit. Few details", [180]),
        ("Taking longer than usual", []),
        ("", []),
    ],
)
def test_what_the_page_says_is_left_is_read(text, seconds):
    assert seconds_said(text) == seconds


@pytest.mark.browser
@pytest.mark.slow
def test_the_queue_counts_the_others_and_stop_keeps_what_is_learned(
    browser, page_url, group_photograph, somebody
):
    visit = Visit(browser, page_url)
    page = visit.page
    visit.choose(group_photograph)
    page.click("#learn:not([disabled])")
    page.wait_for_function(
        "document.querySelector('#work-said').textContent === 'In the queue: 1 person before you'"
    )
    assert page.inner_text("#stop") == "Leave the queue"
    somebody.set()
    page.wait_for_function("document.querySelectorAll('#work-stages .now').length === 2")
    lefts = []
    for _ in range(10):
        page.wait_for_timeout(300)
        lefts += seconds_said(page.inner_text("#work-left"))
    assert lefts and lefts == sorted(lefts, reverse=True)  # it does not grow
    assert page.inner_text("#stop") == "Stop and keep what is learned"
    page.click("#stop")
    page.wait_for_function(
        "!document.querySelector('#controls').hidden ||"
        " document.querySelector('#work-said').textContent.startsWith('Stopping; what is learned')"
    )
    page.wait_for_selector("#controls", state="visible")
    visit.until_drawn()
    visit.check()
    visit.context.close()
