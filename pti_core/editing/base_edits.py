"""Edits that are carried over from the base generator's picture.

Tuning teaches a generator one face, and with it to leave that face as it is: where a direction puts
something on the face that was not there, glasses or another colour of the hair, the tuned weights
give much less of it than the base's do at the same codes. So such an edit is rendered with the base
generator, and of that picture is laid on the tuned one what the edit is about, in its place. Both
generators see the pivot's face in the same place, as it is aligned. Nought gives the tuned picture
itself, and the way is continuous in the amount.

A beard and a moustache are the difference of two pictures, with and without:

    G(w; tuned) + G(w + step; base) - G(w; base)

Hair of another colour is the photograph's own, in the colours (`pti_core.editing.hair_colour`) of a
face of the base generator that is drawn towards W's mean, where every colour is at its purest. It
costs one picture. A fringe, longer, curlier and fuller hair are the base's in the colours of the
photograph's: one more. A bald head gets the base's hair before it is coloured, in the same way.

Glasses sit in one place, and not every face of the base generator takes them: their difference is
taken at a code drawn towards W's mean, whose head is turned as the person's is, and laid on around
the eyes only, less the eyes, which stay the person's. They cost two pictures of their own.

A beard is taken off the other way round. It is in the photograph, and need not be in the base's
picture of the pivot: such a code, less any beard, gives a clean lower face, of which as much is
taken as there is beard to cover. Nothing changes where there is none. It costs one picture.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from pti_core.editing.base_renderer import BaseRenderer
from pti_core.editing.hair import BEARD, MOUSTACHE, bare_scalp, facial_hair
from pti_core.editing.hair_colour import recoloured, sharpened
from pti_core.faces.regions import CHEEKS, Region, mean_in, resized, zone

GLASSES = "glasses"
#: What gives the base's hair, and which way.
_STYLES: Mapping[str, int] = {"fringe": 1, "hair_length": 1, "hair_curly": 1, "bald": -1}
#: What is put on a face without moving it, where amounts are positive.
_PUT_ON = frozenset((GLASSES, "beard", "moustache"))
#: What colours the hair, either way.
_COLOURS = ("hair_blond", "hair_dark", "hair_red", "hair_grey")
#: What is taken off where amounts are negative, and where it is.
_TAKEN_OFF: Mapping[str, Region] = {"beard": BEARD, "moustache": MOUSTACHE}
CARRIED = _PUT_ON.union(_STYLES, _COLOURS, _TAKEN_OFF)

#: Share of the way from W's mean, for glasses. Chosen by looking at the nine photographs of
#: docs/text.md: at the pivot itself one of them (biden) gets no glasses by any step up to three
#: times the direction's; at 0.5 they are thin on him, at 0.4 they show on all nine; 0.3 looked the
#: same on the four tried.
_DRAWN_IN = 0.4
#: How much longer the step is than the direction's own: frames at 1 are thinner.
_LONGER = 1.4
#: Directions that turn the head: the code that is drawn in keeps what it has of them. Of other
#: edits glasses take no notice, as eyes stay in their place; so their pictures are the same then.
TURNS = ("pose", "pitch")
# A wider zone laid a glow beside the ears.
_AROUND_THE_EYES: Region = (0.5, 0.5, 0.235, 0.105)
_EYES: tuple[Region, ...] = ((0.375, 0.47, 0.075, 0.036), (0.625, 0.47, 0.075, 0.036))

#: As `_DRAWN_IN`, for a clean lower face.
_DRAWN_IN_SHAVEN = 0.5
#: What shows in it, and so is kept.
_LOWER_FACE = (*TURNS, "smile", "mouth_open", "gender", "age")
#: In lengths of the directions' steps to their lower ends; "gender" as beards are men's, who would
#: get softer chins otherwise.
_SHAVEN = {"beard": 0.5, "gender": 0.57}
_NOSE: Region = (0.5, 0.53, 0.10, 0.10)
#: Share of the step to the lower end of "bald" that grows hair.
_GROWN = 0.6
#: As `_DRAWN_IN` and `_LONGER`, for an example of coloured hair: at the pivot some faces are hardly
#: ever blond (tyrion, downey).
_DRAWN_IN_DYED, _LONGER_DYED = 0.5, 1.3
#: What is kept of the code for it: hair is lit as the face is. The cheeks' colours told less: they
#: took dark skin and a painted face for dim or green light.
_LIT = (*TURNS, "skin_tone", "skin_red", "light_side", "exposure", "warmth", "colourful")
#: Colours that darken, and which way.
_DARKER: Mapping[str, int] = {"hair_dark": 1, "hair_blond": -1}
#: Share of a range from which on hair has nothing of its own colour, or of its own style.
_WHOLLY = 0.5


def split(edits: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """The edits that move the tuned generator, and those that are carried over."""
    carried = {name: amount for name, amount in edits.items() if _is_carried(name, amount)}
    return {name: edits[name] for name in edits if name not in carried}, carried


def _is_carried(name: str, amount: float) -> bool:
    hair = (name in _COLOURS and amount != 0) or _STYLES.get(name, 0) * amount > 0
    return hair or (name in _PUT_ON and amount > 0) or (name in _TAKEN_OFF and amount < 0)


def carry(tuned: Tensor, base: BaseRenderer, w: Tensor, edits: Mapping[str, float]) -> Tensor:
    """The tuned picture (1, 3, R, R) with edits that are carried over.

    Args:
        w: w or ws of the edits that move the face. edits: what `split` says is carried.
    """
    off = {name: a for name, a in edits.items() if name in _TAKEN_OFF and a < 0}
    grown = {name: a for name, a in edits.items() if name in _TAKEN_OFF and a > 0}
    colours = {name: a for name, a in edits.items() if name in _COLOURS and a != 0}
    found = _shaven(tuned, base, w, off) if off else tuned
    if grown:
        found = _laid_on(found, base, w, grown)
    style = {name: a for name, a in edits.items() if name in _STYLES}
    if style or colours:
        found = _with_hair(found, base, w, style, colours)
    if edits.get(GLASSES):
        found = _with_glasses(found, base, edits[GLASSES])
    return found


def _laid_on(picture: Tensor, base: BaseRenderer, w: Tensor, edits: Mapping[str, float]) -> Tensor:
    """With a beard or a moustache that the base's face gets by the edits, in its place."""
    places = [zone(picture, _TAKEN_OFF[name], power=3) for name in edits]
    where = torch.stack(places).amax(0)
    return picture + where * (base.render(base.moved(w, edits)) - base.render(w))


