"""Edits in words that, typed, give the same edits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from mappers.prompts.lexicon import HAIR_COLOR, label, labels
from pti_core.editing.controls import Control

_WITH_UNITS = {
    "age": ("{:g} years older", "{:g} years younger"),
    "pose": ("looking {:g} degrees to the right", "looking {:g} degrees to the left"),
    "pitch": ("looking {:g} degrees up", "looking {:g} degrees down"),
}


@cache
def _classes() -> Mapping[str, str]:
    """The reader's class of each sentence that `in_words` makes, its number left out."""
    found = {
        text: name + sense
        for name, both in labels().items()
        for text, sense in zip(both, "+-", strict=True)
    }
    for name, forms in _WITH_UNITS.items():
        found |= {form.format(0): name + sense for form, sense in zip(forms, "+-", strict=True)}
    return found


def class_in_words(clause: str) -> str:
    """The class ("age+") of a clause that `in_words` made; "" of another."""
    text, amounts = re.subn(r" ?\d+(?:\.\d+)?(?:e[+-]\d+)?%$", "", clause)
    if not amounts:
        text, amounts = re.subn(r"\b\d+(?:\.\d+)?(?= (?:years|degrees) )", "0", clause)
    return _classes().get(text, "") if amounts else ""


def in_words(edits: Mapping[str, float], controls: Mapping[str, Control], color: str = "") -> str:
    """A sentence that, typed as a prompt, gives these edits; "" for none.

    Args:
        edits: direction to amount. controls: the directions with the ranges that hold for most
            people, of which a share is meant. color: "#rrggbb" of the hair, where it is edited.
    """
    said: list[str] = []
    for name, amount in edits.items():
        if name not in controls or not amount:
            continue
        if name in _WITH_UNITS:
            said.append(_WITH_UNITS[name][amount < 0].format(abs(amount)))
            continue
        share = amount / controls[name].bounds[amount > 0]
        what = f"{color} hair" if name == HAIR_COLOR else label(name, amount, controls[name].label)
        said.append(f"{what} {round(share * 100, 4):g}%")
    # Behind all else: "no beard, glasses" would take the glasses too.
    return ", ".join(sorted(said, key=lambda one: one.startswith("no ")))
