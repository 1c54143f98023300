"""The argument parser of the command line, its argument types and the names to choose from."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    pass

PRESETS, METHODS, PIVOTS = ("fast", "paper"), ("pti", "w", "w+", "e4e"), ("w", "w+", "e4e")


GENERATORS = ("auto", "stylegan2", "mobile")


EXPERIMENTS = ("tables", "turning", "multi", "locality", "alpha", "pivots", "same-person")


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the usage in front of it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{message[:1].upper()}{message[1:]}; see {self.prog} --help.\n")


def setting(text: str) -> tuple[str, float]:
    name, equals, amount = text.partition("=")
    try:
        number = float(amount)
    except ValueError:
        number = math.nan
    if not (name and equals and math.isfinite(number)):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=AMOUNT, as in age=+10")
    return name, number


def whole_number(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number < 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 2^32 - 1")
    return number


def square(text: str) -> tuple[float, float, float]:
    try:
        left, top, side = (float(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not of the form LEFT,TOP,SIDE, as in 120,40,512"
        ) from error
    return left, top, side


def positive(text: str) -> int:
    number = whole_number(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return number


def weight(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above zero")
    return number


def several_of(choices: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """The type of an option that takes some of the choices, separated by commas."""

    def read(text: str) -> tuple[str, ...]:
        named = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
        wrong = [name for name in named if name not in choices]
        if wrong or not named:
            raise argparse.ArgumentTypeError(
                f"{text!r} is not some of {', '.join(choices)}, separated by commas"
            )
        return named

    return read
