"""Edits that are added to a composited image: hair, beards, glasses.

Tuning teaches a generator one face, and with it to leave that face as it is: where a direction puts
something on the face that was not there, the tuned weights give much less of it than the base's do
at the same codes. So hair and beards are rendered with the base generator, and what the edit is
about is laid on the composited image, inside the face parser's masks; glasses are drawn. Zero gives
that image itself, and the result is continuous in the amounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from pti_core.editing.base_renderer import BaseRenderer, Shown
from pti_core.editing.beard import BEARDS, grown, shaven
from pti_core.editing.glasses import GLASSES, with_glasses
from pti_core.editing.hair_color import (
    HARDLY_ANY_HAIR,
    SLIDERS,
    HairColor,
    darker,
    dyed,
    enough_hair,
    tints,
)
from pti_core.editing.hair_style import STYLES, needs_hair, restyled
from pti_core.editing.mattes import brow_matte, hair_matte
from pti_core.editing.parsing import Parsing

#: All edits that the base generator adds, at least for one sign of their amounts.
ADDED = frozenset((GLASSES, *BEARDS, *SLIDERS, *STYLES))
#: Share of the hair that may be under a hat.
_HAT = 0.01
_GLASSES = 0.004  # share of the image that glasses cover


@dataclass(frozen=True)
class Extras:
    """What is added to an image.

    edits: amounts by name. hair_color: or None. cast: of the photograph's light (`light_cast`).
    """

    edits: Mapping[str, float]
    hair_color: HairColor | None = None
    cast: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.edits) or self.hair_color is not None

    def of(self, names: frozenset[str]) -> dict[str, float]:
        return {name: amount for name, amount in self.edits.items() if name in names}


def split(edits: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """The edits that move the tuned generator, and those that the base generator adds."""
    added = {name: amount for name, amount in edits.items() if _is_added(name, amount)}
    return {name: edits[name] for name in edits if name not in added}, added


def _is_added(name: str, amount: float) -> bool:
    return name in ADDED and amount != 0 and (name != GLASSES or amount > 0)


def carry(
    shown: Shown, plate: np.ndarray, base: BaseRenderer, w: Tensor, extras: Extras
) -> np.ndarray:
    """An image (R, R, 3) with what the base generator adds.

    Args:
        plate: (R, R, 3), the scene without the head.
        w: w or ws of the edits that move the face.
    """
    hair = hair_matte(shown.image, shown.parsing)
    image, beards = shown.image, extras.of(BEARDS)
    if min(beards.values(), default=0) < 0:
        image = shaven(Shown(image, shown.parsing), base, w, beards)
    if max(beards.values(), default=0) > 0:
        image = grown(Shown(image, shown.parsing), base, w, hair, beards)
    styles = extras.of(STYLES)
    if styles:
        found = restyled(Shown(image, shown.parsing), plate, hair, base, w, styles)
        image, hair = found.image, found.hair
    image = _coloured(Shown(image, shown.parsing), hair, base, extras)
    if extras.edits.get(GLASSES, 0) > 0:
        share = base.share(GLASSES, extras.edits[GLASSES])
        image = with_glasses(image, shown.parsing, hair, share)
    return image


def _coloured(shown: Shown, hair: np.ndarray, base: BaseRenderer, extras: Extras) -> np.ndarray:
    """With its hair (matte (R, R)), and its brows if asked for, in the colours."""
    known = SLIDERS & base.directions.keys()  # a generator of one's own may have none of them
    ends = {name: (base.directions[name].low, base.directions[name].high) for name in known}
    colours = tints(extras.hair_color, extras.of(SLIDERS), ends, extras.cast)
    if not colours or not enough_hair(hair):
        return shown.image
    skin = shown.parsing.group("skin") - shown.parsing.group("ears")
    image = dyed(shown.image, hair, colours, skin)
    if extras.hair_color is not None and extras.hair_color.brows:
        brows = brow_matte(shown.image, shown.parsing)
        image = dyed(image, brows, [darker(colours[-1])])
    return image


def possible(photo: Parsing, extras: Extras) -> Extras:
    """What can be added to a photograph with these masks: no second pair of glasses, and to a bald
    head only hair itself."""
    names = set(extras.edits)
    if _wears_glasses(photo) and extras.edits.get(GLASSES, 0) > 0:
        names.discard(GLASSES)
    if not enough_hair(photo.group("hair") - photo.group("hat")):
        names -= {name for name, amount in extras.edits.items() if needs_hair(name, amount)}
    return replace(
        extras, edits={name: extras.edits[name] for name in extras.edits if name in names}
    )


def _wears_glasses(photo: Parsing) -> bool:
    return float((photo.group("glasses") > 0.5).mean()) > _GLASSES


def notes(photo: Parsing, extras: Extras) -> list[str]:
    """Sentences on what cannot be done on a photograph with these masks."""
    found = []
    hat = float((photo.group("hat") > 0.5).mean()) > _HAT
    colours = bool(extras.of(SLIDERS)) or extras.hair_color is not None
    left = possible(photo, extras).edits
    bald = not enough_hair(photo.group("hair") - photo.group("hat"))
    if bald and (colours or extras.of(STYLES).keys() - left.keys()):
        found.append(HARDLY_ANY_HAIR)
    if hat and (colours or extras.of(STYLES)):
        found.append("The hair under the hat stays as it is.")
    if GLASSES in extras.edits.keys() - left.keys():
        found.append("The glasses on this photograph stay.")
    return found
