"""Edits go before the pictures of animations, which still go on."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import pytest

from service import render_turns
from service.render_turns import RenderTurns
from web import event_queue_guard


def run(work, count: int = 1) -> list[threading.Thread]:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


@contextmanager
def editing(turns: RenderTurns, count: int, seconds: float = 0.02, between: float = 0.0):
    """Edits without end by so many threads, each edit so long and so long after the one before."""
    over = threading.Event()

    def edits() -> None:
        while not over.is_set():
            with turns.edit():
                time.sleep(seconds)
            time.sleep(between)

    threads = run(edits, count)
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(30)


def test_edits_that_wait_go_before_a_frame():
    turns, order = RenderTurns(), []

    def edit() -> None:
        with turns.edit():
            time.sleep(0.05)
            order.append("edit")

    def frame() -> None:
        with turns.frame():
            order.append("frame")

    with turns.edit():
        threads = [*run(edit, 2)]
        while turns._waiting < 2:
            time.sleep(0.01)
        threads += run(frame)
        time.sleep(0.2)
    threads += run(edit)
    for thread in threads:
        thread.join(30)
    assert order == ["edit", "edit", "edit", "frame"]


def test_a_frame_has_its_turn_among_edits_without_end(monkeypatch):
    monkeypatch.setattr(render_turns, "PATIENCE", 0.3)
    turns = RenderTurns()
    with editing(turns, 3):
        for _ in range(3):
            begun = time.monotonic()
            with turns.frame():
                pass
            assert time.monotonic() - begun < 10


@pytest.mark.slow
def test_the_first_picture_of_many_waits_until_a_job_without_listeners_is_dropped(monkeypatch):
    dropped = event_queue_guard.DEAF_SECONDS + event_queue_guard.SECONDS_BETWEEN_SWEEPS
    assert render_turns.FIRST_PATIENCE > dropped > render_turns.PATIENCE
    monkeypatch.setattr(render_turns, "PATIENCE", 0.2)
    monkeypatch.setattr(render_turns, "FIRST_PATIENCE", 1.5)
    turns, waited = RenderTurns(), []
    with editing(turns, 3):
        for first in (True, False):
            begun = time.monotonic()
            with turns.frame(first):
                waited.append(time.monotonic() - begun)
    assert waited[0] > 1.4 > waited[1]


@pytest.mark.slow
def test_a_frame_does_not_slip_in_between_edits_that_come_one_by_one(monkeypatch):
    """As through the page's queue, where the next edit comes once the one before has ended."""
    monkeypatch.setattr(render_turns, "FIRST_PATIENCE", 1.5)
    turns, waited = RenderTurns(), []
    with editing(turns, 1, 0.1, between=0.05):
        time.sleep(0.05)
        begun = time.monotonic()
        with turns.frame(True):
            waited.append(time.monotonic() - begun)
    assert waited[0] > 1.4
    begun = time.monotonic()
    with turns.frame(True):  # nobody edits any more
        assert time.monotonic() - begun < 1.2


def test_a_frame_that_nobody_wants_any_more_waits_no_longer_and_has_no_turn():
    turns, over, granted = RenderTurns(), threading.Event(), []

    def edit() -> None:
        with turns.edit():
            pass

    def frame() -> None:
        with turns.frame(True, lambda: not over.is_set()) as one:
            granted.append(one)

    with turns.edit():
        edits = run(edit)  # waits behind this one
        while not turns._waiting:
            time.sleep(0.01)
        (thread,) = run(frame)
        time.sleep(0.1)
        over.set()
        thread.join(5)
        assert granted == [False] and not thread.is_alive()
    edits[0].join(30)


def test_a_turn_is_given_away_and_taken_again():
    turns, came = RenderTurns(), threading.Event()

    def edit() -> None:
        with turns.edit():
            came.set()

    with turns.edit():
        (thread,) = run(edit)
        for _ in range(1000):
            turns.let_others()
            if came.is_set():
                break
        assert came.is_set()
    thread.join(30)


def test_quiet_is_waited_for_unless_somebody_asks():
    turns, wanted = RenderTurns(), threading.Event()
    begun = time.monotonic()
    (thread,) = run(lambda: turns.wait_until_quiet(0.5, wanted))
    time.sleep(0.3)
    with turns.edit():
        pass
    thread.join(30)
    assert time.monotonic() - begun > 0.75
    (thread,) = run(lambda: turns.wait_until_quiet(60, wanted))
    time.sleep(0.1)
    assert thread.is_alive()
    wanted.set()
    thread.join(5)
    assert not thread.is_alive()
