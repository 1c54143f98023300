"""Understanding a prompt: which attributes or mappers it asks for, how far, and what is left over.

`understand` cuts a prompt into clauses and reads each with the vocabulary. A clause is understood
as a whole or not at all: a word in it that means nothing here leaves all of it unapplied, and the
nearest known things are named. Only where sentence embeddings find the whole clause to say nearly
the same as a known phrase is that phrase taken, with its nearness as the confidence.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from mappers import vocabulary as v
from mappers.styleclip.published import MAPPERS, PublishedMapper, find_name
from mappers.vocabulary import Ask, Noun
from mappers.words import UNITS, Word, mapper_phrases, read
from pti_core.editing.controls import Control

if TYPE_CHECKING:
    from torch import Tensor

    from mappers.sentences import Sentences

#: Nearness (cosine) from which a clause with unknown words is taken for a known phrase. On the
#: prompts of tests/ and 44 more paraphrases these two let through none that is wrong.
NEAR = 0.8
#: How much nearer than the nearest of what is out of reach.
NEAR_MARGIN = 0.2
#: What is asked for by "less", as a share of the range; and each mended word's confidence.
LESS_SHARE, MENDED = 0.4, 0.9
#: Confidence where a direction does nearly, not quite, what was asked (`vocabulary.INSTEAD`).
NEARLY = 0.7
#: Ages asked for outright: from here on old, up to here young; between, it depends on the person.
OLD_FROM, YOUNG_TO = 50, 25

MAPPER, ATTRIBUTES = "mapper", "attributes"
#: Words of years that are taken off, and of years that are put on.
YEARS_OFF = frozenset(
    [
        "off",
        "knock",
        "shave",
        "lose",
        "subtract",
        "minus",
        "remove",
        "back",
        "rewind",
        "take",
        "ago",
        "drop",
    ]
)
YEARS_ON = v.word_set("add put on plus forward later gain give advance from in ahead")
#: Words behind or before which a bare number is an age.
AGES = v.word_set("age look looking like aged at old were is turn appear")
#: What can be turned but not be taken away.
TURNS = ("pose", "pitch", "light_side")

Phrase = tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """One thing that a prompt asks for.

    way: "attributes" or "mapper". name: of the direction or the mapper. amount: in `unit`, a change
    of what is there. confidence: 0 to 1. said: the words that asked for it. label: it in words.
    limited: more was asked for than the range has.
    """

    way: str
    name: str
    amount: float
    unit: str
    confidence: float
    said: str
    label: str
    limited: bool = False


@dataclass(frozen=True)
class Leftover:
    """Words that were not understood, or cannot be done here; why, and the nearest known things."""

    said: str
    why: str
    nearest: tuple[str, ...] = ()


@dataclass(frozen=True)
class Understanding:
    """What a prompt asks for: parts, and what is left over of it."""

    prompt: str
    parts: tuple[Part, ...]
    rest: tuple[Leftover, ...]

    @property
    def edits(self) -> dict[str, float]:
        """Direction to amount, of the parts made of attributes."""
        return {part.name: part.amount for part in self.parts if part.way == ATTRIBUTES}

    def sentence(self) -> str:
        """What was not understood, in one sentence that says what to do."""
        if not self.rest:
            return ""
        said = " and ".join(f"“{one.said}”" for one in self.rest if one.said) or "An empty prompt"
        near = list(dict.fromkeys(name for one in self.rest for name in one.nearest))[:4]
        hint = f"; the nearest that is: {', '.join(near)}" if near else "; try “older” or “smiling”"
        why = self.rest[0].why if len(self.rest) == 1 else "is not understood"
        return f"{said} {why}{hint}."


@dataclass(frozen=True)
class Known:
    """What can be asked for here.

    controls: the directions that are loaded, by name, with the ranges that hold. mappers: names of
    published mappers that may be used; `here`: those whose files are on this machine; `trained`:
    those that were trained here, by name.
    sentences: for near matches; without it only the vocabulary's own words are understood.
    age: of the person, where it is known.
    usual: the directions with the ranges that hold for most people, where `controls` are a
    person's: what is asked for without a number is reckoned from these, and goes as far as the
    person's own range does.
    """

    controls: Mapping[str, Control]
    mappers: frozenset[str] = frozenset(MAPPERS)
    trained: Mapping[str, PublishedMapper] = field(default_factory=dict)
    here: frozenset[str] = frozenset()
    sentences: Sentences | None = None
    age: float | None = None
    usual: Mapping[str, Control] = field(default_factory=dict)


def understand(prompt: str, known: Known) -> Understanding:
    """Read a prompt; nothing is applied."""
    clauses = _clauses(read(prompt))
    wishes: list[_Wish] = []
    rest: list[Leftover] = []
    noun: Noun | None = None
    away = _Reach()
    for i, clause in enumerate(clauses):
        following = clauses[i + 1] if i + 1 < len(clauses) else None
        found = _Reader(clause, noun, following, away, known.age).read()
        noun, away = found.noun or noun, found.away
        if (own := _trained(clause.text, known)) is not None:
            wishes.append(own)
        elif found.trouble is None:
            wishes += found.wishes
        elif (near := _near(found.text, known)) is not None:
            wishes += near
        else:
            rest.append(_leftover(found.text, found.trouble, known))
    parts, lacking = _resolve(wishes, known)
    rest += lacking
    if not parts and not rest and not any(clause.keeps for clause in map(_Peek, clauses)):
        rest.append(_leftover(prompt.strip()[:80], "asks for nothing that is known here", known))
    return Understanding(prompt, tuple(parts), tuple(rest))


def _trained(text: str, known: Known) -> _Wish | None:
    """A clause that is the prompt of a mapper trained here."""
    name = find_name(text)
    return _Wish((), text, mapper=name) if name in known.trained else None


# ------------------------------------------------------------------------------------- clauses


@dataclass(frozen=True)
class _Clause:
    words: tuple[Word, ...]
    after: str = ""  # what separates it from the clause before

    @property
    def text(self) -> str:
        return " ".join(word.raw for word in self.words)


class _Peek:
    """Whether a clause asks that something stay as it is."""

    def __init__(self, clause: _Clause) -> None:
        self.keeps = _find(clause.words, v.KEEP)


@dataclass(frozen=True)
class _Reach:
    """How far a negation reaches: whether one is in force, and whether a verb made it."""

    on: bool = False
    verb: bool = False


@dataclass
class _Wish:
    """What a clause asks for, before it is known what is available."""

    asks: tuple[Ask, ...]
    said: str
    mapper: str = ""
    share: float | None = None
    amount: float | None = None  # in the direction's unit, with its sign
    confidence: float = 1.0
    fixed: bool = False  # a negation does not turn it round


def _clauses(words: Sequence[Word]) -> list[_Clause]:
    """Cut at punctuation, at "and", "with" and the like, and before a negation that follows
    something else."""
    found, own, after, inside = list[_Clause](), list[Word](), "", 0
    for i, word in enumerate(words):
        inside = max(inside - 1, _starts(words[i:], _FIXED))
        if word.separates and not inside:
            if own and word.plain in ("wearing", "having") and (own[-1].plain,) in v.AWAY:
                continue  # "not wearing glasses" is one clause
            if own:
                found.append(_Clause(tuple(own), after))
                own, after = [], word.plain
            elif word.plain in ("but", "or", "nor") or not after:
                after = word.plain
            continue
        if own and _says_something(own) and _begins_to_negate(words[i:], own):
            found.append(_Clause(tuple(own), after))
            own, after = [], "without"
        own.append(word)
    if own:
        found.append(_Clause(tuple(own), after))
    return found


def _begins_to_negate(words: Sequence[Word], before: Sequence[Word]) -> bool:
    """Whether a negation begins here that speaks of what follows, not of what stands before it."""
    postposed = words[0].plain == "not" and _only_nouns(before)  # "hair not so long"
    return bool(_starts(words, v.AWAY)) and not (_starts(words, v.LESS_PHRASES) or postposed)


def _only_nouns(words: Sequence[Word]) -> bool:
    return all(word.plain in _nouns() or word.plain in v.FILLERS for word in words)


def _says_something(words: Sequence[Word]) -> bool:
    return any(word.plain not in v.FILLERS or not word.known for word in words)


def _match(words: Sequence[Word], phrases: frozenset[Phrase]) -> tuple[int, Phrase]:
    """The longest of the phrases that the words begin with, and how many words it takes.

    Small words between a phrase's own are passed over: "turn back the clock". (0, ()) for none.
    """
    best: tuple[int, Phrase] = (0, ())
    for phrase in _by_first_word(phrases).get(words[0].plain, ()) if words else ():
        taken = 1
        for wanted in phrase[1:]:
            while taken < len(words) and words[taken].plain in v.SMALL and wanted not in v.SMALL:
                taken += 1
            if taken == len(words) or words[taken].plain != wanted:
                break
            taken += 1
        else:
            best = max(best, (taken, phrase), key=lambda pair: (len(pair[1]), pair[0]))
    return best


@cache
def _by_first_word(phrases: frozenset[Phrase]) -> dict[str, list[Phrase]]:
    found: dict[str, list[Phrase]] = {}
    for phrase in sorted(phrases):
        found.setdefault(phrase[0], []).append(phrase)
    return found


def _starts(words: Sequence[Word], phrases: frozenset[Phrase]) -> int:
    """How many words the longest of the phrases that they begin with takes; 0 for none."""
    return _match(words, phrases)[0]


def _find(words: Sequence[Word], phrases: frozenset[Phrase]) -> bool:
    return any(_starts(words[i:], phrases) for i in range(len(words)))


@cache
def _nouns() -> dict[str, Noun]:
    return {word: noun for noun in v.NOUNS for word in noun.words}


@cache
def _described() -> frozenset[str]:
    return frozenset(word for noun in v.NOUNS for word in noun.described)


@cache
def _idle_words() -> frozenset[str]:
    """Words that carry no wish by themselves."""
    small = v.FILLERS | v.TURNING | v.LIGHTING | v.ANEW | v.KINDS.keys() | UNITS | {"age"}
    return small - {"left", "right"}


def _first_noun(clause: _Clause) -> Noun | None:
    return next((_nouns()[w.plain] for w in clause.words if w.plain in _nouns()), None)


class _Reader:
    """Reads one clause.

    before: the noun of the clause before, for "hair longer and darker"; following: the clause
    behind, for "short and curly hair". away: the negation in force when the clause begins.
    """

    def __init__(
        self,
        clause: _Clause,
        before: Noun | None,
        following: _Clause | None,
        away: _Reach,
        age: float | None,
    ) -> None:
        self.words, self.text = clause.words, clause.text
        self.separator, self.person_age = clause.after, age
        self.before, self.following = before, following
        self.after = _first_noun(following) if following else None
        self.plain = [word.plain for word in self.words]
        self.noun = next(
            (_nouns()[p] for p in reversed(self.plain) if p in _nouns() and p != "face"), None
        )
        self.turns = any(p in v.TURNING or p == "degrees" for p in self.plain)
        self.lights = any(p in v.LIGHTING for p in self.plain)
        self.wishes: list[_Wish] = []
        self.trouble: str | None = None
        self.share: float | None = None
        self.less = self.said_no = False
        self.numbers: list[tuple[Word, str]] = []
        self.away = away
        self.idle: list[str] = []  # words that describe, with nothing to describe
        self.unknown: list[str] = []

    def read(self) -> _Reader:
        if _find(self.words, v.KEEP):
            self.away = _Reach()
            return self
        carried = self._carried()
        own = _Reach()
        i = 0
        while i < len(self.words):
            i, own = self._step(i, own)
        self.away = own if own.on else carried
        self._borrow()
        self._count()
        if self.unknown or (not self.wishes and (self.idle or self.noun or self._leads())):
            self.trouble = "is not understood"
        if self.trouble is None:
            self._negate()
        return self

    def _leads(self) -> bool:
        """Whether the clause says something at all beside small words."""
        return self.share is not None or self.less or self.said_no or (self.turns and self.lights)

    def _carried(self) -> _Reach:
        """The negation of the clause before, where it reaches this one."""
        if not self.away.on or any(p in v.ANEW | {"more"} for p in self.plain):
            return _Reach()
        if self.separator in ("or", "nor"):
            return self.away
        bare = self.noun is not None and not {"a", "an"} & set(self.plain)
        direct = self.plain[:1] and self.plain[0] in _nouns()
        joins = self.separator in ("and", ",", "&") and bare and (self.away.verb or bool(direct))
        return self.away if joins else _Reach()

    def _step(self, i: int, own: _Reach) -> tuple[int, _Reach]:
        """Read what begins at word i: where to go on, and the negation in force."""
        word, rest = self.words[i], self.words[i:]
        length, phrase = _match(rest, _LONGER_PHRASES)
        if length and phrase[-1] in v.KINDS and not self._becomes(i):
            return i + length, own  # "the old man" is who is there
        if length:
            self._ask(v.PHRASES[phrase], rest[:length])
            self.wishes[-1].mapper = mapper_phrases().get(phrase, "")
            return i + length, own
        length, phrase = _match(rest, frozenset(mapper_phrases()))
        if length:
            self._name_mapper(phrase, rest[:length])
            return i + length, own
        if length := _starts(rest, v.LESS_PHRASES):
            self.less = True
            return i + length, own
        if length := _starts(rest, _LONGER_AWAY):
            self.said_no = True
            return i + length, _Reach(True, True)
        length, phrase = _match(rest, _LONGER_DEGREES)
        if length:
            self._degree(v.DEGREES[phrase])
            return i + length, own
        if word.number is not None:
            return self._number(i), own
        if word.plain == "down" and v.TONING & set(self.plain[:i]):  # "tone the smile down"
            self.less = True
            return i + 1, own
        if word.plain == "decades":  # "a decade older"
            self.numbers.append((Word("1", "1", number=1.0), "decades"))
            return i + 1, own
        if word.plain == "not" and self._compares(i + 1):
            return i + 2, own  # "not older": as old as now
        if (word.plain,) in v.AWAY or (word.plain in v.OFF and i > 0):
            self.said_no = True
            return i + 1, _Reach(True, word.plain not in ("no", "not", "never", "nor"))
        if word.plain in v.PICTURES and self._is_the_object(i):
            self.unknown.append(word.raw)  # "an old photograph" is not an old face
            return i + 1, own
        self._single(i, word)
        return i + 1, own

    def _single(self, i: int, word: Word) -> None:
        plain = word.plain
        noun = self._governor(i)
        if plain in _nouns():
            self._noun(i, _nouns()[plain])
        elif plain in v.SIDES and (self.turns or self.lights):
            turned, lit = v.SIDES[plain]
            if lit is None and self.lights and not self._turned() - {"turn"}:
                self.unknown.append(word.raw)  # "turn the lights down"
                return
            ask = lit if self.lights and lit and "light" not in self._turned() else turned
            self._ask((ask or turned,), [word])
        elif noun is not None and plain in noun.described:
            self._ask(noun.described[plain], [word])
        elif (plain,) in v.PHRASES:
            if self._misfits(i) or self._counts_years(plain):
                self.unknown += [] if self._counts_years(plain) else [word.raw]
            else:
                self._ask(v.PHRASES[(plain,)], [word])
        elif plain in v.LESS:
            self.less = True
        elif (plain,) in v.DEGREES:
            self._degree(v.DEGREES[(plain,)])
        elif (
            plain in v.KINDS
            and {"a", "an", "like", "into"} & set(self.plain[:i])
            and self._becomes(i)
        ):
            self._ask(v.KINDS[plain], [word], 0.8)
        elif plain in _described() and plain not in v.FILLERS:
            self.idle.append(plain)
        elif plain in v.LOOKED_AT and self.turns and v.SIDES.keys() & {*self.plain}:
            pass
        elif plain not in _idle_words() or (
            plain in v.LAMPS and not v.SIDES.keys() & {*self.plain}
        ):
            self.unknown.append(word.raw)

    def _compares(self, i: int) -> bool:
        """Whether word i is a comparative: "older"."""
        word = self.words[i] if i < len(self.words) else None
        return word is not None and word.raw.endswith("er") and word.plain != word.raw

    def _misfits(self, i: int) -> bool:
        """Whether word i describes a thing that it cannot describe here: a blond beard."""
        behind = self.plain[i + 1 : i + 2]
        noun = _nouns().get(behind[0]) if behind else None
        return noun is not None and bool(noun.bare or noun.words[0] == "background")

    def _counts_years(self, plain: str) -> bool:
        """Whether "shave" shaves years, not a beard."""
        return plain in YEARS_OFF and bool({"years", "decades"} & set(self.plain))

    def _is_the_object(self, i: int) -> bool:
        """Whether what is to change is the picture, not who is in it."""
        before = [p for p in self.plain[:i] if p not in v.SMALL]
        inside = bool(before) and before[-1] in ("in", "on", "of", "from", "for", "at")
        return not inside and not v.PEOPLE & set(self.plain[i:])

    def _turned(self) -> set[str]:
        """Words that turn the head, of those that light does not have too."""
        return set(self.plain) & (v.TURNING - v.LIGHTING)

    def _governor(self, i: int) -> Noun | None:
        """The noun that word i describes: the next one, else the last one."""
        places = [j for j, p in enumerate(self.plain) if p in _nouns()]
        behind = [j for j in places if j > i]
        place = behind[0] if behind else places[-1] if places else None
        return None if place is None else _nouns()[self.plain[place]]

    def _noun(self, i: int, noun: Noun) -> None:
        """A noun that nothing describes asks for itself."""
        described = any(
            self._governor(j) is noun and p in noun.described for j, p in enumerate(self.plain)
        )
        if not described and noun.bare:
            self._ask(noun.bare, [self.words[i]])

    def _ask(self, asks: tuple[Ask, ...], words: Sequence[Word], confidence: float = 1.0) -> None:
        mended = sum(word.corrected for word in words)
        said = " ".join(word.raw for word in words)
        self.wishes.append(_Wish(asks, said, confidence=confidence * MENDED**mended))

    def _name_mapper(self, phrase: Phrase, words: Sequence[Word]) -> None:
        self._ask(v.PHRASES.get(phrase, ()), words)
        self.wishes[-1].mapper = mapper_phrases()[phrase]

    def _degree(self, share: float) -> None:
        self.share = share if self.share is None else max(self.share, share)

    def _number(self, i: int) -> int:
        """A number and its unit, the words "years old" behind it included."""
        unit, end = "", i + 1
        if end < len(self.words) and self.plain[end] in UNITS:
            unit, end = self.plain[end], end + 1
        old = self.words[end : end + 1]
        named = bool(AGES & set(self.plain)) and not self.turns_by(end)
        if unit == "years" and old and old[0].raw == "old":
            unit, end = "of age", end + 1
        elif not unit and named and not self.words[i].signed and (self.words[i].number or 0) >= 15:
            unit = "of age"
        self.numbers.append((self.words[i], unit))
        return end

    def turns_by(self, end: int) -> bool:
        return bool(v.SIDES.keys() & set(self.plain[end:]))

    def _becomes(self, i: int) -> bool:
        """Whether a person is named as what to become: "a man", not "the man"."""
        before = set(self.plain[max(i - 4, 0) : i])
        told = bool({"a", "an", "like", "into"} & before) or not before - v.FILLERS
        return told and not {"the", "this", "that", "these", "my"} & before

    def _borrow(self) -> None:
        """Give describing words without a noun that of the clause behind or before."""
        if self.noun is None:
            self._borrow_noun()
        elif not (self.noun.bare or self.wishes or self.idle or self.unknown) and self.following:
            for word in self.following.words:  # "eyes and mouth closed"
                if word.plain in self.noun.described:
                    self._ask(self.noun.described[word.plain], [word])
        if self.idle and not self.unknown:
            self.unknown += self.idle

    def _borrow_noun(self) -> None:
        for plain in self.idle[:]:
            for noun in (self.after, self.before):
                if noun is not None and plain in noun.described:
                    self._ask(noun.described[plain], [Word(plain, plain)])
                    self.idle.remove(plain)
                    self.noun = self.noun or noun
                    break

    def _count(self) -> None:
        """Give numbers to what they measure."""
        for word, unit in self.numbers:
            value = float(word.number or 0) * (-1 if word.raw.startswith("-") else 1)
            if unit == "of age":
                self._outright(value)
            elif unit in ("years", "decades"):
                self._measure("age", value * (10 if unit == "decades" else 1), word)
            elif unit == "degrees":
                turn = next((w for w in self.wishes if w.asks[0].name in ("pose", "pitch")), None)
                self._measure(turn.asks[0].name if turn else "", value, word)
            elif unit == "%":
                self.share = min(abs(value) / 100, 1.0)
            elif "age" in self.plain and word.signed:
                self._measure("age", value, word)
            elif word.signed and len(self.wishes) == 1 and len(self.wishes[0].asks) == 1:
                self._measure(self.wishes[0].asks[0].name, value, word)
            else:
                self.unknown.append(word.raw)

    def _measure(self, name: str, value: float, word: Word) -> None:
        """An amount in the direction's own unit."""
        wish = next((w for w in self.wishes if any(a.name == name for a in w.asks)), None)
        if wish is not None:
            sense = next(a.sense for a in wish.asks if a.name == name)
            wish.amount = value if word.raw.startswith("-") else value * sense
        elif name and (side := 1 if word.signed else self._years_go()):
            ask = Ask(name, 1 if value * side >= 0 else -1)
            self.wishes.append(_Wish((ask,), word.raw, amount=value * side, fixed=True))
        else:
            self.unknown.append(word.raw)

    def _years_go(self) -> int:
        """-1 where years are taken off, 1 where they are put on, 0 where that is not said."""
        return -1 if YEARS_OFF & set(self.plain) else 1 if YEARS_ON & set(self.plain) else 0

    def _outright(self, age: float) -> None:
        """An age to have, where only a change can be made."""
        wish = _Wish((Ask("age", 1, 1.0),), f"{age:g} years old", confidence=0.6)
        if self.person_age is not None:
            wish.amount, wish.confidence = age - self.person_age, 0.8
        elif age <= YOUNG_TO:
            wish.asks = (Ask("age", -1, 1.0),)
        elif age < OLD_FROM:
            self.unknown.append(f"{age:g}")
            return
        self.wishes.append(wish)

    def _negate(self) -> None:
        """Turn the wishes round where the clause takes something away."""
        for wish in self.wishes:
            wish.share = self.share
            if not (self.away.on or self.less) or wish.fixed:
                continue
            if wish.asks and wish.asks[0].name in TURNS:
                self.trouble = "cannot be taken away"
                return
            alone = len(wish.asks) == 1 or all(ask.share == 1 for ask in wish.asks)
            if (wish.mapper and not wish.asks) or not alone:
                self.trouble = "cannot be taken away"
                return
            wish.mapper = ""
            share = LESS_SHARE if self.less else max(wish.asks[0].share, 0.6)
            wish.asks = tuple(Ask(a.name, -a.sense, share) for a in wish.asks)
            if wish.amount is not None:
                wish.amount = -wish.amount


