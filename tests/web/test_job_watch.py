"""How long a personalisation goes on that its page no longer asks about."""

from __future__ import annotations

import gc
import time
import weakref

import pytest

from pti_core.progress import OnStep, Step
from service.job_queue import JobQueue, Stage
from web.job_watch import RELOAD_SECONDS, Polls
from web.page import script
from web.tabs.learn import LearnPart


@pytest.mark.slow
def test_a_job_that_no_page_asks_about_ends():
    def work(on_step: OnStep) -> None:
        while on_step(Step("tune", 1, 1000)) is not False:
            time.sleep(0.01)

    polls, job = Polls(patience=1.0), JobQueue().submit(work, [Stage("tune", 1000, 0.01)], "one")
    for _ in range(15):  # longer than its patience
        polls.asked(job)
        time.sleep(0.2)
        assert not job.progress().over
    assert job.wait(10)


def test_a_page_may_be_out_of_reach_for_ten_minutes():
    polls = LearnPart(None, None)._polls
    assert polls._patience == RELOAD_SECONDS >= 600
    assert "++misses > 600" in script()  # it asks once a second


def test_a_job_that_is_over_holds_nothing_of_the_face():
    """It may be kept, by a page that asks no more; an idle queue keeps none."""

    class Face: ...

    face, queue = Face(), JobQueue()
    kept = weakref.ref(face)

    def work(on_step: OnStep, face: Face = face) -> None:
        assert on_step(Step("tune", 1, 1)) is not False

    job = queue.submit(work, [Stage("tune", 1, 1.0)], owner="workspace")
    assert job.wait(10)
    del face, work
    deadline = time.monotonic() + 5
    while kept() is not None and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.01)
    assert kept() is None and job.progress().over
