"""Hair that turns grey with age, or takes its colour again: its tone follows the edited render.

It becomes lighter, here more and there less, and less colourful, everywhere alike. What the colours
of two renders differ by here and there is the light on strands that are not the same: it tinted
hair like a rainbow. Hairlines differ by skin, so the change is told well inside. Gaps between
strands stay darker than these: lifted alike they were a veil.
"""

from __future__ import annotations

import cv2
import numpy as np

from pti_core.editing.image_ops import (
    blur,
    erode,
    luma,
    px,
    resize,
    scaled,
    smoothstep,
    square_around,
)
from pti_core.editing.parsing import Parsing

# Widths are in pixels at 1024, found by looking at older and younger faces of the benchmark.
_HAIRLINE = 10.0  # the hair's tone is told so far inside of it
_TONE = 48.0  # over which the change of the hair's lightness is smooth
_LITTLE_HAIR = 0.002  # share of the image: with less hair its tone is not told
_LOCK = 10.0  # of hair: what is lighter or darker than its surroundings of this width is a strand
_GAPS = 0.7  # of the change goes with the light of each strand, and not with that of its lock
_GAIN = (0.5, 3.0)  # bounds of that part
_WHITE = 200.0  # luma of the strands of white hair
_GREY = 1e3  # squares of the colours of hair that has hardly any
_COLOURS = 8.0  # over which colours are averaged that are compared


def with_hair_tone(
    image: np.ndarray, small: np.ndarray, warped: np.ndarray, before: Parsing, after: Parsing
) -> np.ndarray:
    """An image (R, R, 3) whose hair changes its tone as an edit changes the renders'.

    Args:
        small, warped: (S, S, 3), edited render, and unedited render where the edit has moved it.
        before, after: parsings of image and edited render.
    """
    at = len(small)
    bare = before.group("hair") - before.group("hat")
    share = smoothstep((np.minimum(bare, after.group("hair")) - 0.3) / 0.5)
    inside = erode(share, px(_HAIRLINE, at))
    if inside.mean() < _LITTLE_HAIR:
        return image
    width = px(_TONE, at)
    change = luma(small - warped)
    usual = float((change * inside).sum() / inside.sum())
    lighter = usual + blur((change - usual) * inside, width) / (blur(inside, width) + 0.05)
    colours = [
        blur(one - luma(one)[..., None], px(_COLOURS, at))[inside > 0.5] for one in (warped, small)
    ]
    alike, own = float((colours[0] * colours[1]).sum()), float(np.square(colours[0]).sum())
    colourful = np.clip((alike + _GREY) / (own + _GREY), 0, 1.2)
    result, whole = image.copy(), len(image)
    part = square_around(share)
    box = tuple(slice(one.start * whole // at, one.stop * whole // at) for one in part)
    hair = np.ascontiguousarray(image[box])
    light, side = luma(hair), len(hair)
    local = blur(resize(luma(image), at), px(_LOCK, at)) + 8
    gain = np.clip(1 + _GAPS * lighter / local, *_GAIN) - 1
    lifted = resize((share * (1 - _GAPS) * lighter)[part], side)
    more = light * resize((share * gain)[part], side) + lifted
    room = np.maximum(_WHITE - light, 1.0)  # strands do not become whiter than white hair is
    more = np.where(more > 0, room * (1 - np.exp(-np.maximum(more, 0) / room)), more)
    grey = cv2.merge([light] * 3)
    faded = scaled(cv2.subtract(hair, grey), (1 + share * (colourful - 1))[part])
    result[box] = cv2.add(cv2.add(grey, cv2.merge([more] * 3)), faded)
    return result
