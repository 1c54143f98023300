"""Clauses of a prompt: where they are cut, and the words and phrases that they are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mappers.prompts.lexicon import Entry, Lexicon, Noun, Phrase
from mappers.prompts.words import Word


@dataclass(frozen=True)
class Clause:
    words: tuple[Word, ...]
    after: str = ""  # what parts it from the clause before

    @property
    def text(self) -> str:
        return " ".join(word.raw for word in self.words)


@dataclass(frozen=True)
class Item:
    """A word, or a phrase of several: where, what it stands for, the thing that it names."""

    at: int
    words: tuple[Word, ...]
    entries: Mapping[str, Entry]
    noun: Noun | None

    @property
    def word(self) -> Word:
        return self.words[0]


def match(words: Sequence[Word], lexicon: Lexicon) -> tuple[int, Phrase]:
    """The longest phrase of the lexicon that words begin with, and how many words it takes.

    Small words between a phrase's own are passed over: "turn back the clock". (0, ()) for none.
    """
    best: tuple[int, Phrase] = (0, ())
    small = lexicon.words["grammar.small"]
    for phrase in [p for form in words[0].forms for p in lexicon.by_first_word.get(form, ())]:
        taken = 1
        for wanted in phrase[1:]:
            while taken < len(words) and words[taken].raw in small - {wanted}:
                taken += 1
            if taken == len(words) or wanted not in words[taken].forms:
                break
            taken += 1
        else:
            best = max(best, (taken, phrase), key=lambda pair: (len(pair[1]), pair[0]))
    return best


def items_of(words: Sequence[Word], lexicon: Lexicon) -> list[Item]:
    """Words and the longest phrases of them."""
    found, i = list[Item](), 0
    while i < len(words):
        length, phrase = match(words[i:], lexicon)
        length = length if len(phrase) > 1 else 1
        last = words[i + length - 1]
        named = last.raw if last.raw in lexicon.vocabulary else last.among(lexicon.nouns)
        noun = lexicon.nouns.get(named)
        behind = words[i + length : i + length + 1]
        if noun and named == "light":  # as a thing only at the end: "warm light", not "light skin"
            on = bool(behind) and behind[0].among(lexicon.nouns.keys() | lexicon.described)
            noun = None if on or last.raw not in ("light", "lights") else lexicon.nouns["lighting"]
        found.append(Item(i, tuple(words[i : i + length]), lexicon.phrases.get(phrase, {}), noun))
        i += length
    return found


def cut(words: Sequence[Word], lexicon: Lexicon) -> list[Clause]:
    """Clauses: at punctuation, at "and", "with" and the like, and where another wish begins."""
    found, own, after = list[Clause](), list[Word](), ""

    def end(separator: str) -> None:
        nonlocal own, after
        if own:
            found.append(Clause(tuple(own), after))
            own, after = [], separator
        elif separator in ("but", "or", "nor") or not after:
            after = separator

    for item in items_of(words, lexicon):
        word, single = item.word, len(item.words) == 1
        parts = (word.sign and word.raw != ":") or lexicon.has("separators.words", word.raw)
        if single and parts:
            negated = own and lexicon.phrases.get((own[-1].raw,), {}).keys() & {"not", "hold"}
            if not (negated and word.raw in ("wearing", "having", "with", "as")):
                end(word.raw)  # "not wearing glasses" is one clause
            if word.sign and not word.raw.isascii():
                found.append(Clause((word,), ","))
        elif not word.sign:
            if own and begins(item, own, words[item.at + len(item.words) :], lexicon):
                end("without")
            own += item.words
    end("")
    return found


def begins(item: Item, before: Sequence[Word], behind: Sequence[Word], lexicon: Lexicon) -> bool:
    """Whether a wish of its own begins: a negation or a verb behind something that asks already."""
    stop = next((i for i, word in enumerate(behind) if word.sign), len(behind))
    if item.word.raw == "down" or not says(behind[:stop], lexicon) or not asks(before, lexicon):
        return False
    if item.word.among(lexicon.words["begin.starts"]) and len(before) > 1:
        return True
    negates = item.entries.keys() & {"not", "hold", "less"} and "ask" not in item.entries
    bare = all(word.among(lexicon.nouns) or lexicon.is_filler(word.forms) for word in before)
    postposed = item.word.raw in ("not", "less", "too") and bare  # "hair not so long"
    return bool(negates) and before[-1].number is None and not postposed


def says(words: Sequence[Word], lexicon: Lexicon) -> bool:
    return any(not word.sign and not lexicon.is_filler(word.forms) for word in words)


def asks(words: Sequence[Word], lexicon: Lexicon) -> bool:
    """Whether words name something, or describe or ask for it."""
    for word in words:
        roles = {role for form in word.forms for role in lexicon.phrases.get((form,), ())}
        means = "ask" in roles or bool(word.among(lexicon.nouns))
        means = means or (not roles and bool(word.among(lexicon.described)))
        if means and not lexicon.is_filler(word.forms):
            return True
    return False
