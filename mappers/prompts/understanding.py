"""Understanding a prompt: which edits it asks for, how far, and what is left over."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from mappers.prompts.amounts import Amount, is_amount, read_amount
from mappers.prompts.color_reader import color_in
from mappers.prompts.in_words import class_in_words
from mappers.prompts.lexicon import HAIR_COLOR, Ask, Lexicon, label, load_lexicon, opposite
from mappers.prompts.reader import FRONT, NOTHING, Chances, Reader
from mappers.prompts.text import MAX_PROMPT, read_text
from mappers.styleclip.published import MAPPERS, PublishedMapper, find_name
from pti_core.editing.controls import Control

MAPPER, ATTRIBUTES = "mapper", "attributes"
#: Chance from which an edit is done, a clause is called not understood, an edit is offered as near.
LIKELY, LEFT, NEAR = 0.5, 0.5, 0.2
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
NOT_UNDERSTOOD = "is not understood"
_MARKS = " ,;.!?\n"
_TAKEN_BACK = re.compile(r"\b(?:no|not|without|remove|less|never|don't)\b")
_NUMBERED = ("years", "degrees")
_NOT_HERE = "is not available here"


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
    """What a prompt asks for: parts, and what is left over of it.

    decoration: pictographs and smileys that were taken for no wish.
    """

    prompt: str
    parts: tuple[Part, ...]
    rest: tuple[Leftover, ...]
    decoration: tuple[str, ...] = ()

    @property
    def edits(self) -> dict[str, float]:
        """Direction to amount, of the parts made of attributes."""
        return {part.name: part.amount for part in self.parts if part.way == ATTRIBUTES}

    def sentence(self) -> str:
        """What was not understood or not heeded, in one sentence for each reason."""
        lines = []
        for why in dict.fromkeys(one.why for one in self.rest):
            of = [one for one in self.rest if one.why == why]
            said = " and ".join(f"“{one.said}”" for one in of if one.said)
            near = list(dict.fromkeys(name for one in of for name in one.nearest))[:3]
            hint = f" Near it: {', '.join(near)}." if near else ""
            many = sum(bool(one.said) for one in of) > 1
            lines.append(f"{said} {_of_many(why) if many else why}.{hint}".strip())
        if self.decoration:
            lines.append(f"{' '.join(dict.fromkeys(self.decoration))} is taken for decoration.")
        return " ".join(lines)


_PLURALS = {"is": "are", "needs": "need", "asks": "ask", "contradicts": "contradict"}


def _of_many(why: str) -> str:
    """A reason, which begins with a verb, said of several."""
    verb, _, rest = why.partition(" ")
    return f"{_PLURALS.get(verb, verb)} {rest}"


@dataclass(frozen=True)
class Known:
    """What can be asked for here.

    controls: the directions that are loaded, by name, with the ranges that hold; `HAIR_COLOR` is
    among them where hair can be coloured in any hue. mappers: names of published mappers that may
    be used; `here`: those whose files are on this machine; `trained`: those trained here, by name.
    reader: None where its files are not here; then no prompt is understood. usual: the directions
    with the ranges that hold for most people, where `controls` are a person's: amounts without a
    number are reckoned from these. measure: gives "age", "yaw" and "pitch" of the photograph, where
    they can be measured.
    """

    controls: Mapping[str, Control]
    mappers: frozenset[str] = frozenset(MAPPERS)
    trained: Mapping[str, PublishedMapper] = field(default_factory=dict)
    here: frozenset[str] = frozenset()
    reader: Reader | None = None
    usual: Mapping[str, Control] = field(default_factory=dict)
    measure: Callable[[], Mapping[str, float]] | None = None
    lexicon: Lexicon = field(default_factory=load_lexicon)

    @cached_property
    def measured(self) -> Mapping[str, float]:
        return self.measure() if self.measure else {}


@dataclass(frozen=True)
class Wish:
    """Things that a clause asks for together, before it is known what is available.

    chance: of the likeliest. front: the head is to face the camera.
    """

    said: str
    asks: tuple[Ask, ...]
    chance: float
    amount: Amount
    mapper: str = ""
    front: bool = False


def understand(prompt: str, known: Known) -> Understanding:
    """Read a prompt; nothing is applied. A prompt beyond `MAX_PROMPT` characters is not read."""
    if len(prompt) > MAX_PROMPT:
        why = f"is longer than {MAX_PROMPT} characters; say it in fewer"
        return Understanding(prompt, (), (Leftover(prompt[:40] + "…", why),))
    if (name := find_name(prompt)) in {*known.trained, *known.here}:
        parts, lacking = resolve([Wish(prompt, (), 1.0, Amount(), name)], known)
        return Understanding(prompt, tuple(parts), tuple(lacking))
    if known.reader is None:
        why = (
            "cannot be read yet, as a file for it is not here; the sliders do the same meanwhile "
            "(python -m checkpoints fetch minilm.safetensors minilm-vocab)"
        )
        return Understanding(prompt, (), (Leftover(prompt.strip()[:80], why),))
    text = read_text(prompt, known.lexicon)
    wishes, rest = list[Wish](), list[Leftover]()
    chances = _decided(known.reader.chances(text.clauses)) if text.clauses else []
    for clause, chance in zip(text.clauses, chances, strict=True):
        said = re.sub(r"^(?:and|with|but|plus|then|also|or|nor)\s+", "", clause.strip(_MARKS))
        amount = read_amount(said, known.lexicon) if is_amount(said, known.lexicon) else Amount()
        if amount.share is not None and wishes:  # says nothing else, whatever it is read as
            wishes = _adopted(wishes, amount)
            continue
        found, left = _heard(said, chance, text.please, known)
        wishes += found
        rest += left
        if not found and not left:
            wishes = _adopted(wishes, amount)
    parts, lacking = resolve(wishes, known)
    rest += lacking
    if not parts and not rest:
        said = prompt.strip()[:80] or "An empty prompt"
        rest.append(Leftover(said, _why("asks for nothing that can be done here", text.please)))
    return Understanding(prompt, tuple(parts), tuple(rest), text.decoration)


def _decided(chances: Sequence[Chances]) -> list[Chances]:
    """Chances with one sense of each direction, that of the surest clause: "the photo is too
    yellow, less warm"."""
    most: dict[str, float] = {}
    for one in chances:
        for name, chance in one.items():
            most[name] = max(most.get(name, 0.0), chance)
    return [
        {n: c if most[n] >= most.get(opposite(n), 0.0) else 0.0 for n, c in one.items()}
        for one in chances
    ]


