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
from mappers.published import MAPPERS
from mappers.vocabulary import Ask, Noun
from mappers.words import UNITS, Word, mapper_phrases, read
from pti_core.controls import Control

if TYPE_CHECKING:
    from mappers.sentences import SentenceEmbedder

#: Nearness from which a clause with unknown words is taken for a known phrase.
NEAR = 0.78
#: What is asked for by "less", as a share of the range; and each mended word's confidence.
LESS_SHARE, MENDED = 0.4, 0.9
#: Ages asked for outright: from here on old, up to here young; between, it depends on the person.
OLD_FROM, YOUNG_TO = 50, 25

MAPPER, ATTRIBUTES = "mapper", "attributes"


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
    published mappers that may be used; `here`: those whose files are on this machine.
    sentences: for near matches; without it only the vocabulary's own words are understood.
    age: of the person, where it is known.
    """

    controls: Mapping[str, Control]
    mappers: frozenset[str] = frozenset(MAPPERS)
    here: frozenset[str] = frozenset()
    sentences: SentenceEmbedder | None = None
    age: float | None = None


def understand(prompt: str, known: Known) -> Understanding:
    """Read a prompt; nothing is applied."""
    rank = known.sentences.words.rank if known.sentences else None
    clauses = _clauses(read(prompt, rank))
    wishes: list[_Wish] = []
    rest: list[Leftover] = []
    noun: Noun | None = None
    away = _Reach()
    for i, clause in enumerate(clauses):
        after = _first_noun(clauses[i + 1]) if i + 1 < len(clauses) else None
        found = _Reader(clause, noun, after, away, known.age).read()
        noun, away = found.noun or noun, found.away
        if found.trouble is None:
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


def _clauses(words: Sequence[Word]) -> list[_Clause]:
    """Cut at punctuation, at "and", "with" and the like, and before a negation that follows
    something else."""
    found, own, after = [], list[Word](), ""
    for i, word in enumerate(words):
        if word.separates:
            if own and word.plain in ("wearing", "having") and (own[-1].plain,) in v.AWAY:
                continue  # "not wearing glasses" is one clause
            if own:
                found.append(_Clause(tuple(own), after))
                own, after = [], word.plain
            elif word.plain in ("but", "or", "nor") or not after:
                after = word.plain
            continue
        if own and _starts(words[i:], v.AWAY) and _says_something(own):
            found.append(_Clause(tuple(own), after))
            own, after = [], "without"
        own.append(word)
    if own:
        found.append(_Clause(tuple(own), after))
    return found


def _says_something(words: Sequence[Word]) -> bool:
    return any(word.plain not in v.FILLERS or not word.known for word in words)


def _starts(words: Sequence[Word], phrases: Iterable[tuple[str, ...]]) -> int:
    """Length of the longest of the phrases that the words begin with; 0 for none."""
    plain = tuple(word.plain for word in words[:5])
    return max((len(p) for p in phrases if plain[: len(p)] == p), default=0)


def _find(words: Sequence[Word], phrases: Iterable[tuple[str, ...]]) -> bool:
    phrases = tuple(phrases)
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

    before, after: the nouns of the clauses around, for "hair longer and darker" and "short and
    curly hair". away: the negation in force when the clause begins.
    """

    def __init__(
        self,
        clause: _Clause,
        before: Noun | None,
        after: Noun | None,
        away: _Reach,
        age: float | None,
    ) -> None:
        self.words, self.text = clause.words, clause.text
        self.separator, self.person_age = clause.after, age
        self.before, self.after = before, after
        self.plain = [word.plain for word in self.words]
        self.noun = next(
            (_nouns()[p] for p in reversed(self.plain) if p in _nouns() and p != "face"), None
        )
        self.turns = any(p in v.TURNING for p in self.plain)
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
        if length := _starts(rest, _longer(v.PHRASES)):
            self._ask(v.PHRASES[tuple(self.plain[i : i + length])], rest[:length])
            return i + length, own
        if length := _starts(rest, mapper_phrases()):
            self._name_mapper(rest[:length])
            return i + length, own
        if length := _starts(rest, _longer(v.AWAY)):
            self.said_no = True
            return i + length, _Reach(True, True)
        if length := _starts(rest, _longer(v.DEGREES)):
            self._degree(v.DEGREES[tuple(self.plain[i : i + length])])
            return i + length, own
        if word.number is not None:
            return self._number(i), own
        if word.plain == "decades":  # "a decade older"
            self.numbers.append((Word("1", "1", number=1.0), "decades"))
            return i + 1, own
        if (word.plain,) in v.AWAY:
            self.said_no = True
            return i + 1, _Reach(True, word.plain not in ("no", "not", "never", "nor"))
        self._single(i, word)
        return i + 1, own

    def _single(self, i: int, word: Word) -> None:
        plain = word.plain
        noun = self._governor(i)
        if plain in _nouns():
            self._noun(i, _nouns()[plain])
        elif plain in v.SIDES and (self.turns or self.lights):
            turned, lit = v.SIDES[plain]
            ask = lit if self.lights and lit and "light" not in self._turned() else turned
            self._ask((ask or turned,), [word])
        elif noun is not None and plain in noun.described:
            self._ask(noun.described[plain], [word])
        elif (plain,) in v.PHRASES:
            self._ask(v.PHRASES[(plain,)], [word])
        elif plain in v.LESS:
            self.less = True
        elif (plain,) in v.DEGREES:
            self._degree(v.DEGREES[(plain,)])
        elif plain in v.KINDS and self._becomes(i):
            self._ask(v.KINDS[plain], [word], 0.8)
        elif plain in _described() and plain not in v.FILLERS:
            self.idle.append(plain)
        elif plain not in _idle_words():
            self.unknown.append(word.raw)

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

    def _name_mapper(self, words: Sequence[Word]) -> None:
        plain = tuple(word.plain for word in words)
        self._ask(v.PHRASES.get(plain, ()), words)
        self.wishes[-1].mapper = mapper_phrases()[plain]

    def _degree(self, share: float) -> None:
        self.share = share if self.share is None else max(self.share, share)

    def _number(self, i: int) -> int:
        """A number and its unit, the words "years old" behind it included."""
        unit, end = "", i + 1
        if end < len(self.words) and self.plain[end] in UNITS:
            unit, end = self.plain[end], end + 1
        old = self.words[end : end + 1]
        named = i > 0 and self.plain[i - 1] in ("age", "look", "aged", "like", "at")
        if unit == "years" and old and old[0].raw == "old":
            unit, end = "of age", end + 1
        elif not unit and named and not self.words[i].signed and (self.words[i].number or 0) >= 15:
            unit = "of age"
        self.numbers.append((self.words[i], unit))
        return end

    def _becomes(self, i: int) -> bool:
        """Whether a person is named as what to become: "a man", not "the man"."""
        before = self.plain[max(i - 4, 0) : i]
        return bool({"a", "an", "like", "into"} & set(before)) and not (
            {"the", "this", "that", "these", "my"} & set(before)
        )

    def _borrow(self) -> None:
        """Give describing words without a noun that of the clause behind or before."""
        for plain in self.idle[:]:
            for noun in (self.after, self.before):
                if noun is not None and plain in noun.described:
                    self._ask(noun.described[plain], [Word(plain, plain)])
                    self.idle.remove(plain)
                    self.noun = self.noun or noun
                    break
        if self.idle and not self.unknown:
            self.unknown += self.idle

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
        elif name and word.signed:
            ask = Ask(name, 1 if value >= 0 else -1)
            self.wishes.append(_Wish((ask,), word.raw, amount=value))
        else:
            self.unknown.append(word.raw)

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
            if not (self.away.on or self.less):
                continue
            alone = len(wish.asks) == 1 or all(ask.share == 1 for ask in wish.asks)
            if (wish.mapper and not wish.asks) or not alone:
                self.trouble = "cannot be taken away"
                return
            wish.mapper = ""
            share = LESS_SHARE if self.less else max(wish.asks[0].share, 0.6)
            wish.asks = tuple(Ask(a.name, -a.sense, share) for a in wish.asks)
            if wish.amount is not None:
                wish.amount = -wish.amount


