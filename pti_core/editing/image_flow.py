"""Optical flow between two renders of a face, and where it can be trusted.

Flows are float32 (S, S, 2) in pixels: `after(x) = before(x + flow(x))`.
"""

from __future__ import annotations

import cv2
import numpy as np

from pti_core.editing.image_ops import (
    blur,
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
_OUTLINE = 48.0  # over which a change of the flow is smooth that has outlines follow
_OUTLINE_SIDE, _OUTLINE_ROUNDS = 64, 30  # at which that is found, and in how many steps
_OUTLINE_STEP = 1.0  # longest of them, in pixels of that side
_STILL_HAIR = 0.1  # weight in hair of no movement, against that of the face's flow
_FLOW_WIDTH = 8.0  # over which the flow of the face is averaged
_STRETCH = (0.5, 1.5)  # of the flow's gradient: trust from full to none
_NECK = 36.0  # down the neck movement ends within this distance
_BORDER = 0.06  # share of the side over which movement fades out to the crop's border
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
        filled = filled + turned * (_follow_outlines(filled, before, after) - filled)
    # Less than the flow's own noise is no movement; the crop's border stays where it is.
    length = length_of(filled) / px(1.0, side)
    low, high = STILL_FLOW
    fade = smoothstep((length - low) / (high - low)) * _border_fade(side)
    fade = fade * _neck_fade(photo, after, filled)
    return resize(filled * fade[..., None], len(flow)) / scale


def _head_moved(flow: np.ndarray, head: np.ndarray) -> float:
    """Whether a head (S, S) turns or moves, 0 to 1, by the mean length of the flow (S, S, 2). Where
    it does not, hair of another outline is the render's mistake, and not the edit's."""
    mean = float((length_of(flow) * head).sum()) / max(float(head.sum()), 1.0)
    low, high = _MOVED
    return ease((mean / px(1.0, len(flow)) - low) / (high - low))


def _follow_outlines(flow: np.ndarray, before: Parsing, after: Parsing) -> np.ndarray:
    """A smooth flow (S, S, 2), changed so that the unedited render's outlines land on the edited's.

    Of hair the flow knows little but its outline. Where a head turned, hair that comes into view
    stayed behind, and the ear stood off the head. Demons (Thirion 1998) on the masks of hair and of
    head and hair together; ears have no say, as the render draws them longer or shorter.
    """
    side = min(_OUTLINE_SIDE, len(flow))
    scale = side / len(flow)
    width = px(_OUTLINE, side)

    def soft_masks(parsing: Parsing) -> np.ndarray:
        masks = np.stack([parsing.head - parsing.group("ears"), parsing.group("hair")], -1)
        return blur(resize(masks, side), width / 2)

    moving, fixed = soft_masks(before), soft_masks(after)
    start = resize(flow, side) * scale
    change = np.zeros_like(start)
    for _ in range(_OUTLINE_ROUNDS):
        warped = remap(moving, start + change, cv2.INTER_LINEAR)
        missing = fixed - warped
        x, y = (cv2.Sobel(warped, -1, *axis, ksize=1, scale=0.5) for axis in ((1, 0), (0, 1)))
        size = channel_sum(x * x + y * y + missing * missing) + 1e-4
        step = np.dstack([channel_sum(missing * x), channel_sum(missing * y)]) / size[..., None]
        change = blur(change + np.clip(step, -_OUTLINE_STEP, _OUTLINE_STEP), width / 2)
    return flow + resize(blur(change, width), len(flow)) / scale


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


def _border_fade(side: int) -> np.ndarray:
    """0 at the crop's border, 1 inside, (side, side)."""
    at = (np.arange(side, dtype=np.float32) + 0.5) / side
    edge = smoothstep(np.minimum(at, 1 - at) / _BORDER)
    return np.minimum(edge[:, None], edge[None])


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
