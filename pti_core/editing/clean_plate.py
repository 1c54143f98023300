"""The clean plate: a photograph's scene, continued to where the head is.

What a head uncovers when it turns is filled from the rest of the scene, patch by patch (exemplar-
based inpainting by expectation maximisation, Wexler et al., TPAMI 2007): each patch of the hole
takes its nearest neighbour in the known scene, each pixel the weighted mean of what its patches
say, from a coarse to a fine resolution. Patches are compared by principal components, each with
a sample of the scene's.

Images are float32 arrays (S, S, 3) in 0..255.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from pti_core.editing.image_ops import blur, dilate, mixed, pull_push, px, remap, resize, smoothstep

#: Sides at which patches are compared, and rounds at each. More rounds change nothing to be seen.
_LEVELS = ((64, 4), (128, 2), (256, 1))
_RADIUS = 3  # of a patch, in pixels of a level
_COMPONENTS = 16  # of 147: 24 give the same plates
#: Patches (of 255) that differ by so much per pixel weigh as much as a whole side of distance: the
#: scene goes on with what is near.
_PLACE = 30.0
_SOURCES = 5000  # patches that are compared with, at most
_CHUNK = 2048  # patches at once: bounds the memory of their distances (40 MB)
_KNOWN = 0.3  # of the scene's pixels: with fewer whole patches a level is left out
_SEAM, _SEAM_ENDS = 6.0, 90.0  # width in which colours are compared across the outline; fade
_BLOCK = 8  # of the finest level: what is copied whole
_LEAST_COST = 4.0  # of 255^2: patches that are nearer count alike
# Widths are in pixels at 1024 (`px` scales them), found by looking at heads turned to both ends.
MARGIN = 22.0  # pixels nearer to the person are not used
_REACH = 220.0  # from the outline that the plate is filled in: farther inside it is never seen
_FINE, _GRAIN = 4.0, 16.0  # detail that is copied is finer than this, and so faint (of 255)
_TEXTURE = (45.0, 110.0)  # from the outline: the scene's detail in full, and none
_EDGE = 10.0  # from the outline: copied detail begins, or its seam would be detail


class _Matches(NamedTuple):
    """Of each pixel: the offset (s, s, 2) in rows and columns to the place that its patch is like,
    and how far that can be trusted (s, s), 0 farther outside."""

    offsets: np.ndarray
    weights: np.ndarray


def clean_plate(photo: np.ndarray, head: np.ndarray) -> np.ndarray:
    """A photograph (R, R, 3) with its scene in place of the head (mask (S, S)).

    Only a band beside the outline is ever seen: farther inside the plate is smooth (pull-push,
    Gortler et al. 1996, section 4.3).
    """
    side, at = len(photo), len(head)
    near = dilate(head, px(MARGIN, at)) > 0.3
    if near.all():
        return photo.copy()
    hole = near.astype(np.float32)
    known = smoothstep(blur(1 - hole, px(4.0, at)) * 2 - 1)
    smooth = pull_push(photo, resize(known, side))
    inside = cv2.distanceTransform(near.astype(np.uint8), cv2.DIST_L2, 5)
    band = smoothstep((px(_REACH, at) - inside) / px(_REACH / 2, at)) * hole
    low, high = (px(width, at) for width in _TEXTURE)
    textured = smoothstep((high - inside) / (high - low)) * smoothstep(inside / px(_EDGE, at))
    broad, matches = _filled(photo, hole, smooth)
    plate = resize(broad, side)
    copied, share = _copied(photo, resize(known, side), matches)
    fine = np.clip(copied - blur(copied, px(_FINE, side)), -_GRAIN, _GRAIN)
    plate = plate + (share * resize(textured, side))[..., None] * fine
    plate = mixed(smooth, plate, band)
    return mixed(photo, plate, 1 - known)


def _filled(photo: np.ndarray, hole: np.ndarray, smooth: np.ndarray) -> tuple[np.ndarray, _Matches]:
    """The photograph with its hole (S, S) filled, at the finest level, and what was taken from
    where; as `smooth` has it where that cannot be told."""
    image = smooth
    matches = _Matches(np.zeros((1, 1, 2), np.int64), np.zeros((1, 1), np.float32))
    for i, (side, rounds) in enumerate(_LEVELS):
        if side > len(photo):
            break
        small, gap = resize(photo, side), resize(hole, side) > 0.02
        start = resize(image, side) if i or gap.all() else _outline_colours(small, gap)
        image = np.where(gap[..., None], start, small)
        image, matches = _fill_level(image, gap, rounds)
    return _without_seam(image, resize(hole, len(image)) > 0.02), matches


def _without_seam(image: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """A filled image (s, s, 3) whose gap (s, s) begins with the colours that the scene ends with.

    Votes do not ask whether they meet the outline. What the scene has over the filled gap at the
    outline is added inside, less and less with the distance to it (as a membrane does in Poisson
    blending, Perez et al. 2003; this one is local).
    """
    side = len(image)
    width = px(_SEAM, side)

    def mean(values: np.ndarray, where: np.ndarray) -> np.ndarray:
        weight = where.astype(np.float32)
        return blur(values * weight[..., None], width) / (blur(weight, width) + 1e-4)[..., None]

    step = mean(image, ~gap) - mean(image, gap)
    inside = cv2.distanceTransform(gap.astype(np.uint8), cv2.DIST_L2, 5)
    fade = smoothstep(1 - inside / px(_SEAM_ENDS, side)) * gap
    return image + fade[..., None] * mean(_outline_colours(step, gap), gap)


def _fill_level(image: np.ndarray, gap: np.ndarray, rounds: int) -> tuple[np.ndarray, _Matches]:
    """One resolution: a few rounds of nearest patches and votes."""
    side = len(image)
    window = np.ones((2 * _RADIUS + 1,) * 2, np.uint8)
    inside = cv2.distanceTransform(gap.astype(np.uint8), cv2.DIST_L2, 5)
    wanted = gap & (inside <= px(_REACH, side))
    around = cv2.dilate(wanted.astype(np.uint8), window) > 0
    known = cv2.erode((~gap).astype(np.uint8), window) > 0
    sources, targets, pixels = np.argwhere(known), np.argwhere(around), np.argwhere(wanted)
    offsets = np.zeros((side, side, 2), dtype=np.int64)
    weights = np.zeros((side, side), dtype=np.float32)
    few = max(_COMPONENTS, _KNOWN * np.count_nonzero(~gap))
    if len(sources) < few or not len(pixels):
        return image, _Matches(offsets, weights)
    sources = sources[:: -(-len(sources) // _SOURCES) | 1]  # odd: not the same columns each row
    values = _windows(image, sources)
    axes = _principal_axes(values)
    examples = _features(values @ axes, sources, side)
    rows, columns = targets.T
    for _ in range(rounds):
        wishes = _features(_windows(image, targets) @ axes, targets, side)
        nearest, cost = _nearest(wishes, examples)
        offsets[rows, columns] = sources[nearest] - targets
        scale = max(float(np.quantile(cost, 0.6)), _LEAST_COST)
        weights[rows, columns] = np.exp(-cost / (2 * scale))
        image = _voted(image, pixels, offsets, weights)
    return image, _Matches(offsets, weights)


def _outline_colours(image: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """The image with the colour of the nearest known pixel in its gap (S, S). Means of colours on
    different sides would be nearest to nothing that the scene shows."""
    _, labels = cv2.distanceTransformWithLabels(
        gap.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    colours = np.zeros((int(labels.max()) + 1, 3), dtype=np.float32)
    colours[labels[~gap]] = image[~gap]
    return colours[labels]


def _windows(image: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The patches (N, P) around places (N, 2)."""
    size = 2 * _RADIUS + 1
    border = cv2.copyMakeBorder(image, *(_RADIUS,) * 4, cv2.BORDER_REPLICATE)
    steps = np.arange(size)
    across = (steps[:, None] * len(border) + steps[None]).ravel()
    index = (at[:, 0] * len(border) + at[:, 1])[:, None] + across
    return np.take(border.reshape(-1, 3), index, axis=0).reshape(len(at), -1)


