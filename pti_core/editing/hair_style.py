"""Hair of another style: a fringe, longer, shorter, curlier or straighter hair, a bald head.

The base generator shows the face with the style. Of that image hair is laid on, in the colours of
the photograph's own hair; where the photograph has hair that the style has not, the skin of that
image shows, continued from the photograph's own skin, or the photograph's clean plate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from torch import Tensor

from pti_core.editing.base_renderer import BaseRenderer, Shown
from pti_core.editing.hair_color import lightness
from pti_core.editing.image_ops import (
    blur,
    close_gaps,
    dilate,
    ease,
    erode,
    luma,
    mixed,
    pull_push,
    px,
    resize,
    smoothstep,
)
from pti_core.editing.mattes import hair_matte
from pti_core.editing.outlines import with_face_of
from pti_core.editing.parsing import Parsing

#: Edits of the hair's style.
STYLES = frozenset(("fringe", "hair_length", "hair_curly", "bald"))
#: Styles that exchange all of the hair; others leave what need not change.
_WHOLE = frozenset(("hair_curly",))
#: Share of a range over which a style is faded in.
_FADE = 0.3
#: Share of the way from W's mean to the pivot at which the base shows a fringe: at the pivot four
#: of the benchmark's nine photographs got one, with 0.75 seven, now all.
_FRINGE_DRAWN_IN = 0.4
#: The same of other styles, and the share of a range from which it is that; less changes less.
_HAIR_DRAWN_IN, _WHOLLY = 0.6, 0.6
#: For a bald head: share of the way from W's mean, what is kept of the code, shares of the steps to
#: the lower ends of "gender" and "hair_length", and how much longer the step of "bald" is. With the
#: pivot's own code and step five of the benchmark's nine photographs keep hair, with a share of 0.5
#: three beside the ears, with 0.3 two. A longer step shows hats.
_DRAWN_IN = 0.3
_KEPT = ("pose", "pitch", "gender", "age", "skin_tone", "light_side", "smile", "mouth_open")
_MASCULINE: Mapping[str, float] = {"gender": 0.8}
_BALDER, _SHORTER = 2.0, 0.5
# Widths are in pixels at 1024. Found by looking at the benchmark's nine photographs.
_JOIN = 36.0  # over which new hair passes into the photograph's own
_STRANDS = 24.0  # how far single hairs reach beyond the parser's outline
_HAIRLINE, _THIN = 20.0, 8.0  # within which hair is thin; over which its colour is averaged
_EDGE = 8.0  # over which bared skin passes into the photograph's
_SKIN = 40.0  # over which the difference of two skins is averaged
_FRONT = 60.0  # how far hair in front of the face reaches into the rest of the hair
#: Where a fringe fades out, as shares of an aligned image's height: eyes are at 0.47, the tip of
#: the nose at 0.6. What the base's hair does beside the jaw is not the fringe.
_FRINGE_ENDS = (0.54, 0.64)
_STRAND, _BANDS = 6.0, (1.0, 2.0)  # beside its outline hair has contrast; Gaussians of detail
_SLIT, _SHADE = 30.0, 0.8  # half of the widest slit; the light of hair behind a head
_ROOT = 0.15  # share of hair from which it is one with the hair beside it
_SMALL = 256  # side at which skins are compared
_QUANTILES = 24
_TOO_LITTLE = 0.002  # share of the image in which two images can be compared
#: What hair covers, from back to front; each takes the tone of the photograph's own.
_COVERED = (
    ("cloth",),
    ("neck", "skin", "brows", "eyes", "lips", "mouth", "glasses"),
)


@dataclass(frozen=True, eq=False)
class Restyled:
    """An image (R, R, 3) with hair of another style, and that hair's matte (R, R)."""

    image: np.ndarray
    hair: np.ndarray


def needs_hair(name: str, amount: float) -> bool:
    """Whether an edit shapes hair that is there: shorter, curlier, straighter; or takes it off."""
    return name in _WHOLE or name == "bald" or (name == "hair_length" and amount < 0)


