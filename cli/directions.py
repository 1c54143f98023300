"""`python -m pti_core directions`: what can be edited, in which units, how far."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pti_core.editing.directions import Direction


def list_directions(arguments: argparse.Namespace) -> int:
    """What can be edited, in which units, how far, and how it was made."""
    from pti_core.editing.directions import load_directions

    found = load_directions().values()
    if arguments.json:
        keys = ("name", "label", "group", "unit", "low", "high", "curve", "layers", "made")
        print(json.dumps([{key: getattr(d, key) for key in keys} for d in found], indent=2))
        return 0
    for direction in found:
        _show_direction(direction)
    print("How each was made, and what was measured on it, in full: --json.")
    return 0


def _show_direction(direction: Direction) -> None:
    made = direction.made
    span = f"{direction.low:+g} to {direction.high:+g} {direction.unit}"
    print(f"{direction.name:16}{span:28}{direction.group:12}{direction.label}")
    print(f"    fitted to {made.get('fitted_to')}, measured by {made.get('measured_by')}")
    rows = made.get("calibration", [])
    far = " and ".join(f"{row['identity_distance']:.2f}" for row in (*rows[:1], *rows[-1:]))
    samples, found = made.get("samples"), made.get("held_out_correlation")
    print(f"    {samples} faces, held-out correlation {found}; identity distance {far} at the ends")
