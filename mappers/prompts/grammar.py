"""The grammar of prompts: clauses, negation, degree, numbers and units, and what clauses share.

A clause is read as a whole: words that mean nothing here are kept as `unknown`, so that nothing of
it is done unless the matcher finds what the clause says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mappers.prompts.colors import color_at
from mappers.prompts.lexicon import HAIR_COLOR, Ask, Entry, Lexicon, Noun, Phrase
from mappers.prompts.words import Word

NOT_UNDERSTOOD = "is not understood"
#: What "less" asks for, as a share of the range; confidence in a word whose spelling was mended.
LESS_SHARE, MENDED = 0.4, 0.9
#: Share of the range of a photographer's stop, a hairdresser's shade.
NOTCH_SHARE = 0.25
#: Directions of the head and the light: they can be turned, but not taken away.
TURNS = ("pose", "pitch", "light_side")
#: Directions of the picture and not of the face.
PICTURE = ("exposure", "warmth", "colourful", "background", "background_warm", "light_side")
#: Ages that a bare number beside "look" or "at" may mean.
AGES = range(12, 101)
#: Words between which and a word behind them no phrase is broken.
_SMALL = frozenset("a an the his her him my your their them its some that this those it of me up so in i".split())
_WHERE = frozenset("to over above below around near between under at beside behind".split())
_CONTINUES = {"early": -3.0, "mid": 0.0, "late": 3.0}


@dataclass
class Wish:
    """What a clause asks for, before it is known what is available.

    amount: in the direction's unit, with its sign. reach: an age to have, or "front" for the head.
    fixed: a negation does not turn it round. stated: the clause says how things are.
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
    note: str = ""


@dataclass(frozen=True)
class Clause:
    words: tuple[Word, ...]
    after: str = ""  # what parts it from the clause before

    @property
    def text(self) -> str:
        return " ".join(word.raw for word in self.words)


@dataclass(frozen=True)
class Reach:
    """Whether a negation is in force, and whether a verb made it, whose sense reaches further."""

    on: bool = False
    verb: bool = False


def match(words: Sequence[Word], lexicon: Lexicon) -> tuple[int, Phrase]:
    """The longest phrase of the lexicon that words begin with, and how many words it takes.

    Small words between a phrase's own are passed over: "turn back the clock". (0, ()) for none.
    """
    best: tuple[int, Phrase] = (0, ())
    for form in words[0].forms if words else ():
        for phrase in lexicon.by_first_word.get(form, ()):
            taken = 1
            for wanted in phrase[1:]:
                while taken < len(words) and words[taken].raw in _SMALL and wanted not in words[taken].forms:
                    taken += 1
                if taken == len(words) or wanted not in words[taken].forms:
                    break
                taken += 1
            else:
                best = max(best, (taken, phrase), key=lambda pair: (len(pair[1]), pair[0]))
    return best


def cut(words: Sequence[Word], lexicon: Lexicon) -> list[Clause]:
    """Clauses: at punctuation, at "and", "with" and the like, and where another wish begins."""
    found, own, after, inside = list[Clause](), list[Word](), "", 0
    for i, word in enumerate(words):
        length, phrase = match(words[i:], lexicon)
        within = inside > 1
        inside = max(inside - 1, length if len(phrase) > 1 else 0)
        parts = lexicon.has("separators.words", word.raw) or (word.sign and word.raw != ":")
        if parts and not inside:
            negated = own and lexicon.phrases.get((own[-1].raw,), {}).keys() & {"not", "hold"}
            if negated and word.raw in ("wearing", "having", "with"):
                continue  # "not wearing glasses" is one clause
            if own:
                found.append(Clause(tuple(own), after))
                own, after = [], word.raw
            elif word.raw in ("but", "or", "nor") or not after:
                after = word.raw
            if word.sign and not word.raw.isascii():
                found.append(Clause((word,), ","))
            continue
        if not word.sign:
            if own and says(own, lexicon) and not within and begins(words[i:], own, lexicon):
                found.append(Clause(tuple(own), after))
                own, after = [], "without"
            own.append(word)
    return [*found, Clause(tuple(own), after)] if own else found


