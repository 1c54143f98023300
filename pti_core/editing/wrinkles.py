"""Fewer wrinkles where an edit makes the person younger.

A wrinkle of the photograph is in the tuned weights and in the residual, so it stays on a face that
the edit in W makes younger. Here it is taken out of the composite: creases and bags are bands of
the skin's lightness between two widths (frequency separation, as retouchers do it by hand). What is
finer (pores, hair) and what is fainter (the skin's own texture) stays.

Images are float32 (R, R, 3) in 0..255; masks are float32 (S, S) in 0..1.
"""

from __future__ import annotations

import numpy as np

from pti_core.editing.image_ops import blur, dilate, luma, px, resize, smoothstep
from pti_core.editing.parsing import Parsing

# Widths are in pixels at 1024, lightness in levels of 255. Found by looking at younger faces of the
# benchmark's photographs at 1024.
_FINEST = 2.2  # what is finer stays: pores
#: Bands, from wrinkles to folds and bags: the Gaussian that they are finer than; what is fainter
#: stays; the most that is taken of a deeper one, so that nostrils and shadows stay.
_BANDS = ((7.0, 1.8, 10.0), (18.0, 1.0, 16.0))
_RIDGE = 0.5  # what is taken of a light ridge, of a dark crease all
_YEARS, _MOST = 10.0, 0.75  # so many years younger have lost this share of it
_NOT_SKIN = (
    *("brows", "eyes", "mouth", "lips", "ears", "hair", "jewels", "glasses"),
    *("background", "cloth"),
)
_MARGIN = (5.0, 4.0)  # around those: width and softness
_NOSE = 0.4  # share on the nose, whose form is such bands
_ROUGH = (1.5, 2.2)  # fine detail over that of most skin: skin to beard
_TEXTURE = (1.5, 12.0)  # what is finer is that detail, and its surroundings


def with_fewer_wrinkles(image: np.ndarray, parsing: Parsing, years: float) -> np.ndarray:
    """A composite whose skin is `years` younger (a positive number)."""
    at = parsing.side
    small = resize(image, at)
    skin = smoothstep((parsing.total(("skin", "neck")) - 0.5) / 0.4)
    if skin.mean() < 1e-3:
        return image
    share = _MOST * min(years / _YEARS, 1.0) * _bare_skin(small, parsing, skin)
    smoother = smooth = blur(small, px(_FINEST, at))
    for width, faint, deepest in _BANDS:
        width = px(width, at)
        around = blur(smoother * skin[..., None], width) / (blur(skin, width) + 1e-3)[..., None]
        band = smoother - around
        light = luma(band)
        depth = np.abs(light)
        taken = deepest * np.tanh(np.maximum(depth - faint, 0) / deepest)
        taken = taken * np.where(light < 0, np.float32(1), np.float32(_RIDGE))
        taken = taken / np.maximum(depth, 1e-3)
        smoother = smoother - band * (share * taken)[..., None]
    return np.clip(image + resize(smoother - smooth, len(image)), 0, 255)


def _bare_skin(small: np.ndarray, parsing: Parsing, skin: np.ndarray) -> np.ndarray:
    """Bare skin (S, S): apart from features and their rims, and without beard."""
    at = len(skin)
    width, soft = (px(x, at) for x in _MARGIN)
    others = dilate(np.clip(parsing.total(_NOT_SKIN), 0, 1), width)
    bare = skin * (1 - smoothstep(blur(others, soft) * 1.4 - 0.2))
    bare = bare * (1 - (1 - _NOSE) * parsing.group("nose"))
    finest, around = (px(x, at) for x in _TEXTURE)
    light = luma(small)
    detail = blur(np.abs(light - blur(light, finest)), around)
    there = bare > 0.5
    usual = float(np.median(detail[there])) if there.any() else 0.0
    low, high = _ROUGH
    return bare * (1 - smoothstep((detail / max(usual, 0.2) - low) / (high - low)))
