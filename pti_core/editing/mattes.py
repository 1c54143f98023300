"""Soft mattes at the image's resolution from the parser's masks at half of it."""

from __future__ import annotations

import cv2
import numpy as np

from pti_core.editing.image_ops import blur, dilate, ease, erode, pull_push, px, resize, smoothstep
from pti_core.editing.parsing import Parsing

# Widths are in pixels at 1024. Found by looking at hair of the benchmark's nine photographs.
_WINDOW = 14.0  # of the guided filter
_EDGE = 40.0  # of 255^2: variance that counts as an edge
_REACH = 22.0  # how far beyond the parser's outline single hairs are looked for
_PATCH = 6.0  # smaller patches of the skin's colours are highlights
_APART = 22.0  # in CIELAB: colours of skin and hair that are nearer are not told apart
_FEW = 0.08  # share of the hair that such patches may be
_CONTINUED = 256  # side at which colours are continued
_UNLIKE = (200.0, 280.0)  # distance in RGB from which what is beside hair is seen through it
_HAIRS = 2.0  # radius of what is larger than a hair
_SIDE = 512  # at which the filter's coefficients are found


def guided(guide: np.ndarray, mask: np.ndarray, window: float = _WINDOW) -> np.ndarray:
    """A mask (S, S) that follows the edges of an image (R, R, 3), (R, R) in 0..1.

    The fast guided filter with a colour guide (He & Sun 2015, arXiv 1505.00996): in each window the
    mask is taken for a linear function of the colour, as in closed-form matting.
    """
    side = min(len(guide), _SIDE)
    small, mask = resize(guide, side), resize(mask, side)
    size = 2 * max(round(px(window, side)), 1) + 1

    def mean(x: np.ndarray) -> np.ndarray:
        return cv2.blur(x, (size, size), borderType=cv2.BORDER_REFLECT)

    about, of = mean(small), mean(mask)
    with_mask = mean(small * mask[..., None]) - about * of[..., None]
    pairs = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
    products = np.stack([small[..., i] * small[..., j] for i, j in pairs], -1)
    moments = np.concatenate([mean(products[..., :3]), mean(products[..., 3:])], -1)
    rr, rg, rb, gg, gb, bb = (
        moments[..., k] - about[..., i] * about[..., j] + (_EDGE if i == j else 0)
        for k, (i, j) in enumerate(pairs)
    )
    # The inverse of the symmetric covariance, by cofactors.
    rows = (
        (gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb),
        (gb * rb - rg * bb, rr * bb - rb * rb, rg * rb - rr * gb),
        (rg * gb - gg * rb, rg * rb - rr * gb, rr * gg - rg * rg),
    )
    determinant = rr * rows[0][0] + rg * rows[0][1] + rb * rows[0][2]
    slope = np.stack([sum(c * with_mask[..., k] for k, c in enumerate(row)) for row in rows], -1)
    slope /= determinant[..., None]
    level = of - (slope * about).sum(-1)
    fitted = resize(mean(np.dstack([slope, level])), len(guide))
    found = np.einsum("ijk,ijk->ij", fitted[..., :3], guide) + fitted[..., 3]
    return np.clip(found, 0, 1)


def hair_matte(image: np.ndarray, parsing: Parsing) -> np.ndarray:
    """How much of each pixel of an image (R, R, 3) in 0..255 is hair of the head, (R, R) in 0..1.

    Beards, brows and hats are other classes of the parser.
    """
    mask = np.maximum(parsing.group("hair") - parsing.group("hat"), 0)
    skin = _looks_like(resize(image, len(mask)), parsing.group("skin"), mask)
    return _matte(image, mask * (1 - skin), _REACH)