def _heard(
    said: str, chances: Chances, please: str, known: Known
) -> tuple[list[Wish], list[Leftover]]:
    """What a clause asks for, and the clause itself where that cannot be done."""
    amount, lexicon = read_amount(said, known.lexicon), known.lexicon
    if (name := find_name(said)) in known.trained:
        return [Wish(said, (), 1.0, amount, name)], []
    if any(ord(c) > 0x2190 or (c.isalpha() and not c.isascii()) for c in said):
        return [], [Leftover(said, _why(NOT_UNDERSTOOD, please))]
    chances = dict(chances)
    if amount.reach is not None:  # which side of the person's age that is, is measured
        chances["age+"] = chances["age+"] + chances.pop("age-")
    if written := class_in_words(said):
        chances = dict.fromkeys(chances, 0.0) | {written: 1.0}
    # A clause that more likely asks for what cannot be done is not taken for something near.
    least = max(LIKELY, chances[NOTHING])
    likely = {name: chance for name, chance in chances.items() if chance >= least}
    nothing, front = chances[NOTHING], likely.pop(FRONT, 0.0)
    likely.pop(NOTHING, None)
    wishes = [Wish(said, (), front, amount, front=True)] if front else []
    mapper, stand_in = _mapper_in(said, likely, known)
    if mapper:
        wishes.append(Wish(said, stand_in, 1.0, amount, mapper))
        likely = {n: c for n, c in likely.items() if n[:-1] not in {a.name for a in stand_in}}
        nothing = 0.0
    asks = _asks(said, likely, lexicon)
    if asks:
        wishes.append(Wish(said, asks, max(likely.values()), amount))
    if nothing <= LEFT and (asks or not likely):
        return wishes, []
    near = sorted((n for n in chances if chances[n] > NEAR), key=lambda n: -chances[n])
    nearest = [lexicon.ask(n) for n in near if n[:-1] in known.controls and n not in likely]
    hints = tuple(label(ask.name, ask.sense) for ask in nearest[:3])
    return wishes, [Leftover(said, _why(NOT_UNDERSTOOD, please), hints)]


