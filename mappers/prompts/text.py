"""From a prompt to clauses in plain English: pictographs, other languages, where a clause ends."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property

from spellchecker import SpellChecker

from mappers.prompts.lexicon import HERE, Lexicon, split_phrases

#: Longest prompt that is read, in characters: every edit at once in words fits.
MAX_PROMPT = 1500
_SIGN = r"[\u203c\u2049\u2190-\u2bff\U0001f000-\U0001faff]"
_CLUSTER = re.compile(rf"{_SIGN}(?:[\ufe0f\U0001f3fb-\U0001f3ff]|\u200d{_SIGN})*")
_JOINING = r"\b(?:and|with|but|plus|then|while|also|or|nor|without|except)\b"
#: Where clauses are cut: behind marks, and before words that join. A wish that is cut in two loses
#: nothing: the reader sees each clause beside the others.
_CUT = re.compile(
    rf"(?<!\d)\.|\.(?!\d)|[,;!?\n+&()](?!\d)|(?<=\w)/(?!\d)| / |:(?=\s)(?!\s*[+-]?\d)|{_JOINING}"
)
_JOINED_TO = re.compile(rf" *(?:[,;\n&+]|{_JOINING})", re.IGNORECASE)
#: Marks that keyboards and word processors put in place of plain ones.
_MARKS = str.maketrans(
    {"\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{LEFT SINGLE QUOTATION MARK}": "'"}
    | dict.fromkeys("“”„«»", '"')
    | {"…": ".", "°": " degrees ", "º": " degrees ", "•": " , ", "\N{MINUS SIGN}": "-"}
    | dict.fromkeys("–—、。，！？；：", " , ")
)
_COLOR_CODE = re.compile(r"rgb\(\s*\d+\s*,\s*\d+\s*,\s*\d+\s*\)|#(?:[0-9a-f]{6}|[0-9a-f]{3})\b")
#: Articles and pronouns that lost their vowel, before a word that was translated: "l' man".
_ELIDED = re.compile(r"\b(?:[cdjlmnst]|qu|un|(?:d|n|s)?[ae]?ll)'(?=\s)")
_TENS, _ONES = "一二三四五六七八九", "一二两三四五六七八九"
_CHINESE_NUMBER = re.compile(rf"([{_TENS}]?)十([{_TENS}]?)(?=[岁歳年度])|([{_ONES}])(?=[岁歳年度])")
#: "on my 48th birthday"
_BIRTHDAY = re.compile(r"\b(\d{1,3})(?:st|nd|rd|th) birthday\b")
_LETTER = r"[^\W\d_]"


@dataclass(frozen=True)
class Text:
    """A prompt's clauses in lower case, and the request for English in the prompt's language.

    please: "" where the prompt is in English. decoration: pictographs and smileys behind words.
    """

    clauses: tuple[str, ...]
    please: str
    decoration: tuple[str, ...] = ()


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
        found = re.findall(rf"{_LETTER}+(?:'{_LETTER}+)*", text)
        return [word for word in found if word in self.words or word in self.marks]

    @cached_property
    def _any(self) -> re.Pattern[str]:
        either = "|".join(map(re.escape, sorted(self.words, key=len, reverse=True)))
        return re.compile(rf"(?<![^\W_])(?:{either})(?![^\W_])" if self.spaced else either)

    def translate(self, text: str) -> str:
        """Its words in English; what it lacks stays."""
        text = self._any.sub(lambda found: f" {self.words[found[0]]} ", text)
        return _ELIDED.sub(" ", text) if self.spaced else text


def read_text(prompt: str, lexicon: Lexicon) -> Text:
    """The clauses of a prompt."""
    text = unicodedata.normalize("NFC", prompt).translate(_MARKS)
    text, decoration = _spoken(text, lexicon)
    text = text.lower()
    text = re.sub(r"\bw/(?=[a-z])(?!o\b|out\b)", "with ", text)
    text = lexicon.any_written.sub(lambda found: lexicon.written[found[0]], text)
    text = _BIRTHDAY.sub(r"\1 years old birthday", text)
    text = _CHINESE_NUMBER.sub(_in_digits, text)
    text, please = _in_english(text)
    text = _without_accents(text)
    if re.match(r"\s*1[.)]\s", text):  # "1. older 2. with glasses"
        text = re.sub(r"(?:^|(?<=\s))\d[.)]\s", " , ", text)
    text = re.sub(r"\s-+\s", " , ", text)
    clauses = _clauses(re.sub(r"[^\S\n]+", " ", text).strip(" ,\n"))
    return Text(tuple(clauses), please, decoration)


def plain(clause: str) -> str:
    """A clause as the reader sees it: codes of colours are a colour's name."""
    return _COLOR_CODE.sub("magenta", clause)


