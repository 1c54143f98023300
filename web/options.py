"""Options of a picture besides the amounts of edits: colour of the hair, what stays as it is.

The script sends them beside "edits" in every request for a picture (`pictureRequest` in
static/js/20-state.js): "hair" {"colour": "#rrggbb", "amount": 0..100, "brows": bool} or null, and
"keep_background" true or false. The page shows an option only where it is offered here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def offered() -> dict[str, bool]:
    """Which options pictures can be made with on this server."""
    return {"hair_colour": False, "keep_background": False}


def options_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """The options in a request for a picture, checked; without those that it does not have."""
    found: dict[str, Any] = {}
    hair = data.get("hair")
    if isinstance(hair, Mapping) and isinstance(hair.get("colour"), str):
        amount = hair.get("amount", 100)
        good = isinstance(amount, int | float) and not isinstance(amount, bool)
        found["hair"] = {
            "colour": hair["colour"][:7],
            "amount": min(max(float(amount), 0.0), 100.0) if good else 100.0,
            "brows": hair.get("brows") is True,
        }
    if isinstance(data.get("keep_background"), bool):
        found["keep_background"] = data["keep_background"]
    return found
