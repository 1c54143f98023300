"""Looks: combinations of edits that one press applies, and plausible random ones.

Amounts are shares of a person's own range, -1 (its low end) to 1 (its high end), but for ages,
which are years. Everything stays adjustable afterwards, as a look is nothing but amounts.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

#: Look to its edits; a name may state the years. Chosen by looking at the three examples.
LOOKS: Mapping[str, Mapping[str, float]] = {
    "Studio light": {"light_side": 0.35, "exposure": 0.2, "background": -0.35, "colourful": 0.15},
    "{years} years younger": {"age": -10.0, "hair_grey": -0.35},
    "{years} years older": {"age": 10.0, "hair_grey": 0.35},
    "Big smile": {"smile": 0.8},
    "Party": {"smile": 0.6, "makeup": 0.5, "lipstick": 0.5, "eye_makeup": 0.4, "colourful": 0.3},
    "Silver fox": {"hair_grey": 0.9, "age": 4.0},
    "Golden hour": {"warmth": 0.5, "background_warm": 0.5, "light_side": -0.3, "exposure": 0.1},
    "Summer": {"hair_blond": 0.6, "skin_tone": -0.25, "warmth": 0.25, "smile": 0.4},
    "Redhead": {"hair_red": 0.9, "skin_tone": 0.1},
    "Bookish": {"glasses": 0.9, "hair_dark": 0.25},
    "Clean shave": {"beard": -0.9, "moustache": -0.9},
    "Serious portrait": {"smile": -0.8, "exposure": -0.15, "colourful": -0.4, "background": -0.4},
}
#: What Surprise me draws from: one or two of each list; amounts are drawn between the two shares.
#: Shape, gender presentation, baldness and curls are left out: they make another person.
_MOODS: tuple[tuple[str, float, float], ...] = (
    ("smile", 0.2, 0.5),
    ("smile", -0.7, -0.3),
    ("eyes_open", 0.2, 0.5),
    ("pose", -0.4, 0.4),
    ("brow_raise", 0.2, 0.5),
)
_STYLES: tuple[tuple[str, float, float], ...] = (
    ("age", -0.7, -0.3),
    ("age", 0.2, 0.6),
    ("hair_blond", 0.4, 0.8),
    ("hair_red", 0.4, 0.8),
    ("hair_dark", 0.4, 0.8),
    ("hair_grey", 0.3, 0.7),
    ("glasses", 0.7, 1.0),
)
_LIGHTS: tuple[tuple[str, float, float], ...] = (
    ("light_side", -0.5, 0.5),
    ("warmth", -0.4, 0.5),
    ("exposure", -0.2, 0.3),
    ("colourful", -0.4, 0.4),
    ("background", -0.6, 0.4),
)

Bounds = Mapping[str, tuple[float, float, float]]


def looks_for(bounds: Bounds) -> list[dict[str, Any]]:
    """The looks with amounts of a person: name and edits, those only that move something.

    bounds: name to (lowest, highest, step), as `web.labels.bounds_of` gives.
    """
    found = []
    for name, shares in LOOKS.items():
        edits = {
            edit: amount
            for edit, share in shares.items()
            if edit in bounds and (amount := _amount(edit, share, bounds[edit]))
        }
        stated = "{years}" in name and not edits.get("age")
        if edits and not stated:
            years = f"{abs(edits.get('age', 0)):g}"  # what this person's range allows
            found.append({"name": name.format(years=years), "edits": edits})
    return found


def surprise(bounds: Bounds, seed: int) -> dict[str, float]:
    """Random edits that leave a person who they are; the same for the same seed."""
    chance = random.Random(seed)
    edits: dict[str, float] = {}
    for options, most in ((_MOODS, 1), (_STYLES, 1), (_LIGHTS, 2)):
        known = [option for option in options if option[0] in bounds]
        for edit, low, high in chance.sample(known, min(most, len(known))):
            share = chance.uniform(low, high)
            amount = _within(share * _reach(share, bounds[edit]), bounds[edit])
            if amount:
                edits[edit] = amount
    if not edits and bounds:  # none of these directions is here
        edit = chance.choice(sorted(bounds))
        edits = {edit: _within(0.5 * bounds[edit][1], bounds[edit])}
    return edits


def _amount(edit: str, share: float, bounds: tuple[float, float, float]) -> float:
    wanted = share if edit == "age" else share * _reach(share, bounds)
    return _within(wanted, bounds)


def _reach(share: float, bounds: tuple[float, float, float]) -> float:
    return bounds[1] if share > 0 else -bounds[0]


def _within(amount: float, bounds: tuple[float, float, float]) -> float:
    """The nearest whole step within the bounds."""
    low, high, step = bounds
    return min(max(round(round(amount / step) * step, 9), low), high)