def begins(words: Sequence[Word], before: Sequence[Word], lexicon: Lexicon) -> bool:
    """Whether another wish begins here: a negation or a verb behind something that asks already."""
    length, phrase = match(words, lexicon)
    roles = lexicon.phrases.get(phrase, {}).keys() if length else set()
    rest = words[max(length, 1) :]
    stop = next((i for i, word in enumerate(rest) if word.sign), len(rest))
    if words[0].raw == "down" or not says(rest[:stop], lexicon):
        return False
    if words[0].among(lexicon.words["begin.starts"]) and len(before) > 1:
        return asks_already(before, lexicon)
    if not roles & {"not", "hold", "less"} or "ask" in roles or before[-1].number is not None:
        return False
    bare = all(word.among(lexicon.nouns) or is_filler(word, lexicon) for word in before)
    return asks_already(before, lexicon) and not (words[0].raw in ("not", "less", "too") and bare)


def is_known(raw: str, lexicon: Lexicon) -> bool:
    return raw in lexicon.vocabulary


def is_filler(word: Word, lexicon: Lexicon) -> bool:
    return any(lexicon.has(f"fillers.{g}", form) for form in word.forms for g in GROUPS)


GROUPS = ("grammar", "asking", "making", "people", "flavour")


def says(words: Sequence[Word], lexicon: Lexicon) -> bool:
    return any(not word.sign and not is_filler(word, lexicon) for word in words)


def asks_already(words: Sequence[Word], lexicon: Lexicon) -> bool:
    """Whether words name something, or describe or ask for it."""
    for word in words:
        roles = {role for form in word.forms for role in lexicon.phrases.get((form,), ())}
        described = word.among(lexicon.described) and not roles
        if not is_filler(word, lexicon) and (roles & {"ask"} or described or word.among(lexicon.nouns)):
            return True
    return False


