"""How far an edit has to go for one person, and how far it can: directions fitted to a generator.

Directions are calibrated on faces of the base generator. On a tuned one the same step in W moves a
face by another amount, and its measure may end earlier: no network calls a young face younger for
long. So each direction's effect is measured on the person, step by step outwards, and its curve is
made anew from that: an amount does what it says, and the range ends where the effect does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

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
#: Share of `Identity.same_person` that an edit may use up.
_IDENTITY_SHARE = 0.8
#: Each step has to move the measure by this share of the range, or it counts as standing still.
#: Half a year of age, 0.3 degrees: what two renderings of the same face may differ by.
_LEAST = 0.03
#: A side on which nothing moves keeps this share of the direction's own range.
_KEPT = 1 / 3


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
    start = meter.measure(render(next(iter(measured.values())).step(0)), names)
    own = identity.embedding(unedited) if identity else None

    def sound(picture: Image.Image) -> bool:
        if identity is None or own is None:
            return True
        return identity.distance(own, picture) <= _IDENTITY_SHARE * identity.same_person

    return {
        name: (
            *reversed(_side(direction, direction.low, start, render, meter, sound)),
            (0.0, 0.0),
            *_side(direction, direction.high, start, render, meter, sound),
        )
        for name, direction in measured.items()
    }


def _side(
    direction: Direction,
    end: float,
    start: Mapping[str, float],
    render: Render,
    meter: AttributeMeter,
    sound: Callable[[Image.Image], bool],
) -> list[tuple[float, float]]:
    """Points of the curve from zero to one end of the range, at most, without zero itself."""
    measure = str(direction.made["measure"])
    scale = float(direction.made.get("scale", 1.0))
    sign, wanted = np.sign(end), abs(end)
    whole = abs(direction.length(end))
    points = [(0.0, 0.0)]
    seen: list[Image.Image] = []  # of each point but zero
    for share in _STEPS:
        length = whole * share if share >= 1 else abs(direction.length(end * share))
        picture = render(float(sign) * length * direction.vector)
        found = meter.measure(picture, [measure])[measure]
        effect = float(sign * (found - start[measure]) / scale)
        # A measure may stand still at first and move later: closed lips before a frown.
        if effect >= points[-1][0] + _LEAST * wanted:
            points.append((effect, length))
            seen.append(picture)
        if effect >= wanted:
            break
    # From the end inwards, as the whole range is sound as a rule and one look then tells so.
    while seen and not sound(seen.pop()):
        points.pop()
    if len(points) == 1:
        amount = wanted * _KEPT
        return [(float(sign) * amount, direction.length(float(sign) * amount))]
    effects, lengths = zip(*points, strict=True)
    if effects[-1] > wanted:  # end where the amount does
        last = float(np.interp(wanted, effects, lengths))
        points = [*(p for p in points if p[0] < wanted), (wanted, last)]
    return [(float(sign) * a, float(sign) * length) for a, length in points[1:]]
