"""How much a clause asks for: numbers with their units, ages to reach, degrees."""

from __future__ import annotations

import re
from dataclasses import dataclass

from text_to_num import alpha2digit

from mappers.prompts.lexicon import Lexicon

#: "A few", in years; a photographer's stop or a shade of hair, as a share of the range.
FEW, NOTCH_SHARE = 5.0, 0.25
AGES = range(12, 101)
_NUMBER = r"([+-]?\d+(?:\.\d+)?)"
_RANGE = re.compile(r"(\d+) ?(?:-|to) ?(\d+)(?= ?(?:years?|yrs?|degrees?|deg|%))")
_YEARS = re.compile(rf"{_NUMBER}[ -]?(?:years?|yrs?)(?![ -]?olds?\b)")
_DECADES = re.compile(rf"(?:{_NUMBER}|\ba)[ -]?(?:more |full |whole )?decades?")
_VAGUE = re.compile(r"\b(?:a |an )?(few|couple|some|several|handful)(?: of)?(?: \w+)? years?")
_SMALL = {"few": FEW, "couple": 2.0}
_DEGREES = re.compile(rf"{_NUMBER} ?(?:degrees?|deg)\b")
_PERCENT = re.compile(rf"{_NUMBER} ?(?:%|per ?cent)")
_NOTCHES = re.compile(rf"(?:{_NUMBER}|\ban?) (?:stops?|notch(?:es)?|shades?|levels?|steps?)\b")
_SIGNED = re.compile(r"(?<![\w.])([+-]\d+(?:\.\d+)?)(?![\w%])")
_REACH = re.compile(
    r"\b(\d{2,3})[ -]?(?:years?|yrs?|y\.?o)[ -]?olds?\b|\b(\d{2})s\b"
    r"|\b(?:age[ds]?|at|turn(?:s|ed|ing)?|looks?(?:ing)?|like|to|be|being|was|is|am|were|when|as|of"
    r"|about|around|nearly|almost|hits?|again|old|reach(?:es)?|i'm|he's|she's)"
    r"[ :=]+(?:an? |about |around |again |age |of |only |just )*(\d{2,3})\b(?! ?(?:%|years? (?!old)|deg|px))"
    r"|^(\d{2})(?: again| please)?[.!]?$"
)


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
    text = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", clause)
    text = alpha2digit(text, "en")
    text = _RANGE.sub(lambda two: f"{(float(two[1]) + float(two[2])) / 2:g}", text)
    reach, years = _reach(text, lexicon), _years(text)
    return Amount(
        share=_share(text, lexicon),
        years=None if reach is not None else years,
        reach=reach,
        degrees=_first(_DEGREES, text),
        signed=None if years is not None else _first(_SIGNED, text),
    )


def _first(pattern: re.Pattern[str], text: str) -> float | None:
    found = pattern.search(text)
    return float(found[1]) if found else None


def _years(text: str) -> float | None:
    if found := _DECADES.search(text):
        return 10 * float(found[1] or 1)
    if found := _VAGUE.search(text):
        return _SMALL.get(found[1], FEW)
    return _first(_YEARS, text)


def _reach(text: str, lexicon: Lexicon) -> float | None:
    for word, age in lexicon.decades.items():
        # "The eighties" are a time, "her eighties" an age.
        if found := re.search(rf"(?<!the )\b(?:(early|late)[ -])?{word}\b", text):
            return age + {"early": -3.0, "late": 3.0}.get(found[1] or "", 0.0)
    found = _REACH.search(text)
    if not found:
        return None
    age = float(next(one for one in found.groups() if one))
    age += 5 * bool(found[2])  # "60s"
    return age if int(age) in AGES else None


def _share(text: str, lexicon: Lexicon) -> float | None:
    if (percent := _first(_PERCENT, text)) is not None:
        return min(abs(percent) / 100, 1.0)
    if found := _NOTCHES.search(text):
        return min(NOTCH_SHARE * abs(float(found[1] or 1)), 1.0)
    said = [(len(m[0]), share) for share, words in lexicon.degrees for m in words.finditer(text)]
    return max(said)[1] if said else None