@cache
def _longer_of(kind: int) -> frozenset[tuple[str, ...]]:
    tables: tuple[Iterable[tuple[str, ...]], ...] = (v.PHRASES, v.AWAY, v.DEGREES)
    return frozenset(phrase for phrase in tables[kind] if len(phrase) > 1)


def _longer(table: Iterable[tuple[str, ...]]) -> frozenset[tuple[str, ...]]:
    """The phrases of more than one word: they come before what their words mean alone."""
    kinds = (v.PHRASES, v.AWAY, v.DEGREES)
    return _longer_of(next(i for i, kind in enumerate(kinds) if kind is table))


# -------------------------------------------------------------------------- what there is to give


def _resolve(wishes: Sequence[_Wish], known: Known) -> tuple[list[Part], list[Leftover]]:
    """Parts of the wishes that can be done here, and what cannot."""
    parts: dict[tuple[str, str], Part] = {}
    rest: list[Leftover] = []
    for wish in wishes:
        given = _give(wish, known)
        if not given:
            rest.append(_leftover(wish.said, "is not available here", known))
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
    mapper = wish.mapper if wish.mapper in known.mappers else ""
    lacks = not wish.asks or any(ask.name not in known.controls for ask in wish.asks)
    if mapper and (mapper in known.here or lacks):
        return [_mapper_part(wish, mapper)]
    return [] if lacks else [_attribute_part(wish, ask, known.controls) for ask in wish.asks]