def _longer(table: Iterable[Phrase]) -> frozenset[Phrase]:
    """The phrases of more than one word: they come before what their words mean alone."""
    return frozenset(phrase for phrase in table if len(phrase) > 1)


_LONGER_PHRASES, _LONGER_AWAY = _longer(v.PHRASES), _longer(v.AWAY)
_LONGER_DEGREES = _longer(v.DEGREES)
#: Phrases whose words stay together even where one of them elsewhere separates clauses.
_FIXED = _LONGER_PHRASES | _LONGER_AWAY | _LONGER_DEGREES | v.LESS_PHRASES | v.TOGETHER


# -------------------------------------------------------------------------- what there is to give


def _resolve(wishes: Sequence[_Wish], known: Known) -> tuple[list[Part], list[Leftover]]:
    """Parts of the wishes that can be done here, and what cannot."""
    parts: dict[tuple[str, str], Part] = {}
    rest: list[Leftover] = []
    for wish in wishes:
        given = _give(wish, known)
        lacks = [_nearly(ask, known) for ask in wish.asks]
        lacks = [ask for ask in lacks if ask.name not in known.controls]
        if not given:
            rest.append(_leftover(wish.said, "is not available here", known))
        elif lacks and given[0].way == ATTRIBUTES:
            words = [(v.POSITIVE if a.sense > 0 else v.NEGATIVE).get(a.name, a.name) for a in lacks]
            why = f"is done without “{', '.join(words)}”, which is not available here"
            rest.append(Leftover(wish.said, why))
        for part in given:
            key = part.way, part.name
            if key in parts and parts[key].amount * part.amount < 0:
                both = f"{parts.pop(key).said} … {part.said}"
                rest.append(Leftover(both, "contradicts itself, so neither was done"))
            elif key not in parts or abs(part.amount) >= abs(parts[key].amount):
                parts[key] = part
    return list(parts.values()), rest


