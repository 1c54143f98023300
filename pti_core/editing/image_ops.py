"""Small operations on float32 images (S, S, C) and masks (S, S), for compositing."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor


def remap(image: np.ndarray, flow: np.ndarray, method: int) -> np.ndarray:
    return remap_by(flow, method)(image)


def remap_by(
    flow: np.ndarray, method: int, start: tuple[int, int] = (0, 0)
) -> Callable[[np.ndarray], np.ndarray]:
    """`remap` of several images by one flow, which begins at some column and row of theirs."""
    height, width = flow.shape[:2]
    x = np.arange(start[0], start[0] + width, dtype=np.float32)[None] + flow[..., 0]
    y = np.arange(start[1], start[1] + height, dtype=np.float32)[:, None] + flow[..., 1]
    return lambda image: cv2.remap(image, x, y, method, borderMode=cv2.BORDER_REPLICATE)


def remap_in(
    part: tuple[slice, slice], image: np.ndarray, flow: np.ndarray, method: int
) -> tuple[tuple[slice, slice], np.ndarray]:
    """`remap` of an image (R, R, C) by a flow (S, S, 2) in a square part of S: where that is in R,
    and what is there."""
    ratio = len(image) // len(flow)
    rows, columns = (slice(one.start * ratio, one.stop * ratio) for one in part)
    moved = resize_flow(flow[part], rows.stop - rows.start)
    return (rows, columns), remap_by(moved, method, (columns.start, rows.start))(image)


def resize_flow(flow: np.ndarray, side: int) -> np.ndarray:
    return resize(flow, side) * (side / len(flow))


def resize(image: np.ndarray, side: int) -> np.ndarray:
    if len(image) == side:
        return image
    method = cv2.INTER_AREA if side < len(image) else cv2.INTER_LINEAR
    return cv2.resize(image, (side, side), interpolation=method)


#: Standard deviation from which `blur` works on a smaller image: the difference is under 0.3 % of
#: the contrast, the time a tenth at 512 pixels and 16.
_WIDE = 5.0


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian; a wide one on a smaller image, where it is `_WIDE` / 2 to `_WIDE` pixels wide."""
    factor = 2 ** (int(np.log2(sigma / _WIDE)) + 1) if sigma >= _WIDE else 1
    height, width = image.shape[:2]
    if factor == 1 or min(height, width) < 4 * factor:
        return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    size = width // factor, height // factor
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    # Averaging and interpolation blur, too: by variances of 1/12 and 1/6 of a small pixel's area.
    own = np.sqrt((sigma / factor) ** 2 - 1 / 12 - 1 / 6)
    small = cv2.GaussianBlur(small, (0, 0), float(own), borderType=cv2.BORDER_REFLECT)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def scaled(image: np.ndarray, share: np.ndarray) -> np.ndarray:
    """An image (R, R, 3) times a mask (S, S) of any side: thrice as fast as numpy's broadcast."""
    weight = resize(share, len(image)).astype(np.float32, copy=False)
    return np.asarray(cv2.multiply(image, cv2.merge([weight] * 3)))


#: Share of the side: squares that are larger are not worth a copy of the rest.
_MOST_OF = 0.75


def mixed(below: np.ndarray, above: np.ndarray, share: np.ndarray) -> np.ndarray:
    """One image (R, R, 3) over another by a mask (S, S) in 0..1, of any side; where that is 0 the
    one below to the bit."""
    part = square_around(share, margin=2)
    ratio = len(below) // len(share)
    if ratio * len(share) != len(below) or part[0].stop - part[0].start > _MOST_OF * len(share):
        above = above.astype(np.float32, copy=False)
        return np.asarray(cv2.add(scaled(cv2.subtract(above, below), share), below))
    box = tuple(slice(one.start * ratio, one.stop * ratio) for one in part)
    result = below.copy()
    over = cv2.subtract(above[box].astype(np.float32, copy=False), below[box])
    result[box] = cv2.add(scaled(over, share[part]), below[box])
    return result


def square_around(mask: np.ndarray, margin: int = 16) -> tuple[slice, slice]:
    """Rows and columns of a square with all of a mask (S, S) that is not 0, and a margin."""
    at = len(mask)
    ends = [np.flatnonzero(mask.any(axis)) for axis in (1, 0)]
    if not len(ends[0]):
        return slice(0, at), slice(0, at)
    size = min(max(int(one[-1] - one[0]) for one in ends) + 1 + 2 * margin, at)
    starts = [min(max(int(one[0]) - margin, 0), at - size) for one in ends]
    rows, columns = (slice(start, start + size) for start in starts)
    return rows, columns


