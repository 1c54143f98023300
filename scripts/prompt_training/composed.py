"""Prompts composed of clauses: negated, wished for politely, joined, misspelt.

Clauses are the vocabulary's and authors' own short prompts. What each of them asks for is known by
how it was composed; where the prompt is cut otherwise, only what all of them ask for together.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from mappers.prompts.lexicon import HAIR_COLOR, load_lexicon, opposite
from mappers.prompts.reader import NOTHING
from mappers.prompts.text import plain, read_text
from scripts.prompt_training.authored import Sample
from scripts.prompt_training.vocabulary import Clause

#: Directions that are turned, not taken away.
TURNS = ("pose", "pitch", "light_side")
#: How often a kind of clause is drawn.
KINDS = {"phrase": 30, "described": 22, "thing": 12, "never": 9, "example": 12, "nothing": 6}
KINDS |= {"label": 8, "front": 2, "kind": 2}
PLAIN, WISHED = (
    10,
    (
        *("make her {}", "make him {}", "make me {}", "{} please", "please {}", "i want {}"),
        *("give him {}", "give her {}", "add {}", "with {}", "a bit {}", "much {}", "very {}"),
        *("more {}", "slightly {}", "can you make it {}", "could i have {}", "i'd like {}"),
        *("let's see {}", "try {}", "show me with {}", "the {}", "a {}", "{} 40%", "{} 80 %"),
        *("super {}", "{} now", "{} this time", "maybe {}", "way more {}", "{} a little"),
        *("really {}", "just {}", "looking {}", "look {}", "how would he look {}", "{}, thanks"),
        *("what if she had {}", "needs {}", "{} 62.5%", "{} 7%", "{} 100%", "her {}", "his {}"),
    ),
)
TAKEN = (
    *("no {}", "no {}", "without {}", "without the {}", "remove the {}", "get rid of the {}"),
    *("lose the {}", "take off the {}", "no more {}", "{} off", "i don't want {}", "minus the {}"),
    *("less {}", "not so much {}", "erase the {}", "the {} must go", "please take away the {}"),
    *("without any {}", "she should not have {}", "tone down the {}", "{} gone", "drop the {}"),
    *("reduce the {}", "stop the {}", "hide the {}", "delete {}", "ease off on the {}"),
)
LESSENED = (
    "less {}",
    "not so {}",
    "not as {}",
    "a bit less {}",
    "too {}",
    "much less {}",
    "not {}",
)
KEPT = (
    *("keep the {}", "leave the {} as it is", "don't change the {}", "the {} stays", "same {}"),
    *("do not touch the {}", "leave {} alone", "keep his {}", "{} should stay as it is"),
)
#: What is said of things that no edit can give.
THINGS = (
    *("a {}", "with a {}", "add a {}", "red {}", "old {}", "young {}", "big {}", "remove the {}"),
    *("no {}", "smiling {}", "long {}", "wearing a {}", "a dark {}", "blond {}", "holding a {}"),
    *("give her a {}", "a brighter {}", "curly {}", "a {} with a beard", "wider {}"),
)
JOINED = (
    *[", "] * 8,
    *[" and "] * 4,
    *(" with ", " but ", ". ", " plus ", "; ", " + ", " then ", " & ", "\n", " also ", ", and "),
    *(" and also ", ", but ", " / ", *[" "] * 4),
)
#: How often a clause is an author's; the longest that is one, in characters.
AUTHORED, LONGEST = 0.45, 48
SMALL_TALK = (
    *("he looks tired", "thanks", "for my mum", "it's for a poster", "please", "i like the photo"),
    *("as a joke", "you know", "the rest stays the same", "nothing else", "that's all"),
    *("he asked me to", "for the wedding", "if you can", "it is her birthday", "honestly"),
)
COLORS = (
    *("pink", "blue", "green", "purple", "turquoise", "teal", "lavender", "violet", "magenta"),
    *("lilac", "mint", "cyan", "fuchsia", "indigo", "rose", "aqua", "emerald", "neon green"),
    *("pastel pink", "cobalt", "peach", "periwinkle", "lime", "dark green", "electric blue"),
)
DYED = (
    *("{} hair", "hair {}", "dye it {}", "{} hair please", "{} highlights", "colour her hair {}"),
    *("{} tips", "{} streaks in the hair", "{} hair 60%", "paint his hair {}", "{}-haired"),
)
YEARS = ("{n} years {side}", "make him {n} years {side}", "{side} by {n} years", "{n} yrs {side}")
ADDED, TAKEN_OFF = ("add {n} years", "{n} years on top"), ("take off {n} years", "lose {n} years")
OLD = ("in my sixties", "in her seventies", "at eighty", "as a 70 year old", "when he is 65")
YOUNG = ("at twenty", "in his twenties", "as a 20 year old", "like when he was 18", "aged 19")
DEGREES = (
    *("{n} degrees to the {side}", "turn the head {n} degrees {side}", "{side} by {n} degrees"),
    *("looking {n} degrees to the {side}", "looking {n:.1f} degrees {side}"),
)
TURNED = (("right", "pose+"), ("left", "pose-"), ("up", "pitch+"), ("down", "pitch-"))


class Composer:
    """Composes prompts.

    Args:
        clauses: the vocabulary. seed: the same one gives the same prompts. authored: authors'
            prompts, of which the short ones that ask for one thing plainly become clauses.
    """

    def __init__(
        self, clauses: Sequence[Clause], seed: int, authored: Sequence[Sample] = ()
    ) -> None:
        self._chance = random.Random(seed)
        self._authored = [
            (sample.clauses[0], sample.must)
            for sample in authored
            if len(sample.clauses) == 1 and not sample.may and len(sample.clauses[0]) <= LONGEST
        ]
        self._by_kind: Mapping[str, list[Clause]] = {
            kind: [one for one in clauses if one.kind == kind] for kind in KINDS
        }

    def compose(self, count: int) -> list[Sample]:
        """So many prompts of one to four clauses, now and then of seven, some with small talk."""
        return [self._prompt() for _ in range(count)]

    def _prompt(self) -> Sample:
        chance = self._chance
        count = chance.choices((1, 2, 3, 4, 7), (52, 27, 12, 6, 3))[0]
        parts = [self._part(alone=count == 1) for _ in range(count)]
        if chance.random() < 0.1:
            talk = chance.choice(SMALL_TALK), frozenset[str]()
            parts.insert(chance.randint(0, count), talk)
        text = parts[0][0]
        for said, _ in parts[1:]:
            text += chance.choice(JOINED) + said
        if chance.random() < 0.1:
            text = self._misspelt(text)
        clauses, wanted = _clauses(text), tuple(one for _, one in parts)
        if len(clauses) == len(wanted) and all(len(_clauses(said)) == 1 for said, _ in parts):
            return Sample(clauses, wanted)
        return Sample(clauses, None, frozenset().union(*wanted))

    def _part(self, alone: bool) -> tuple[str, frozenset[str]]:
        """A clause and what it asks for; authors' own where it does not stand alone, as there."""
        chance = self._chance
        if not alone and self._authored and chance.random() < AUTHORED:
            return chance.choice(self._authored)
        if (roll := chance.random()) < 0.13:
            return self._measured(roll / 0.13)
        kind = chance.choices([*KINDS], [*KINDS.values()])[0]
        one = chance.choice(self._by_kind[kind])
        text, wanted, roll = one.text, one.wanted, chance.random()
        if kind == "thing" and roll < 0.35:
            return chance.choice(TAKEN).format(text), turned_round(wanted)
        if kind == "never" and roll < 0.6:
            return chance.choice(THINGS).format(text), wanted
        single = kind == "described" or (kind == "phrase" and " " not in text)
        if single and roll < 0.14:
            return chance.choice(LESSENED).format(text), turned_round(wanted)
        if kind in ("thing", "described") and roll > 0.95:
            return chance.choice(KEPT).format(text), frozenset()
        if kind in ("kind", "nothing") or chance.randrange(PLAIN + len(WISHED)) < PLAIN:
            return text, wanted
        return chance.choice(WISHED).format(text), wanted

    def _measured(self, roll: float) -> tuple[str, frozenset[str]]:
        """A clause with a number, or with a colour."""
        chance, sign = self._chance, self._chance.choice("+-")
        if roll < 0.25:
            said = chance.choice(DYED).format(chance.choice(COLORS))
            return said, frozenset([f"{HAIR_COLOR}+"])
        if roll < 0.55:
            forms = (*YEARS, *(ADDED if sign == "+" else TAKEN_OFF))
            side = "older" if sign == "+" else "younger"
            said = chance.choice(forms).format(n=chance.randint(2, 40), side=side)
            return said, frozenset([f"age{sign}"])
        if roll < 0.75:
            return chance.choice(OLD if sign == "+" else YOUNG), frozenset([f"age{sign}"])
        side, wanted = chance.choice(TURNED)
        said = chance.choice(DEGREES).format(n=chance.randint(1, 30), side=side)
        return said, frozenset([wanted])

    def _misspelt(self, text: str) -> str:
        """With a letter left out, doubled or exchanged in one long word."""
        words, chance = text.split(" "), self._chance
        at = chance.randrange(len(words))
        if len(word := words[at]) >= 5:
            i = chance.randrange(1, len(word) - 1)
            words[at] = chance.choice(
                (
                    word[:i] + word[i + 1 :],
                    word[:i] + word[i] + word[i:],
                    word[:i] + word[i + 1] + word[i] + word[i + 2 :],
                )
            )
        return " ".join(words)


def _clauses(text: str) -> tuple[str, ...]:
    return tuple(plain(one) for one in read_text(text, load_lexicon()).clauses)


def turned_round(wanted: frozenset[str]) -> frozenset[str]:
    """What is asked for where the same is to be less; a wish that cannot be done stays one."""
    return frozenset(
        opposite(name) if name[-1] in "+-" and name[:-1] not in (*TURNS, HAIR_COLOR) else name
        for name in wanted
    ) or frozenset([NOTHING])
