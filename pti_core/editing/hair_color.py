"""Hair in any colour: strands, shadows and highlights stay, their colours are exchanged.

The lightness of the hair (OKLab, Ottosson 2020) is mapped by power laws, one on each side of the
median, so that the median becomes the target's; a pixel's colour is then a function of its new
lightness alone: the target's hue, in shadows at the same saturation, in highlights paler.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from pti_core.editing.image_ops import blur, ease, luma, px, resize, smoothstep
from pti_core.editing.mattes import continued
from pti_core.errors import EditError

#: Shown where a photograph has less hair than `MIN_HAIR`.
HARDLY_ANY_HAIR = "There is hardly any hair to be seen on this photograph."
#: Share of the image that has to be hair.
MIN_HAIR = 0.01

_HEX = re.compile(r"#?([0-9a-fA-F]{6})")
_ENTRIES = 1024
#: Added to lightness before the power law: the darkest hair is not torn apart.
_FLOOR = 0.08
_GAMMA = (0.6, 2.2)  # bounds of the power; below, dark hair dyed blond is flat as plaster
_SHADOWS = 1.2  # least power below the median: gaps between strands stay dark
_SHOULDER = 0.5  # share of the upper two thirds between the target and white that highlights reach
_LIGHTEST = 0.97  # quantile of lightness beyond which there are no highlights of their own
_STRANDS = 0.95  # quantile of lightness of the light strands, and the most that they may reach:
_STRANDS_REACH = 0.93  # hair whose strands would be white is dyed a shade darker
_LOCK = 10  # standard deviation of what counts as one lock, in pixels at 1024; by eye
_GAP = 0.15  # how much darker than its lock (natural logarithm) a gap is, and not a strand
_PALE = 0.4  # share of the chroma that the lightest highlight has lost
_PALER = 0.6  # the same of white hair that stays so light: platinum, and no yellow glow
_DEEPER = 0.6  # how much of a shadow is more dye, and not less light
#: OKLab's b over L of skin in daylight (mean of 16 generated faces; standard deviation 0.021), the
#: share of what a face differs by that is the light's and not its own, and the most of it.
_DAYLIT_SKIN, _CAST_SHARE, _MOST_CAST = 0.056, 0.5, 0.04
#: a over b (OKLab) of what a warm light adds: of a white in light of about 4000 kelvins.
_WARM = 0.26
#: Chroma (OKLab) of skin on photographs in black and white, toned ones included.
_COLOURLESS = 0.015
#: Brows are darker than the hair by this factor of lightness, and less wholly coloured.
_BROWS, _BROWS_SHARE = 0.8, 0.85
#: Roots: how far hair is darker, in pixels at 1024, by which share of the change, where it becomes
#: how much lighter (OKLab); where they end, as shares of an aligned image's height (eyes: 0.47).
_ROOTS, _ROOTS_DARK, _MUCH_LIGHTER, _ROOTS_END = 44.0, 0.6, 0.3, (0.4, 0.5)
# OKLab of linear sRGB, and back.
_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


@dataclass(frozen=True)
class HairColor:
    """A colour for the hair of the head.

    Attributes:
        color: "#rrggbb". strength: 0 (as it was) to 1. brows: the brows take it too.

    Raises:
        EditError: another value.
    """

    color: str
    strength: float = 1.0
    brows: bool = False

    def __post_init__(self) -> None:
        found = _HEX.fullmatch(self.color) if isinstance(self.color, str) else None
        if found is None:
            raise EditError(f"{self.color!r} is no colour: give it as #rrggbb, such as #ff69b4.")
        object.__setattr__(self, "color", f"#{found[1].lower()}")
        number = isinstance(self.strength, (int, float)) and not isinstance(self.strength, bool)
        if not number or not 0 <= self.strength <= 1:
            raise EditError(f"The strength of a hair colour goes from 0 to 1, not {self.strength}.")
        if not isinstance(self.brows, bool):
            raise EditError("Brows take the hair's colour or do not: true or false.")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `HairColor(**values)` is the way back."""
        return {"color": self.color, "strength": float(self.strength), "brows": self.brows}

    @property
    def oklab(self) -> np.ndarray:
        return oklab([int(self.color[i : i + 2], 16) for i in (1, 3, 5)])


