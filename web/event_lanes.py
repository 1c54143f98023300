"""What the events of the page have in common."""

from __future__ import annotations

from typing import Any

#: Edits are computed one at a time: each takes all cores.
EDITS: dict[str, Any] = {"concurrency_id": "edit", "concurrency_limit": 1}
#: Animations and strips take tens of pictures: lanes of their own; edits go between their pictures.
FRAMES: dict[str, Any] = {"concurrency_id": "frames", "concurrency_limit": 1}
STRIPS: dict[str, Any] = {"concurrency_id": "strip", "concurrency_limit": 1}


def private(name: str) -> dict[str, Any]:
    """Programs have endpoints of their own; these names only keep out of their way."""
    return {"api_name": f"page_{name}", "api_visibility": "undocumented"}


def quiet(name: str) -> dict[str, Any]:
    """The same for an event that shows no sign of working."""
    return {"show_progress": "hidden", **private(name)}


def press(elem_id: str) -> str:
    """Script that presses a hidden download button once its file is there."""
    return f"() => setTimeout(() => document.querySelector('#{elem_id}')?.click(), 150)"
