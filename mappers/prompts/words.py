"""From a prompt to words: pictographs, other languages, number words, spelling and plain forms."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property

from rapidfuzz import process
from rapidfuzz.distance import OSA
from text_to_num import alpha2digit

from mappers.prompts.lexicon import HERE, Lexicon, is_english, split_phrases

#: Longest prompt that is read, in characters: every edit at once in words fits.
MAX_PROMPT = 1500
_SIGN = r"[\u203c\u2049\u2190-\u2bff\U0001f000-\U0001faff]"
_CLUSTER = re.compile(rf"{_SIGN}(?:[\ufe0f\U0001f3fb-\U0001f3ff]|\u200d{_SIGN})*")
_TOKEN = re.compile(
    r"rgb\([\d,]+\)|#[0-9a-f]{6}\b|#[0-9a-f]{3}\b|\d0s\b|[+-]?\d+(?:\.\d+)?|[^\W\d_]+(?:'[^\W\d_]+)*"
    rf"|[%,;.!?&+/:()\n]|{_CLUSTER.pattern}"
)
_ENDINGS = (
    *(("ier", "y"), ("iest", "y"), ("ies", "y"), ("ied", "y"), ("er", ""), ("er", "e")),
    *(("est", ""), ("est", "e"), ("s", ""), ("es", ""), ("y", ""), ("ish", ""), ("ing", "")),
    *(("ing", "e"), ("in", ""), ("in", "e"), ("ed", ""), ("ed", "e"), ("ly", ""), ("d", "")),
    *(("ily", "y"), ("ness", ""), ("iness", "y"), ("en", ""), ("ened", ""), ("ening", "")),
)
_SMALL_NUMBERS = {"one": 1.0, "two": 2.0, "three": 3.0, "couple": 2.0}


@dataclass(frozen=True)
class Word:
    """A word of the prompt.

    raw: as it was typed, in lower case. forms: raw and its plain forms that the lexicon has; empty
    for a word that it has not. number: its value; `signed` where a sign was written.
    corrected: the spelling was mended. sign: a mark of punctuation or a pictograph. owner: a
    genitive, "sailor's".
    """

    raw: str
    forms: tuple[str, ...]
    number: float | None = None
    signed: bool = False
    corrected: bool = False
    sign: bool = False
    owner: bool = False

    @cached_property
    def plain(self) -> str:
        return self.forms[-1] if self.forms else self.raw

    def among(self, words: Iterable[str] | Mapping[str, object]) -> str:
        """The first of its forms that is among the words; "" for none."""
        return next((form for form in self.forms if form in words), "")


@dataclass(frozen=True)
class Language:
    """A language other than English, as far as it is known here.

    please: the request for English. words: its words to English ones. marks: words that tell it.
    tells: those that do so though they are English words too. spaced: whether it puts spaces
    between words.
    """

    please: str
    words: Mapping[str, str]
    marks: frozenset[str]
    tells: frozenset[str]
    spaced: bool

    def count(self, text: str) -> list[str]:
        """Its words that are in a text."""
        if not self.spaced:
            return [word for word in self.words if word in text]
        found = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*", text)
        return [word for word in found if word in self.words or word in self.marks]

    def translate(self, text: str) -> str:
        """Its words in English; what it lacks stays."""
        known = sorted(self.words, key=len, reverse=True)
        either = "|".join(map(re.escape, known))
        pattern = rf"(?<![^\W_])(?:{either})(?![^\W_])" if self.spaced else either
        return re.sub(pattern, lambda found: f" {self.words[found[0]]} ", text)


@cache
def _languages() -> tuple[Mapping[str, Language], Mapping[str, str]]:
    """Languages by name, and requests for English by script."""
    tables = tomllib.loads((HERE / "languages.toml").read_text("utf-8"))
    scripts = tables.pop("scripts")
    return {
        name: Language(
            row["please"],
            {one: english for english, text in row["words"].items() for one in split_phrases(text)},
            frozenset(row.get("marks", "").split()),
            frozenset(row.get("tells", "").split()),
            name not in ("zh", "ja"),
        )
        for name, row in tables.items()
    }, scripts


def from_language(text: str, lexicon: Lexicon) -> tuple[str, str]:
    """A text in English words where its language is known, and the request for English."""
    languages, scripts = _languages()
    best, most = None, 0
    for language in languages.values():
        found = language.count(text)
        foreign = [
            w
            for w in found
            if w not in lexicon.vocabulary and (w in language.tells or not is_english(w))
        ]
        if foreign and sum(map(len, found)) > most:
            best, most = language, sum(map(len, found))
    if best is not None:
        return best.translate(text), best.please
    names = {unicodedata.name(c, "").split(" ")[0] for c in text if c.isalpha()}
    return text, next((please for script, please in scripts.items() if script in names), "")


def without_accents(text: str) -> str:
    """Latin letters without their accents; other scripts stay as they are."""
    found = []
    for letter in unicodedata.normalize("NFC", text):
        plain = unicodedata.normalize("NFD", letter)[0]
        found.append(plain if plain.isascii() else letter)
    return "".join(found)


def read(prompt: str, lexicon: Lexicon) -> tuple[list[Word], str]:
    """The words of a prompt, and the request for English in the language that it is in."""
    text = unicodedata.normalize("NFC", prompt).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    for smiley, meaning in lexicon.smileys:
        text = re.sub(rf"(?<!\S){re.escape(smiley)}(?!\w)", f" , {meaning} , ", text)
    text = _CLUSTER.sub(lambda found: _spoken(found[0], lexicon), text)
    text = text.lower().replace("°", " degrees ").replace("\N{MINUS SIGN}", "-")
    text, please = from_language(text, lexicon)
    text = re.sub(r"(?<![#\w])(\d+)(?=[a-rt-z])", r"\1 ", without_accents(text))
    text = re.sub(r"(\d+) ?(?:-|to|\u2013) ?(\d+)(?= ?(?:years?|yrs?|degrees|%))", _mean, text)
    text = re.sub(r"rgb\(([\d, ]*)\)", lambda c: f"rgb({c[1].replace(' ', '')})", text)
    text = re.sub(r"(?:^|(?<=\s))\d[.)]\s", " , ", text)  # "1. older 2. with glasses"
    text = re.sub(r"(?<=[^\W\d_])-(?=\w)|(?<=\d)-(?=[^\W\d_])|(?<=\d)-(?=\d)", " ", text)
    text = re.sub(r"\s+[-\u2013\u2014]\s+|[\u2013\u2014\u3001\u3002\uff0c\uff01]", " , ", text)
    tokens = _joined(_spelled(_TOKEN.findall(alpha2digit(text, "en")), lexicon), lexicon)
    return [word for token in tokens for word in _words(token, lexicon)], please


def _mean(span: re.Match[str]) -> str:
    """The middle of "10 to 15 years"."""
    return f"{(float(span[1]) + float(span[2])) / 2:g}"


def _spoken(cluster: str, lexicon: Lexicon) -> str:
    """A pictograph as a clause of its own; colours of skin and variants are left out."""
    plain = re.sub("[\ufe0f\U0001f3fb-\U0001f3ff]", "", cluster)
    for meaning, signs in lexicon.tables["pictographs"].items():
        if plain in signs:
            return f" , {meaning} , " if meaning else " "
    return f" , {plain[0]} , " if plain else " "


def _spelled(tokens: Iterable[str], lexicon: Lexicon) -> list[str]:
    found: list[str] = []
    for token in tokens:
        instead = lexicon.tables["spellings"].get(token)
        if re.fullmatch("(?:he|she|it|that|what|who|there)'s", token):
            instead = token[:-2] + " is"
        if re.fullmatch("[^']+'s", token) and not instead:
            found.append(token)
            continue
        found += (instead or token.replace("n't", " not").replace("'", " ")).split()
    return found


def _joined(tokens: list[str], lexicon: Lexicon) -> list[str]:
    found: list[str] = []
    for token in tokens:
        pair = f"{found[-1]} {token}" if found else ""
        if pair in lexicon.tables["joined"]:
            found[-1] = lexicon.tables["joined"][pair]
        else:
            found.append(token)
    return found


def _words(raw: str, lexicon: Lexicon) -> list[Word]:
    """A token as a word; as two where two known words were run together."""
    if raw.endswith("'s"):
        return [replace(word, owner=True) for word in _words(raw[:-2], lexicon)]
    if raw.startswith("rgb("):
        return [Word(raw, (raw,))]
    if re.fullmatch(r"[+-]?\d+(?:\.\d+)?", raw):
        return [Word(raw, (raw,), abs(float(raw)), raw[0] in "+-")]
    if raw in _SMALL_NUMBERS:
        return [Word(raw, (raw,), _SMALL_NUMBERS[raw])]
    if not raw[0].isalpha():
        return [Word(raw, (raw,), sign=raw[0] not in "#0123456789%")]
    forms = plain_forms(raw, lexicon)
    known = raw in lexicon.vocabulary or is_english(raw)
    if forms and (known or not lexicon.words["never.words"].issuperset(forms)):
        return [Word(raw, forms)]
    for times in (r"\1\1", r"\1"):  # "sooo", "cheeeese"
        shorter = re.sub(r"(.)\1{2,}", times, raw)
        if shorter != raw and (forms := plain_forms(shorter, lexicon)):
            return [Word(raw, forms)]
    if is_english(raw) or len(raw) < 4 or not raw.isascii():
        return [Word(raw, ())]
    for cut in range(3, len(raw) - 2):
        halves = [plain_forms(part, lexicon) for part in (raw[:cut], raw[cut:])]
        if all(halves) and all(is_english(part) for part in (raw[:cut], raw[cut:])):
            return [Word(raw[:cut], halves[0]), Word(raw[cut:], halves[1])]
    mended = _mended(raw, lexicon)
    instead = lexicon.tables["spellings"].get(mended, mended)
    return [
        Word(part, plain_forms(part, lexicon), _SMALL_NUMBERS.get(part), corrected=True)
        for part in instead.split()
    ] or [Word(raw, ())]


def plain_forms(word: str, lexicon: Lexicon) -> tuple[str, ...]:
    """The forms of a word that the lexicon has, itself first."""
    found = [word] if word in lexicon.vocabulary else []
    for ending, instead in _ENDINGS:
        stem = word[: -len(ending)] + instead
        if word.endswith(ending) and len(stem) > 2:
            doubled = len(stem) > 3 and stem[-1] == stem[-2]
            found += [s for s in (stem, *([stem[:-1]] * doubled)) if s in lexicon.vocabulary]
    return tuple(dict.fromkeys(found))


def _mended(word: str, lexicon: Lexicon) -> str:
    """The known word that was probably meant: one letter off, two in long words; "" for none."""
    reach = 2 if len(word) >= 8 else 1
    near = process.extract(
        word, lexicon.spellable, scorer=OSA.distance, score_cutoff=reach, limit=12
    )
    never, point = lexicon.words["never.words"], lexicon.described | lexicon.nouns.keys()

    def rank(other: str, away: float) -> tuple[bool | float, ...]:
        plain = plain_forms(other, lexicon)
        useful = bool(point.intersection(plain)) or (other,) in lexicon.phrases
        first = other[0] != word[0]
        return other in never, away + first, sorted(other) != sorted(word), not useful, -len(other)

    return min(
        (other for other, away, _ in near), key=lambda o: rank(o, OSA.distance(word, o)), default=""
    )