def _mapper_part(wish: _Wish, name: str) -> Part:
    one = MAPPERS[name]
    amount = 1.0 if wish.share is None else round(min(wish.share * 1.5, one.high), 2)
    return Part(MAPPER, name, amount, "strength", round(wish.confidence, 2), wish.said, one.label)


def _attribute_part(wish: _Wish, ask: Ask, controls: Mapping[str, Control]) -> Part:
    control = controls[ask.name]
    low, high = control.bounds
    limit = high if ask.sense > 0 else low
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
    controls: frozenset[str], mappers: frozenset[str], sentences: SentenceEmbedder | None
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
        if wish.mapper in mappers or (wish.asks and all(a.name in controls for a in wish.asks))
    }
    embeddings = sentences.embed(list(kept)) if sentences and kept else None
    return _Phrasebook(tuple(kept), tuple(kept.values()), embeddings)


def _near(text: str, known: Known) -> list[_Wish] | None:
    """The wish of the phrase that says nearly the same as the clause, if one does."""
    words = {word for word in text.split() if word not in v.FILLERS}
    bare = " ".join(word for word in text.split() if word not in v.FILLERS)
    risky = words & (v.NEVER_NEAR | v.LESS) or _find(read(text), v.AWAY)
    if known.sentences is None or not bare or risky or any(w[-1].isdigit() for w in words):
        return None
    book = _book(known)
    if book.embeddings is None:
        return None
    nearness = (known.sentences.embed([bare, text]) @ book.embeddings.T).amax(0)
    best = int(nearness.argmax())
    if float(nearness[best]) < NEAR:
        return None
    return [replace(book.wishes[best], said=text, confidence=float(nearness[best]))]


def _leftover(text: str, why: str, known: Known) -> Leftover:
    """With the three nearest things that can be asked for."""
    book = _book(known)
    if known.sentences is not None and book.embeddings is not None and text.strip():
        nearness = (known.sentences.embed([text]) @ book.embeddings.T)[0]
        order = nearness.argsort(descending=True).tolist()
        names: list[str] = [book.phrases[i] for i in order[:12]]
    else:
        names = difflib.get_close_matches(text, book.phrases, n=12, cutoff=0.3)
    seen: set[object] = set()
    nearest = []
    for name in names:  # one phrase for each thing
        wish = book.wishes[book.phrases.index(name)]
        if (wish.asks, wish.mapper) not in seen:
            seen.add((wish.asks, wish.mapper))
            nearest.append(name)
    return Leftover(text, why, tuple(nearest[:3]))
