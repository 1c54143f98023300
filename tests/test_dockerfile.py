"""The container file names what is there. Its image is built where a builder is at hand."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from cli.checkpoints import main as checkpoints

REPOSITORY = Path(__file__).parents[1]
STEPS = [
    line.split(maxsplit=1)
    for line in (REPOSITORY / "Dockerfile").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


def steps(name: str) -> list[str]:
    return [rest for instruction, rest in STEPS if instruction == name]


def test_it_starts_the_console_that_is_installed():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    (command,) = steps("CMD")
    assert json.loads(command)[0] in project["scripts"]
    (base,) = steps("FROM")
    front = (REPOSITORY / "README.md").read_text("utf-8").split("---")[1]
    assert base == f"python:{yaml.safe_load(front)['python_version']}-slim"


def test_what_it_copies_is_there_and_not_left_out():
    left_out = (REPOSITORY / ".dockerignore").read_text("utf-8").split()
    for sources in steps("COPY"):
        for source in sources.split()[:-1]:
            assert (REPOSITORY / source).exists()
    kept = {"README.md", "LICENSE", "requirements.txt", "requirements-locked.txt", "examples"}
    assert not kept & set(left_out)


def test_its_commands_are_ours(capsys):
    (fetch,) = (line for line in steps("RUN") if "checkpoints" in line)
    options = re.findall(r"--[a-z-]+", fetch)
    with pytest.raises(SystemExit):
        checkpoints(["fetch", "--help"])
    assert options and all(option in capsys.readouterr().out for option in options)