class Reader:
    """Reads one clause.

    before: the noun of the clause before, for "hair longer and darker"; following: the clause
    behind, for "short and curly hair". away: the negation in force when the clause begins.
    """

    def __init__(
        self,
        clause: Clause,
        lexicon: Lexicon,
        before: Noun | None = None,
        following: Clause | None = None,
        away: Reach = Reach(),
    ) -> None:
        self.clause, self.lexicon, self.words = clause, lexicon, clause.words
        self.before, self.following, self.away = before, following, away
        self.ends: set[int] = set()  # places of the last words of phrases
        self.covered = self._covered()
        self.places = [i for i in range(len(self.words)) if self._names(i)]
        self.raws = [word.raw for word in self.words]
        self.wishes: list[Wish] = []
        self.unknown: list[str] = []
        self.idle: list[str] = []  # words that describe, with nothing to describe
        self.core: list[str] = []  # what is left for the matcher: no negation, no degree
        self.numbers: list[tuple[Word, str]] = []
        self.share: float | None = None
        self.less = self.more = self.said_no = self.keeps = self.never = False
        self.trouble = ""
        self.noun: Noun | None = None
        self.turns = any(self.any_of(f"turning.{g}") for g in ("verbs",)) or "degrees" in self.raws
        self.lights = self.any_of("turning.light")

    def _covered(self) -> set[int]:
        """Places of words inside phrases of several words, whose own meaning does not count."""
        found: set[int] = set()
        for i in range(len(self.words)):
            length, phrase = match(self.words[i:], self.lexicon)
            if len(phrase) > 1 and i not in found:
                last = i + length - 1  # "smooth straight hair"
                found |= set(range(i, last + (phrase[-1] not in self.lexicon.nouns)))
                self.ends.add(last)
        return found

    def _names(self, i: int) -> bool:
        """Whether word i names a thing: "light" does at the end of "warm light" only."""
        word, nouns = self.words[i], self.lexicon.nouns
        if i in self.covered or not word.among(nouns) or (word.raw not in nouns and is_known(word.raw, self.lexicon)):
            return False
        if word.plain == "light" or word.raw == "light":
            behind = self.words[i + 1 : i + 2]
            return word.raw in ("light", "lights") and not (behind and (behind[0].among(nouns) or behind[0].among(self.lexicon.described)))
        return True

    def any_of(self, group: str) -> bool:
        return any(word.among(self.lexicon.words[group]) for word in self.words)

    def read(self) -> Reader:
        """Read it; `wishes` are what it asks for, `trouble` says why it is not understood."""
        for place in self.places:
            noun = self.lexicon.nouns[self.words[place].among(self.lexicon.nouns)]
            self.noun = noun if noun.name not in ("face", "picture") or not self.noun else self.noun
        carried, own, i = self._carried(), Reach(), 0
        while i < len(self.words) and not self.keeps:
            i, own = self._step(i, own)
        if self.keeps:
            self.wishes, self.away = [], Reach()
            return self
        self.away = own if own.on else carried
        self._borrow()
        self._count()
        self._check_picture()
        asks = self.idle or self.share is not None or self.less or self.more or self.said_no
        idle_noun = self.noun is not None and self.noun.name not in ("face", "picture", "expression")
        if self.unknown or self.idle or (not self.wishes and (asks or idle_noun)):
            self.trouble = NOT_UNDERSTOOD
        else:
            self.settle(self.wishes)
        return self

    # -------------------------------------------------------------------------------- single steps

    def _carried(self) -> Reach:
        """The negation of the clause before, where it reaches this one."""
        anew = any(w.among(self.lexicon.words["begin.anew"]) for w in self.words)
        if not self.away.on or anew or "more" in self.raws:
            return Reach()
        if self.clause.after in ("or", "nor", "/"):
            return self.away
        bare = self.noun is not None and not {"a", "an"} & set(self.raws)
        direct = bool(self.words[0].among(self.lexicon.nouns))
        joins = self.clause.after in ("and", ",", "&", "+") and bare and (self.away.verb or direct)
        return self.away if joins else Reach()

    def _step(self, i: int, own: Reach) -> tuple[int, Reach]:
        """Read what begins at word i: where to go on, and the negation in force."""
        word, rest = self.words[i], self.words[i:]
        length, phrase = match(rest, self.lexicon)
        taken, color = color_at(rest, self.lexicon) if self._colors(i) else (0, None)
        if color is not None and len(phrase) <= taken:
            self._ask((Ask(HAIR_COLOR, 1, 1.0, color),), rest[:taken])
            return i + taken, own
        if word.among(self.lexicon.tables["decades"]):
            return self._decade(i), own
        if len(phrase) > 1 and not self._is_person(i, phrase):
            entries = self.lexicon.phrases[phrase]
            return self._phrase(i, length, entries, own)
        if word.number is not None:
            return self._number(i), own
        if self._notes(i, word):
            self.core.append(word.raw)
            return i + 1, own
        entries = self.lexicon.phrases.get(phrase, {})
        fits = {role: e for role, e in entries.items() if self._fits(i, role, e)}
        if fits:
            return self._phrase(i, 1, fits, own)
        self._rest(i, word)
        return i + 1, own

    def _phrase(
        self, i: int, length: int, entries: Mapping[str, Entry], own: Reach
    ) -> tuple[int, Reach]:
        words = self.words[i : i + length]
        role = next(role for role in ROLES if role in entries)
        entry, end = entries[role], i + length
        if role == "keep":
            self.keeps = True
        elif role == "block":
            self.unknown.append(" ".join(word.raw for word in words))
            self.never = True
        elif role == "skip":
            pass
        elif role == "instead":
            end = len(self.words)
        elif role in ("ask", "front"):
            self._ask(entry.asks, words, entry.mapper, front=role == "front")
            self.core += [word.raw for word in words]
        elif role in ("not", "hold", "off"):
            self.said_no, own = True, Reach(True, role != "not")
        elif role == "less":
            self.less = True
        elif role == "more":
            self.more = True
        else:
            self.share = max(self.share or 0.0, entry.share)
        return end, own

    def _fits(self, i: int, role: str, entry: Entry) -> bool:
        """Whether a single word stands for something in a role, where it stands."""
        word = self.words[i]
        if role == "off":
            behind = i - 1 in self.places or word.raw not in ("off", "out", "away", "free")
            return i > 0 and behind and bool(self.places or self.wishes) and not self.turns
        if role == "not" and word.raw == "not" and self._compares(i + 1):
            self.keeps = len(self.words) <= i + 2  # "not older": as old as now
            return True
        if role == "ask":
            return not self._misfits(i, entry)
        if role in ("less", "more") and word.raw in ("too", "up", "down", "few", "raise", "lower"):
            return word.raw == "too" and i + 1 < len(self.words) or (bool(self.wishes) and not self.turns)
        if role == "degree" and word.raw in ("some", "good", "great", "natural"):
            return False
        return True

    def _notes(self, i: int, word: Word) -> bool:
        """Note a word that names or describes a thing, or turns the head."""
        lexicon = self.lexicon
        if i in self.places:
            noun = lexicon.nouns[word.among(lexicon.nouns)]
            if not noun.alone and lexicon.role(word.plain, "ask"):
                return False
            if self._locates(i):
                return True
            if not any(self._describes(j, noun) for j in range(len(self.words)) if j != i):
                if noun.alone:
                    self._ask(noun.alone, [word])
                elif (self.more or self.less or self.said_no) and noun.more:
                    self._ask(noun.more, [word])
            return True
        noun = self._governor(i)
        if noun is not None and (form := word.among(noun.described)):
            self._ask(noun.described[form], [word])
            return True
        side = next((s for s in SIDES if word.among(lexicon.words[f"turning.{s}"])), "")
        if side and self.lights and side in ("left", "right"):
            self._ask((Ask("light_side", SIDES[side][1]),), [word])
            return True
        if side and self.turns and not self.lights:
            self._ask((Ask(*SIDES[side], 0.8),), [word])
            return True
        return False

    def _locates(self, i: int) -> bool:
        """Whether the thing at i only says where: "a fringe down to the eyebrows"."""
        before = [raw for raw in self.raws[max(i - 3, 0) : i] if raw not in _SMALL]
        return bool(self.wishes) and before[-1:] != [] and before[-1] in _WHERE

    def _rest(self, i: int, word: Word) -> None:
        """A word that names, describes and asks for nothing by itself."""
        lexicon = self.lexicon
        if self._counts_years() and word.among(lexicon.words["years.off"] | lexicon.words["years.on"]):
            return
        if word.among(lexicon.kinds) and self._becomes(i):
            self._ask(lexicon.kinds[word.among(lexicon.kinds)], [word])
            self.core.append(word.raw)
            return
        turned = (self.turns or self.lights) and word.among(lexicon.words["turning.looked_at"])
        turned = turned and bool(self.any_of("turning.up") or self.any_of("turning.down") or self.any_of("turning.left") or self.any_of("turning.right"))
        turned = turned or word.among(lexicon.words["turning.verbs"])
        if turned or is_filler(word, lexicon) or any(word.among(lexicon.words[f"units.{u}"]) for u in UNITS):
            return
        self.core.append(word.raw)
        sided = any(ask.name == "light_side" for wish in self.wishes for ask in wish.asks)
        if word.among(lexicon.words["turning.light"]) and (sided or self.any_of("turning.left") or self.any_of("turning.right")):
            return
        if word.among(lexicon.described) and not word.among(lexicon.words["never.words"]):
            self.idle.append(word.raw)
            return
        self.never = self.never or bool(word.among(lexicon.words["never.words"]))
        self.unknown.append(word.raw)

    def _ask(self, asks: tuple[Ask, ...], words: Sequence[Word], mapper: str = "", front: bool = False) -> None:
        mended = sum(word.corrected for word in words)
        said = " ".join(word.raw for word in words)
        wish = Wish(asks, said, mapper, confidence=MENDED**mended, front=front, fixed=front)
        if any(w.raw.endswith("est") and w.raw != w.plain for w in words):
            self.share = 1.0  # "the oldest"
        self.wishes.append(wish)

    # --------------------------------------------------------------------------- what words stand by

    def _governor(self, i: int) -> Noun | None:
        """The noun that word i describes: the next one, else the last one."""
        behind = [j for j in self.places if j > i]
        place = behind[0] if behind else self.places[-1] if self.places else None
        if place is None:
            return None
        return self.lexicon.nouns[self.words[place].among(self.lexicon.nouns)]

    def _describes(self, j: int, noun: Noun) -> bool:
        described = j not in self.covered and self.words[j].among(noun.described)
        return bool(described) and self._governor(j) is noun

    def _colors(self, i: int) -> bool:
        """Whether a colour at word i would be that of the hair."""
        noun = self._governor(i) or self.before or self._noun_behind()
        dyed = any(raw.startswith("dye") for raw in self.raws) and not self.places
        return dyed or (noun is not None and noun.name == "hair")

    def _noun_behind(self) -> Noun | None:
        words = self.following.words if self.following else ()
        return next((self.lexicon.nouns[n] for w in words if (n := w.among(self.lexicon.nouns))), None)

    def _compares(self, i: int) -> bool:
        raw = self.words[i].raw if i < len(self.words) else ""
        return raw.endswith("er") and raw not in self.lexicon.phrases and len(raw) > 4

    def _misfits(self, i: int, entry: Entry) -> bool:
        """Whether a single word asks for what the thing it stands beside has not: a blond beard."""
        if entry.asks[:1] != () and entry.asks[0].name != "age" and self._counts_years():
            return bool(self.words[i].among(self.lexicon.words["years.off"]))
        behind = i + 1 in self.places
        noun = self._governor(i)
        if noun is None or noun.name in ("face", "expression"):
            return False
        if all(ask.name in PICTURE for ask in entry.asks):
            return noun.name not in ("picture", "lighting", "colours", "background")
        return behind and noun.name not in ("hair", "skin", "smile")

    def _counts_years(self) -> bool:
        return self.any_of("units.years") or self.any_of("units.decades")

    def _becomes(self, i: int) -> bool:
        """Whether a person is named as what to become: "a man", not "the man"."""
        before = set(self.raws[max(i - 4, 0) : i])
        told = bool({"a", "an", "like", "into"} & before) or (
            self.words[i].raw in ("she", "he", "her", "him")
        )
        alone = len(self.words) == 1 and self.clause.after == "as"
        return (told or alone) and self.words[i].raw not in ("she", "he", "her", "him") and not {"the", "this", "that", "these", "my", "his"} & before

    def _is_person(self, i: int, phrase: Phrase) -> bool:
        """Whether a phrase only names who is there: "the old man"."""
        return phrase[-1] in self.lexicon.kinds and "the" in self.raws[max(i - 1, 0) : i]

    def _borrow(self) -> None:
        """Give describing words without a noun that of the clause behind or before."""
        lexicon, behind = self.lexicon, self._noun_behind()
        if self.noun is None and not self.wishes:
            for word in self.words:
                raw = word.raw
                if is_filler(word, lexicon):
                    continue
                for noun in (behind, self.before):
                    if noun is not None and (form := word.among(noun.described)):
                        self._ask(noun.described[form], [word])
                        self.idle = [one for one in self.idle if one != raw]
                        self.share = None if self.lexicon.role(word.plain, "degree") else self.share
                        self.noun = self.noun or noun
                        break
        elif self.noun and self.following and not (self.noun.alone or self.wishes or self.idle or self.unknown):
            for word in self.following.words:  # "eyes and mouth closed"
                if form := word.among(self.noun.described):
                    self._ask(self.noun.described[form], [word])

    def _check_picture(self) -> None:
        """"An old photograph" is not an old face."""
        names = {ask.name for wish in self.wishes for ask in wish.asks}
        if self.noun is None or self.noun.name != "picture" or names <= set(PICTURE):
            return
        place = self.places[-1]
        before = [raw for raw in self.raws[:place] if raw not in _SMALL]
        inside = self.raws[max(place - 3, 0) : place]
        about = {"of", "in", "on", "for"} & {*inside, *self.raws[place + 1 : place + 2]}
        people = any(word.among(self.lexicon.words["fillers.people"]) for word in self.words)
        if before and not about and not people:
            self.unknown.append(self.raws[place])

    # ------------------------------------------------------------------------------------- numbers

    def _decade(self, i: int) -> int:
        """ "In her sixties", "early thirties"."""
        age = self.lexicon.tables["decades"][self.words[i].among(self.lexicon.tables["decades"])]
        shift = _CONTINUES.get(self.raws[i - 1], 0.0) if i else 0.0
        self.unknown = [raw for raw in self.unknown if raw not in _CONTINUES]
        self.wishes.append(Wish((Ask("age", 1, 1.0),), self.raws[i], reach=age + shift, fixed=True))
        return i + 1

    def _number(self, i: int) -> int:
        """A number and its unit, the words "years old" behind it included."""
        unit, end, lexicon = "", i + 1, self.lexicon
        if end < len(self.words):
            unit = next((u for u in UNITS if self.words[end].among(lexicon.words[f"units.{u}"])), "")
            unit = "%" if self.raws[end] == "%" else unit
        end += bool(unit)
        old = end < len(self.words) and self.raws[end] in ("old", "of")
        beside = self.words[max(i - 3, 0) : i]
        named = any(word.among(lexicon.words["years.reach"]) for word in beside)
        if unit == "years" and old and self.raws[end] == "old":
            unit, end = "reach", end + 1
        elif not unit and not self.turns_left(end) and not self.words[i].signed:
            kind = any(word.among(lexicon.words["fillers.people"]) for word in self.words)
            aged = self.words[i].number in AGES and (named or (kind and i == len(self.words) - 1))
            unit = "reach" if aged and float(self.words[i].number or 0) >= AGES[0] else ""
        if self.words[i].raw == "one" and not unit:
            return i + 1
        self.numbers.append((self.words[i], unit))
        return end

    def turns_left(self, end: int) -> bool:
        words = self.words[end:]
        return any(w.among(self.lexicon.words[f"turning.{s}"]) for w in words for s in SIDES)

    def _count(self) -> None:
        """Give numbers to what they measure."""
        if not self.numbers and any(w.among(self.lexicon.words["units.decades"]) for w in self.words):
            self.numbers.append((Word("1", ("1",), 1.0), "decades"))  # "a decade older"
        for word, unit in self.numbers:
            value = float(word.number or 0) * (-1 if word.raw.startswith("-") else 1)
            first = self.wishes[0].asks[0].name if self.wishes and self.wishes[0].asks else ""
            if unit == "reach":
                self.wishes = [w for w in self.wishes if not any(a.name == "age" for a in w.asks)]
                self.wishes.append(Wish((Ask("age", 1, 1.0),), word.raw, reach=value, fixed=True))
            elif unit in ("years", "decades"):
                self._measure("age", value * (10 if unit == "decades" else 1), word)
            elif unit == "degrees":
                self._measure(first if first in ("pose", "pitch") else "", value, word)
            elif unit in ("%", "notches") and (self.wishes or unit == "%"):
                scale = 1 / 100 if unit == "%" else NOTCH_SHARE
                self.share = min(abs(value) * scale, 1.0)
                self.less = self.less or word.raw.startswith("-")
            elif word.signed and ("age" in self.raws or len(self.wishes) == 1):
                self._measure("age" if "age" in self.raws else first, value, word)
            else:
                self.unknown.append(word.raw)

    def _measure(self, name: str, value: float, word: Word) -> None:
        """An amount in the direction's own unit."""
        wish = next((w for w in self.wishes if any(a.name == name for a in w.asks)), None)
        off, on = (self.any_of(f"years.{side}") for side in ("off", "on"))
        if wish is not None:
            sense = next(a.sense for a in wish.asks if a.name == name)
            wish.amount = value if word.raw.startswith("-") else value * sense
        elif name and (side := 1 if word.signed else -1 if off else 1 if on else 0):
            ask = Ask(name, 1 if value * side >= 0 else -1)
            self.wishes.append(Wish((ask,), word.raw, amount=value * side, fixed=True))
        else:
            self.unknown.append(word.raw)

    @property
    def measures(self) -> bool:
        """Whether the clause is nothing but an amount: "approx. 10 years", "50 %"."""
        return bool(self.trouble and self.numbers) and not (self.core or self.noun or self.wishes)

    def adopt(self, other: Reader) -> bool:
        """Take the amount of the clause behind, if something here is measured so."""
        unit = other.numbers[0][1]
        if unit == "%" or (unit == "years" and any(a.name == "age" for w in self.wishes for a in w.asks)):
            self.numbers = other.numbers
            self._count()
            for wish in self.wishes:
                wish.share = self.share if wish.share is None else wish.share
            return True
        return False

    # ------------------------------------------------------------------------------------ negation

    def settle(self, wishes: Sequence[Wish]) -> None:
        """Give wishes the clause's degree, and turn them round where it takes something away."""
        stated = bool(STATED.search(" ".join(self.raws)))
        for wish in wishes:
            wish.share, wish.stated = self.share, stated
            if not (self.away.on or self.less) or wish.fixed:
                continue
            single = len(wish.asks) == 1 or all(ask.share == 1 for ask in wish.asks)
            if not single or not wish.asks or wish.asks[0].name in TURNS:
                self.trouble = "cannot be taken away"
                return
            wish.mapper = ""
            share = LESS_SHARE if self.less else max(wish.asks[0].share, 0.6)
            wish.asks = tuple(Ask(a.name, -a.sense, share) for a in wish.asks)
            wish.amount = None if wish.amount is None else -wish.amount


#: A word's roles, the one that counts first.
ROLES = ("block", "skip", "keep", "ask", "front", "instead", "hold", "not", "less", "off", "degree", "more")
UNITS = ("years", "decades", "degrees", "notches")
SIDES = {"left": ("pose", -1), "right": ("pose", 1), "up": ("pitch", 1), "down": ("pitch", -1)}
#: How a clause begins that says how things are, not how they should be.
STATED = re.compile(r"^(?:the |his |her |my )?(?:\w+ )?(?:looks?|is|are|was|seems?) (?!.*should)")
