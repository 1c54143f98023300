"""What clauses say of how much, without the network that says of what."""

from __future__ import annotations

import pytest

from mappers.prompts.amounts import is_amount, read_amount
from mappers.prompts.color_reader import color_in
from mappers.prompts.lexicon import load_lexicon
from mappers.prompts.text import read_text

LEXICON = load_lexicon()


@pytest.mark.parametrize(
    ("clause", "years"),
    [
        ("ten years younger", 10),
        ("make him look 20 years older", 20),
        ("look about 20 years older", 20),
        ("make her older by about 15 years", 15),
        ("add up to 15 years", 15),
        ("10 to 15 years older", 12.5),
        ("+5 years", 5),
        ("two years younger", 2),
        ("a year older", 1),
        ("a decade older", 10),
        ("half a decade older", 5),
        ("two decades on him", 20),
        ("a couple of decades", 20),
        ("a few years older", 5),
        ("some 10 years older", 10),
        ("give him 5 more years", 5),
        ("10 or so years", 10),
        ("take 10 yrs off", 10),
    ],
)
def test_years(clause, years):
    found = read_amount(clause, LEXICON)
    assert (found.years, found.reach) == (years, None)


@pytest.mark.parametrize(
    ("clause", "reach"),
    [
        ("make her look 45", 45),
        ("make him 60", 60),
        ("make him 21 again", 21),
        ("at forty", 40),
        ("in her late sixties", 68),
        ("in the late sixties", None),
        ("a perm from the eighties", None),
        ("early 30s", 32),
        ("as a 20 year old", 20),
        ("a 20-year-old", 20),
        ("a 5 year old", 5),
        ("45yo", 45),
        ("age: 60", 60),
        ("age = 25", 25),
        ("sixty-five", 65),
        ("look like 1975", None),
        ("at 50%", None),
        ("look 20 percent older", None),
        ("older by 15 years", None),
    ],
)
def test_ages_to_reach(clause, reach):
    assert read_amount(clause, LEXICON).reach == reach


@pytest.mark.parametrize(
    ("clause", "share"),
    [
        ("30% smile", 0.3),
        ("smile +40 %", 0.4),
        ("hair length +12.5%", 0.125),
        ("2 shades lighter", 0.5),
        ("two stops darker", 0.5),
        ("+1 stop", 0.25),
        ("a bit older", 0.3),
        ("much older", 1.0),
        ("older", None),
        ("not too much", 0.3),
    ],
)
def test_shares(clause, share):
    found = read_amount(clause, LEXICON)
    assert (found.share, found.signed) == (share, None)


def test_degrees_and_numbers_with_a_sign():
    assert read_amount("15 degrees to the left", LEXICON).degrees == 15
    assert read_amount("three degrees left", LEXICON).degrees == 3
    assert read_amount("smile +40", LEXICON).signed == 40
    assert read_amount("no. 5", LEXICON) == read_amount("older", LEXICON)


@pytest.mark.parametrize(
    ("clause", "told"),
    [
        ("10 years", True),
        ("but not too much", True),
        ("approx. 20 %", True),
        ("i'm 30", False),
        ("he's 45 now", False),
        ("just a bit of fun", False),
        ("thank you very much", False),
    ],
)
def test_what_is_an_amount_and_nothing_else(clause, told):
    assert is_amount(clause, LEXICON) is told


@pytest.mark.parametrize(
    ("prompt", "clauses"),
    [
        ("older, with glasses and a beard", ("older,", "with glasses", "and a beard")),
        ("w/o glasses", ("without glasses",)),
        ("age: 60", ("age: 60",)),
        ("at 3/4 view", ("at 3/4 view",)),
        ("hair rgb(0, 128, 128)", ("hair rgb(0, 128, 128)",)),
        ("1. older 2. with glasses", ("older ,", "with glasses")),
        ("“older”", ('"older"',)),
        ("make her smile…", ("make her smile.",)),
        ("older 🎩", ("older",)),
        ("older, 🎩", ("older,", ", 🎩")),
        ("👨 with glasses", ("👨 ,", "with glasses")),
        ("", ()),
    ],
)
def test_clauses(prompt, clauses):
    assert read_text(prompt, LEXICON).clauses == clauses


@pytest.mark.parametrize(
    ("clause", "color"),
    [
        ("teal hair", ("#008080", "teal")),
        ("navy hair", ("#000080", "navy")),
        ("navy blue hair", ("#000080", "navy blue")),
        ("#8a2be2 hair", ("#8a2be2", "#8a2be2")),
        ("hair rgb(0, 128, 128)", ("#008080", "rgb(0, 128, 128)")),
        ("rgb(300,0,0) hair", ("", "")),
        ("brown hair", ("", "")),
        ("hair", ("", "")),
    ],
)
def test_colours(clause, color):
    assert color_in(clause, LEXICON) == color
