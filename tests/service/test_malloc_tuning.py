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


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")
@pytest.mark.parametrize("where", ["main", "thread"])
def test_pages_are_not_asked_for_again(where):
    assert faults("kept", where) < 0.1 * faults("as usual", where)


# Blocks of a tensor's size come and go while small ones stay between them, as in a server.
_PIECES = """
import ctypes
from pathlib import Path
from service.malloc_tuning import trim_heap, tune_malloc

assert tune_malloc()
library = ctypes.CDLL(None)
library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)
library.free.argtypes = (ctypes.c_void_p,)

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

before, side, blocks = resident(), 16 * 2**20, []
for _ in range(20):
    block = library.malloc(side)
    ctypes.memset(block, 1, side)
    blocks.append(block)
    library.malloc(100)  # stays
for block in blocks:
    library.free(block)
kept = resident() - before
assert not trim_heap(2**30)  # less than that is free
still = resident() - before
assert trim_heap(100 * 2**20)
print(kept, still, resident() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")
def test_what_small_objects_left_in_pieces_is_given_back():
    done = subprocess.run(
        [sys.executable, "-c", _PIECES], capture_output=True, text=True, check=True
    )
    kept, still, trimmed = map(int, done.stdout.split())
    assert kept > 300 * 2**20 and still > 300 * 2**20
    assert trimmed < 30 * 2**20
