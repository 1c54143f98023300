"""The grammar of a clause: things and what describes them, negation, degree, persons, directions.

A clause is read as a whole: words that mean nothing here are kept as `unknown`, so that nothing of
it is done unless the matcher finds what the clause says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mappers.prompts.amounts import SIDES, TURNS, UNITS, Amounts, Wish
from mappers.prompts.clauses import Clause, Item, items_of
from mappers.prompts.colors import color_at
from mappers.prompts.lexicon import HAIR_COLOR, Ask, Entry, Lexicon, Noun
from mappers.prompts.words import Word

NOT_UNDERSTOOD = "is not understood"
MENDED = 0.9  # confidence in a word whose spelling was mended
PICTURE = ("exposure", "warmth", "colourful", "background", "background_warm", "light_side")
#: A word's roles, the one that counts first, and those that change a thing.
ROLES = (
    *("block", "skip", "keep", "ask", "front", "instead"),
    *("hold", "not", "less", "off", "degree", "more"),
)
CHANGES = {"less", "more", "not", "hold", "off"}
HAIR = ("hair_", "fringe", "bald")
COMPARED = re.compile(r"\w{3,}er")


class Reader(Amounts):
    """Reads one clause.

    before: the noun of the clause before, for "hair longer and darker"; following: the clause
    behind, for "short and curly hair". away: the negation in force when the clause begins: "",
    "no", or "verb", whose sense reaches further.

    After `read`, `wishes` are what it asks for; `trouble` says why it is not understood; `core` is
    what the matcher is to read: no negation, no degree, no fillers.
    """

    def __init__(
        self,
        clause: Clause,
        lexicon: Lexicon,
        before: Noun | None = None,
        following: Clause | None = None,
        away: str = "",
    ) -> None:
        super().__init__(clause.words, lexicon)
        self.clause, self.before, self.following, self.away = clause, before, following, away
        self.small, self.the = lexicon.words["grammar.small"], lexicon.words["grammar.the"]
        self.decor = lexicon.words["grammar.decor"]
        self.items = items_of(self.words, lexicon)
        self.named = [item for item in self.items if item.noun]
        if len({item.noun for item in self.named if item.noun}) > 1:  # "blue colour of hair"
            self.named = [one for one in self.named if one.noun and one.noun.name != "colours"]
        behind = items_of(following.words, lexicon) if following else []
        self.behind = next((item.noun for item in behind if item.noun), None)
        self.idle: list[str] = []  # words that describe, with nothing to describe
        self.said_no = self.keeps = self.never = False
        nouns = [item.noun for item in self.named if item.noun]
        real = [noun for noun in nouns if noun.name not in ("face", "picture")]
        self.noun = next(reversed(real or nouns), None)
        self.turns = self.any_of("turning.verbs") or "degrees" in self.raws
        self.lights = self.any_of("turning.light")
        self.sided = any(self.any_of(f"turning.{side}") for side in SIDES)
        self.measured = any(word.among(lexicon.tables["dimensions"]) for word in self.words)

    def read(self) -> Reader:
        carried, self.away = self._carried(), ""
        for item in self.items:
            if self.keeps or self._likens(item):
                break
            if item.at >= self.next:
                self.next = item.at + len(item.words)
                self._step(item)
        if self.keeps:
            self.wishes, self.away = [], ""
            return self
        self._borrow()
        if self.wishes:  # "warm brown hair"
            self.idle = [raw for raw in self.idle if raw not in self.decor]
        self._count()
        self._check_picture()
        self.negated = bool(self.away or carried) or self.less
        self.away = "" if self.away == "off" else self.away or carried
        told = self.idle or self.share is not None or self.less or self.more or self.said_no
        idle = self.noun is not None and self.noun.name not in ("face", "picture", "expression")
        if self.unknown or self.idle or (not self.wishes and (told or idle)):
            self.trouble = NOT_UNDERSTOOD
        else:
            self.settle(self.wishes)
        return self

    # -------------------------------------------------------------------------------- single steps

    def _carried(self) -> str:
        """The negation of the clause before, where it reaches this one."""
        if not self.away or self.any_of("begin.anew") or "more" in self.raws:
            return ""
        if self.clause.after in ("or", "nor", "/"):
            return self.away
        bare = self.noun is not None and not {"a", "an"} & set(self.raws)
        reaches = self.away == "verb" or bool(self.items[0].noun)
        return self.away if self.clause.after in ("and", ",", "&", "+") and bare and reaches else ""

    def _step(self, item: Item) -> None:
        decades = self.lexicon.tables["decades"]
        rest = self.words[item.at :]
        taken, color = color_at(rest, self.lexicon) if self._hairy(item) else (0, None)
        if color is not None and len(item.words) <= taken:
            self._ask((Ask(HAIR_COLOR, 1, 1.0, color),), rest[:taken])
            self.next = item.at + taken
        elif self._is_person(item):
            pass
        elif len(item.words) > 1:
            self._act(item, item.entries)
        elif "the" in self.raws[max(item.at - 1, 0) : item.at] and item.word.among(decades):
            self.core.append(item.word.raw)  # a time, no age: "a perm from the eighties"
        elif decade := item.word.among(decades):
            shift = {"early": -3.0, "late": 3.0}.get(self.raws[item.at - 1], 0.0)
            self._reach(decades[decade] + shift, item.word)
        elif item.word.number is not None:
            self._number(item)
        elif not self._notes(item):
            fits = {r: e for r, e in item.entries.items() if self._fits(item, r, e)}
            self._act(item, fits) if fits else self._rest(item.word)

    def _act(self, item: Item, entries: Mapping[str, Entry]) -> None:
        role = next(role for role in ROLES if role in entries)
        entry = entries[role]
        if role in ("ask", "front"):
            self._ask(entry.asks, item.words, entry.mapper, front=role == "front")
            self.core += [word.raw for word in item.words]
        elif role == "block":
            self.unknown.append(" ".join(word.raw for word in item.words))
            self.never = True
        elif role in ("keep", "less", "more"):
            setattr(self, "keeps" if role == "keep" else role, True)
        elif role == "instead":
            self.next = len(self.words)
        elif role in ("not", "hold", "off"):
            self.said_no, self.away = True, {"not": "no", "hold": "verb", "off": "off"}[role]
        elif role == "degree":
            self.share = max(self.share or 0.0, entry.share)

    def _fits(self, item: Item, role: str, entry: Entry) -> bool:
        """Whether a single word stands for something in a role, where it stands."""
        raw, at = item.word.raw, item.at
        if role == "off":
            thing = any(one.at + len(one.words) == at for one in self.named)
            thing = thing or raw not in ("off", "out", "away", "free")
            return at > 0 and thing and bool(self.named or self.wishes) and not self.turns
        if role == "not" and raw == "not" and COMPARED.fullmatch(" ".join(self.raws[at + 1 :])):
            self.keeps = True  # "not older": as old as now
        if role == "ask":
            return not self._misfits(item, entry)
        if role in ("less", "more") and raw in ("up", "down", "few", "raise", "lower", "push"):
            to = self.raws[at + 1 : at + 2] == ["to"]
            return bool(self.wishes) and not self.turns and not to
        if raw == "too":
            return at + 1 < len(self.words)
        return role != "degree" or raw not in ("some", "good", "great", "natural")

    def _notes(self, item: Item) -> bool:
        """Note a word that names, measures or describes a thing, or turns the head."""
        word, noun, lexicon = item.word, item.noun, self.lexicon
        if item in self.named and noun is not None:
            if not noun.alone and "ask" in item.entries:
                return False
            if not any(self._describes(one, noun) for one in self.items):
                changed = any(one.entries.keys() & CHANGES for one in self.items)
                if wanted := noun.alone or (noun.more if changed else ()):
                    self._ask(wanted, [word])
            self.core.append(word.raw)
            return True
        noun = self._governor(item)
        if noun is None and not item.at and {"it", "them"} & {*self.raws[1:3]}:
            noun = self.before  # "thin them out"
        joined = self.following is not None and self.following.after in (",", "and", "&")
        if noun is None and joined and not self.turns:
            noun = self.behind
        if noun is not None and (form := self._describing(item, noun)):
            self._ask(noun.described[form], [word])
            self.core.append(word.raw)
            return True
        side = next((s for s in SIDES if word.among(lexicon.words[f"turning.{s}"])), "")
        lit = self.lights and side in ("left", "right")
        if lit or (side and self.turns and not self.lights):
            name, sense = ("light_side", SIDES[side][1]) if lit else SIDES[side]
            self._ask((Ask(name, sense, 0.6 if lit else 0.8),), [word])
            self.core.append(word.raw)
            return True
        return False

    def _rest(self, word: Word) -> None:
        """A word that names, describes and asks for nothing by itself."""
        lexicon = self.lexicon
        turning = word.among(lexicon.words["turning.verbs"]) or (
            (self.turns or self.lights)
            and self.sided
            and word.among(lexicon.words["turning.looked_at"] | lexicon.words["turning.light"])
        )
        years = self.aged and word.among(lexicon.words["years.off"] | lexicon.words["years.on"])
        unit = any(word.among(lexicon.words[f"units.{unit}"]) for unit in UNITS)
        if (kind := word.among(lexicon.kinds)) and self._becomes(word):
            self._ask(lexicon.kinds[kind], [word])
        elif word.raw.startswith("dye") and self.noun and self.noun.name != "hair":
            self.unknown.append(word.raw)
        elif turning or years or unit or lexicon.is_filler(word.forms):
            return
        elif word.owner and not word.among(lexicon.words["never.words"]):
            return  # "a sailor's beard"
        elif word.among(lexicon.words["never.words"]):
            self.never = True
            self.unknown.append(word.raw)
        elif word.among(lexicon.described):
            self.idle.append(word.raw)
        elif not (word.raw.endswith("ly") and len(word.raw) > 5):
            self.unknown.append(word.raw)
        self.core.append(word.raw)

    def _ask(
        self, asks: tuple[Ask, ...], words: Sequence[Word], mapper: str = "", front: bool = False
    ) -> None:
        said = " ".join(word.raw for word in words)
        confidence = MENDED ** sum(word.corrected for word in words)
        wish = Wish(asks, said, mapper, confidence=confidence, front=front, fixed=front)
        if any(word.raw.endswith("est") and word.raw != word.plain for word in words):
            self.share = 1.0  # "the oldest"
        self.wishes.append(wish)

    # ------------------------------------------------------------------------- what words stand by

    def _governor(self, item: Item) -> Noun | None:
        """The noun that a word describes: the next one, else the last one."""
        behind = [one for one in self.named if one.at > item.at]
        place = behind[0] if behind else self.named[-1] if self.named else None
        return None if place is None else place.noun

    def _describing(self, item: Item, noun: Noun) -> str:
        """The form in which a word describes a noun: "long", for "length" too."""
        dimensions = self.lexicon.tables["dimensions"]
        if self.measured and item.entries.keys() & {"less", "more"}:
            return ""
        if dimension := item.word.among(dimensions):
            return str(dimensions[dimension]) if dimensions[dimension] in noun.described else ""
        return item.word.among(noun.described)

    def _describes(self, item: Item, noun: Noun) -> bool:
        single = len(item.words) == 1 and item.noun is None
        return single and self._governor(item) is noun and bool(self._describing(item, noun))

    def _hairy(self, item: Item) -> bool:
        """Whether a colour here would be that of the hair."""
        noun = self._governor(item) or self.before or self.behind
        styled = [e["ask"].asks for one in self.items if "ask" in (e := one.entries)]
        hairy = any(ask.name.startswith(HAIR) for asked in styled for ask in asked)
        dyed = any(raw.startswith("dye") for raw in self.raws)
        return (
            noun.name == "hair"
            if self.named and noun
            else hairy or dyed or (noun is not None and noun.name == "hair")
        )

    def _likens(self, item: Item) -> bool:
        """Whether the rest only says what it is like, or for: "a grin like a cat's"."""
        rest = self.words[item.at + 1 :]
        if item.word.raw not in self.lexicon.words["grammar.adjuncts"]:
            return False
        if item.word.raw == "for" and any(word.number is not None for word in rest):
            return False
        return bool(self.wishes and rest) and bool(
            Reader(Clause(tuple(rest)), self.lexicon).read().trouble
        )

    def _misfits(self, item: Item, entry: Entry) -> bool:
        """Whether a word asks for what the thing that it stands before has not: a blond beard."""
        if self.aged and item.word.among(self.lexicon.words["years.off"]):
            return "age" not in {ask.name for ask in entry.asks}
        noun = self._governor(item)
        if noun is None or noun.name in ("face", "expression"):
            return False
        if all(ask.name in PICTURE for ask in entry.asks):
            return noun.name not in ("picture", "exposure", "lighting", "colours", "background")
        behind = next(
            (i for i, raw in enumerate(self.raws) if i > item.at and raw not in self.small), -1
        )
        before = any(one.at == behind for one in self.named)
        return before and noun.name not in ("hair", "skin", "smile")

    def _is_person(self, item: Item) -> bool:
        """Whether words only name who is there: "the old man"."""
        who = self.lexicon.kinds.keys() | self.lexicon.words["people.words"]
        return bool(item.words[-1].among(who)) and bool(
            self.the & {*self.raws[max(item.at - 1, 0) : item.at]}
        )

    def _becomes(self, word: Word) -> bool:
        """Whether a person is named as what to become: "a man", not "the man"."""
        at = self.words.index(word)
        before = {*self.raws[max(at - 4, 0) : at]}
        the = bool(self.the & {*self.raws[max(at - 1, 0) : at]})
        alone = len(self.words) == 1 and self.clause.after == "as"
        return (alone or bool({"a", "an", "like", "into"} & before)) and not the

    def _borrow(self) -> None:
        """Give describing words without a noun that of the clause behind or before."""
        if self.noun is None and not self.wishes:
            for item in self.items:
                noun = next(
                    (n for n in (self.behind, self.before) if n and self._describing(item, n)), None
                )
                if noun is not None and not self.lexicon.is_filler(item.word.forms):
                    self._ask(noun.described[self._describing(item, noun)], [item.word])
                    self.idle = [raw for raw in self.idle if raw != item.word.raw]
                    self.share = None if "degree" in item.entries else self.share
                    self.noun = self.noun or noun
        elif self.noun and self.following and not (self.noun.alone or self.wishes or self.unknown):
            for word in self.following.words:  # "eyes and mouth closed"
                if form := word.among(self.noun.described):
                    self._ask(self.noun.described[form], [word])

    def _check_picture(self) -> None:
        """ "An old photograph" is not an old face."""
        names = {name for wish in self.wishes for name in wish.names()}
        if self.noun is None or self.noun.name != "picture" or names <= {*PICTURE, *TURNS}:
            return
        at = self.named[-1].at
        about = {"of", "in", "on", "for"} & {*self.raws[max(at - 3, 0) : at + 2]}
        before = [raw for raw in self.raws[:at] if raw not in self.small]
        if before and not about and not self.any_of("fillers.people"):
            self.unknown.append(self.raws[at])
