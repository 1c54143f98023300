"""How far an edit has to go for one person, and how far it can: directions fitted to a generator.

Directions are calibrated on faces of the base generator. On a tuned one the same step in W moves a
face by another amount, and its measure may end earlier: no network calls a young face younger for
long. So each direction's effect is measured on the person, step by step outwards, and its curve is
made anew from that: an amount does what it says, and the range ends where the effect does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from PIL import Image
from torch import Tensor

from pti_core.editing.directions import Curve, Direction
from pti_core.faces.attributes import AttributeMeter
from pti_core.faces.identity import Identity

#: A picture of the person, with this step (w_dim,) added to the pivot.
Render = Callable[[Tensor], Image.Image]

#: Steps that are tried, in lengths of the direction's own range. Three times that far still moves
#: the measures, but the pictures show ghosts and regular texture there.
_STEPS = (0.5, 1.0, 1.5, 2.0)
#: Share of `Identity.same_person` that an edit may use up. Smile, pose and age together at two
#: thirds are then 0.40 from the photograph, mean of nine (0.75: 0.407, 0.65: 0.394).
_IDENTITY_SHARE = 0.68
#: Each step has to move the measure by this share of the range, or it counts as standing still.
#: Half a year of age, 0.3 degrees: what two renderings of the same face may differ by.
_LEAST = 0.03
#: A side on which nothing moves keeps this share of the direction's own range.
_KEPT = 1 / 3
#: Where faces end: the extremes of a measure on 300 generated faces (truncation 0.7). Who smiles
#: broadly already is not given another whole smile: beyond, a chin tears. A head that is turned
#: already does not turn beyond the farthest of them.
_ENDS = {"smile": (-0.56, 1.12), "yaw": (-35.5, 30.0)}


def fit_curves(
    directions: Mapping[str, Direction],
    render: Render,
    unedited: Image.Image,
    meter: AttributeMeter,
    identity: Identity | None = None,
) -> dict[str, Curve]:
    """Direction name to its curve (amount, length of the step) for this person.

    Args:
        directions: the shipped ones; those that name no measure are left out.
        render: renders the tuned generator.
        unedited: the person, whom the edited pictures must stay near.
        meter: measures pictures.
        identity: compares persons; without it only the measure decides.
    """
    measured = {n: d for n, d in directions.items() if d.made.get("measure")}
    if not measured:
        return {}
    names = {str(direction.made["measure"]) for direction in measured.values()}
    start = render(next(iter(measured.values())).step(0))
    own = identity.embedding(unedited) if identity else None

    def strangeness(picture: Image.Image) -> float:
        if identity is None or own is None:
            return 0.0
        return float(identity.distance(own, picture)) / (_IDENTITY_SHARE * identity.same_person)

    person = _Person(render, meter, strangeness, start, meter.measure(start, names))
    return {
        name: (
            *reversed(_side(direction, direction.low, person)),
            (0.0, 0.0),
            *_side(direction, direction.high, person),
        )
        for name, direction in measured.items()
    }


class _Person(NamedTuple):
    """Whose pictures are fitted to.

    strangeness: distance to the person, 1 where an edit has to end. start: the picture without
    edits. before: its measures.
    """

    render: Render
    meter: AttributeMeter
    strangeness: Callable[[Image.Image], float]
    start: Image.Image
    before: Mapping[str, float]


def _side(direction: Direction, end: float, person: _Person) -> list[tuple[float, float]]:
    """Points of the curve from zero to one end of the range, at most, without zero itself."""
    measure = str(direction.made["measure"])
    scale = float(direction.made.get("scale", 1.0))
    sign = np.sign(end)
    wanted = _wanted(direction, end, person.before[measure])
    whole = abs(direction.length(end))
    points = [(0.0, 0.0)]
    seen = [person.start]  # of each point
    for share in _STEPS:
        length = whole * share if share >= 1 else abs(direction.length(end * share))
        picture = person.render(float(sign) * length * direction.vector)
        found = person.meter.measure(picture, [measure])[measure]
        effect = float(sign * (found - person.before[measure]) / scale)
        # A measure may stand still at first and move later: closed lips before a frown.
        if effect >= points[-1][0] + _LEAST * abs(end):
            points.append((effect, length))
            seen.append(picture)
        if effect >= wanted:
            break
    points = _of_the_person(points, seen, person.strangeness)
    if len(points) == 1:
        amount = abs(end) * _KEPT
        return [(float(sign) * amount, direction.length(float(sign) * amount))]
    effects, lengths = zip(*points, strict=True)
    if effects[-1] > wanted:  # end where the amount does
        last = float(np.interp(wanted, effects, lengths))
        points = [*(p for p in points if p[0] < wanted), (wanted, last)]
    return [(float(sign) * a, float(sign) * length) for a, length in points[1:]]


def _wanted(direction: Direction, end: float, before: float) -> float:
    """How far a person with some measure can go to one end: to the range's, or to where faces end,
    but at least a third of it."""
    bounds = _ENDS.get(str(direction.made["measure"]))
    if bounds is None:
        return abs(end)
    scale = float(direction.made.get("scale", 1.0)) * float(np.sign(end))
    room = (bounds[int(scale > 0)] - before) / scale
    return float(np.clip(room, _KEPT * abs(end), abs(end)))


def _of_the_person(
    points: list[tuple[float, float]],
    seen: list[Image.Image],
    strangeness: Callable[[Image.Image], float],
) -> list[tuple[float, float]]:
    """The points up to where the pictures stop being the person, between two of them as a rule."""
    # From the end inwards, as the whole range is sound as a rule and one look then tells so.
    last, beyond = len(points) - 1, 0.0
    while last and (found := strangeness(seen[last])) > 1:
        last, beyond = last - 1, found
    kept = points[: last + 1]
    if last + 1 < len(points):
        at = strangeness(seen[last])
        share = (1 - at) / (beyond - at) if at < 1 else 0.0
        (effect, length), (farther, longer) = points[last], points[last + 1]
        if share > _LEAST:
            kept.append((effect + share * (farther - effect), length + share * (longer - length)))
    return kept
