"""How long a personalisation goes on that its page no longer asks about."""

from __future__ import annotations

import time

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
