"""Colours of hair by name, by shade and name, or by hex."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

from PIL import ImageColor

from mappers.prompts.lexicon import Lexicon
from mappers.prompts.words import Word


def color_at(words: Sequence[Word], lexicon: Lexicon) -> tuple[int, tuple[str, str] | None]:
    """How many words a colour's name takes that they begin with, and (hex, name) of it.

    Colours that hair has by nature are not of these, as directions of their own do them.
    """
    raws = [word.raw for word in words[:3]]
    if raws[0].startswith(("#", "rgb(")):
        return 1, (_hex(ImageColor.getrgb(raws[0])), raws[0])
    shade = next((s for s in _CHANGES if lexicon.has(f"shades.{s}", raws[0])), "")
    shaded = bool(shade) and len(raws) > 1
    for length in (2, 1):
        name = " ".join(raws[shaded : shaded + length])
        natural = length == 1 and name in lexicon.nouns["hair"].described and shade != "bright"
        # By name: Pillow replaces a colour's value by a tuple once it has been used.
        value = lexicon.tables["colours"].get(name) or (name in ImageColor.colormap and name)
        if isinstance(value, str) and not natural and len(name.split()) == length:
            rgb = ImageColor.getrgb(value)[:3]
            if shaded:
                return length + 1, (_hex(_CHANGES[shade](rgb)), f"{raws[0]} {name}")
            return length, (_hex(rgb), name)
    return 0, None


def _mixed(rgb: tuple[int, ...], other: int, share: float) -> tuple[int, ...]:
    return tuple(round(c + (other - c) * share) for c in rgb)


def _vivid(rgb: tuple[int, ...]) -> tuple[int, ...]:
    hue, light, _ = colorsys.rgb_to_hls(*(c / 255 for c in rgb))
    return tuple(round(c * 255) for c in colorsys.hls_to_rgb(hue, min(max(light, 0.4), 0.6), 1.0))


def _hex(rgb: tuple[int, ...]) -> str:
    return "#" + "".join(f"{c:02x}" for c in rgb[:3])


_CHANGES = {
    "light": lambda rgb: _mixed(rgb, 255, 0.5),
    "dark": lambda rgb: _mixed(rgb, 0, 0.45),
    "bright": _vivid,
}
