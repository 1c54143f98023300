"""Optical flow between two renders of a face, and where it can be trusted.

Flows are float32 (S, S, 2) in pixels: `after(x) = before(x + flow(x))`.
"""

from __future__ import annotations

import cv2
import numpy as np

from pti_core.editing.image_ops import (
    blur,
    border_fade,
    channel_mean,
    channel_sum,
    ease,
    length_of,
    luma,
    pull_push,
    px,
    remap,
    resize,
    resize_flow,
    smoothstep,
)
from pti_core.editing.outlines import follow_outlines
from pti_core.editing.parsing import Parsing

#: Side at which the flow of the whole head is smoothed.
_SMOOTH_SIDE = 128
# Widths are in pixels at 1024 (`px` scales them). Those without a source were found by looking at
# edits of the nine photographs of the benchmark.
GAIN = (0.6, 1.5)  # bounds of the local ratio of luma, edited over unedited, for fine detail
_CORRELATION = (0.5, 0.8)  # local correlation of luma: fine detail from none to all
_WINDOW = 6.0  # of the local correlation, and of the colour difference
_SMOOTH = 48.0  # of the flow of the whole head
#: Mean movements of a head from which outlines are followed, and wholly. On the benchmark's nine
#: smiles, opened mouths, wider and older faces move it by 1 to 9, turns at their ends by 8 to 35.
_MOVED = (7.0, 13.0)
_STILL_HAIR = 0.1  # weight in hair of no movement, against that of the face's flow
_FLOW_WIDTH = 8.0  # over which the flow of the face is averaged
_STRETCH = (0.5, 1.5)  # of the flow's gradient: trust from full to none
_NECK = 36.0  # down the neck movement ends within this distance
STILL_FLOW = (1.5, 5.0)  # lengths of flow taken for none, and in full


def flow_grey(small: np.ndarray) -> np.ndarray:
    """(S, S) uint8 with local contrast equalised, so that flow follows form and not light."""
    grey = np.clip(luma(small), 0, 255).astype(np.uint8)
    grey = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(grey)
    return cv2.GaussianBlur(grey, (0, 0), max(px(4.0, len(small)), 0.5))


def dense_flow(after: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Flow (S, S, 2): after(x) = before(x + flow)."""
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return np.asarray(method.calc(after, before, np.zeros((*after.shape, 2), np.float32)))


def smooth_flow(
    flow: np.ndarray, trust: np.ndarray, photo: Parsing, before: Parsing, after: Parsing
) -> np.ndarray:
    """The flow (S, S, 2) of the whole head, without the noise of hair that the render redraws.

    Trusted flow is continued smoothly over the head, follows the outlines of head and hair, and
    fades out in the scene around it: the background bends a little beside a head that moves,
    and nothing opens.

    Args:
        photo, before, after: parsings of photograph, unedited and edited render.
    """
    side = min(_SMOOTH_SIDE, len(flow))
    scale = side / len(flow)
    head = after.head * photo.head
    hair = after.group("hair")
    weight = np.ascontiguousarray(trust * head * (hair < 0.5), dtype=np.float32)
    known = resize(weight + _STILL_HAIR * hair, side)
    mean = resize(flow * weight[..., None], side) * scale / np.maximum(known, 1e-3)[..., None]
    filled = blur(pull_push(mean, known), px(_SMOOTH, side))
    turned = _head_moved(filled, resize(head, side))
    if turned > 0:
        filled = filled + turned * (follow_outlines(filled, before, after) - filled)
    # Less than the flow's own noise is no movement; the crop's border stays where it is.
    length = length_of(filled) / px(1.0, side)
    low, high = STILL_FLOW
    fade = smoothstep((length - low) / (high - low)) * border_fade(side)
    fade = fade * _neck_fade(photo, after, filled)
    return resize(filled * fade[..., None], len(flow)) / scale


def _head_moved(flow: np.ndarray, head: np.ndarray) -> float:
    """Whether a head (S, S) turns or moves, 0 to 1, by the mean length of the flow (S, S, 2). Where
    it does not, hair of another outline is the render's mistake, and not the edit's."""
    mean = float((length_of(flow) * head).sum()) / max(float(head.sum()), 1.0)
    low, high = _MOVED
    return ease((mean / px(1.0, len(flow)) - low) / (high - low))


def denoise_flow(flow: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """The flow averaged over its surroundings, by trust: on smooth skin it is noise."""
    width = px(_FLOW_WIDTH, len(flow))
    weight = trust + 0.05
    return blur(flow * weight[..., None], width) / blur(weight, width)[..., None]


def _neck_fade(before: Parsing, after: Parsing, flow: np.ndarray) -> np.ndarray:
    """1 at the head, falling to 0 down the neck: shoulders and collar stay, (side, side). Nor does
    a flow (side, side, 2) bring them to where there were none."""
    at, side = before.side, len(flow)
    own = before.group("neck") + before.group("cloth")
    come = remap(own, resize_flow(flow, at), cv2.INTER_LINEAR)
    body = np.maximum(np.maximum(own, come), after.group("neck"))
    outside = (np.minimum(before.head, after.head) < 0.5).astype(np.uint8)
    # Without a head in either all of it is infinitely far from one.
    distance = np.minimum(cv2.distanceTransform(outside, cv2.DIST_L2, 3), at) / px(1.0, at)
    kept = 1 - blur(body, px(8.0, at)) * smoothstep(distance / _NECK)
    return resize(np.ascontiguousarray(kept, dtype=np.float32), side)


def rigidity(flow: np.ndarray) -> np.ndarray:
    """1 where the flow moves its surroundings along, 0 where it tears or stretches, (S, S)."""
    stretch = channel_sum(sum(np.abs(slope) for slope in np.gradient(flow, axis=(0, 1))))
    low, high = _STRETCH
    return smoothstep((high - stretch) / (high - low))


def agreement(before: Parsing, after: Parsing) -> np.ndarray:
    """How far two parsings name the same groups, (S, S) in 0..1."""
    same = np.asarray(sum(map(cv2.min, before.groups, after.groups)))
    return smoothstep((blur(same, px(2.0, len(same))) - 0.3) / 0.6)


def structure_trust(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Local normalised correlation of luma, as a weight (S, S)."""
    x, y = luma(a), luma(b)
    width = px(_WINDOW, len(x))
    mx, my = blur(x, width), blur(y, width)
    vx = blur(x * x, width) - mx * mx
    vy = blur(y * y, width) - my * my
    cov = blur(x * y, width) - mx * my
    # Flat places correlate with nothing, and may take any detail: 4 levels count as structure.
    flat = 16.0
    correlation = (cov + flat) / (np.sqrt(np.maximum(vx * vy, 0)) + flat)
    low, high = _CORRELATION
    return smoothstep((correlation - low) / (high - low))


def colour_trust(a: np.ndarray, b: np.ndarray, scale: float) -> np.ndarray:
    """exp(-(difference / scale)^2) of the blurred mean absolute difference, (S, S)."""
    difference = blur(channel_mean(np.abs(a - b)), px(_WINDOW, len(a)))
    return np.exp(-np.square(difference / scale))


def luma_ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    width = px(_WINDOW, len(a))
    return np.clip((blur(luma(a), width) + 8) / (blur(luma(b), width) + 8), *GAIN)
