"""Ears of an edited head: the photograph's own where it has them, else in the hue of the skin;
and no earrings that the photograph has not.

Images are float32 (S, S, 3) in 0..255; masks are float32 (S, S) in 0..1.
"""

from __future__ import annotations

import cv2
import numpy as np

from pti_core.editing.image_ops import blur, dilate, ease, luma, px, remap, smoothstep
from pti_core.editing.parsing import Parsing

#: Share of an ear that photograph and edited render have in common: the render's to the photo's.
_MEET = (0.2, 0.3)
_ALIKE = 0.3  # the least of two areas of an ear over the larger
_MOST_STEP, _AROUND = 60.0, 24.0  # of 1024: how far an ear is moved, with what around it
_NEAR = 24.0  # of 1024: the photograph's earring may be so far from the render's
_RIM = 5.0  # of 1024: how far the shine of an earring reaches
_LEAST = 3e-4  # share of the image from which an ear has a colour of its own


def ears_in_place(flow: np.ndarray, before: Parsing, after: Parsing) -> np.ndarray:
    """A smooth flow (S, S, 2), changed so that it moves the unedited render's ears to the edited's:
    beside a turned head they were nearer to the face, with a notch under them.

    before: the unedited render's masks where they were.
    """
    at, warped = len(flow), remap(before.group("ears"), flow, cv2.INTER_LINEAR)
    change = np.zeros_like(flow)
    for half, outward in zip(_halves(at), (-1, 1), strict=True):
        a, b = warped[half] > 0.5, after.group("ears")[half] > 0.5
        areas = sorted((int(a.sum()), int(b.sum())))
        if areas[0] < max(_LEAST * at * at, _ALIKE * areas[1]):
            continue
        step = np.array(_ear_at(a, outward)) - np.array(_ear_at(b, outward))
        length = float(np.hypot(*step))
        step *= min(1.0, px(_MOST_STEP, at) / max(length, 1e-3))
        around = dilate((a | b).astype(np.float32), px(_AROUND, at))
        change[half] = around[..., None] * step.astype(np.float32)
    return flow + blur(change, px(_AROUND, at)) if change.any() else flow


def _ear_at(ear: np.ndarray, outward: int) -> tuple[float, float]:
    """Where an ear (H, W) begins at the face, and its upper end: a render's lobes are as long as
    they like."""
    rows, columns = np.nonzero(ear)
    inner = np.quantile(columns, 0.1 if outward > 0 else 0.9)
    return float(inner), float(np.quantile(rows, 0.1))


def own_ears(photo: Parsing, after: Parsing) -> np.ndarray:
    """Ears (S, S) that the photograph, warped smoothly, has where the edited render has them."""
    own, new = photo.group("ears"), after.group("ears")
    at = len(own)
    both = np.zeros_like(own)
    low, high = _MEET
    for half in _halves(at):
        a, b = own[half], new[half]
        meet = float(np.minimum(a, b).sum() / max(a.sum(), b.sum(), 1.0))
        both[half] = np.maximum(a, b) * ease((meet - low) / (high - low))
    return smoothstep(blur(dilate(both, px(3.0, at)), px(2.0, at)) * 2 - 0.3)


def invented_ears_tone(small: np.ndarray, after: Parsing, own: np.ndarray) -> np.ndarray:
    """What gives ears of the edited render that are not the photograph's `own` the hue of the skin,
    (S, S, 3): where the photograph has scene, tuning has taught the generator to draw them in the
    scene's colours."""
    new, skin = after.group("ears") * (1 - own), after.group("skin") - after.group("ears")
    at, there = len(new), skin > 0.8
    shift = np.zeros_like(small)
    if there.mean() < _LEAST:
        return shift
    colour = np.median(small[there], axis=0)
    for half in _halves(at):
        ear = new[half] > 0.7
        if ear.sum() < _LEAST * at * at:
            continue
        found = np.median(small[half][ear], axis=0)
        light = luma(found[None, None])[0, 0] / max(luma(colour[None, None])[0, 0], 1.0)
        shift[half] = new[half][..., None] * (light * colour - found)
    return blur(shift, px(3.0, at))


def invented_jewels(photo: Parsing, after: Parsing) -> np.ndarray:
    """Earrings (S, S) of the edited render that the photograph, warped smoothly, has not."""
    new = after.group("jewels")
    at = len(new)
    if new.max() < 0.01:
        return np.zeros_like(new)
    new = np.maximum(new - dilate(photo.group("jewels"), px(_NEAR, at)), 0)
    return smoothstep(blur(dilate(new, px(_RIM, at)), px(2.0, at)) * 2)


def _halves(side: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    return np.s_[:, : side // 2], np.s_[:, side // 2 :]
