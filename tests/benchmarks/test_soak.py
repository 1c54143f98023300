"""What the soak calls wrong."""

from __future__ import annotations

import pytest

from benchmarks.soak import ENOUGH, Seen, verdict


def seen(seconds: float = 1.0, memory: tuple[int, ...] = (2, 2, 2)) -> Seen:
    found = Seen(seconds={"/edit": [seconds] * ENOUGH})
    found.memory = [gigabytes << 30 for gigabytes in memory]
    return found


def test_a_calm_server_has_nothing_wrong():
    assert verdict(seen(), seen(), seen(1.9), [])["wrong"] == []


def test_a_median_of_a_few_calls_is_not_judged():
    few = seen(1.0)
    few.seconds["/edit"].pop()
    assert verdict(seen(), few, seen(9.0), [])["wrong"] == []
    assert verdict(seen(), seen(), few, [])["wrong"] == []


@pytest.mark.parametrize(
    ("hostile", "left", "said"),
    [
        (seen(2.1), [], "/edit: 2.10 s, and 1.00 s when quiet"),
        (seen(memory=(2, 2, 3)), [], "memory grew"),
        (seen(), ["a file"], "a file was left behind"),
        (Seen(memory=[1 << 30] * 3), [], "nobody could use /edit"),
        (Seen(seconds={"/edit": [1.0]}, errors=["person 3: refused"]), [], "person 3"),
    ],
)
def test_what_is_not_as_promised_is_named(hostile, left, said):
    (wrong,) = verdict(seen(), seen(), hostile, left)["wrong"]
    assert said in wrong
