"""From a prompt to words in the plain forms that the vocabulary knows."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mappers import vocabulary as v
from mappers.styleclip.published import MAPPERS

#: Longest prompt that is read, in characters: CLIP's own reader ends at 77 tokens.
MAX_PROMPT = 500
UNITS = frozenset({"years", "decades", "degrees", "%"})
#: Pictographs lie in the last two blocks.
_TOKEN = re.compile(
    r"[+-]?\d+(?:\.\d+)?|[a-z][a-z']*|[%,;.!?&+/:()]|[\u2600-\u27bf\U0001f300-\U0001faff]"
)
_COURTESIES = re.compile("|".join(v.COURTESIES))
_ENDINGS = (
    *(("ier", "y"), ("iest", "y"), ("ies", "y"), ("er", ""), ("er", "e"), ("est", "")),
    *(("est", "e"), ("s", ""), ("es", ""), ("y", ""), ("ish", ""), ("ing", ""), ("ing", "e")),
    *(("ed", ""), ("ed", "e"), ("ly", "")),
)


@dataclass(frozen=True)
class Word:
    """A word of the prompt.

    raw: as it was typed, in lower case. plain: the form that the vocabulary has, or raw. known:
    whether the vocabulary has it. number: its value; a written sign makes it `signed`.
    corrected: the spelling was mended.
    """

    raw: str
    plain: str
    known: bool = True
    number: float | None = None
    signed: bool = False
    corrected: bool = False

    @property
    def separates(self) -> bool:
        return self.plain in v.SEPARATORS or self.raw in ",;.!?&+/:()"


@cache
def lexicon() -> frozenset[str]:
    """Every word that means something here."""
    found: set[str] = set()
    for phrases in (v.PHRASES, v.DEGREES, v.AWAY, v.KEEP, v.LESS_PHRASES, mapper_phrases()):
        found |= {word for phrase in phrases for word in phrase}
    for noun in v.NOUNS:
        found |= {*noun.words, *noun.described}
    for words in (
        v.KINDS,
        v.TURNING,
        v.LIGHTING,
        v.SIDES,
        v.LESS,
        v.ANEW,
        v.FILLERS,
        v.OFF,
        v.LOOKED_AT,
    ):
        found |= set(words)
    return frozenset(
        found | v.PICTURES | set(v.SEPARATORS) | set(v.NUMBERS) | UNITS | {"age", "old"}
    )


@cache
def mapper_phrases() -> dict[tuple[str, ...], str]:
    """Phrases that name a published mapper, to its name."""
    return {
        tuple(without_accents(phrase.lower()).split()): name
        for name, one in MAPPERS.items()
        for phrase in one.phrases
    }


def without_accents(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text)
    return "".join(c for c in plain if not unicodedata.combining(c))


def read(prompt: str) -> list[Word]:
    """The words of a prompt, misspellings mended.

    Args:
        prompt: of at most `MAX_PROMPT` characters; the rest is left out.
    """
    text = without_accents(prompt[:MAX_PROMPT].lower()).replace(
        "\N{RIGHT SINGLE QUOTATION MARK}", "'"
    )
    text = text.replace("°", " degrees ").replace("\N{MINUS SIGN}", "-")
    text = re.sub(r"(?<=[a-z0-9])-(?=[a-z0-9])", " ", _COURTESIES.sub(" ", text))
    text = "".join(_spoken(sign) for sign in text)
    words: list[Word] = []
    for raw in _joined(_spelled(_TOKEN.findall(text))):
        word = _word(raw)
        parts = [raw] if word.known else _run_together(raw)
        words += [word] if parts == [raw] else [_word(part) for part in parts]
    return words


def _spoken(sign: str) -> str:
    """A pictograph as a clause of its own; any other sign as it is."""
    if sign in v.PICTOGRAPHS:
        return f", {v.PICTOGRAPHS[sign]}, " if v.PICTOGRAPHS[sign] else " "
    if "\U0001f3fb" <= sign <= "\U0001f3ff":  # the colour of a pictograph's skin
        return ""
    return f", {sign}, " if _is_pictograph(sign) else sign


def _is_pictograph(sign: str) -> bool:
    return "\u2600" <= sign <= "\u27bf" or "\U0001f300" <= sign <= "\U0001faff"


def _spelled(tokens: Iterable[str]) -> list[str]:
    found = []
    for token in tokens:
        found += v.SPELLINGS.get(token, token.removesuffix("'s").replace("'", "")).split()
    return found


def _joined(tokens: list[str]) -> list[str]:
    found: list[str] = []
    for token in tokens:
        pair = (found[-1], token) if found else ("", token)
        if pair in v.JOINED:
            found[-1] = v.JOINED[pair]
        else:
            found.append(token)
    return found


def _word(raw: str) -> Word:
    if raw[-1].isdigit():
        return Word(raw, raw, number=abs(float(raw)), signed=raw[0] in "+-")
    if raw in v.NUMBERS:
        return Word(raw, raw, number=v.NUMBERS[raw])
    if _is_pictograph(raw[0]):
        return Word(raw, raw, known=False)
    if not raw[0].isalpha() or raw in lexicon():
        return Word(raw, raw)
    if (plain := _plain(raw)) is not None:
        return Word(raw, plain)
    if (plain := _drawn_out(raw)) is not None:
        return Word(raw, plain)
    mended = _mended(raw)
    if mended is None:
        return Word(raw, raw, known=False)
    for part in v.SPELLINGS.get(mended, mended).split():
        number = v.NUMBERS.get(part)
        return Word(raw, _plain(part) or part, number=number, corrected=True)
    raise AssertionError("a spelling is at least one word")


def _plain(word: str) -> str | None:
    """The plain form of an inflected word, where the vocabulary has one."""
    if word in lexicon():
        return word
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 1:
            stem = word[: -len(ending)]
            doubled = len(stem) > 2 and stem[-1] == stem[-2]
            for plain in (stem + instead, *([stem[:-1]] if doubled else [])):
                if plain in lexicon() and len(plain) > 2:
                    return plain
    return None


def _drawn_out(word: str) -> str | None:
    """The plain form of a word whose letters are repeated for emphasis: "sooo", "cheeeese"."""
    for times in ("\\1\\1", "\\1"):
        shorter = re.sub(r"(.)\1{2,}", times, word)
        if shorter != word and (plain := _plain(shorter)) is not None:
            return plain
    return None


def _run_together(word: str) -> list[str]:
    """Two known words that were typed as one: "blondhair"."""
    for cut in range(3, 0 if word in common_words() else len(word) - 2):
        halves = [_plain(word[:cut]), _plain(word[cut:])]
        if all(half is not None and half not in v.FILLERS and len(half) > 2 for half in halves):
            return [word[:cut], word[cut:]]
    return [word]


def _mended(word: str) -> str | None:
    """The known word that was probably meant: one letter off, two in long words."""
    if len(word) < 4 or word in common_words():
        return None
    reach = 2 if len(word) >= 9 else 1
    near = [
        (distance(word, other), other)
        for other in _spellable()
        if abs(len(other) - len(word)) <= reach
        and (len(word) > 4 or other not in v.FILLERS - v.TURNING)
    ]
    near = [pair for pair in near if pair[0] <= reach and pair[1][0] == word[0]]
    if not near:
        return None
    best = min(pair[0] for pair in near)
    return max(
        (other for away, other in near if away == best),
        key=lambda other: difflib.SequenceMatcher(None, word, other).ratio(),
    )


@cache
def common_words() -> frozenset[str]:
    """Frequent English words that are nearly spelt like known ones, and mean something else."""
    text = (Path(__file__).parent / "data" / "no-misspellings.txt").read_text("utf-8")
    return frozenset(text.split())


@cache
def _spellable() -> tuple[str, ...]:
    """What a misspelling may be mended to: known words with their usual inflections."""
    words = {w for w in lexicon() | set(v.SPELLINGS) if len(w) >= 3 and w.isalpha()}
    for word in (
        "old",
        "young",
        "long",
        "short",
        "dark",
        "light",
        "thick",
        "thin",
        "pale",
        "round",
    ):
        words |= {word + ending for ending in ("er", "est")}
    return tuple(sorted(words | {"eyebrows", "eyes", "darker", "lighter", "wider", "happier"}))


def distance(a: str, b: str) -> int:
    """Letters to change, put in, leave out or exchange with their neighbour, from a to b."""
    before, row = list[int](), list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        before, last, row = row, before, [i]
        for j, other in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
