"""Prompts that imagined authors wrote, with what each should do (tests/mappers/prompts).

A list is a text file of one author: PROMPT => EXPECTATION. An expectation is edits separated by
spaces: NAME+ or NAME- (direction and sense), NAME=AMOUNT (within a step; pose=0: a head turned to
the camera), mapper:NAME (the mapper, or what stands in for it); edits in brackets may be done or
not. `nothing`: nothing may be applied. A `?` at the end: the rest of the prompt must be named as
not understood; `(?)`: it may be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mappers.prompts.lexicon import load_lexicon
from mappers.prompts.reader import FRONT, NOTHING
from mappers.prompts.text import plain, read_text
from scripts.prompt_training.vocabulary import DIRECTIONS, NAMES

LISTS = Path(__file__).parents[2] / "tests" / "mappers" / "prompts"


@dataclass(frozen=True)
class Sample:
    """Clauses, and what they ask for: each of them, or all together.

    by_clause: where it is known. must, may: of all together; what may is neither right nor wrong.
    """

    clauses: tuple[str, ...]
    by_clause: tuple[frozenset[str], ...] | None = None
    must: frozenset[str] = field(default_factory=frozenset)
    may: frozenset[str] = field(default_factory=frozenset)


def rows_of(path: Path) -> list[tuple[str, str]]:
    """Prompts of a list with what each should do."""
    lines = path.read_text("utf-8").splitlines()
    pairs = [line.split("=>") for line in lines if "=>" in line and not line.startswith("# ")]
    return [(prompt.strip(), expected.strip()) for prompt, expected in pairs]


def edits_of(expected: str) -> list[tuple[str, bool]]:
    """The edits of an expectation, and whether each may be left out."""
    found, open_ = [], False
    for word in expected.replace("(?)", "").rstrip(" ?").split():
        open_ = open_ or word.startswith("(")
        found.append((word.strip("()"), open_))
        open_ = open_ and not word.endswith(")")
    return found


def samples_of(path: Path) -> list[Sample]:
    """The prompts of a list for training, but for those that need a mapper."""
    found = []
    for prompt, expected in rows_of(path):
        asked = edits_of(expected)
        if any(edit.startswith("mapper:") for edit, _ in asked):
            continue
        clauses = tuple(plain(clause) for clause in read_text(prompt, load_lexicon()).clauses)
        must = {one for edit, free in asked if not free for one in _classes(edit)}
        may = {one for edit, free in asked if free for one in _classes(edit)}
        if expected.endswith("(?)") or expected == NOTHING:
            may.add(NOTHING)
        elif expected.endswith("?"):
            must.add(NOTHING)
        assert must | may <= set(NAMES), (path.name, prompt, expected)
        if clauses:
            found.append(Sample(clauses, None, frozenset(must), frozenset(may)))
    return found


def _classes(edit: str) -> list[str]:
    """The classes of an edit; both senses where it names none."""
    name, _, amount = edit.partition("=")
    if amount:
        turned = name in ("pose", "pitch") and float(amount) == 0
        return [FRONT] if turned else [name + ("+" if float(amount) > 0 else "-")]
    if name == NOTHING:
        return []
    return [f"{name}+", f"{name}-"] if name in DIRECTIONS else [name]