def _give(wish: _Wish, known: Known) -> list[Part]:
    """A mapper whose file is here, else attributes, else a mapper that has to be fetched."""
    asks = tuple(_nearly(ask, known) for ask in wish.asks)
    if asks != wish.asks:
        wish = replace(wish, asks=asks, confidence=wish.confidence * NEARLY)
    if wish.mapper in known.trained:
        return [_mapper_part(wish, known.trained[wish.mapper])]
    mapper = wish.mapper if wish.mapper in known.mappers else ""
    lacks = not wish.asks or any(ask.name not in known.controls for ask in wish.asks)
    if mapper and (mapper in known.here or lacks):
        return [_mapper_part(wish, MAPPERS[mapper])]
    # What a phrase asks first is its point: "old man" without gender still asks for age.
    if not wish.asks or wish.asks[0].name not in known.controls:
        return []
    available = [ask for ask in wish.asks if ask.name in known.controls]
    return [_attribute_part(wish, ask, known) for ask in available]


def _nearly(ask: Ask, known: Known) -> Ask:
    """The ask, or what does nearly the same where its direction is not installed."""
    if ask.name in known.controls or ask.name not in v.INSTEAD:
        return ask
    name, sense = v.INSTEAD[ask.name]
    return replace(ask, name=name, sense=ask.sense * sense)