def _asks(said: str, likely: Mapping[str, float], lexicon: Lexicon) -> tuple[Ask, ...]:
    """What the likely classes ask for, the likeliest first; hair in a colour only where the clause
    names one."""
    color = color_in(said, lexicon) if f"{HAIR_COLOR}+" in likely else ("", "")
    asks = (lexicon.ask(name) for name in sorted(likely, key=lambda name: -likely[name]))
    return tuple(
        replace(ask, share=1.0, color=color) if ask.name == HAIR_COLOR else ask
        for ask in asks
        if ask.name != HAIR_COLOR or color[0]
    )


def _mapper_in(said: str, likely: Mapping[str, float], known: Known) -> tuple[str, tuple[Ask, ...]]:
    """A published mapper that a clause names and what stands in for it; "" where the clause takes
    it back: "not angry"."""
    for name, row in known.lexicon.mappers.items():
        if row.pattern.search(said):
            classes = {ask.class_name for ask in row.asks}
            away = _TAKEN_BACK.search(said) if not classes else not classes & likely.keys()
            if not away:
                return name, row.asks
    return "", ()


def _adopted(wishes: list[Wish], amount: Amount) -> list[Wish]:
    """Give the amount of a clause that says nothing else to the wish before: "older, 10 years"."""
    if not wishes or wishes[-1].amount or not amount:
        return wishes
    return [*wishes[:-1], replace(wishes[-1], amount=amount)]


def _why(why: str, please: str) -> str:
    return f"{why}. {please}" if please else why


# -------------------------------------------------------------------------- what there is to give


def resolve(wishes: Sequence[Wish], known: Known) -> tuple[list[Part], list[Leftover]]:
    """Parts of the wishes that can be done here, and what cannot."""
    parts: dict[tuple[str, str], Part] = {}
    ranks: dict[tuple[str, str], tuple[bool, float]] = {}
    rest: list[Leftover] = []
    for wish in wishes:
        given, why = _give(wish, known)
        if why:
            rest.append(Leftover(wish.said, why))
        for part in given:
            key = part.way, part.name
            old = parts.get(key, part)
            # Twelve years stay twelve where grey hair, named beside them, also makes older.
            rank = wish.amount.of(part.name) is not None, abs(part.amount)
            if old.amount * part.amount >= 0:
                if key not in parts or rank >= ranks[key]:
                    parts[key], ranks[key] = part, rank
            else:
                both = f"{parts.pop(key).said} … {part.said}"
                rest.append(Leftover(both, "contradicts itself, so neither was done"))
    return list(parts.values()), rest


