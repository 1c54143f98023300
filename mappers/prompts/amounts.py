"""How much a clause asks for: numbers with their units, ages to reach, degrees."""

from __future__ import annotations

import re
from dataclasses import dataclass

from text_to_num import alpha2digit

from mappers.prompts.lexicon import Lexicon

#: "A few", in years; a photographer's stop or a shade of hair, as a share of the range.
FEW, NOTCH_SHARE = 5.0, 0.25
AGES = range(12, 101)
_SMALL = {"one": "1", "two": "2", "three": "3", "a": "1", "an": "1", "half a": "0.5"}
_UNIT = r"(?:years?|yrs?|decades?|degrees?|deg|stops?|shades?|notch(?:es)?|steps?|levels?|percent)"
_BETWEEN = r"(?: ?(?:more|extra|full|whole|good|odd|or so|other)\b)*"
_SPELT = re.compile(rf"\b(half a|an?|one|two|three)\b(?={_BETWEEN} {_UNIT}\b)")
_NUMBER = r"(?<![\w.])([+-]?\d+(?:\.\d+)?)"
_RANGE = re.compile(rf"(\d+) ?(?:-|to|or) ?(\d+)(?= ?(?:{_UNIT}|%))")
_YEARS = re.compile(rf"{_NUMBER}{_BETWEEN} ?(?:years?|yrs?)\b(?! ?olds?\b)")
_DECADES = re.compile(rf"{_NUMBER}{_BETWEEN} ?decades?\b")
_VAGUE = re.compile(r"\b(few|couple|some|several|handful)(?: of)?(?: (?!\d)\w+)? (year|decade)s?")
_DEGREES = re.compile(rf"{_NUMBER} ?(?:degrees?|deg)\b")
_PERCENT = re.compile(rf"{_NUMBER} ?(?:%|per ?cent)")
_NOTCHES = re.compile(rf"{_NUMBER} (?:stops?|notch(?:es)?|shades?|levels?|steps?)\b")
_SIGNED = re.compile(r"(?<![\w.])([+-]\d+(?:\.\d+)?)(?![\w.])")
#: What may not follow an age: "20 years older", "50 %".
_NO_AGE = (
    r"\b(?!\.\d|/)(?! ?(?:%|per ?cent|(?:more |extra )*(?:years?|yrs?)\b(?! ?olds?\b)|decades?|deg"
    r"|px|pixels?|stops?|shades?|notch|levels?|steps?|pounds?|kilos?|kg|lbs?|cm|mm))"
)
_OLD = re.compile(
    r"(?<!\d)(\d{1,3}) ?(?:(?:years?|yrs?) ?olds?\b|y/o|yo\b|y\.o\b|(?:st|nd|rd|th) birthday\b)"
)
_DECADE = r"\b(early |late |mid )?({})\b"
_AGED = re.compile(
    r"\b(?:age[ds]?|at|turn(?:s|ed|ing)?|looks?(?:ing)?|like|to|be|being|was|is|am|were|when|as|of"
    r"|about|around|nearly|almost|hits?|again|reach(?:es)?|i'm|he's|she's|him|her|me|them|us)"
    rf"[ :=]+(?:an? |about |around |again |age |of |only |just )*(\d{{2,3}}){_NO_AGE}"
    rf"|^(\d{{2}}){_NO_AGE}(?: again| please)?$"
)
#: Words that may stand beside an amount that a clause of its own gives: "but only by 10 years".
_BESIDE = {
    *(
        "but",
        "only",
        "by",
        "about",
        "around",
        "approx",
        "approximately",
        "roughly",
        "just",
        "maybe",
    ),
    *("or", "so", "please", "say", "at", "most", "least", "to", "the", "of", "and", "not", "with"),
    *("like", "more", "less", "older", "younger", "that", "is", "for"),
}


@dataclass(frozen=True)
class Amount:
    """What a clause says of how much.

    share: of the range. years: to add or take off, decades included. reach: an age to have.
    degrees: to turn by. signed: a number with a sign and no unit, in the edit's own.
    """

    share: float | None = None
    years: float | None = None
    reach: float | None = None
    degrees: float | None = None
    signed: float | None = None

    def __bool__(self) -> bool:
        return any(one is not None for one in vars(self).values())

    def of(self, name: str) -> float | None:
        """The size of the change of an edit, in its unit, without its sense; None for none."""
        if name == "age" and self.years is not None:
            return abs(self.years)
        if name in ("pose", "pitch") and self.degrees is not None:
            return abs(self.degrees)
        return None if self.signed is None else abs(self.signed)


def read_amount(clause: str, lexicon: Lexicon) -> Amount:
    """What a clause says of how much."""
    text = _in_digits(clause)
    reach, years, share = _reach(text, lexicon), _years(text), _share(text, lexicon)
    degrees = _first(_DEGREES, text)
    unit = years is not None or degrees is not None or _PERCENT.search(text)
    signed = None if unit or _NOTCHES.search(text) else _first(_SIGNED, text)
    return Amount(share, None if reach is not None else years, reach, degrees, signed)


def is_amount(clause: str, lexicon: Lexicon) -> bool:
    """Whether a clause says how much and nothing else: "10 years", "but not too much"."""
    text = _in_digits(clause)
    for pattern in (_YEARS, _DECADES, _VAGUE, _DEGREES, _PERCENT, _NOTCHES):
        text = pattern.sub(" ", text)
    for _, words in lexicon.degrees:
        text = words.sub(" ", text)
    return set(re.findall(r"[a-z0-9]+", text)) <= _BESIDE


def _in_digits(clause: str) -> str:
    text = re.sub(r"(?<=\w)-(?=[a-z])", " ", clause)
    text = alpha2digit(_SPELT.sub(lambda one: _SMALL[one[1]], text), "en")
    return _RANGE.sub(lambda two: f"{(float(two[1]) + float(two[2])) / 2:g}", text)


def _first(pattern: re.Pattern[str], text: str) -> float | None:
    found = pattern.search(text)
    return float(found[1]) if found else None


def _years(text: str) -> float | None:
    if (decades := _first(_DECADES, text)) is not None:
        return 10 * decades
    if (years := _first(_YEARS, text)) is not None:
        return years
    if found := _VAGUE.search(text):
        many = 2.0 if found[1] == "couple" else 3.0 if found[2] == "decade" else FEW
        return many * (10 if found[2] == "decade" else 1)
    return None


def _reach(text: str, lexicon: Lexicon) -> float | None:
    if (old := _first(_OLD, text)) is not None:
        return old
    names = {**lexicon.decades, **{f"{n}0s": 10.0 * n + 5 for n in range(2, 10)}}
    if found := re.search(_DECADE.format("|".join(names)), text):
        if text[: found.start()].split()[-1:] == ["the"]:  # a time: "a perm from the eighties"
            return None
        return names[found[2]] + {"early ": -3.0, "late ": 3.0}.get(found[1] or "", 0.0)
    found = _AGED.search(text)
    age = int(found[1] or found[2]) if found else 0
    return float(age) if age in AGES else None


def _share(text: str, lexicon: Lexicon) -> float | None:
    if (percent := _first(_PERCENT, text)) is not None:
        return min(abs(percent) / 100, 1.0)
    if (notches := _first(_NOTCHES, text)) is not None:
        return min(NOTCH_SHARE * abs(notches), 1.0)
    said = [(len(m[0]), share) for share, words in lexicon.degrees for m in words.finditer(text)]
    return max(said)[1] if said else None