def _mapper_part(wish: _Wish, one: PublishedMapper) -> Part:
    amount = 1.0 if wish.share is None else round(min(wish.share * 1.5, one.high), 2)
    return Part(
        MAPPER, one.name, amount, "strength", round(wish.confidence, 2), wish.said, one.label
    )


def _attribute_part(wish: _Wish, ask: Ask, known: Known) -> Part:
    control = known.controls[ask.name]
    low, high = control.bounds
    limit = known.usual.get(ask.name, control).bounds[ask.sense > 0]
    share = ask.share if wish.share is None else wish.share
    if wish.share is not None and ask.share == LESS_SHARE:
        share = wish.share * LESS_SHARE / 0.6  # "a little less"
    wanted = limit * share if wish.amount is None else wish.amount
    amount = min(max(wanted, low), high)
    step = control.step
    amount = round(round(amount / step) * step, 9)
    words = v.POSITIVE if amount >= 0 else v.NEGATIVE
    return Part(
        way=ATTRIBUTES,
        name=ask.name,
        amount=amount,
        unit=control.unit,
        confidence=round(wish.confidence, 2),
        said=wish.said,
        label=words.get(ask.name, control.label),
        limited=abs(wanted) > abs(amount) + step,
    )


# ------------------------------------------------------------------------------------ near matches