def _give(wish: Wish, known: Known) -> tuple[list[Part], str]:
    """A mapper whose file is here, else attributes, else a mapper that has to be fetched."""
    if wish.front:
        return _facing(wish, known)
    if wish.mapper in known.trained:
        return [_mapper_part(wish, known.trained[wish.mapper], "")], ""
    asks = tuple(_nearly(ask, known) for ask in wish.asks)
    sure = wish.chance * (1 if asks == wish.asks else NEARLY)
    wish = replace(wish, asks=asks, chance=sure)
    mapper = wish.mapper if wish.mapper in known.mappers else ""
    lacks = [ask for ask in wish.asks if ask.name not in known.controls]
    if mapper and (mapper in known.here or not wish.asks or lacks):
        fetch = f"Needs its mapper: python -m checkpoints fetch {MAPPERS[mapper].asset}."
        needs = "" if mapper in known.here else fetch
        return [_mapper_part(wish, MAPPERS[mapper], needs)], ""
    # The likeliest is its point: "old man" without gender still asks for age.
    if not wish.asks or wish.asks[0] in lacks:
        return [], _NOT_HERE
    said = ", ".join(label(ask.name, ask.sense) for ask in lacks)
    why = f"is done without “{said}”, which is not available here" if lacks else ""
    note = f"By attributes, as the mapper “{mapper}” is not here." if mapper else ""
    given = list[Part]()
    for ask in wish.asks:
        if ask in lacks:
            continue
        if ask.name == "age" and wish.amount.reach is not None:
            part, why = _aged(wish, known)
            given += part
        else:
            given.append(_part(wish, ask, wish.amount.of(ask.name), known, note))
    return given, why


def _nearly(ask: Ask, known: Known) -> Ask:
    """The ask, or what does nearly the same where its direction is not installed."""
    if ask.name in known.controls or ask.name not in INSTEAD:
        return ask
    name, sense = INSTEAD[ask.name]
    return replace(ask, name=name, sense=ask.sense * sense)


def _facing(wish: Wish, known: Known) -> tuple[list[Part], str]:
    """A head that faces the camera, from the pose that was measured."""
    turns = {"pose": known.measured.get("yaw"), "pitch": known.measured.get("pitch")}
    if None in turns.values() or not turns.keys() <= known.controls.keys():
        return [], "needs the head's pose, which could not be measured here"
    return [
        _part(wish, Ask(name, -1 if (angle or 0) > 0 else 1), abs(angle or 0), known)
        for name, angle in turns.items()
    ], ""


def _aged(wish: Wish, known: Known) -> tuple[list[Part], str]:
    """An age to have, from the photograph's."""
    age, target = known.measured.get("age"), float(wish.amount.reach or 0)
    if target < CHILD:
        return [], "is beyond the ages that can be shown"
    if age is not None:
        ask = Ask("age", 1 if target >= age else -1)
        return [_part(wish, ask, abs(target - age), known)], ""
    if YOUNG_TO < target < OLD_FROM:
        return [], "depends on the person's age, which is not known here"
    ask = Ask("age", 1 if target >= OLD_FROM else -1, 1.0)
    return [_part(replace(wish, chance=0.6), ask, None, known)], ""


def _mapper_part(wish: Wish, one: PublishedMapper, note: str) -> Part:
    share = wish.amount.share
    amount = 1.0 if share is None else round(min(share * 1.5, one.high), 2)
    sure = round(wish.chance, 2)
    return Part(MAPPER, one.name, amount, "strength", sure, wish.said, one.label, note=note)


def _part(wish: Wish, ask: Ask, size: float | None, known: Known, note: str = "") -> Part:
    """size: of the change, in the direction's unit; None for a share of the range."""
    control = known.controls[ask.name]
    (low, high), step = control.bounds, control.step
    limit = known.usual.get(ask.name, control).bounds[ask.sense > 0]
    share = ask.share if wish.amount.share is None else wish.amount.share
    if size is not None and max(-low, high) < size <= 100 and control.unit not in _NUMBERED:
        share, size = size / 100, None  # "smile +40"
    wanted = limit * share if size is None else size * ask.sense
    amount = round(round(min(max(wanted, low), high) / step) * step, 9)
    limited = abs(wanted) > abs(amount) + step / 2
    if limited and size is not None:
        note = f"{amount:+.3g} {control.unit} is as far as it goes here."
    colored = ask.name == HAIR_COLOR
    text = f"{ask.color[1]} hair" if colored else label(ask.name, amount, control.label)
    sure, color = round(wish.chance, 2), ask.color[0]
    return Part(
        ATTRIBUTES, ask.name, amount, control.unit, sure, wish.said, text, limited, color, note
    )
