"""Programs that personalise at once take their steps in turn, and none waits for ever."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pti_core.progress import Step
from service.machine_turns import MachineTurn, in_turn

STEP = Step("tune", 1, 9)


def work(name: str, folder: Path, steps: list[tuple[str, float, float]], start: threading.Barrier):
    start.wait()
    with in_turn(lambda step: None, folder) as stepped:
        for _ in range(5):
            began = time.monotonic()
            time.sleep(0.03)
            steps.append((name, began, time.monotonic()))
            stepped(STEP)


def test_two_take_their_steps_in_turn(tmp_path: Path) -> None:
    steps: list[tuple[str, float, float]] = []
    start = threading.Barrier(2)
    threads = [threading.Thread(target=work, args=(name, tmp_path, steps, start)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(steps) == 10
    for (_, _, end), (_, began, _) in itertools.pairwise(steps):
        assert began >= end  # no two at once
    names = [name for name, _, _ in steps]
    assert names in (list("ab" * 5), list("ba" * 5))


def test_what_a_step_says_is_passed_on(tmp_path: Path) -> None:
    told: list[Step] = []

    def on_step(step: Step) -> bool:
        told.append(step)
        return False

    with in_turn(on_step, tmp_path) as stepped:
        assert stepped(STEP) is False
    assert told == [STEP]


def test_an_error_gives_the_turn_back(tmp_path: Path) -> None:
    def on_step(step: Step) -> None:
        raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError), in_turn(on_step, tmp_path) as stepped:
            stepped(STEP)
    other = MachineTurn(tmp_path, patience=1)
    other.take()
    assert not other.alone


def test_a_turn_that_nobody_gives_back_is_waited_for_once(tmp_path: Path) -> None:
    stopped, other = (MachineTurn(tmp_path, patience) for patience in (1, 0.2))
    stopped.take()
    other.take()
    assert other.alone
    began = time.monotonic()
    other.give()
    other.take()
    assert time.monotonic() - began < 0.1


def test_a_program_that_was_killed_gives_its_turn_back(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; "
        "from service.machine_turns import MachineTurn; "
        "turn = MachineTurn(Path(sys.argv[1])); turn.take(); "
        "print('taken', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "taken\n"
        busy = MachineTurn(tmp_path, patience=0.2)
        busy.take()
        assert busy.alone
        process.kill()
    free = MachineTurn(tmp_path, patience=5)
    free.take()
    assert not free.alone
