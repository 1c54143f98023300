"""Paste a square face back into the photograph that it was cut from."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from pti_core.faces.align import Alignment, CropPlan, check_photo_size, smoothstep

# The border that is blended, as a fraction of the crop's side. In an FFHQ crop the chin ends about
# 0.1 above the lower edge.
FEATHER = 0.08


# A face finer than the photograph is first reduced to this many pixels per photo pixel, then turned
# into place. 1 softens (pasting an unedited crop back costs up to 1.6 dB more), 1.25 lets twice as
# much through of what the photograph's pixels cannot hold; measured on nine photographs and noise.
DENSITY = 1.15


# Pasting works in bands of so many rows: a quad may be 6000 pixels wide, in float32.
BAND = 512


def paste(
    photo: Image.Image, face: Image.Image, alignment: Alignment, feather: float = FEATHER
) -> Image.Image:
    """Put a square `face` (any resolution) back into the photograph it was cut from.

    The result has the photograph's own resolution. The outer `feather` of the crop's side is
    blended into the photograph, and so is the photograph's own edge where the crop held reflected
    pixels; outside of the quad every pixel is the photograph's own.
    Raises `ValueError` if `photo` has not the size that the alignment was made for.
    """
    check_photo_size(photo, alignment)
    if face.width != face.height:
        raise ValueError(f"the face must be square, got {face.width} x {face.height}")
    plan = CropPlan.of(alignment, face.width)
    corners = plan.photo_quad()
    left, top = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    right, bottom = np.minimum(np.ceil(corners.max(axis=0)).astype(int), photo.size)
    if right <= left or bottom <= top:
        return photo.copy()
    dense = _to_density(face, corners)
    pixels = np.array(photo.convert("RGB"))
    for first in range(top, bottom, BAND):
        band = (left, first, right, min(first + BAND, bottom))
        rows = pixels[first : band[3], left:right]
        region = rows.astype(np.float32)
        mask = _mask(plan, corners, band, max(feather, 1e-6))
        region += (_place(dense, corners, band) - region) * mask[..., None]
        rows[:] = np.rint(np.clip(region, 0, 255)).astype(np.uint8)
    return Image.fromarray(pixels)


@dataclass(frozen=True, eq=False)
class EditMaps:
    """An edit of a crop as an operation on its photograph: `base + share * photo(x + flow)`.

    Attributes:
        base: (R, R, 3) float32. share: (R, R), how much of the photograph's pixel. flow: (R, R, 2),
            in pixels of the crop. changed: (R, R) in 0..1, 0 where the photograph stays.
    """

    base: np.ndarray
    share: np.ndarray
    flow: np.ndarray
    changed: np.ndarray


def paste_edit(
    photo: Image.Image, edit: EditMaps, alignment: Alignment, feather: float = FEATHER
) -> Image.Image:
    """An edit in the photograph, at the photograph's own resolution and with its own detail.

    The photograph's own pixels are moved and changed; the crop gives only what the edit adds.
    Where nothing changed every pixel is the photograph's own.
    Raises `ValueError` if `photo` has not the size that the alignment was made for.
    """
    check_photo_size(photo, alignment)
    side = len(edit.base)
    plan = CropPlan.of(alignment, side)
    corners = plan.photo_quad()
    left, top = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    right, bottom = np.minimum(np.ceil(corners.max(axis=0)).astype(int), photo.size)
    if right <= left or bottom <= top:
        return photo.copy()
    maps = _maps_at_density(edit, corners)
    source = np.asarray(photo.convert("RGB"))
    pixels = source.copy()
    for first in range(top, bottom, BAND):
        band = (left, first, right, min(first + BAND, bottom))
        mask = _mask(plan, corners, band, max(feather, 1e-6))
        rows = pixels[first : band[3], left:right]
        _paste_band(source, rows, maps, corners, band, mask)
    return Image.fromarray(pixels)


def _maps_at_density(edit: EditMaps, corners: np.ndarray) -> list[np.ndarray]:
    """Base, share, flow and changed, (side, side, ...), hardly finer than the photograph."""
    maps = [edit.base, edit.share, edit.flow, edit.changed]
    side = len(edit.base)
    pixels = max(round(float(np.hypot(*(corners[3] - corners[0]))) * DENSITY), 1)
    if pixels < side:
        size = (pixels, pixels)
        maps = [np.asarray(cv2.resize(m, size, interpolation=cv2.INTER_AREA)) for m in maps]
        maps[2] = maps[2] * np.float32(pixels / side)
    return [np.ascontiguousarray(m, dtype=np.float32) for m in maps]


def _paste_band(
    source: np.ndarray,
    rows: np.ndarray,
    maps: list[np.ndarray],
    corners: np.ndarray,
    band: tuple[int, int, int, int],
    mask: np.ndarray,
) -> None:
    left, first, right, last = band
    side = len(maps[0])
    square = np.array([[0, 0], [0, side], [side, side]], dtype=np.float32) - 0.5
    target = (corners[:3] - np.array([left, first]) - 0.5).astype(np.float32)
    affine = cv2.getAffineTransform(square, target)
    size = (right - left, last - first)
    base, share, flow, changed = (
        cv2.warpAffine(one, affine, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for one in maps
    )
    flow = flow @ affine[:, :2].T.astype(np.float32)
    x = np.arange(left, right, dtype=np.float32)[None] + flow[..., 0]
    y = np.arange(first, last, dtype=np.float32)[:, None] + flow[..., 1]
    moved = _sample(source, x, y)
    before = rows.astype(np.float32)
    weight = (mask * changed)[..., None]
    after = before + weight * (base + share[..., None] * moved - before)
    rows[:] = np.rint(np.clip(after, 0, 255)).astype(np.uint8)


def _sample(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pixels of an image (H, W, 3) at positions, cubic between, float32."""
    margin = 4
    height, width = image.shape[:2]
    x0 = int(np.clip(np.floor(x.min()) - margin, 0, width - 1))
    y0 = int(np.clip(np.floor(y.min()) - margin, 0, height - 1))
    x1 = int(np.clip(np.ceil(x.max()) + margin + 1, x0 + 1, width))
    y1 = int(np.clip(np.ceil(y.max()) + margin + 1, y0 + 1, height))
    part = image[y0:y1, x0:x1].astype(np.float32)
    return cv2.remap(part, x - x0, y - y0, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def _to_density(face: Image.Image, corners: np.ndarray) -> np.ndarray:
    """Return a face (side, side, 3), float32, hardly finer than the photograph is in its quad."""
    side = float(np.hypot(*(corners[3] - corners[0])))
    pixels = max(round(side * DENSITY), 1)
    face = face.convert("RGB")
    if pixels < face.width:
        face = face.resize((pixels, pixels), Image.Resampling.LANCZOS)
    return np.asarray(face, dtype=np.float32)


def _place(face: np.ndarray, corners: np.ndarray, region: tuple[int, int, int, int]) -> np.ndarray:
    """Resample a face into a region of the photograph: float32 (height, width, 3).

    `corners` (4, 2) are the quad in the photograph, (0, 0) at the first pixel's corner.
    """
    left, top, right, bottom = region
    side = len(face)
    source = np.array([[0, 0], [0, side], [side, side]], dtype=np.float32) - 0.5
    target = (corners[:3] - np.array([left, top]) - 0.5).astype(np.float32)
    return cv2.warpAffine(
        face,
        cv2.getAffineTransform(source, target),
        (right - left, bottom - top),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _mask(
    plan: CropPlan, corners: np.ndarray, region: tuple[int, int, int, int], feather: float
) -> np.ndarray:
    """Return the weight of the face (height, width), 0..1, over a region of the photograph."""
    left, top, right, bottom = region
    x = np.arange(left, right, dtype=np.float32)[None, :] + 0.5
    y = np.arange(top, bottom, dtype=np.float32)[:, None] + 0.5
    across, down = corners[3] - corners[0], corners[1] - corners[0]
    area = float(across @ across)
    dx, dy = x - corners[0, 0], y - corners[0, 1]
    weight = np.ones((bottom - top, right - left), dtype=np.float32)
    for axis in (across, down):
        position = (dx * axis[0] + dy * axis[1]) / area  # 0..1 within the crop
        weight *= smoothstep(np.minimum(position, 1 - position) / feather)
    weight *= plan.trust(0, x)
    weight *= plan.trust(1, y)
    return weight