@dataclass(frozen=True)
class Tint:
    """Where a colour goes.

    Attributes:
        target: OKLab. strength: how far towards it from the hair's own colour, 0 to 1.
        way: 1 only ever lightens, -1 only ever darkens, 0 keeps the hair's lightness; None: any.
        grey_only: only grey hair takes it.
    """

    target: np.ndarray
    strength: float
    way: int | None = None
    grey_only: bool = False

    def from_color(self, own: np.ndarray) -> np.ndarray:
        """The colour that hair of some colour (OKLab) gets."""
        target, strength = self.target.copy(), self.strength
        if self.way is not None:
            bounds = {1: max(target[0], own[0]), -1: min(target[0], own[0]), 0: own[0]}
            share = min(bounds[self.way] / max(target[0], 1e-3), 1.0)
            paler = np.clip((bounds[self.way] - target[0]) / max(1 - target[0], 1e-3), 0, 1)
            target = np.array([bounds[self.way], *(target[1:] * share * (1 - _PALER * paler))])
        if self.grey_only:
            strength *= 1 - ease((float(np.hypot(*own[1:])) - 0.015) / 0.02)
        return np.asarray(own + strength * (target - own))


#: Where the sliders of hair go at the lower and upper ends of their ranges: a colour of hair in
#: daylight, and `Tint.way`. Blond is what the median of the hair becomes: by eye between the median
#: of blond hair on a photograph (OKLab's L 0.63, b over L 0.09) and its light strands (0.77).
#: Lighter hair is as light and less yellow.
_SLIDERS: Mapping[str, tuple[tuple[str, int | None], tuple[str, int | None]]] = {
    "hair_blond": (("#3d2c20", -1), ("#be9c6d", 1)),
    "hair_dark": (("#b89d7a", 1), ("#0f0b09", -1)),
    "hair_red": (("#6b6152", 0), ("#8e3c1a", None)),
    "hair_grey": (("#4b3322", -1), ("#c3c2c4", None)),
}
SLIDERS = frozenset(_SLIDERS)


def tints(
    color: HairColor | None,
    sliders: Mapping[str, float],
    ends: Mapping[str, tuple[float, float]],
    cast: float = 0.0,
) -> list[Tint]:
    """What hair is coloured with, in order: by sliders (amounts), then by a hex value.

    ends: the ranges of the sliders. cast: of the light (`light_cast`); a hex value is meant as it
    is.
    """
    found = []
    for name, amount in sliders.items():
        low, high = ends[name]
        share = min(amount / (high if amount > 0 else low), 1.0)
        end, way = _SLIDERS[name][int(amount > 0)]
        target = HairColor(end).oklab
        target[1:] += cast * target[0] * np.array([_WARM, 1])
        found.append(Tint(target, share, way, name == "hair_grey" and amount < 0))
    found.sort(key=lambda tint: tint.strength)
    return [*found, *([Tint(color.oklab, color.strength)] if color else [])]


def light_cast(image: np.ndarray, skin: np.ndarray) -> float:
    """How much yellower than daylight the light on an image (R, R, 3) is, in OKLab's b over its L,
    told by the skin (mask (S, S)): hair in that light has the cast, too."""
    there = skin > 0.9
    if there.mean() < MIN_HAIR:
        return 0.0
    color = oklab(np.median(resize(image, len(skin))[there], axis=0))
    if np.hypot(*color[1:]) < _COLOURLESS:
        return 0.0
    cast = _CAST_SHARE * (color[2] / max(color[0], 0.1) - _DAYLIT_SKIN)
    return float(np.clip(cast, -_MOST_CAST, _MOST_CAST))