def _clauses(text: str) -> list[str]:
    found, start = list[str](), 0
    for cut in _CUT.finditer(text):
        at = cut.start() if cut[0].isalpha() else cut.end()
        inside = _COLOR_CODE.search(text, max(cut.start() - 16, 0), cut.end() + 12)
        if inside and inside.start() < cut.start() < inside.end():  # a comma of "rgb(1, 2, 3)"
            continue
        if _says(text[start:at]):
            found.append(text[start:at].strip())
            start = at
    rest = text[start:].strip()
    if _says(rest) or not found:
        found.append(rest)
    else:
        found[-1] += rest
    return [clause for clause in found if clause]


def _says(piece: str) -> bool:
    """Whether there is more than marks and words that join."""
    return any(c.isalnum() or ord(c) > 0x2190 for c in re.sub(_JOINING, "", piece))


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


def _in_english(text: str) -> tuple[str, str]:
    """A text in English words where its language is known, and the request for English."""
    languages, scripts = _languages()
    best, most = None, 0
    for language in languages.values():
        found = language.count(text)
        foreign = any(word in language.tells or not _is_english(word) for word in found)
        if foreign and (length := sum(map(len, found))) > most:
            best, most = language, length
    if best is not None:
        return best.translate(text), best.please
    names = {unicodedata.name(c, "").split(" ")[0] for c in text if c.isalpha()}
    return text, next((please for script, please in scripts.items() if script in names), "")


@cache
def _english() -> SpellChecker:
    return SpellChecker(distance=1)


def _is_english(word: str) -> bool:
    """Whether a word is in a dictionary of English, and not too rare to be a slip."""
    return float(_english().word_usage_frequency(word)) > 1e-7


def _in_digits(number: re.Match[str]) -> str:
    """A number up to 99 in Chinese characters, in digits."""
    tens, ones, only = number.groups()
    if only:
        return str(2 if only == "两" else _TENS.index(only) + 1)
    return str(10 * (_TENS.index(tens) + 1 if tens else 1) + (_TENS.index(ones) + 1 if ones else 0))


def _without_accents(text: str) -> str:
    """Latin letters without their accents in words that English has; other words stay, as those of
    a language that is not known here."""

    def bare(word: re.Match[str]) -> str:
        letters = (unicodedata.normalize("NFD", letter)[0] for letter in word[0])
        found = "".join(a if a.isascii() else b for a, b in zip(letters, word[0], strict=True))
        return found if found.isascii() and _is_english(found) else word[0]

    return re.sub(rf"{_LETTER}*[^\W\d_a-z]{_LETTER}*", bare, text)


def _spoken(text: str, lexicon: Lexicon) -> tuple[str, tuple[str, ...]]:
    """Pictographs and smileys as words where they stand for words; and those that decorate.

    Alone they say something, also between commas or on a line; so do those behind a word that leads
    to one ("with a") and, at the beginning, those of things. Behind other words they decorate.
    """
    smileys = "|".join(map(re.escape, lexicon.smileys))
    signs = re.compile(rf"(?<!\S)(?:{smileys})(?!\w)|{_CLUSTER.pattern}")
    alone = not re.search(_LETTER, signs.sub("", text))
    decoration = list[str]()

    def say(found: re.Match[str]) -> str:
        meaning = _meaning(found[0], lexicon)
        before = text[: found.start()].lower().split()
        led = bool(before) and before[-1] in lexicon.leading
        # "🙂 but older", "beard, 👓"
        behind, ahead = text[: found.start()], _JOINED_TO.match(text, found.end())
        apart = re.search(r"[,;\n&+] *$", behind) if before else ahead
        if alone or not meaning or apart:
            return f" , {meaning} , "
        if led or (not before and meaning not in lexicon.feelings):
            return f" {meaning} "
        decoration.append(found[0])
        return " , "

    return signs.sub(say, text), tuple(decoration)


def _meaning(sign: str, lexicon: Lexicon) -> str:
    """What a smiley or a pictograph says, colours of skin and variants left out; itself where that
    is not known, "" where it says nothing."""
    if sign in lexicon.smileys:
        return lexicon.smileys[sign]
    bare = re.sub("[\ufe0f\U0001f3fb-\U0001f3ff]", "", sign)
    for one in dict.fromkeys((bare, bare[:1])):  # a man with a beard, and a beard
        for meaning, signs in lexicon.pictographs.items():
            if one in _CLUSTER.findall(signs):
                return meaning
    return bare[:1]
