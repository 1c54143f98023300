"""Colours of hair by name, by shade and name, or by hex.

The names stand in labels_degrees_emoji.toml.
"""

from __future__ import annotations

import colorsys
import re

from PIL import ImageColor

from mappers.prompts.lexicon import Lexicon

_WORD = re.compile(r"rgb\([\d, ]*\)|#[0-9a-f]+|[a-z]+")


def color_in(clause: str, lexicon: Lexicon) -> tuple[str, str]:
    """(hex, name) of the first colour that a clause names; ("", "") for none.

    Colours that hair has by nature are not of these, as directions of their own do them.
    """
    words = _WORD.findall(clause)
    for at in range(len(words)):
        if found := _color_at(words[at : at + 3], lexicon):
            return found
    return "", ""


def _color_at(words: list[str], lexicon: Lexicon) -> tuple[str, str] | None:
    if words[0].startswith(("#", "rgb(")):
        try:
            coded = ImageColor.getrgb(words[0].replace(" ", ""))
        except ValueError:
            return None
        return (_hex(coded), words[0]) if max(coded) < 256 else None
    for length in (3, 2, 1):  # "navy blue" before "navy"
        name = " ".join(words[:length])
        if name not in lexicon.natural and (rgb := _rgb(name, lexicon)):
            return _hex(rgb), name
        shade = next((s for s in _CHANGES if words[0] in lexicon.shades[s]), "")
        name = " ".join(words[1:length])
        dyed = shade and (name not in lexicon.natural or shade == "bright")
        if dyed and (rgb := _rgb(name, lexicon)):
            return _hex(_CHANGES[shade](rgb)), f"{words[0]} {name}"
    return None


def _rgb(name: str, lexicon: Lexicon) -> tuple[int, ...]:
    # By name: Pillow replaces a colour's value by a tuple once it has been used.
    value = lexicon.colours.get(name) or (name if name in ImageColor.colormap else "")
    return ImageColor.getrgb(value)[:3] if value else ()


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
