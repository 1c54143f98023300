"""What a process is given before it imports anything heavy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.process_setup import let_threads_sleep, reach_this_machine_directly

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "module",
    ["cli.main", "cli.text", "cli.checkpoints", "cli.train_mapper", "cli.global_directions"],
)
def test_threads_of_every_command_line_sleep_while_they_wait(module):
    """OpenMP reads its settings when torch is imported, so they are there before it is."""
    program = (
        f"import os, sys\nfrom {module} import main\n"
        "from cli import exit_status as command\n"
        "def work():\n"
        "    assert 'torch' not in sys.modules\n"
        "    assert os.environ['OMP_WAIT_POLICY'] == 'PASSIVE', os.environ\n"
        "    assert os.environ['GOMP_SPINCOUNT'] == '30000'\n"
        "    return 0\n"
        "assert main.__globals__['exit_status'] is command.exit_status\n"
        "sys.exit(command.exit_status(work))\n"
    )
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("OMP_", "GOMP_"))}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, env=kept, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_what_the_user_set_stays():
    environment = {"OMP_WAIT_POLICY": "ACTIVE", "NO_PROXY": "example.com, localhost"}
    let_threads_sleep(environment)
    reach_this_machine_directly(environment)
    assert environment["OMP_WAIT_POLICY"] == "ACTIVE"
    assert environment["NO_PROXY"] == "example.com,localhost,127.0.0.1,::1"
    assert environment["no_proxy"] == "localhost,127.0.0.1,::1"
