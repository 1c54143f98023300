"""Prompts: a list of what people type, and what each should do."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappers.prompts import Known, understand
from mappers.vocabulary import POSITIVE
from pti_core.controls import Control

#: Every direction that the vocabulary speaks of, as if all were installed.
KNOWN = Known({name: Control(name, name, "face", "", -30.0, 30.0) for name in POSITIVE})
ROWS = [
    tuple(part.strip() for part in line.split("=>"))
    for line in (Path(__file__).parent / "prompts.txt").read_text().splitlines()
    if "=>" in line and not line.startswith("#")
]


def as_expected(prompt: str, expected: str) -> bool:
    found = understand(prompt, KNOWN)
    wanted, rest = expected.rstrip("?").split(), expected.endswith("?")
    if wanted == ["nothing"]:
        return not found.parts
    got = {
        f"mapper:{part.name}" if part.way == "mapper" else part.name: part for part in found.parts
    }
    names = {edit.rstrip("+-").split("=")[0]: edit for edit in wanted}
    if got.keys() != names.keys() or bool(found.rest) != rest:
        return False
    return all(
        edit.startswith("mapper:")
        or (
            abs(got[name].amount - float(edit.split("=")[1])) < 1e-6
            if "=" in edit
            else (got[name].amount > 0) == edit.endswith("+")
        )
        for name, edit in names.items()
    )


@pytest.mark.parametrize("half", [0, 1], ids=["seen", "unseen"])
def test_most_prompts_are_understood_as_listed(half):
    assert len(ROWS) >= 150
    rows = ROWS[half::2]
    wrong = [row for row in rows if not as_expected(*row)]
    assert len(wrong) <= 0.1 * len(rows), wrong


def test_nothing_impossible_is_applied():
    applied = [
        p for p, expected in ROWS if expected.startswith("nothing") and understand(p, KNOWN).parts
    ]
    assert not applied
