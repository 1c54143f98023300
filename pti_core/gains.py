"""How much further an edit has to go for one person: directions fitted to a tuned generator.

Directions are calibrated on the base generator. Tuning binds the picture to the photograph, and
the same step in W then moves the face less, by half for some. So the ends of every slider are
rendered and measured once, and its steps made longer until they do what they say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PIL import Image

from pti_core.attributes import AttributeMeter
from pti_core.directions import Direction
from pti_core.metrics import Identity
from pti_core.session_file import MAX_GAIN

#: A picture of the person with these directions' edits: the edits' amounts by name.
Render = Callable[[Mapping[str, Direction], Mapping[str, float]], Image.Image]

#: Share of `Identity.same_person` that an edit at the end of its range may use up.
_IDENTITY_SHARE = 0.8
#: What a gain that loses the person is multiplied by, until it does not.
_BACK = 0.8


def fit_gains(
    directions: Mapping[str, Direction],
    render: Render,
    crop: Image.Image,
    meter: AttributeMeter,
    identity: Identity | None = None,
) -> dict[str, float]:
    """Direction name to the gain, 1 to `MAX_GAIN`, with which its range does what it says.

    Args:
        directions: the shipped ones; those that name no measure are left out.
        render: renders the tuned generator.
        crop: the aligned photograph, which the edited pictures must stay near.
        meter: measures pictures.
        identity: compares persons; without it only the measure decides.
    """
    gains = {}
    for name, direction in directions.items():
        measure = direction.made.get("measure")
        if measure is None:
            continue
        low, high = (
            meter.measure(render(directions, {name: end}))[measure]
            for end in (direction.low, direction.high)
        )
        wanted = direction.high - direction.low
        # An effect of nothing, or the wrong way round, asks for all there is.
        gain = min(MAX_GAIN, max(1.0, wanted / max(high - low, wanted / MAX_GAIN)))
        while gain > 1 and identity and not _same_person(direction, gain, render, crop, identity):
            gain = max(1.0, gain * _BACK)
        gains[name] = round(gain, 3)
    return gains


def _same_person(
    direction: Direction, gain: float, render: Render, crop: Image.Image, identity: Identity
) -> bool:
    stretched = {direction.name: direction.stretched(gain)}
    return all(
        identity.distance(crop, render(stretched, {direction.name: end}))
        <= _IDENTITY_SHARE * identity.same_person
        for end in (direction.low, direction.high)
    )