def restyled(
    shown: Shown,
    plate: np.ndarray,
    hair: np.ndarray,
    base: BaseRenderer,
    w: Tensor,
    styles: Mapping[str, float],
) -> Restyled:
    """An image in another style of hair.

    Args:
        plate: (R, R, 3), the scene without the head. hair: (R, R), matte of the image's own hair.
        w: w or ws of the edits that move the face. styles: amounts.
    """
    other = base.show(_code(base, w, styles))
    if set(styles) != {"fringe"} and styles.get("bald", 0) <= 0:
        other = with_face_of(other, shown.parsing)
    worn = hair_matte(other.image, other.parsing)
    side, at = len(shown.image), shown.parsing.side
    shares = {name: base.share(name, amount) for name, amount in styles.items()}
    fade = ease(max(shares.values()) / _FADE)
    kept, zone = _kept(hair, worn, at, styles), _zone(shown, other, styles)
    own = dilate(resize(hair, at), px(_STRANDS, at)) if _covers(styles) else resize(hair, at)
    gone = np.clip(own - resize(worn, at), 0, 1) * zone * fade
    gone = smoothstep(blur(dilate(gone, px(_EDGE, at)), px(_EDGE, at)))
    image = shown.image
    if gone.max() > 0.01:
        image = mixed(image, _bare(shown, other, plate, own), gone)
    added = worn * resize(zone * (1 - kept), side) * fade
    if "fringe" in styles:
        added = _rooted(added, hair)
    coloured = in_colours(other.image, worn, shown.image, hair)
    both = np.minimum(_dense_hair(shown, resize(hair, at)), resize(worn, at))
    coloured = coloured + continued_difference(shown.image - coloured, both)
    coloured = as_soft(coloured, worn, shown.image, hair)
    if set(styles) != {"fringe"} and styles.get("bald", 0) <= 0:
        coloured, added = _without_slits(coloured, added, shown.parsing, other.parsing)
    image = mixed(image, coloured, added)
    left = hair * (1 - resize(gone, side))
    return Restyled(image, np.maximum(left, added))


def _code(base: BaseRenderer, w: Tensor, styles: Mapping[str, float]) -> Tensor:
    """w in a style; for a bald head of a masculine face, as few others are ever bald."""
    bald = styles.get("bald", 0.0)
    if bald <= 0:
        begun = ease(max(base.share(name, styles[name]) for name in styles) / _WHOLLY)
        share = 1 - (1 - _HAIR_DRAWN_IN) * begun
        if styles.get("fringe", 0.0) > 0:
            share = _FRINGE_DRAWN_IN
        return base.moved(base.drawn_in(w, share, _KEPT), styles)
    inner = base.lowered(base.drawn_in(w, _DRAWN_IN, _KEPT), _MASCULINE)
    inner = inner + _BALDER * base.directions["bald"].step(bald).to(inner)
    others = {name: amount for name, amount in styles.items() if name != "bald"}
    return base.moved(base.lowered(inner, {"hair_length": _SHORTER}), others)


def _covers(styles: Mapping[str, float]) -> bool:
    """Whether single hairs beyond the outline have to go, too."""
    return any(name in _WHOLE or amount < 0 or name == "bald" for name, amount in styles.items())


