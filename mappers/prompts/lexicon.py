"""What is known of single words: labels, degrees, colours, pictographs (labels_degrees_emoji.toml).

What sentences ask for is learnt (`reader`); these tables say how much, in which colour, and how an
edit is called.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
HAIR_COLOR = "hair_color"
#: Share of the range where neither the prompt nor [shares] names one.
USUAL_SHARE = 0.6


@dataclass(frozen=True)
class Ask:
    """A direction, in a sense (+1 or -1), and a share of the range on that side.

    color: (hex, name) where the direction is `HAIR_COLOR`.
    """

    name: str
    sense: int
    share: float = USUAL_SHARE
    color: tuple[str, str] = ("", "")

    @property
    def class_name(self) -> str:
        """As the reader names it: "beard-"."""
        return self.name + ("+" if self.sense > 0 else "-")


@dataclass(frozen=True)
class MapperRow:
    """What a published mapper is asked for by, and the attributes that stand in for it."""

    asks: tuple[Ask, ...]
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class Lexicon:
    """The tables of labels_degrees_emoji.toml.

    shares: of the range, by ask ("beard-"). degrees: share and what says it, the longest first.
    natural: colours that directions of their own do. smileys: what each says, the longest first.
    feelings: what pictographs of faces say.
    leading: words behind which a pictograph is a word. written: what is written short or in signs
    (`any_written`), and what it means. mappers: by name.
    """

    shares: Mapping[str, float]
    degrees: tuple[tuple[float, re.Pattern[str]], ...]
    decades: Mapping[str, float]
    natural: frozenset[str]
    shades: Mapping[str, frozenset[str]]
    colours: Mapping[str, str]
    pictographs: Mapping[str, str]
    smileys: Mapping[str, str]
    feelings: frozenset[str]
    leading: frozenset[str]
    written: Mapping[str, str]
    mappers: Mapping[str, MapperRow]
    any_written: re.Pattern[str]

    def ask(self, name: str) -> Ask:
        """Of a class's name: "beard-"."""
        sense = -1 if name.endswith("-") else 1
        return Ask(name.rstrip("+-"), sense, self.shares.get(name, USUAL_SHARE))


def opposite(class_name: str) -> str:
    """The other sense of a direction's class: "beard-" of "beard+"."""
    return class_name[:-1] + ("-" if class_name[-1] == "+" else "+")


def parse_asks(text: str, color: str = "") -> tuple[Ask, ...]:
    """ "beard+ moustache-.4" as asks."""
    found = []
    for word in text.split():
        place = max(word.rfind("+"), word.rfind("-"))
        share = float(word[place + 1 :] or USUAL_SHARE)
        hexed, _, name = color.partition(" ")
        found.append(Ask(word[:place], 1 if word[place] == "+" else -1, share, (hexed, name)))
    return tuple(found)


def split_phrases(text: str) -> Iterator[str]:
    """What stands between semicolons."""
    return (part.strip() for part in text.replace("\n", " ").split(";") if part.strip())


def any_of(text: str) -> re.Pattern[str]:
    """A pattern of phrases as whole words."""
    either = "|".join(re.escape(one) for one in sorted(split_phrases(text), key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)")


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads((HERE / "labels_degrees_emoji.toml").read_text("utf-8"))


def label(name: str, amount: float, otherwise: str = "") -> str:
    """What an amount of a direction does, in words that are understood when typed."""
    positive, negative = labels().get(name, (otherwise or name,) * 2)
    return positive if amount >= 0 else negative


def labels() -> Mapping[str, tuple[str, str]]:
    """What positive and negative amounts of each direction are called."""
    rows: Mapping[str, tuple[str, str]] = _tables()["labels"]
    return rows


@cache
def load_lexicon() -> Lexicon:
    """The lexicon of labels_degrees_emoji.toml."""
    tables = _tables()
    smileys = [
        (sign, meaning) for meaning, signs in tables["smileys"].items() for sign in signs.split()
    ]
    return Lexicon(
        shares=tables["shares"],
        degrees=tuple((float(share), any_of(words)) for share, words in tables["degrees"].items()),
        decades=tables["decades"],
        natural=frozenset(tables["natural"]["words"].split()),
        shades={name: frozenset(words.split()) for name, words in tables["shades"].items()},
        colours=tables["colours"],
        pictographs=tables["pictographs"],
        feelings=frozenset(tables["in_text"]["feelings"].split()),
        leading=frozenset(tables["in_text"]["leading"].split()),
        written={
            phrase: meant
            for meant, words in tables["written"].items()
            for phrase in split_phrases(words)
        },
        any_written=any_of(";".join(tables["written"].values())),
        smileys=dict(sorted(smileys, key=lambda pair: -len(pair[0]))),
        mappers={
            row["name"]: MapperRow(
                parse_asks(row["asks"], row.get("color", "")), any_of(row["words"])
            )
            for row in tables["mappers"]
        },
    )