def _with_hair(
    picture: Tensor,
    base: BaseRenderer,
    w: Tensor,
    style: Mapping[str, float],
    colours: Mapping[str, float],
) -> Tensor:
    """With hair of another style, and of other colours; a bald head gets the base's hair first."""
    bald, dyed = bare_scalp(picture), _share(base, colours)
    own = (1 - bald) * base.hair(picture)
    found = picture
    worn = max(_share(base, style), bald * dyed)
    if worn > 0:
        code = base.lowered(base.moved(w, style), {"bald": bald * _GROWN})
        shown = base.render(code).clamp(-1, 1)
        hair = base.hair(shown)
        shown = recoloured(shown, hair, picture, own)
        found = picture + worn * sharpened(hair, shown) * (shown - picture)
        own = torch.maximum(own, worn * hair)
    return found + dyed * _dye(found, own, base, colours) if colours else found


def _dye(picture: Tensor, hair: Tensor, base: BaseRenderer, colours: Mapping[str, float]) -> Tensor:
    """What is added to a picture so that its hair has the colours."""
    code = base.drawn_in(base.turned, _DRAWN_IN_DYED, _LIT)
    code = base.without(code, (*_COLOURS, "bald"))
    for name, amount in colours.items():
        code = code + _LONGER_DYED * base.directions[name].step(amount).to(code)
    example = base.render(code).clamp(-1, 1)
    dyed = recoloured(picture, hair, example, base.hair(example))
    if all(name in _DARKER and amount * _DARKER[name] > 0 for name, amount in colours.items()):
        dyed = torch.minimum(dyed, picture)  # whatever is darker already
    return sharpened(hair, picture) * (dyed - picture)


def _share(base: BaseRenderer, edits: Mapping[str, float]) -> float:
    """How much of its own look hair has lost to edits, from 0 to 1."""
    shares = [abs(amount) / base.directions[name].high for name, amount in edits.items()]
    return min(max(shares, default=0.0) / _WHOLLY, 1.0)


def _with_glasses(picture: Tensor, base: BaseRenderer, amount: float) -> Tensor:
    before = base.drawn_in(base.turned, _DRAWN_IN, TURNS)
    after = before + _LONGER * base.directions[GLASSES].step(amount).to(before)
    worn = zone(picture, _AROUND_THE_EYES, power=4)
    for eye in _EYES:
        worn = worn * (1 - zone(picture, eye))
    return picture + worn * (base.render(after) - base.render(before))


def _shaven(picture: Tensor, base: BaseRenderer, w: Tensor, edits: Mapping[str, float]) -> Tensor:
    """A clean lower face where the picture's has hair, by the amounts."""
    bare = base.without(base.drawn_in(w, _DRAWN_IN_SHAVEN, _LOWER_FACE), _TAKEN_OFF)
    clean = _coloured_as(picture, base.render(base.lowered(bare, _SHAVEN)).clamp(-1, 1))
    hair = facial_hair(picture.clamp(-1, 1), clean)
    reach = torch.zeros_like(hair)
    for name, amount in edits.items():
        share = amount / base.directions[name].low
        reach = torch.maximum(reach, share * zone(hair, _TAKEN_OFF[name], power=3))
    weight = hair * reach * (1 - zone(hair, _NOSE))
    return picture + resized(weight, picture.shape[-1]) * (clean - picture)


def _coloured_as(picture: Tensor, other: Tensor) -> Tensor:
    """The other picture with the light and the skin of this one, from left to right."""
    gains = [
        (mean_in(picture, zone(picture, cheek)) + 1) / (mean_in(other, zone(other, cheek)) + 1)
        for cheek in CHEEKS
    ]
    left, right = (cheek[0] for cheek in CHEEKS)
    side = picture.shape[-1]
    at = (torch.arange(side, device=picture.device) + 0.5) / side
    share = ((at - left) / (right - left)).clamp(-0.2, 1.2).to(picture)
    gain = gains[0][:, None] * (1 - share) + gains[1][:, None] * share
    return (other + 1) * gain[None, :, None] - 1
