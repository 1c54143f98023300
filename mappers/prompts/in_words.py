"""Edits in words that, typed, give the same edits."""

from __future__ import annotations

from collections.abc import Mapping

from mappers.prompts.lexicon import HAIR_COLOR, label
from pti_core.editing.controls import Control

_WITH_UNITS = {
    "age": ("{:g} years older", "{:g} years younger"),
    "pose": ("looking {:g} degrees to the right", "looking {:g} degrees to the left"),
    "pitch": ("looking {:g} degrees up", "looking {:g} degrees down"),
}


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