def dyed(
    image: np.ndarray,
    matte: np.ndarray,
    chosen: Sequence[Tint],
    skin: np.ndarray | None = None,
) -> np.ndarray:
    """An image (R, R, 3) in 0..255 with the hair of a matte (R, R) in other colours.

    The outline is unmixed: what is added is the change of the hair's colour, by the matte, so that
    skin and scene behind half-covered pixels stay.

    Args:
        skin: (S, S): beside it, above the eyes, hair that becomes lighter keeps darker roots.
    """
    rows, columns = (np.flatnonzero(matte.max(axis) > 0.004) for axis in (1, 0))
    if not chosen or not len(rows):
        return image
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    own, share = image[box], matte[box]
    hair = unmixed(own, share)
    light = lightness(hair)
    sure = share > 0.9
    if sure.sum() < 64:
        sure = share > 0.5 * share.max()
    median = _median_color(hair, light, sure)
    strands, lightest = map(float, np.quantile(light[sure][::16], (_STRANDS, _LIGHTEST)))
    # Thin hair over pale skin is no highlight.
    light = np.where(light > lightest, lightest + 0.3 * (light - lightest), light)
    target = median
    for tint in chosen:
        target = tint.from_color(target)
    strongest = max(tint.strength for tint in chosen)
    locks = _locks(light, share, px(_LOCK, len(image)))
    colours = _mapped(light, locks, float(median[0]), strands, target)
    change = (share * ease(4 * strongest))[..., None] * (colours - hair)
    if skin is not None:
        beside = _roots(skin, len(image))[box]
        dark = ease((float(target[0]) - float(median[0])) / _MUCH_LIGHTER)
        change *= (1 - _ROOTS_DARK * dark * beside)[..., None]
        change *= (1 - beside * (1 - _room(own, colours, change)))[..., None]
    result = image.copy()
    result[box] = np.clip(own + change, 0, 255)
    return result


def _room(own: np.ndarray, colours: np.ndarray, change: np.ndarray) -> np.ndarray:
    """The share (R, R) of a change that makes pixels no lighter than they are or their new colour
    is: skin between hairs does not take the light that is meant for these."""
    light, more = luma(own), luma(change)
    room = np.maximum(luma(colours) - light, 0)
    return np.where(more > room, room / np.maximum(more, 1e-3), 1.0)


