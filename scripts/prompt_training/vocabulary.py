"""Clauses of the vocabulary (phrases.toml, examples.toml) with what each asks for."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mappers.prompts.lexicon import HAIR_COLOR, Ask, label, parse_asks, split_phrases
from mappers.prompts.reader import FRONT, NOTHING
from pti_core.editing.controls import read_controls

HERE = Path(__file__).parent
DIRECTIONS = tuple(control.name for control in read_controls())
#: Classes of the reader.
NAMES = (*(name + sense for name in DIRECTIONS for sense in "+-"), f"{HAIR_COLOR}+", FRONT, NOTHING)


@dataclass(frozen=True)
class Clause:
    """A clause, what it asks for, and of which kind it is: "phrase", "described", "thing"..."""

    text: str
    wanted: frozenset[str]
    kind: str


def vocabulary() -> list[Clause]:
    """All clauses of the tables; what is frequent in prompts stands there several times."""
    tables = tomllib.loads((HERE / "phrases.toml").read_text("utf-8"))
    found = [
        Clause(phrase, _classes(row["asks"]), "phrase")
        for row in tables["phrases"]
        for phrase in split_phrases(row["words"])
    ]
    found += [
        Clause(p, frozenset([FRONT]), "front") for p in split_phrases(tables["front"]["words"])
    ]
    for noun in tables["nouns"].values():
        found += _of_noun(noun, tables["classes"])
    found += [
        Clause(f"{before} {word}", _classes(asks), "kind")
        for asks, words in tables["kinds"].items()
        for word in words.split()
        for before in ("a", "like a", "into a", "as a")
    ]
    found += [
        Clause(word, frozenset([NOTHING]), "never") for word in tables["never"]["words"].split()
    ]
    found += _examples()
    for name in DIRECTIONS:
        for sense in (1, -1):
            wanted = frozenset([Ask(name, sense).class_name])
            found.append(Clause(label(name, sense), wanted, "label"))
    return [one for one in found if one.wanted <= set(NAMES)]


def _classes(asks: str) -> frozenset[str]:
    return frozenset(ask.class_name for ask in parse_asks(asks))


def _of_noun(noun: Mapping[str, Any], classes: Mapping[str, str]) -> list[Clause]:
    found = []
    for word in noun["words"].split():
        if noun.get("alone"):
            found.append(Clause(word, _classes(noun["alone"]), "thing"))
        for asks, others in noun.get("with", {}).items():
            for other in others.split():
                group = classes[other[1:]].split() if other[0] == "@" else [other]
                found += [Clause(f"{one} {word}", _classes(asks), "described") for one in group]
    return found


def _examples() -> list[Clause]:
    tables = tomllib.loads((HERE / "examples.toml").read_text("utf-8"))
    found = [
        Clause(text, frozenset([name]), "example")
        for name, texts in tables["asks"].items()
        for text in split_phrases(texts)
    ]
    return found + [
        Clause(text, frozenset([NOTHING]), "nothing")
        for texts in tables["nothing"].values()
        for text in split_phrases(texts)
    ]