@dataclass(frozen=True)
class _Phrasebook:
    """All that can be asked for, as phrases with their wishes and embeddings (None without)."""

    phrases: tuple[str, ...]
    wishes: tuple[_Wish, ...]
    embeddings: Any = field(default=None, compare=False)


def _book(known: Known) -> _Phrasebook:
    return _make_book(frozenset(known.controls), known.mappers, known.sentences)


@cache
def _make_book(
    controls: frozenset[str], mappers: frozenset[str], sentences: Sentences | None
) -> _Phrasebook:
    rows: dict[str, _Wish] = {}
    for phrase, asks in v.PHRASES.items():
        rows.setdefault(" ".join(phrase), _Wish(asks, ""))
    for noun in v.NOUNS:
        name = noun.words[0]
        if noun.bare:
            rows.setdefault(name, _Wish(noun.bare, ""))
        for word, asks in noun.described.items():
            rows.setdefault(f"{word} {name}", _Wish(asks, ""))
    for name, sense, side in (
        ("looking to the left", "pose", -1),
        ("looking to the right", "pose", 1),
        ("looking up", "pitch", 1),
        ("looking down", "pitch", -1),
    ):
        rows[name] = _Wish((Ask(sense, side),), "")
    for phrase, mapper in mapper_phrases().items():
        text = " ".join(phrase)
        rows[text] = replace(rows.get(text, _Wish((), "")), mapper=mapper)
    kept = {
        phrase: wish
        for phrase, wish in rows.items()
        if wish.mapper in mappers
        or (wish.asks and all(v.INSTEAD.get(a.name, (a.name,))[0] in controls for a in wish.asks))
    }
    embeddings = sentences.embed_all(list(kept)) if sentences and kept else None
    return _Phrasebook(tuple(kept), tuple(kept.values()), embeddings)