def _kept(hair: np.ndarray, worn: np.ndarray, at: int, styles: Mapping[str, float]) -> np.ndarray:
    """Where the photograph's own hair stays, (S, S): inside both outlines."""
    if not _WHOLE.isdisjoint(styles):
        return np.zeros((at, at), dtype=np.float32)
    both = resize(np.minimum(hair, worn), at)
    inside = cv2.distanceTransform((both > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    return smoothstep((inside / px(_JOIN, at) - 0.2) / 0.8)


def _zone(shown: Shown, other: Shown, styles: Mapping[str, float]) -> np.ndarray:
    """Where styles may change the image, (S, S)."""
    at = shown.parsing.side
    if set(styles) != {"fringe"}:
        return np.ones((at, at), dtype=np.float32)
    names = ("skin", "brows", "eyes")
    face = np.maximum(shown.parsing.total(names), other.parsing.total(names))
    face = face - shown.parsing.group("ears") - other.parsing.group("ears")
    wide = dilate((face > 0.5).astype(np.float32), px(_FRONT / 2, at))
    start, end = _FRINGE_ENDS
    above = smoothstep((end - (np.arange(at) + 0.5) / at) / (end - start))[:, None]
    head = blur(dilate(shown.parsing.head, px(_EDGE, at)), px(_EDGE / 2, at))
    return np.asarray(smoothstep(blur(wide, px(_FRONT / 4, at))) * above * head)


def _without_slits(
    coloured: np.ndarray, added: np.ndarray, photo: Parsing, other: Parsing
) -> tuple[np.ndarray, np.ndarray]:
    """New hair (R, R, 3) and its matte (R, R), with hair in shade where the other image has skin
    between hair and a photograph's head, and the photograph the scene."""
    at = photo.side
    own, new = photo.figure > 0.5, resize(added, at) > 0.5
    skin = other.figure - other.group("hair") > 0.3
    slit = close_gaps(own | new, px(_SLIT, at)) & ~own & ~new & skin
    share = smoothstep(2 * blur(dilate(slit.astype(np.float32), px(3.0, at)), px(2.0, at)))
    share = np.minimum(share, np.clip(2 * (1 - photo.figure), 0, 1))
    if not slit.any():
        return coloured, added
    small = min(_SMALL, at)
    filled = pull_push(resize(coloured, small), smoothstep(2 * resize(added, small) - 1))
    behind = resize((1 - resize(added, at)) * share, len(added))
    coloured = mixed(coloured, resize(_SHADE * filled, len(added)), behind)
    return coloured, np.maximum(added, resize(share, len(added)))


def _rooted(added: np.ndarray, hair: np.ndarray) -> np.ndarray:
    """New hair (R, R) without what stands apart from the photograph's own (R, R)."""
    count, labels = cv2.connectedComponents((np.maximum(added, hair) > _ROOT).astype(np.uint8))
    rooted = np.zeros(count, dtype=bool)
    rooted[np.unique(labels[hair > 0.5])] = True
    rooted[0] = True
    return np.asarray(added * rooted[labels]) if rooted[1:].any() else added


def _dense_hair(shown: Shown, hair: np.ndarray) -> np.ndarray:
    """Where hair (S, S) of an image is well inside its outline, and no skin shines through."""
    at = len(hair)
    inner = erode(smoothstep((hair - 0.7) / 0.3), px(_HAIRLINE, at))
    skin = shown.parsing.group("skin") > 0.9
    small = blur(resize(shown.image, at), px(_THIN, at))
    if not skin.any() or not (inner > 0.5).any():
        return inner
    colour, own = (np.median(small[there], axis=0) for there in (skin, inner > 0.5))
    along = own - colour
    share = (small - colour) @ along / max(float(along @ along), 1.0)
    return inner * smoothstep((share - 0.5) / 0.3)


def _bare(shown: Shown, other: Shown, plate: np.ndarray, own: np.ndarray) -> np.ndarray:
    """The image (R, R, 3) without its hair: the other's skin and clothes, else the scene.

    own: (S, S), the hair that goes.
    """
    at = len(own)
    worn = other.parsing.group("hair")
    image = plate
    for names in _COVERED:
        masks = [one.parsing.total(names) for one in (shown, other)]
        known = np.minimum(masks[0], masks[1]) * (1 - own) * (1 - dilate(worn, px(6.0, at)))
        toned = other.image + continued_difference(shown.image - other.image, known)
        share = masks[1] + worn if names == _COVERED[-1] else masks[1]
        share = smoothstep(blur(share, px(2.0, at)) * 2 - 0.5)
        image = mixed(image, toned, share)
    return image


def continued_difference(difference: np.ndarray, known: np.ndarray) -> np.ndarray:
    """A difference of two images (R, R, 3), smooth, continued from where it is known (S, S)."""
    small = min(_SMALL, len(known))
    weight = smoothstep((resize(known, small) - 0.6) / 0.3)
    if weight.mean() < _TOO_LITTLE:
        return np.zeros_like(difference)
    values = resize(difference, small) * weight[..., None]
    width = px(_SKIN, small)
    near = blur(weight, width)
    mean = blur(values, width) / (near + 1e-3)[..., None]
    filled = blur(pull_push(mean, np.minimum(near * 4, 1)), width)
    # Beside what is known as it is there.
    near = blur(weight, width / 4)
    mean = blur(values, width / 4) / (near + 1e-3)[..., None]
    return resize(filled + smoothstep(near / 0.15)[..., None] * (mean - filled), len(difference))


def in_colours(
    image: np.ndarray, matte: np.ndarray, example: np.ndarray, example_matte: np.ndarray
) -> np.ndarray:
    """An image (R, R, 3) whose hair has the colours of an example's, light by light.

    The n-th lightest strand of one gets the colour of the n-th lightest of the other. Without
    enough hair in either the image is returned as it is.
    """
    own, other = _quantiles(image, matte), _quantiles(example, example_matte)
    if own is None or other is None:
        return image
    lights, colours = own[0], other[1]
    at = np.linspace(0, 1, 512)
    rising = lights + 1e-6 * np.arange(len(lights))
    table = np.stack([_extended(at, rising, column) for column in colours.T], -1)
    table = np.clip(table, 0, 255).astype(np.float32)
    return table[np.clip(lightness(image) * 511, 0, 511).astype(np.int32)]


def as_soft(
    image: np.ndarray, matte: np.ndarray, example: np.ndarray, example_matte: np.ndarray
) -> np.ndarray:
    """An image (R, R, 3) whose hair has no more fine detail than an example's, band by band: on a
    soft photograph the base's strands were needles."""
    side = len(image)
    inside, other = (erode(one, px(_STRAND, side)) > 0.9 for one in (matte, example_matte))
    if min(inside.mean(), other.mean()) < _TOO_LITTLE:
        return image
    found, left, theirs = np.zeros_like(image), image, example
    for width in _BANDS:
        soft, their_soft = (blur(one, px(width, side)) for one in (left, theirs))
        own, least = luma(left - soft)[inside], luma(theirs - their_soft)[other]
        found += (left - soft) * np.float32(min(float(least.std() / max(own.std(), 1e-3)), 1.0))
        left, theirs = soft, their_soft
    return found + left


def _quantiles(image: np.ndarray, matte: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Lightness (Q,) and mean colours (Q, 3) of hair, from dark to light."""
    side = min(512, len(image))
    small, weight = resize(image, side), resize(matte, side)
    there = weight > 0.9
    if there.sum() < 40 * _QUANTILES:
        return None
    light, colour = lightness(small)[there], small[there]
    order = np.argsort(light)
    groups = np.array_split(order, _QUANTILES)
    means = [(light[group].mean(), colour[group].mean(0)) for group in groups]
    return np.array([mean[0] for mean in means]), np.stack([mean[1] for mean in means])


def _extended(at: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Linear between points, and beyond the ends with half the slope of the last quarter."""
    found = np.interp(at, x, y)
    n = len(x) // 4
    for inside, outside, sign in ((x[n], x[0], -1), (x[-1 - n], x[-1], 1)):
        ends = np.interp([inside, outside], x, y)
        slope = 0.5 * (ends[1] - ends[0]) / max(abs(outside - inside), 1e-3)
        beyond = np.maximum(sign * (at - outside), 0)
        found = found + slope * beyond
    return found