def dilate(mask: np.ndarray, radius: float) -> np.ndarray:
    size = 2 * max(round(radius), 1) + 1
    return cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))


def erode(mask: np.ndarray, radius: float) -> np.ndarray:
    """`dilate` of what is not the mask (0..1)."""
    return 1 - dilate(1 - mask, radius)


def close_gaps(mask: np.ndarray, reach: float) -> np.ndarray:
    """A mask (S, S) bool with its gaps up to twice as wide as `reach` filled (morphological
    closing), by distances: a large kernel is slow."""
    room = 2 * max(round(reach), 1)
    padded = cv2.copyMakeBorder(
        mask.astype(np.uint8), *(room,) * 4, cv2.BORDER_CONSTANT, value=(0,)
    )
    dilated = (cv2.distanceTransform(1 - padded, cv2.DIST_L2, 5) <= reach).astype(np.uint8)
    closed = cv2.distanceTransform(dilated, cv2.DIST_L2, 5) > reach
    return np.asarray(closed[room:-room, room:-room] | mask)


def luma(image: np.ndarray) -> np.ndarray:
    """Rec. 601 luma (S, S) of an RGB image, float32."""
    return np.asarray(cv2.cvtColor(image.astype(np.float32, copy=False), cv2.COLOR_RGB2GRAY))


def channel_sum(image: np.ndarray) -> np.ndarray:
    """Sum over the channels, (S, S): as a product, many times as fast as numpy's own sum."""
    return image @ np.ones(image.shape[-1], dtype=image.dtype)


def channel_mean(image: np.ndarray) -> np.ndarray:
    return channel_sum(image) / image.shape[-1]


def length_of(flow: np.ndarray) -> np.ndarray:
    """Length (S, S) of the vectors of a flow (S, S, 2)."""
    return np.asarray(cv2.magnitude(*cv2.split(flow)))


def smoothstep(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def ease(x: float) -> float:
    """`smoothstep` of one number."""
    return float(smoothstep(np.float64(x)))  # type: ignore[arg-type]


#: Share of the side over which movement fades out to the crop's border, by eye.
_BORDER = 0.06


def border_fade(side: int) -> np.ndarray:
    """0 at the crop's border, 1 inside, (side, side)."""
    at = (np.arange(side, dtype=np.float32) + 0.5) / side
    edge = smoothstep(np.minimum(at, 1 - at) / _BORDER)
    return np.minimum(edge[:, None], edge[None])


def px(width: float, side: int) -> float:
    """A width in pixels at 1024, in pixels at another side."""
    return width * side / 1024


def pull_push(image: np.ndarray, weight: np.ndarray) -> np.ndarray:
    if len(image) <= 4:
        total = max(float(weight.sum()), 1e-6)
        mean = (image * weight[..., None]).sum((0, 1)) / total
        return image * weight[..., None] + mean * (1 - weight[..., None])
    half = (image.shape[1] // 2, image.shape[0] // 2)
    sums = cv2.resize(image * weight[..., None], half, interpolation=cv2.INTER_AREA)
    share = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)
    mean = sums / np.maximum(share, 1e-6)[..., None]
    below = pull_push(mean, np.minimum(share * 4, 1))
    size = (image.shape[1], image.shape[0])
    filled = cv2.resize(below, size, interpolation=cv2.INTER_LINEAR)
    return image * weight[..., None] + filled * (1 - weight[..., None])


def array_of(image: Tensor) -> np.ndarray:
    """(1, 3, R, R) in [-1, 1] as float32 (R, R, 3) in 0..255."""
    levels = (image[0].float().clamp(-1, 1) + 1) * 127.5
    return np.asarray(levels.permute(1, 2, 0).contiguous().cpu().numpy())


def picture_of(array: np.ndarray) -> Image.Image:
    """(R, R, 3) in 0..255, rounded, as an image."""
    return Image.fromarray(cv2.convertScaleAbs(np.maximum(array, 0)))


def tensor_of(array: np.ndarray) -> Tensor:
    """The way back: (1, 3, R, R) in [-1, 1]."""
    tensor = torch.from_numpy(np.ascontiguousarray(array)).permute(2, 0, 1)[None]
    return tensor / 127.5 - 1
