"""A session's own directions in its file: a row of JSON and a vector each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from pti_core.editing.directions import Direction
from pti_core.errors import SessionError


def own_row(direction: Direction) -> dict[str, Any]:
    """The part of a direction that is text; its vector is a tensor of the file."""
    row: dict[str, Any] = {
        "name": direction.name,
        "label": direction.label,
        "group": direction.group,
        "unit": direction.unit,
        "curve": [list(point) for point in direction.curve],
    }
    if direction.layers:
        row["layers"] = list(direction.layers)
    if "measure" in direction.made:
        row["measure"] = direction.made["measure"]
    return row


def own_directions(
    rows: Sequence[Mapping[str, Any]], tensors: Mapping[str, Tensor]
) -> dict[str, Direction]:
    """The directions of checked rows and their vectors.

    Raises:
        SessionError: they are no directions.
    """
    found = {}
    try:
        for i, row in enumerate(rows):
            layers = row["layers"]
            found[row["name"]] = Direction(
                row["name"],
                row["label"],
                row["group"],
                row["unit"],
                tensors[f"direction.{i}"],
                row["curve"],
                {"measure": row["measure"]} if row["measure"] else {},
                layers=None if layers is None else (layers[0], layers[1]),
            )
    except (ValueError, KeyError) as error:
        raise SessionError(
            "The session file's own directions are not sound; make the session anew."
        ) from error
    return found
