"""Options of a picture besides the amounts of edits: hair colour, and whether the background stays.

The script sends them beside "edits" in every request for a picture (`pictureRequest` in
static/js/20-state.js): "hair" {"colour": "#rrggbb", "amount": 0 to 100, "brows": bool} or null,
and "keep_background". A request without them changes nothing of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pti_core.errors import UserError
from service.studio import Studio
from web.actions import is_amount

if TYPE_CHECKING:
    from pti_core.editing.hair_color import HairColor


def apply_options(studio: Studio, workspace: str, data: Mapping[str, Any]) -> None:
    """Have the workspace's pictures made with the options in a request for one.

    Raises:
        NoWorkspaceError, UserError: no such workspace, or values that are none.
    """
    if "hair" not in data and "keep_background" not in data:
        return
    keep = data.get("keep_background", True)
    if not isinstance(keep, bool):
        raise UserError("keep_background is true or false.")
    studio.set_options(workspace, _hair(data.get("hair")), keep)


def hair_of(color: HairColor | None) -> dict[str, Any] | None:
    """A hair colour as the script has it."""
    if color is None:
        return None
    return {"colour": color.color, "amount": round(100 * color.strength), "brows": color.brows}


def _hair(told: Any) -> HairColor | None:
    from pti_core.editing.hair_color import HairColor

    if told is None:
        return None
    if not isinstance(told, Mapping):
        raise UserError("hair is a colour, its amount and whether brows take it too, or null.")
    amount = told.get("amount", 100)
    strength = amount / 100 if is_amount(amount) else -1
    color = HairColor(told.get("colour", ""), strength, told.get("brows") is True)
    return color if color.strength else None