def _looks_like(image: np.ndarray, mask: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Patches inside one mask (S, S) that have the colours of what is under another, in 0..1.

    An ear in the midst of hair is hair to the parser, but has the colours of skin.
    """
    if min((mask > 0.6).mean(), (other > 0.6).mean()) < 0.01:
        return np.zeros_like(mask)
    lab = cv2.cvtColor(np.clip(image, 0, 255) / 255, cv2.COLOR_RGB2LAB)
    bins = np.stack([lab[..., 0] * 0.16, (lab[..., 1] + 64) * 0.3, (lab[..., 2] + 64) * 0.3], -1)
    bins = np.clip(bins, 0, (15, 39, 39)).astype(np.int32)
    index = (bins[..., 0] * 40 + bins[..., 1]) * 40 + bins[..., 2]
    medians = [np.median(lab[where > 0.6], axis=0) for where in (mask, other)]
    apart = ease(float(np.linalg.norm(medians[0] - medians[1])) / _APART * 2 - 2)
    counts = []
    # Shadows and beards are not what skin is known by.
    lit = lab[..., 0] > medians[0][0] - 16
    for there in ((mask > 0.6) & lit, other > 0.6):
        sure = there.astype(np.float64)
        count = np.bincount(index.ravel(), sure.ravel(), 16 * 1600).reshape(16, 1600)
        smooth = blur(count.reshape(640, 40).astype(np.float32), 1.0)
        counts.append(smooth.ravel() / (sure.sum() + 1))
    here, away = (count[index] for count in counts)
    share = here / (here + away + 2e-5)
    share = smoothstep((blur(share.astype(np.float32), px(4.0, len(mask))) - 0.62) / 0.15)
    size = 2 * round(px(_PATCH, len(mask)) / 2) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    # Above the forehead there is no skin, but there are highlights.
    below = np.arange(len(mask))[:, None] > np.flatnonzero((mask > 0.6).any(1))[0]
    found = cv2.morphologyEx(share * (other > 0.3) * below, cv2.MORPH_OPEN, kernel)
    # Much of it is hair that has skin's colours.
    few = 1 - ease(float(found.sum() / other.sum()) / _FEW - 1)
    return np.asarray(few * apart * dilate(found, px(8.0, len(mask))))


def brow_matte(image: np.ndarray, parsing: Parsing) -> np.ndarray:
    """As `hair_matte`, of the brows."""
    return _matte(image, parsing.group("brows"), 6.0)


def _matte(image: np.ndarray, mask: np.ndarray, reach: float) -> np.ndarray:
    side, at = len(image), len(mask)
    small = resize(image, at)
    binary = (mask > 0.5).astype(np.uint8)
    if not binary.any():
        return np.zeros(image.shape[:2], dtype=np.float32)
    inside, outside = (_distance(x) / px(1.0, at) for x in (binary, 1 - binary))
    other = continued(small, smoothstep((outside - 0.3 * reach) / reach) * (1 - mask))
    weight = smoothstep((inside - 0.5 * reach) / reach) * mask
    hair = continued(small, weight * _unlike(small, other, weight))
    along = hair - other
    length = np.square(along).sum(-1)
    told = resize(smoothstep((np.sqrt(length) - 20) / 40), side)
    along /= np.maximum(length, 1.0)[..., None]
    level = (other * along).sum(-1)
    share = np.einsum("ijk,ijk->ij", image, resize(along, side)) - resize(level, side)
    share = np.clip((share - 0.08) / 0.77, 0, 1)
    fine = smoothstep((guided(image, mask) - 0.08) / 0.8)
    # A colour that is on the line between neither, such as a white rim of dark grey hair, is told
    # by the mask alone.
    off = image - resize(other, side) - share[..., None] * resize(hair - other, side)
    off = np.linalg.norm(off, axis=-1) / resize(np.sqrt(length) + 20, side)
    share = np.maximum(share, fine * smoothstep((off - 0.3) / 0.4))
    share = fine + told * (share - fine)
    # Where the colour of what is beside hair is seen inside of it there is a hole, or, smaller,
    # grey among dark hairs.
    near, far = _UNLIKE
    apart = resize(smoothstep((np.sqrt(length) - near) / (far - near)), side)
    seen = apart * smoothstep((0.35 - share) / 0.2) * smoothstep((0.5 - off) / 0.2)
    hole = np.minimum(seen, dilate(erode(seen, px(_HAIRS, side)), px(3 * _HAIRS, side)))
    sure = smoothstep((mask - 0.6) / 0.2) * smoothstep((inside - 0.25 * reach) / reach)
    closed = erode(dilate(share, px(1.5 * _HAIRS, side)), px(1.5 * _HAIRS, side))
    share += resize(sure, side) * (1 - hole) * (closed - share)
    # What is far from the outline is as the parser says.
    low = smoothstep((inside - 0.4 * reach) / (1.6 * reach))
    low = resize(np.maximum(low, 0.65 * sure), side) * (1 - hole)
    high = resize(1 - smoothstep((outside - 0.2 * reach) / (0.8 * reach)), side)
    return np.asarray(np.maximum(share, low) * high)


def _unlike(image: np.ndarray, other: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Less where hair has nearly the colour of what is beside it: it is thin there, (S, S)."""
    apart = np.linalg.norm(image - other, axis=-1)
    usual = float((apart * weight).sum() / (weight.sum() + 1e-6))
    return np.square(np.clip(apart / max(0.8 * usual, 1.0), 0.05, 1))


def _distance(mask: np.ndarray) -> np.ndarray:
    """Pixels to the nearest zero (S, S)."""
    return cv2.distanceTransform(mask, cv2.DIST_L2, 5)


def continued(image: np.ndarray, weight: np.ndarray, width: float = 12.0) -> np.ndarray:
    """The colours of weighted pixels (S, S, 3), continued smoothly to all others."""
    at, side = len(image), min(_CONTINUED, len(image))
    small, known = resize(image * weight[..., None], side), resize(weight, side)
    mean = pull_push(small / np.maximum(known, 1e-4)[..., None], np.minimum(known * 4, 1))
    wide = px(width, side)
    near = blur(known, wide)
    local = blur(small, wide) / (near + 1e-4)[..., None]
    mean = blur(mean, wide)
    return resize(mean + smoothstep(near / 0.2)[..., None] * (local - mean), at)
