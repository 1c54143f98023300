"""Amounts: what the numbers, units and degrees of a clause say of the wishes in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mappers.prompts.clauses import Item
from mappers.prompts.lexicon import Ask, Lexicon, Noun
from mappers.prompts.words import Word

NOT_TAKEN = "cannot be taken away"
#: What "less" asks for, as a share of the range; that of a photographer's stop or a shade of hair;
#: "a few", in years.
LESS_SHARE, NOTCH_SHARE, FEW = 0.4, 0.25, 5.0
TURNS = ("pose", "pitch", "light_side")  # can be turned, but not taken away
AGES = range(12, 101)
SIDES = {"left": ("pose", -1), "right": ("pose", 1), "up": ("pitch", 1), "down": ("pitch", -1)}
UNITS = ("years", "decades", "degrees", "notches")
#: How a clause begins that says how things are, not how they should be.
STATED = re.compile(
    r"^(?:why )?(?:(?:is|are|was) )?"
    r"(?:he|she|they|it|i|(?:his|her|my|their|the) \w+) (?!(?:has|have) to)"
    r"(?:is|are|am|was|were|ve|looks?|seems?|has|have|had|got|hates?|likes?|said|says|so|\w+ed)\b"
    r"(?!.*\b(?:should|must|needs?|ought|wants?)\b)"
)


@dataclass
class Wish:
    """What a clause asks for, before it is known what is available.

    amount: in the direction's unit, with its sign. reach: an age to have. front: the head is to
    face the camera. fixed: a negation does not turn it round. stated: it says how things are.
    """

    asks: tuple[Ask, ...]
    said: str
    mapper: str = ""
    share: float | None = None
    amount: float | None = None
    reach: float | None = None
    front: bool = False
    confidence: float = 1.0
    fixed: bool = False
    stated: bool = False

    def names(self) -> set[str]:
        return {ask.name for ask in self.asks}


class Amounts:
    """The words of a clause, what they ask for, and how much of it."""

    def __init__(self, words: Sequence[Word], lexicon: Lexicon) -> None:
        self.words, self.lexicon = words, lexicon
        self.raws = [word.raw for word in words]
        self.named: list[Item] = []  # the things that it names
        self.noun: Noun | None = None
        self.wishes: list[Wish] = []
        self.unknown: list[str] = []
        self.core: list[str] = []
        self.numbers: list[tuple[Word, str]] = []
        self.next = 0  # word from which on nothing is read yet
        self.share: float | None = None
        self.less = self.more = self.negated = False
        self.away = self.trouble = ""
        self.aged = self.any_of("units.years") or self.any_of("units.decades")

    def any_of(self, group: str) -> bool:
        return any(word.among(self.lexicon.words[group]) for word in self.words)

    def _reach(self, age: float, word: Word) -> None:
        self.wishes = [wish for wish in self.wishes if "age" not in wish.names()]
        self.wishes.append(Wish((Ask("age", 1, 1.0),), word.raw, reach=age, fixed=True))

    def _number(self, item: Item) -> None:
        """A number and its unit, the words "years old" behind it included."""
        at, words, has = self.next, self.words, self.lexicon.words
        unit = ""
        if at < len(words):
            unit = next((u for u in UNITS if words[at].among(has[f"units.{u}"])), "")
            unit = "%" if self.raws[at] == "%" else unit
        self.next = at = at + bool(unit)
        turned = any(word.among(has[f"turning.{s}"]) for word in words[at:] for s in SIDES)
        plain = not unit and not item.word.signed and not turned and item.word.number in AGES
        beside = [*words[max(item.at - 3, 0) : item.at], *words[at : at + 1]]
        named = any(word.among(has["years.reach"]) for word in beside)
        named = named or (at == len(words) and self.any_of("fillers.people"))
        if unit == "years" and self.raws[at : at + 1] == ["old"]:
            unit, self.next = "reach", at + 1
        elif plain and named:
            unit = "reach"
        if unit or item.word.raw not in ("one", "few"):
            self.numbers.append((item.word, unit))

    def _count(self) -> None:
        """Give numbers to what they measure."""
        if self.aged and not self.numbers:  # "a decade older", "a few years"
            unit = "decades" if self.any_of("units.decades") else "years"
            few = {"few", "couple", "some", "several", "a"} & {*self.raws} or unit == "decades"
            self.numbers += (
                [(Word("1", (), 1.0 if unit == "decades" else FEW), unit)] if few else []
            )
        for word, unit in self.numbers:
            value = float(word.number or 0) * (-1 if word.raw.startswith("-") else 1)
            first = self.wishes[0].asks[0].name if self.wishes and self.wishes[0].asks else ""
            if unit == "reach":
                self._reach(value, word)
            elif unit in ("years", "decades"):
                self._measure("age", value * (10 if unit == "decades" else 1), word)
            elif unit == "degrees":
                self._measure(first if first in ("pose", "pitch") else "", value, word)
            elif unit in ("%", "notches") and (self.wishes or unit == "%"):
                self.share = min(abs(value) * (0.01 if unit == "%" else NOTCH_SHARE), 1.0)
                self.less = self.less or word.raw.startswith("-")
            elif not unit and "age" in self.raws and (word.signed or self.less or self.more):
                self._measure("age", value, word)
            elif word.signed and len(self.wishes) == 1:
                self._measure(first, value, word)
            elif value == 0 and self.wishes:
                self.away = "off"
            else:
                self.unknown.append(word.raw)

    def _measure(self, name: str, value: float, word: Word) -> None:
        """An amount in the direction's own unit."""
        wish = next((wish for wish in self.wishes if name in wish.names()), None)
        off, on = (self.any_of(f"years.{side}") for side in ("off", "on"))
        if wish is not None:
            sense = next(ask.sense for ask in wish.asks if ask.name == name)
            wish.amount = value if word.raw.startswith("-") else value * sense
        elif name and (side := 1 if word.signed else -1 if off or self.less else 1 if on else 0):
            ask = Ask(name, 1 if value * side >= 0 else -1)
            self.wishes.append(Wish((ask,), word.raw, amount=value * side, fixed=True))
        else:
            self.unknown.append(word.raw)

    def adopt(self, other: Amounts) -> bool:
        """Take the amount of a clause that is nothing else: "approx. 10 years", "50 %"."""
        if not other.trouble or other.core or other.noun or other.wishes:
            return False
        if not other.numbers:
            for wish in self.wishes if other.share is not None and not other.negated else ():
                wish.share = wish.share or other.share  # "older, but not too much"
            return other.share is not None
        unit = other.numbers[0][1]
        if unit != "%" and not (unit == "years" and any("age" in w.names() for w in self.wishes)):
            return False
        self.numbers = other.numbers
        self._count()
        self.wishes = [replace(w, share=w.share or self.share) for w in self.wishes]
        return True

    def settle(self, wishes: Sequence[Wish]) -> None:
        """Give wishes the clause's degree, and turn them round where it takes something away."""
        stated = bool(STATED.search(" ".join(self.raws)))
        for wish in wishes:
            wish.share, wish.stated = self.share, stated
            if not self.negated or wish.fixed:
                continue
            single = len(wish.asks) == 1 or all(ask.share == 1 for ask in wish.asks)
            if not single or not wish.asks or wish.asks[0].name in TURNS:
                self.trouble = NOT_TAKEN
                return
            share = LESS_SHARE if self.less else max(wish.asks[0].share, 0.6)
            wish.mapper, wish.asks = "", tuple(Ask(a.name, -a.sense, share) for a in wish.asks)
            wish.amount = None if wish.amount is None else -wish.amount
