"""The text part of a session file: its keys, and the bounds that they are checked against."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from pti_core.editing.directions import PLAIN, Curve
from pti_core.editing.hair_color import HairColor
from pti_core.editing.text_edit import HIGH, MAX_ENTRIES, WAYS
from pti_core.errors import EditError, SessionError

#: Version of the layout; a higher one is refused.
FORMAT = 1
MAX_PEOPLE = 16
MAX_EDITS = 100
MAX_EDIT = 1e6
# Points of a curve, and the longest step in W: the directions' own are about 3, times 1.5.
MAX_CURVE, MAX_LENGTH = 32, 20.0
# Own directions: some files of ten, and what is said of each.
MAX_OWN, MAX_OWN_TEXT = 40, 100
# `made` is settings, metrics and versions.
MAX_LABEL = 500  # of a text edit: the longest prompt
MAX_MADE_VALUES, MAX_MADE_DEPTH, MAX_MADE_TEXT = 2000, 8, 2000

_GENERATOR_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_EDIT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

BROKEN = "The session file is broken or incomplete; save or download it again."
AGAIN = "save or download the session again."
ASK = "make the session anew."
FOREIGN = "This is not a session file; choose a .safetensors file that this program saved."


@dataclass(frozen=True)
class Header:
    """The part of a session that is text: what `check_header` lets through.

    alignments: one dict a photograph, as `Alignment.to_dict` makes them (checked by that class).
    made: plain JSON values.
    curves: direction name to its (amount, length) pairs for the first photograph's person.
    other_curves: the same for the other photographs, in their order; may be empty.
    stack: text edits as (label, way, amount); their steps are tensors.
    person: which of the photographs is shown.
    hair_color: a colour for the hair; files of before have none.
    own: the session's own directions: name, label, group, unit, curve, layers; their vectors are
        tensors. Files of before have none.
    """

    generator_name: str
    fingerprint: str
    alignments: list[dict[str, Any]]
    edits: dict[str, float]
    made: dict[str, Any]
    curves: dict[str, Curve] = field(default_factory=dict)
    stack: list[tuple[str, str, float]] = field(default_factory=list)
    other_curves: list[dict[str, Curve]] = field(default_factory=list)
    person: int = 0
    hair_color: HairColor | None = None
    own: list[dict[str, Any]] = field(default_factory=list)


def check_header(data: Any) -> Header:
    """What the JSON text says, if all of it is of the kind and within the bounds of a session.

    Keys that this version does not know are ignored.

    Raises:
        SessionError: it is not.
    """
    version = data.get("format") if isinstance(data, dict) else None
    if not isinstance(version, int) or version < 1:
        raise SessionError(FOREIGN)
    if version > FORMAT:
        raise SessionError("The session was saved by a newer version of this program; update it.")
    generator = data.get("generator")
    if not isinstance(generator, dict):
        raise SessionError(BROKEN)
    alignments = _alignments(data.get("alignments"))
    return Header(
        generator_name=_text(generator.get("name"), _GENERATOR_NAME),
        fingerprint=_text(generator.get("fingerprint"), _FINGERPRINT),
        alignments=alignments,
        edits=_edits(data.get("edits", {})),
        made=_made(data.get("made", {})),
        curves=_curves(data.get("curves", {})),
        stack=_stack(data.get("stack", [])),
        other_curves=_other_curves(data.get("other_curves", [])),
        person=_person(data.get("person", 0), len(alignments)),
        hair_color=_hair_color(data.get("hair_color")),
        own=_own(data.get("own", [])),
    )


def is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any, bound: float) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and abs(value) <= bound  # false for NaN


def _text(value: Any, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise SessionError(BROKEN)
    return value


def _alignments(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_PEOPLE:
        raise SessionError(BROKEN)
    if not all(isinstance(item, dict) for item in value):
        raise SessionError(BROKEN)
    return value


def _edits(value: Any) -> dict[str, float]:
    if not isinstance(value, dict) or len(value) > MAX_EDITS:
        raise SessionError(BROKEN)
    for name, amount in value.items():
        if not _EDIT_NAME.fullmatch(name) or not _is_number(amount, MAX_EDIT):
            raise SessionError("The session file's edits are not numbers in range; " + ASK)
    return {name: float(amount) for name, amount in value.items()}


def _curves(value: Any) -> dict[str, Curve]:
    if not isinstance(value, dict) or len(value) > MAX_EDITS:
        raise SessionError(BROKEN)
    return {name: _curve(name, points) for name, points in value.items()}


def _other_curves(value: Any) -> list[dict[str, Curve]]:
    if not isinstance(value, list) or len(value) >= MAX_PEOPLE:
        raise SessionError(BROKEN)
    return [_curves(curves) for curves in value]


def _person(value: Any, count: int) -> int:
    if not is_integer(value) or not 0 <= value < count:
        raise SessionError(BROKEN)
    return int(value)


def _hair_color(value: Any) -> HairColor | None:
    if value is None:
        return None
    try:
        return HairColor(**value)
    except (TypeError, EditError) as error:
        raise SessionError("The session file's colour of the hair is not sound; " + ASK) from error


def _own(value: Any) -> list[dict[str, Any]]:
    """Rows of own directions; each name once."""
    if not isinstance(value, list) or len(value) > MAX_OWN:
        raise SessionError(BROKEN)
    found: dict[str, dict[str, Any]] = {}
    for row in value:
        if not isinstance(row, dict):
            raise SessionError(BROKEN)
        name, layers = _text(row.get("name"), _EDIT_NAME), row.get("layers")
        texts = {key: row.get(key) for key in ("label", "group", "unit")}
        sound = all(isinstance(text, str) and len(text) <= MAX_OWN_TEXT for text in texts.values())
        pair = isinstance(layers, list) and len(layers) == 2 and all(map(is_integer, layers))
        measure = row.get("measure")
        sound = sound and (measure is None or measure in list(PLAIN)) and (layers is None or pair)
        if not sound or name in found:
            raise SessionError("The session file's own directions are not sound; " + ASK)
        found[name] = {
            "name": name,
            **texts,
            "curve": _curve(name, row.get("curve")),
            "layers": layers,
            "measure": measure,
        }
    return list(found.values())


def _curve(name: str, points: Any) -> Curve:
    """A curve that rises through zero, within bounds (`Direction` wants the same)."""
    sound = bool(_EDIT_NAME.fullmatch(name)) and isinstance(points, (list, tuple))
    sound = sound and 3 <= len(points) <= MAX_CURVE
    sound = sound and all(
        isinstance(point, (list, tuple))
        and len(point) == 2
        and _is_number(point[0], MAX_EDIT)
        and _is_number(point[1], MAX_LENGTH)
        for point in points
    )
    if sound:
        curve = tuple((float(amount), float(length)) for amount, length in points)
        rises = all(a < c and b < d for (a, b), (c, d) in pairwise(curve))
        if rises and (0, 0) in curve[1:-1]:
            return curve
    raise SessionError("The session file's ranges of its edits are out of order; " + ASK)


def _stack(value: Any) -> list[tuple[str, str, float]]:
    """Text edits: what was asked for, the way, the amount."""
    if not isinstance(value, list) or len(value) > MAX_ENTRIES:
        raise SessionError(BROKEN)
    for item in value:
        sound = isinstance(item, (list, tuple)) and len(item) == 3
        sound = sound and isinstance(item[0], str) and 0 < len(item[0]) <= MAX_LABEL
        if not sound or item[1] not in WAYS or not _is_number(item[2], HIGH):
            raise SessionError("The session file's text edits are not sound; " + ASK)
    return [(str(label), str(way), float(amount)) for label, way, amount in value]


def _made(value: Any) -> dict[str, Any]:
    """`value` if it is a dict of plain, bounded JSON values; walked without recursion."""
    waiting, seen = [(value, 1)], 0
    sound = isinstance(value, dict)
    while waiting and sound:
        item, depth = waiting.pop()
        seen += 1
        children: list[Any] = []
        if isinstance(item, dict):
            children = [*item.keys(), *item.values()]
        elif isinstance(item, list):
            children = item
        elif isinstance(item, str):
            sound = len(item) <= MAX_MADE_TEXT
        elif item is not None and not isinstance(item, bool):
            sound = _is_number(item, 1e300)
        sound = sound and depth <= MAX_MADE_DEPTH and seen + len(waiting) <= MAX_MADE_VALUES
        waiting += [(child, depth + 1) for child in children]
    if not sound:
        raise SessionError("The session file's account of how it was made is not sound; " + ASK)
    return value


def parse_json(text: str) -> Any:
    """Raises SessionError also where a key comes twice: another reader may take the other one."""
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise SessionError(BROKEN) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise ValueError("a key comes twice")
    return keys
