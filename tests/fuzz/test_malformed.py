"""A few malformed files of each format; `python -m tests.fuzz.malformed` opens many."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.fuzz.malformed import (
    FORMATS,
    REPOSITORY,
    check,
    malformed,
    opened,
    whole_files,
)


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_malformed_files_are_opened_or_refused_with_a_sentence(format):
    ways = check(format, seed=1, count=12)
    assert sum(ways.values()) == 12


@pytest.mark.parametrize("format", FORMATS)
def test_the_files_are_sound_before_they_are_broken(format, tmp_path):
    """Else all would be refused at the door. Old pickles of NumPy's ask for more than data."""
    assert opened(format, whole_files(format)[-1], tmp_path) == "opened"


def test_a_seed_gives_the_same_files():
    first, again = (list(malformed("JPEG", 3, 5)) for _ in range(2))
    assert first == again and len(set(first)) > 3


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_fifty_of_each_within_a_gigabyte(format):
    command = [sys.executable, "-m", "tests.fuzz.malformed", "--formats", format]
    seed = os.environ.get("PTI_FUZZ_SEED", "0")
    done = subprocess.run(
        [*command, "--seed", seed], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