def _near(text: str, known: Known) -> list[_Wish] | None:
    """The wish of the phrase that says nearly the same as the clause, if one does.

    Only a clause that says nothing else: what it is nearest to must beat all that is out of reach.
    """
    words = {word for word in text.split() if word not in v.FILLERS}
    bare = " ".join(word for word in text.split() if word not in v.FILLERS)
    risky = {*text.split()} & (v.TURNED_ROUND | v.NEVER_NEAR | v.LESS | v.PICTURES) or _find(
        read(text), v.AWAY
    )
    if known.sentences is None or not bare or risky or any(w[-1].isdigit() for w in words):
        return None
    book = _book(known)
    if book.embeddings is None:
        return None
    said = known.sentences.embed([bare, text])
    nearness = (said @ book.embeddings.T).amax(0)
    best = int(nearness.argmax())
    beyond = float((said @ _beyond(known.sentences).T).max())
    if float(nearness[best]) < max(NEAR, beyond + NEAR_MARGIN):
        return None
    return [replace(book.wishes[best], said=text, confidence=float(nearness[best]))]


@cache
def _beyond(sentences: Sentences) -> Tensor:
    return sentences.embed_all(v.OUT_OF_REACH)


def _leftover(text: str, why: str, known: Known) -> Leftover:
    """With the three nearest things that can be asked for."""
    names, embeddings = _offers(
        frozenset(known.controls), known.here | frozenset(known.trained), known.sentences
    )
    if known.sentences is not None and embeddings is not None and text.strip():
        nearness = (known.sentences.embed([text]) @ embeddings.T)[0]
        return Leftover(text, why, tuple(names[i] for i in nearness.topk(min(3, len(names)))[1]))

    def likeness(name: str) -> float:
        words = [*text.split(), text]
        return max(difflib.SequenceMatcher(None, w, n).ratio() for w in words for n in name.split())

    return Leftover(text, why, tuple(sorted(names, key=likeness, reverse=True)[:3]))


@cache
def _offers(
    controls: frozenset[str], mappers: frozenset[str], sentences: Sentences | None
) -> tuple[tuple[str, ...], Any]:
    """One phrase for each thing that can be done here, with its embeddings."""
    names = [
        v.OFFERED.get((name, sense), words[name])
        for sense, words in ((1, v.POSITIVE), (-1, v.NEGATIVE))
        for name in words
        if name in controls
    ]
    names += [MAPPERS[name].label if name in MAPPERS else name for name in sorted(mappers)]
    return tuple(names), sentences.embed_all(names) if sentences and names else None
