"""Outlines of heads: flows (S, S, 2) that bring those of one image to where another has them.

Demons (Thirion 1998) on soft masks. Masks are float32 (S, S) or (S, S, C) in 0..1.
"""

from __future__ import annotations

import cv2
import numpy as np

from pti_core.editing.base_renderer import Shown
from pti_core.editing.image_ops import (
    blur,
    border_fade,
    channel_sum,
    dilate,
    length_of,
    px,
    remap,
    remap_in,
    resize,
    resize_flow,
    smoothstep,
    square_around,
)
from pti_core.editing.parsing import Parsing

# Widths are in pixels at 1024, found by looking at edits of the benchmark's nine photographs.
_TURNED = 48.0  # over which a change of the flow is smooth that has outlines follow a turn
_KEPT = 24.0  # the same where an edited render's outline is kept
#: At which flows are found. With 128, and with 40 steps, as much of a receding jaw was left.
_SIDE = 64
_TURNED_ROUNDS, _KEPT_ROUNDS = 30, 25
_STEP = 1.0  # the longest, in pixels of that side
_CHEEKS = (0.46, 0.54)  # shares of an aligned image's height: eyes are at 0.47
_FEATURES = 36.0  # around eyes, nose and mouth nothing moves there
_MOVED = 0.05  # of a pixel of S: less is no movement
_RECEDED = 2e-3  # mean of what a head does not cover any more from which that is done


def follow_outlines(flow: np.ndarray, before: Parsing, after: Parsing) -> np.ndarray:
    """A smooth flow (S, S, 2), changed so that the unedited render's outlines land on the edited's.

    Of hair the flow knows little but its outline. Where a head turned, hair that comes into view
    stayed behind, and the ear stood off the head. Followed are the outlines of hair and of head and
    hair together; ears have no say, as the render draws them longer or shorter.
    """
    side = min(_SIDE, len(flow))
    scale = side / len(flow)
    width = px(_TURNED, side)

    def soft_masks(parsing: Parsing) -> np.ndarray:
        masks = np.stack([parsing.head - parsing.group("ears"), parsing.group("hair")], -1)
        return blur(resize(masks, side), width / 2)

    start = resize(flow, side) * scale
    change = _to_outlines(soft_masks(before), soft_masks(after), start, width, _TURNED_ROUNDS)
    return flow + resize(blur(change, width), len(flow)) / scale


def with_outline_kept(edited: Shown, unedited: Parsing, share: float = 1.0) -> Shown:
    """An edited render whose head covers all that the unedited render's does, or a share of that.

    With less of a smile the jaw of the render gets narrower, or rises. What it uncovers no
    photograph knows: between jaw and collar was a smear, on a neck a second chin. The outline stays
    where it was, and cheeks and chin follow it; eyes, nose and mouth do not.
    """
    new, old = (one.head - one.group("ears") for one in (edited.parsing, unedited))
    wanted = new + share * np.maximum(old - new, 0)
    if float((wanted - new).mean()) < _RECEDED:
        return edited
    at = edited.parsing.side
    side = min(_SIDE, at)
    width = px(_KEPT, side)
    moving, fixed = (blur(resize(mask, side), width / 2) for mask in (new, wanted))
    still = np.zeros((side, side, 2), dtype=np.float32)
    flow = _to_outlines(moving[..., None], fixed[..., None], still, width, _KEPT_ROUNDS)
    flow = resize_flow(flow * (1 - _features(edited.parsing, side))[..., None], at)
    image = edited.image.astype(np.float32)
    part = square_around(length_of(flow) > _MOVED)
    whole, moved = remap_in(part, image, flow, cv2.INTER_CUBIC)
    image[whole] = moved
    return Shown(image, edited.parsing.warped(flow))


def with_face_of(other: Shown, photo: Parsing) -> Shown:
    """Another image whose cheeks and jaw, and with them its hair, are moved to where a photograph
    has these: between longer hair and a narrower face was a gap."""
    at = photo.side
    side = min(_SIDE, at)
    width = px(_KEPT, side)
    moving, fixed = (blur(_lower_face(one, side), width / 2) for one in (other.parsing, photo))
    still = np.zeros((side, side, 2), dtype=np.float32)
    flow = _to_outlines(moving[..., None], fixed[..., None], still, width, _TURNED_ROUNDS)
    flow = resize_flow(blur(flow, width) * border_fade(side)[..., None], at)
    image = remap(other.image, resize_flow(flow, len(other.image)), cv2.INTER_CUBIC)
    return Shown(image, other.parsing.warped(flow))


def _lower_face(parsing: Parsing, side: int) -> np.ndarray:
    """Cheeks and jaw, (side, side): hairlines are what styles differ by."""
    face = parsing.total(("skin", "brows", "eyes", "mouth", "lips", "glasses"))
    face = resize(face - parsing.group("ears"), side)
    low, high = _CHEEKS
    rows = ((np.arange(side, dtype=np.float32) + 0.5) / side - low) / (high - low)
    return face * smoothstep(rows)[:, None]


def _features(parsing: Parsing, side: int) -> np.ndarray:
    """Where eyes, brows, nose and mouth are, and a little around them, (side, side)."""
    features = resize(parsing.total(("eyes", "brows", "nose", "mouth", "lips")), side)
    return smoothstep(2 * blur(dilate(features, px(_FEATURES, side)), px(_FEATURES, side)))


def _to_outlines(
    moving: np.ndarray, fixed: np.ndarray, start: np.ndarray, width: float, rounds: int
) -> np.ndarray:
    """What a flow (S, S, 2) lacks to bring moving masks (S, S, C) to fixed ones, smooth over a
    width in pixels."""
    change = np.zeros_like(start)
    for _ in range(rounds):
        warped = remap(moving, start + change, cv2.INTER_LINEAR).reshape(fixed.shape)
        missing = fixed - warped
        x, y = (
            cv2.Sobel(warped, -1, *axis, ksize=1, scale=0.5).reshape(fixed.shape)
            for axis in ((1, 0), (0, 1))
        )
        size = channel_sum(x * x + y * y + missing * missing) + 1e-4
        step = np.dstack([channel_sum(missing * x), channel_sum(missing * y)]) / size[..., None]
        change = blur(change + np.clip(step, -_STEP, _STEP), width / 2)
    return change
