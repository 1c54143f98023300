"""How long learning takes, and how long until something can be edited."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pti_core.inversion.presets import FAST, PAPER
from pti_core.progress import Step, work_done, work_of
from service.time_estimates import TimeEstimate, plan_of, seconds_of, seconds_to_draft
from tests.helpers.small import SHORT

#: Of the projection of `fast`: the draft comes a few steps after the last one at low resolution.
STEPS, COARSE, DRAFT = 40, 20, 24


def test_the_first_draft_of_fast_comes_after_the_steps_at_low_resolution():
    plan = plan_of(FAST)
    invert = plan[0].steps * plan[0].seconds
    assert seconds_to_draft(plan) == pytest.approx(invert * work_done(DRAFT, STEPS, COARSE))
    assert seconds_to_draft(plan) < 0.2 * seconds_of(plan)


def test_of_several_people_and_of_the_paper_pivots_come_first():
    for plan in (plan_of(FAST, people=3), plan_of(PAPER)):
        assert seconds_to_draft(plan) == pytest.approx(plan[0].steps * plan[0].seconds)


def test_a_preset_without_drafts_is_edited_at_its_end():
    plan = plan_of(SHORT)
    assert seconds_to_draft(plan) == pytest.approx(seconds_of(plan))


def test_drafts_of_tuning_alone_count_as_well():
    later = replace(PAPER, tuning=replace(PAPER.tuning, drafts_at=(0.5, 0.25)))
    plan = plan_of(later)
    invert, tune = (stage.steps * stage.seconds for stage in plan[:2])
    assert seconds_to_draft(plan) == pytest.approx(invert + 0.25 * tune)


@pytest.fixture
def clock(monkeypatch):
    """A step at full resolution takes two seconds, whatever the machine has to do."""
    now = [0.0]
    monkeypatch.setattr("service.time_estimates.time.monotonic", lambda: now[0])
    return now


def test_the_way_to_the_draft_is_counted_down_and_is_over_there(clock):
    estimate = TimeEstimate(plan_of(FAST))
    first = seconds_to_draft(estimate.plan)
    left, done = estimate.to_draft(before=7)
    assert left == pytest.approx(7 + first) and done == pytest.approx(0)
    seen = []
    for index in (1, 10, COARSE, DRAFT, DRAFT + 1, STEPS):
        clock[0] = 2 * work_of(index, COARSE)
        estimate.record(Step("invert", index, STEPS, done=work_done(index, STEPS, COARSE)))
        seen.append(estimate.to_draft())
    lefts, shares = zip(*seen, strict=True)
    assert list(shares[:4]) == sorted(shares[:4])
    assert lefts[3] == pytest.approx(0, abs=1e-6) and shares[3] == pytest.approx(1)
    # It did not come: the end is what one waits for.
    assert lefts[-1] > 0 and shares[-1] < 1
    estimate.record(Step("tune", 0, 76, draft=object()))
    assert estimate.to_draft() == (0.0, 1.0)


def test_steps_that_cost_alike_are_counted(clock):
    """StyleGAN2's projection has no steps at low resolution."""
    estimate = TimeEstimate(plan_of(FAST))
    for index in (1, 6, DRAFT // 2):
        clock[0] = 2.0 * index
        estimate.record(Step("invert", index, STEPS, done=index / STEPS))
    left, done = estimate.to_draft()
    assert left > 0 and done == pytest.approx(1 / 2, rel=0.01)
