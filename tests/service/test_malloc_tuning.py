"""Freed memory stays with the process, for the next tensor of the same size."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# Prints how many pages the system had to hand out while tensors of over 64 MB come and go.
_PROGRAM = """
import resource, sys, threading
from service.malloc_tuning import tune_malloc
if sys.argv[1] == "kept":
    assert tune_malloc()
import torch

def work():
    for turn in range(16):
        tensors = [torch.empty(2**24 + 2**10).fill_(0) for _ in range(2)]
        if turn == 8:  # it takes some turns to have enough
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        tensors = []
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

if sys.argv[2] == "thread":
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
else:
    work()
"""


def faults(kept: str, where: str) -> int:
    command = [sys.executable, "-c", _PROGRAM, kept, where]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")
@pytest.mark.parametrize("where", ["main", "thread"])
def test_pages_are_not_asked_for_again(where):
    assert faults("kept", where) < 0.1 * faults("as usual", where)
