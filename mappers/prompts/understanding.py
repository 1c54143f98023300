"""Understanding a prompt: which edits it asks for, how far, and what is left over.

A clause is understood whole or not at all: where a word in it means nothing to the lexicon, the
matcher may find what the clause says (`matcher`); else nothing of it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from mappers.prompts.amounts import STATED, Wish
from mappers.prompts.clauses import cut
from mappers.prompts.grammar import NOT_UNDERSTOOD, Reader
from mappers.prompts.lexicon import HAIR_COLOR, Ask, Lexicon, label, load_lexicon
from mappers.prompts.words import MAX_PROMPT, Word, read
from mappers.styleclip.published import MAPPERS, PublishedMapper, find_name
from pti_core.editing.controls import Control

if TYPE_CHECKING:
    from mappers.prompts.matcher import Matcher

MAPPER, ATTRIBUTES = "mapper", "attributes"
#: Confidence where a direction does nearly, not quite, what was asked (`INSTEAD`).
NEARLY = 0.7
#: Where a direction is not installed: what does nearly the same, and whether in the same sense.
INSTEAD: Mapping[str, tuple[str, int]] = {
    "hair_blond": ("hair_dark", -1),
    "frown": ("smile", -1),
    "cheeks": ("face_width", 1),
    "eye_makeup": ("makeup", 1),
}
#: Where the person's age is not known, ages from here on are old, up to here young.
OLD_FROM, YOUNG_TO, CHILD = 50, 25, 12


@dataclass(frozen=True)
class Part:
    """One thing that a prompt asks for.

    way: "attributes" or "mapper". name: of the direction or the mapper. amount: in `unit`, a change
    of what is there. confidence: 0 to 1. said: the words that asked for it. label: it in words.
    limited: more was asked for than the range has. color: "#rrggbb" where the name is "hair_color".
    note: what to know of it, a sentence.
    """

    way: str
    name: str
    amount: float
    unit: str
    confidence: float
    said: str
    label: str
    limited: bool = False
    color: str = ""
    note: str = ""


@dataclass(frozen=True)
class Leftover:
    """Words that were not understood, or cannot be done here; why, and near things that are."""

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
        """What was not understood, in one sentence for each reason."""
        lines = []
        for why in dict.fromkeys(one.why for one in self.rest):
            of = [one for one in self.rest if one.why == why]
            said = " and ".join(f"“{one.said}”" for one in of if one.said)
            near = list(dict.fromkeys(name for one in of for name in one.nearest))[:3]
            hint = f" Near it: {', '.join(near)}." if near else ""
            lines.append(f"{said} {why}.{hint}".strip())
        return " ".join(lines)


@dataclass(frozen=True)
class Known:
    """What can be asked for here.

    controls: the directions that are loaded, by name, with the ranges that hold; `HAIR_COLOR` is
    among them where hair can be coloured in any hue. mappers: names of published mappers that may
    be used; `here`: those whose files are on this machine; `trained`: those trained here, by name.
    matcher: for clauses beyond the lexicon. usual: the directions with the ranges that hold for
    most people, where `controls` are a person's: amounts without a number are reckoned from these.
    measure: gives "age", "yaw" and "pitch" of the photograph, where they can be measured.
    """

    controls: Mapping[str, Control]
    mappers: frozenset[str] = frozenset(MAPPERS)
    trained: Mapping[str, PublishedMapper] = field(default_factory=dict)
    here: frozenset[str] = frozenset()
    matcher: Matcher | None = None
    usual: Mapping[str, Control] = field(default_factory=dict)
    measure: Callable[[], Mapping[str, float]] | None = None
    lexicon: Lexicon = field(default_factory=load_lexicon)

    @cached_property
    def measured(self) -> Mapping[str, float]:
        return self.measure() if self.measure else {}


def understand(prompt: str, known: Known) -> Understanding:
    """Read a prompt; nothing is applied. A prompt beyond `MAX_PROMPT` characters is not read."""
    if len(prompt) > MAX_PROMPT:
        why = f"is longer than {MAX_PROMPT} characters; say it in fewer"
        return Understanding(prompt, (), (Leftover(prompt[:40] + "…", why),))
    words, please = read(prompt, known.lexicon)
    wishes, rest, keeps = list[Wish](), list[Leftover](), False
    told = list[Leftover]()  # how things are: no wish, where something else is one
    for reader in readers(words, known.lexicon):
        keeps = keeps or reader.keeps
        text = reader.clause.text
        if (name := find_name(text)) in known.trained:
            wishes.append(Wish((), text, mapper=name))
        elif not reader.trouble:
            wishes += reader.wishes
        elif known.matcher is not None and (found := matched(reader, known.matcher)):
            wishes += found
        else:
            foreign = any(not w.raw.isascii() or not w.forms for w in reader.clause.words)
            left = told if STATED.search(text) and not please else rest
            left.append(_leftover(reader, known, please if foreign else ""))
    rest += [] if wishes else told
    parts, lacking = resolve(wishes, known)
    rest += lacking
    if not parts and not rest and not keeps:
        said = prompt.strip()[:80] or "An empty prompt"
        rest.append(Leftover(said, _why("asks for nothing that can be done here", please)))
    return Understanding(prompt, tuple(parts), tuple(rest))


def readers(words: Sequence[Word], lexicon: Lexicon) -> list[Reader]:
    """The clauses of a prompt, read one after the other."""
    clauses, noun, away = cut(words, lexicon), None, ""
    found: list[Reader] = []
    for i, clause in enumerate(clauses):
        following = clauses[i + 1] if i + 1 < len(clauses) else None
        reader = Reader(clause, lexicon, noun, following, away).read()
        noun, away = reader.noun or noun, reader.away
        asking = next((one for one in reversed(found) if one.wishes), None)
        likens = (
            (clause.after == "as" or reader.raws[0] == "like")
            and bool(reader.trouble)
            and bool(found and found[-1].wishes)
        )
        if not likens and not (asking and asking.adopt(reader)):
            found.append(reader)
    return found


def matched(reader: Reader, matcher: Matcher) -> list[Wish]:
    """What the matcher finds a clause to ask for that the grammar does not understand."""
    if reader.never or reader.trouble != NOT_UNDERSTOOD or not reader.core:
        return []
    found, sure = matcher.match(" ".join(reader.core), reader.wishes, reader.unknown)
    wishes = [replace(wish, said=reader.clause.text, confidence=round(sure, 2)) for wish in found]
    reader.trouble = ""
    reader.settle(wishes)
    if reader.trouble or not wishes:
        reader.trouble = NOT_UNDERSTOOD
        return []
    return wishes


def _why(why: str, please: str) -> str:
    return f"{why}. {please}" if please else why


def _leftover(reader: Reader, known: Known, please: str) -> Leftover:
    """What was not understood, with edits that are near; far ones would only lead astray."""
    noun = reader.noun
    near: list[str] = []
    if noun is not None and not reader.never:
        asks = [noun.alone, *noun.described.values()] if noun.alone else [*noun.described.values()]
        near = [label(a.name, a.sense) for group in asks for a in group if a.name in known.controls]
    elif known.matcher is not None and reader.core and not reader.never:
        near = [
            label(a.name, a.sense)
            for a in known.matcher.nearest(" ".join(reader.core))
            if a.name in known.controls
        ]
    return Leftover(
        reader.clause.text, _why(reader.trouble, please), tuple(dict.fromkeys(near))[:3]
    )


# -------------------------------------------------------------------------- what there is to give


def resolve(wishes: Sequence[Wish], known: Known) -> tuple[list[Part], list[Leftover]]:
    """Parts of the wishes that can be done here, and what cannot."""
    parts: dict[tuple[str, str], tuple[Part, Wish]] = {}
    rest: list[Leftover] = []
    for wish in wishes:
        given, why = _give(wish, known)
        if why:
            colored = any(ask.name == HAIR_COLOR for ask in wish.asks)
            rest.append(Leftover(f"{wish.said} hair" if colored else wish.said, why))
        for part in given:
            key = part.way, part.name
            old, by = parts.get(key, (part, wish))
            if old.amount * part.amount >= 0:
                parts[key] = (part, wish) if abs(part.amount) >= abs(old.amount) else (old, by)
            elif wish.stated == by.stated:
                both = f"{parts.pop(key)[0].said} … {part.said}"
                rest.append(Leftover(both, "contradicts itself, so neither was done"))
            elif by.stated:
                parts[key] = part, wish
    return [part for part, _ in parts.values()], rest


def _give(wish: Wish, known: Known) -> tuple[list[Part], str]:
    """A mapper whose file is here, else attributes, else a mapper that has to be fetched."""
    if wish.front or wish.reach is not None:
        return _measured(wish, known)
    asks = tuple(_nearly(ask, known) for ask in wish.asks)
    if asks != wish.asks:
        wish = replace(wish, asks=asks, confidence=wish.confidence * NEARLY)
    if wish.mapper in known.trained:
        return [_mapper_part(wish, known.trained[wish.mapper], "")], ""
    mapper = wish.mapper if wish.mapper in known.mappers else ""
    lacks = [ask for ask in wish.asks if ask.name not in known.controls]
    if mapper and (mapper in known.here or not wish.asks or lacks):
        needs = (
            ""
            if mapper in known.here
            else f"Needs its mapper: python -m checkpoints fetch {MAPPERS[mapper].asset}."
        )
        return [_mapper_part(wish, MAPPERS[mapper], needs)], ""
    # What a phrase asks first is its point: "old man" without gender still asks for age.
    if not wish.asks or wish.asks[0] in lacks:
        return [], "is not available here"
    said = ", ".join(label(ask.name, ask.sense) for ask in lacks)
    why = f"is done without “{said}”, which is not available here" if lacks else ""
    note = f"By attributes, as the mapper “{mapper}” is not here." if mapper else ""
    return [_part(wish, ask, known, note) for ask in wish.asks if ask not in lacks], why


def _nearly(ask: Ask, known: Known) -> Ask:
    """The ask, or what does nearly the same where its direction is not installed."""
    if ask.name in known.controls or ask.name not in INSTEAD:
        return ask
    name, sense = INSTEAD[ask.name]
    return replace(ask, name=name, sense=ask.sense * sense)


def _measured(wish: Wish, known: Known) -> tuple[list[Part], str]:
    """What depends on the photograph: an age to have, a head that faces the camera."""
    if wish.front:
        turns = {"pose": known.measured.get("yaw"), "pitch": known.measured.get("pitch")}
        if None in turns.values() or not turns.keys() <= known.controls.keys():
            return [], "needs the head's pose, which could not be measured here"
        return [
            _part(
                replace(wish, amount=-float(angle or 0)),
                Ask(name, -1 if (angle or 0) > 0 else 1),
                known,
            )
            for name, angle in turns.items()
        ], ""
    age, target = known.measured.get("age"), float(wish.reach or 0)
    if target < CHILD or "age" not in known.controls:
        return [], "is beyond the ages that can be shown"
    if age is not None:
        amount = target - age
        return [
            _part(replace(wish, amount=amount), Ask("age", 1 if amount >= 0 else -1), known)
        ], ""
    if YOUNG_TO < target < OLD_FROM:
        return [], "depends on the person's age, which is not known here"
    ask = Ask("age", 1 if target >= OLD_FROM else -1, 1.0)
    return [_part(replace(wish, confidence=0.6), ask, known)], ""


def _mapper_part(wish: Wish, one: PublishedMapper, note: str) -> Part:
    amount = 1.0 if wish.share is None else round(min(wish.share * 1.5, one.high), 2)
    sure = round(wish.confidence, 2)
    return Part(MAPPER, one.name, amount, "strength", sure, wish.said, one.label, note=note)


def _part(wish: Wish, ask: Ask, known: Known, note: str = "") -> Part:
    control = known.controls[ask.name]
    (low, high), step = control.bounds, control.step
    limit = known.usual.get(ask.name, control).bounds[ask.sense > 0]
    share = ask.share if wish.share is None else wish.share
    wanted = limit * share if wish.amount is None else wish.amount
    amount = round(round(min(max(wanted, low), high) / step) * step, 9)
    limited = abs(wanted) > abs(amount) + step / 2
    if limited and wish.amount is not None:
        note = f"{amount:+.3g} {control.unit} is as far as it goes here."
    text = (
        f"{ask.color[1]} hair" if ask.name == HAIR_COLOR else label(ask.name, amount, control.label)
    )
    return Part(
        ATTRIBUTES,
        ask.name,
        amount,
        control.unit,
        round(wish.confidence, 2),
        wish.said,
        text,
        limited,
        ask.color[0],
        note,
    )
