"""Random edits: another look of the same person at the press of a button."""

from __future__ import annotations

import random
from collections.abc import Mapping

#: How many edits are moved at once at most, and how far into their ranges: by looking, more of
#: either is no variation of the photograph but somebody else.
_EDITS, _REACH = 3, 0.6


def random_edits(ranges: Mapping[str, tuple[float, float]], seed: int) -> dict[str, float]:
    """Amounts for a few of the edits, the same for the same ranges and seed.

    ranges: direction name to its smallest and largest amount.
    """
    chance = random.Random(seed)
    names = chance.sample(sorted(ranges), min(_EDITS, len(ranges)))
    amounts = {}
    for name in names:
        low, high = ranges[name]
        # From a fifth of the reach on: what cannot be seen is no variation.
        share = _REACH * chance.uniform(0.2, 1)
        amounts[name] = share * chance.choice((low, high))
    return amounts
