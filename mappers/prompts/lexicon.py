"""The lexicon: what the words of prompts ask for, read from lexicon.toml.

A direction's name is that of `pti_core`'s direction library; `POSITIVE` says what positive amounts
do. `hair_color` is no direction: it colours the hair in any hue.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from spellchecker import SpellChecker

Phrase = tuple[str, ...]
HERE = Path(__file__).parent
HAIR_COLOR = "hair_color"
#: Tables of plain words, and tables of one word to another.
WORD_GROUPS = (
    *("years", "turning", "units", "fillers", "never"),
    *("separators", "shades", "begin", "people", "grammar"),
)
PAIRS = ["decades", "dimensions", "pictographs", "smileys", "spellings", "joined", "colours"]


@dataclass(frozen=True)
class Ask:
    """A direction, in a sense (+1 or -1), and a share of the range on that side.

    color: (hex, name) where the direction is `HAIR_COLOR`.
    """

    name: str
    sense: int
    share: float = 0.6
    color: tuple[str, str] = ("", "")


@dataclass(frozen=True, eq=False)
class Noun:
    """A thing that words describe.

    alone: what it asks where nothing describes it; more: what "more of it" asks where that is
    nothing. described: describing word to what both ask for together.
    """

    name: str
    alone: tuple[Ask, ...]
    more: tuple[Ask, ...]
    described: Mapping[str, tuple[Ask, ...]]


@dataclass(frozen=True)
class Entry:
    """What a phrase stands for: its role in a clause, and what it asks for if it asks."""

    role: str
    asks: tuple[Ask, ...] = ()
    mapper: str = ""
    share: float = 0.0


def parse_asks(text: str) -> tuple[Ask, ...]:
    """ "beard+ moustache-.4" as asks."""
    found = []
    for word in text.split():
        place = max(word.rfind("+"), word.rfind("-"))
        share = float(word[place + 1 :] or 0.6)
        found.append(Ask(word[:place], 1 if word[place] == "+" else -1, share))
    return tuple(found)


@dataclass
class Lexicon:
    """All tables. See lexicon.toml for what they hold."""

    nouns: dict[str, Noun] = field(default_factory=dict)  # by each of their words
    classes: dict[str, set[str]] = field(default_factory=dict)
    phrases: dict[Phrase, dict[str, Entry]] = field(default_factory=dict)  # by role
    kinds: dict[str, tuple[Ask, ...]] = field(default_factory=dict)
    words: dict[str, set[str]] = field(default_factory=dict)  # plain sets of words
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)  # one word to another

    @cached_property
    def described(self) -> frozenset[str]:
        """Words that describe something."""
        every = {word for noun in self.nouns.values() for word in noun.described}
        return frozenset(every.union(*self.classes.values()))

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Every word that means something here."""
        found = {word for phrase in self.phrases for word in phrase} | self.described
        found |= {*self.nouns, *self.kinds, *self.tables["decades"], *self.tables["dimensions"]}
        found |= {word for name in self.tables["colours"] for word in name.split()}
        return frozenset(found.union(*self.words.values()))

    @cached_property
    def fillers(self) -> frozenset[str]:
        groups = [group for name, group in self.words.items() if name.startswith("fillers.")]
        return frozenset().union(*groups)

    @cached_property
    def spellable(self) -> tuple[str, ...]:
        """What a misspelling may be mended to: known words with their usual inflections."""
        words = {w for w in self.vocabulary | self.tables["spellings"].keys() if w.isalpha()}
        endings = ("er", "est", "ed", "ing", "s", "r", "st")
        words |= {
            w + e for w in self.described | self.nouns.keys() for e in endings if is_english(w + e)
        }
        short = {w for w in self.words["fillers.grammar"] if len(w) < 4}
        return tuple(sorted(w for w in words - short if len(w) > 2))

    @cached_property
    def smileys(self) -> list[tuple[str, str]]:
        """Smileys of letters and what they say, the longest first."""
        rows = self.tables["smileys"].items()
        pairs = [(sign, meaning) for meaning, signs in rows for sign in signs.split()]
        return sorted(pairs, key=lambda pair: -len(pair[0]))

    @cached_property
    def by_first_word(self) -> dict[str, list[Phrase]]:
        found: dict[str, list[Phrase]] = {}
        for phrase in sorted(self.phrases, key=len, reverse=True):
            found.setdefault(phrase[0], []).append(phrase)
        return found

    def add(self, tables: Mapping[str, Any]) -> None:
        """Add the tables of a file, or of one of its [added.LIST]."""
        for name, words in tables.get("classes", {}).items():
            self.classes.setdefault(name, set()).update(words.split())
        for name, row in tables.get("nouns", {}).items():
            self._add_noun(name, row)
        for row in tables.get("phrases", ()):
            asks = parse_asks(row["asks"])
            if color := tuple(row.get("color", "").split()):
                asks = tuple(Ask(a.name, a.sense, a.share, color) for a in asks)
            self._add_phrases(row["words"], Entry("ask", asks, row.get("mapper", "")))
        self._add_phrases(tables.get("front", {}).get("words", ""), Entry("front"))
        for role, words in tables.get("negation", {}).items():
            self._add_phrases(words, Entry(role))
        for share, words in tables.get("degrees", {}).items():
            self._add_phrases(words, Entry("degree", share=float(share)))
        for asks, words in tables.get("kinds", {}).items():
            self.kinds |= dict.fromkeys(words.split(), parse_asks(asks))
        for group in WORD_GROUPS:
            for name, words in tables.get(group, {}).items():
                self.words.setdefault(f"{group}.{name}", set()).update(words.split())
        for name in PAIRS:
            self.tables.setdefault(name, {}).update(tables.get(name, {}))

    def _add_noun(self, name: str, row: Mapping[str, Any]) -> None:
        old = next((noun for noun in self.nouns.values() if noun.name == name), None)
        described = dict(old.described) if old else {}
        for asks, words in row.get("with", {}).items():
            for word in words.split():
                group = self.classes[word[1:]] if word[0] == "@" else [word]
                for one in group:
                    described.setdefault(one, parse_asks(asks))
        noun = Noun(
            name,
            parse_asks(row.get("alone", "")) or (old.alone if old else ()),
            parse_asks(row.get("more", "")) or (old.more if old else ()),
            described,
        )
        own = {word for word, other in self.nouns.items() if other.name == name}
        self.nouns |= dict.fromkeys([*own, *row.get("words", "").split()], noun)

    def _add_phrases(self, text: str, entry: Entry) -> None:
        for phrase in split_phrases(text):
            self.phrases.setdefault(tuple(phrase.split()), {}).setdefault(entry.role, entry)

    def has(self, group: str, word: str) -> bool:
        return word in self.words.get(group, ())

    def is_filler(self, forms: Sequence[str]) -> bool:
        """Whether a word, in any of its forms, carries no wish by itself."""
        return any(form in self.fillers for form in forms)


@cache
def _english() -> SpellChecker:
    return SpellChecker(distance=1)


def is_english(word: str) -> bool:
    """Whether a word is in a dictionary of English, and not too rare to be a slip."""
    return float(_english().word_usage_frequency(word)) > 1e-7


def split_phrases(text: str) -> Iterator[str]:
    """What stands between semicolons."""
    return (part.strip() for part in text.replace("\n", " ").split(";") if part.strip())


@cache
def read_tables() -> dict[str, Any]:
    return tomllib.loads((HERE / "lexicon.toml").read_text("utf-8"))


def label(name: str, amount: float, otherwise: str = "") -> str:
    """What an amount of a direction does, in words that are understood when typed."""
    positive, negative = read_tables()["labels"].get(name, (otherwise or name,) * 2)
    return str(positive if amount >= 0 else negative)


@cache
def load_lexicon(without: frozenset[str] = frozenset()) -> Lexicon:
    """The lexicon, less what was added after the lists `without` had been tried."""
    tables = read_tables()
    lexicon = Lexicon()
    lexicon.add(tables)
    for name, added in tables.get("added", {}).items():
        if name not in without:
            lexicon.add(added)
    return lexicon