def _roots(skin: np.ndarray, side: int) -> np.ndarray:
    """Where hair grows out of the skin (S, S) of forehead and temples, (side, side) in 0..1."""
    at = len(skin)
    apart = cv2.distanceTransform((skin < 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    start, end = _ROOTS_END
    above = smoothstep((end - (np.arange(at, dtype=np.float32) + 0.5) / at) / (end - start))
    return resize(smoothstep(1 - apart / px(_ROOTS, at)) * above[:, None], side)


def darker(tint: Tint) -> Tint:
    """The tint for brows."""
    return replace(tint, target=tint.target * _BROWS, strength=tint.strength * _BROWS_SHARE)


def unmixed(image: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """The colour of the hair alone: inside its own pixels, at the outline those farther inside."""
    at = max(len(image) // 2, 1), max(image.shape[1] // 2, 1)
    small = cv2.resize(image, at[::-1], interpolation=cv2.INTER_AREA)
    inside = cv2.resize(np.square(matte), at[::-1], interpolation=cv2.INTER_AREA)
    inside = smoothstep((inside - 0.5) / 0.5)
    mean = cv2.resize(continued(small, inside), image.shape[1::-1])
    own = smoothstep((matte - 0.5) / 0.5)[..., None]
    return np.asarray(mean + own * (image - mean))


def lightness(image: np.ndarray) -> np.ndarray:
    """Cube root of luminance (R, R): OKLab's lightness of colours that are nearly grey."""
    linear = _linear_table()[np.clip(image, 0, 255).astype(np.uint8)]
    whole = linear @ np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
    return np.cbrt(whole)


def _linear_table() -> np.ndarray:
    levels = np.arange(256) / 255
    return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4).astype(
        np.float32
    )


def _median_color(hair: np.ndarray, light: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """OKLab of the hair, its lightness that of `lightness`."""
    lab = oklab(np.median(hair[sure], axis=0))
    lab[0] = np.median(light[sure])
    return lab


def _mapped(
    light: np.ndarray, locks: np.ndarray, median: float, strands: float, target: np.ndarray
) -> np.ndarray:
    """Colours (R, R, 3) in 0..255 for the lightness (R, R) of hair, and of its locks.

    median, strands: the lightness of the hair, and of its light strands.

    The median goes to the target's lightness, or as near as the light strands allow. The curve
    bends locks alone; what a strand differs from its lock by is bent by a power only (base and
    detail, as in Durand and Dorsey 2002), or highlights would be flat where the curve is.
    """
    at = np.linspace(0, 1, _ENTRIES)
    power = np.clip(np.log(_contrast(target[0])) / np.log(_contrast(median)), *_GAMMA)
    most = _STRANDS_REACH / ((strands + _FLOOR) / (median + _FLOOR)) ** power
    most = max(most, min(median, float(target[0])))
    if target[0] > most:  # darker, and relatively fuller: as a dye on darker hair is
        target = target * [most / target[0], *[np.sqrt(most / target[0])] * 2]
    ratio = (at + _FLOOR) / (median + _FLOOR)
    new = target[0] * ratio ** np.where(ratio < 1, max(power, _SHADOWS), power)
    start = (2 * target[0] + 1) / 3
    room = _SHOULDER * (1 - start)
    over = np.maximum(new - start, 0)
    curve = np.minimum(new, start) + room * (1 - np.exp(-over / max(room, 1e-3)))
    strand = np.log((light + _FLOOR) / (locks + _FLOOR))
    gap = np.minimum(strand + _GAP, 0)
    strand = power * strand + max(power, _SHADOWS) * gap
    new = np.interp(locks, at, curve) * np.exp(strand)
    table = _shades(at, target)
    return table[np.clip(new * (_ENTRIES - 1), 0, _ENTRIES - 1).astype(np.int32)]


def _locks(light: np.ndarray, share: np.ndarray, sigma: float) -> np.ndarray:
    """The lightness (R, R) of hair around each pixel, out of the hair alone."""
    weight = (np.square(share) + 1e-4).astype(np.float32)
    return np.asarray(blur(light * weight, sigma) / blur(weight, sigma))


def _contrast(lightness: float) -> float:
    """Light over shadow in hair of some lightness: black hair shines, blond hair is even."""
    return 1 + 0.62 / max(float(lightness), 0.12)


def _shades(lightness: np.ndarray, target: np.ndarray) -> np.ndarray:
    """sRGB (N, 3) in 0..255 of a dye at lightnesses (N,).

    Shadows are light that went through more of the dye (powers of its transmittance, Beer-Lambert):
    darker, fuller, and of a hue nearer to the strongest channel. Highlights are paler.
    """
    own = max(float(target[0]), 0.05)
    ratio = lightness / own
    power = 1 + np.clip(_DEEPER * (1 / np.maximum(ratio, 0.2) - 1), 0, 1)
    linear = np.clip(_linear(target[None]), 1e-4, 1)
    shade = _oklab_of_linear(linear ** power[:, None])
    hue = shade[:, 1:] / np.maximum(shade[:, :1], 1e-3)
    fade = 1 - _PALE * np.clip((ratio - 1) / max(1 / own - 1, 0.05), 0, 1)
    chroma = hue * (np.minimum(lightness, own) * fade)[:, None]
    # In the gamut, at the same hue and lightness.
    low, high = np.zeros(len(lightness)), np.ones(len(lightness))
    for _ in range(12):
        middle = (low + high) / 2
        inside = _in_gamut(lightness, chroma * middle[:, None])
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    low = np.where(_in_gamut(lightness, chroma), 1.0, low)
    linear = np.clip(_linear(np.column_stack([lightness, chroma * low[:, None]])), 0, 1)
    coded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (255 * coded).astype(np.float32)


def _in_gamut(lightness: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    linear = _linear(np.column_stack([lightness, chroma]))
    return np.asarray(((linear > -1e-3) & (linear < 1.001)).all(-1))


def _linear(lab: np.ndarray) -> np.ndarray:
    """Linear sRGB (N, 3) of OKLab (N, 3)."""
    return np.asarray((lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_LMS).T)


def _oklab_of_linear(linear: np.ndarray) -> np.ndarray:
    return np.asarray(np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T)


def oklab(rgb: Any) -> np.ndarray:
    """OKLab (3,) of a colour in 0..255."""
    coded = np.asarray(rgb, dtype=np.float64) / 255
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    return _oklab_of_linear(linear[None])[0]


def enough_hair(mask: np.ndarray) -> bool:
    """Whether a mask (S, S) of hair has enough of it to be coloured."""
    return float((mask > 0.5).mean()) >= MIN_HAIR