def _principal_axes(values: np.ndarray) -> np.ndarray:
    """Axes (P, F) of the patches' largest variance."""
    centred = values - values.mean(0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    return np.ascontiguousarray(axes[:, -_COMPONENTS:], dtype=np.float32)


def _features(values: np.ndarray, at: np.ndarray, side: int) -> np.ndarray:
    """Principal components per pixel, and the place: (N, F + 2)."""
    per_pixel = values / np.float32(np.sqrt(3 * (2 * _RADIUS + 1) ** 2))
    return np.column_stack([per_pixel, at * (_PLACE / side)]).astype(np.float32)


def _nearest(wanted: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each wanted row the nearest known one, and their squared distance."""
    squares = np.square(known).sum(1)
    turned = np.ascontiguousarray(np.column_stack([-2 * known, squares]).T)
    found, cost = [], []
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        distance = np.column_stack([part, np.ones(len(part), np.float32)]) @ turned
        index = distance.argmin(1)
        found.append(index)
        cost.append(distance[np.arange(len(index)), index] + np.square(part).sum(1))
    return np.concatenate(found), np.maximum(np.concatenate(cost), 0)


def _voted(
    image: np.ndarray, pixels: np.ndarray, offsets: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """An image whose pixels (N, 2) are the weighted means of what all patches over them show."""
    side = len(image)
    total = np.zeros(len(pixels), dtype=np.float32)
    colour = np.zeros((len(pixels), 3), dtype=np.float32)
    reach = np.arange(-_RADIUS, _RADIUS + 1)
    flat = image.reshape(-1, 3)
    for down in reach:
        for across in reach:
            centre = np.clip(pixels + np.array([down, across]), 0, side - 1)
            rows, columns = centre.T
            weight = weights[rows, columns]
            place = np.clip(pixels + offsets[rows, columns], 0, side - 1)
            colour += weight[:, None] * flat[place[:, 0] * side + place[:, 1]]
            total += weight
    image = image.copy()
    known = total > 1e-6
    rows, columns = pixels[known].T
    image[rows, columns] = colour[known] / total[known][:, None]
    return image


def _copied(
    photo: np.ndarray, known: np.ndarray, matches: _Matches
) -> tuple[np.ndarray, np.ndarray]:
    """The scene's own pixels (R, R, 3) in place of a filled hole, and their share (R, R).

    Blocks are copied whole, by the best match in each, so that their detail is that of the scene;
    four sets of blocks that overlap by halves hide the seams.
    """
    side = len(photo)
    image, total = np.zeros_like(photo), np.zeros((side, side), dtype=np.float32)
    step = _BLOCK // 2
    for down in (0, step):
        for across in (0, step):
            offsets = _block_offsets(matches, down, across)
            moved = offsets[..., ::-1].astype(np.float32) * (side / len(offsets))
            flow = cv2.resize(moved, (side, side), interpolation=cv2.INTER_NEAREST)
            hats = [_hat(side, len(offsets), shift) for shift in (down, across)]
            weight = hats[0][:, None] * hats[1] * remap(known, flow, cv2.INTER_LINEAR)
            image += weight[..., None] * remap(photo, flow, cv2.INTER_LINEAR)
            total += weight
    return image / np.maximum(total, 1e-3)[..., None], np.minimum(total, 1)


def _block_offsets(matches: _Matches, down: int, across: int) -> np.ndarray:
    """The offsets (s, s, 2) of blocks shifted by (down, across): of their best pixel's each."""
    side = len(matches.weights)
    count = -(-side // _BLOCK) + 1
    room = count * _BLOCK - side
    around = ((down, room - down), (across, room - across))
    weights = np.pad(matches.weights, around)
    offsets = np.pad(matches.offsets, (*around, (0, 0)))
    blocks = weights.reshape(count, _BLOCK, count, _BLOCK).swapaxes(1, 2).reshape(count, count, -1)
    rows, columns = np.divmod(blocks.argmax(-1), _BLOCK)
    corner = np.arange(count) * _BLOCK
    best = offsets[corner[:, None] + rows, corner[None] + columns]
    whole = best.repeat(_BLOCK, 0).repeat(_BLOCK, 1)
    return np.asarray(whole[down : down + side, across : across + side])


def _hat(side: int, level: int, shift: int) -> np.ndarray:
    """Weights (side,) of blocks of a level shifted by some of its pixels: 1 in their middle."""
    at = (np.arange(side, dtype=np.float32) + 0.5) * (level / side) + shift
    return 1 - np.abs(2 * (at / _BLOCK % 1) - 1)
