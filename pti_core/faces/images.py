"""Files, arrays and tensors in; upright, plain RGB pictures out, and the other way round.

Whatever a person hands over ends here as an 8-bit RGB picture without metadata: nothing that is
saved later can carry the camera's position or name. Files are decoded by `pti_core.faces.decode`.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from PIL import Image, ImageCms
from torch import Tensor

from pti_core.errors import PhotographError
from pti_core.faces.decode import (
    DECODING,
    FORMAT_NAMES,
    MAX_BYTES,
    MAX_PIXELS,
    Decoded,
    check_pixels,
    decode,
)

__all__ = ["FORMAT_NAMES", "MAX_PIXELS", "Photograph", "open_photograph", "read_photograph"]

# Under this many pixels on the shorter side no face can be told from noise (the detector's own
# smallest face, after one doubling, is 40 pixels wide).
MIN_SIDE = 32
# Larger photographs are reduced to this longest side unless the caller asks for their own.
MAX_SIDE = 6000

Source = str | Path | bytes | BinaryIO | Image.Image

_ORIENTATION = 0x0112
# EXIF's orientation to what undoes it.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Those of them that exchange width and height.
_TURNING = (5, 6, 7, 8)
# Rows of the result that are converted at a time: 64 rows of 12000 pixels are 3 MB as RGB.
_BAND = 64
_LANCZOS_SUPPORT = 3


@dataclass(frozen=True)
class Photograph:
    """A photograph as it is worked on, and what pasting back needs of the file.

    Attributes:
        image: 8-bit sRGB, upright, without metadata; transparency laid on white.
        size: the photograph's own (width, height), upright; `image` may be smaller.
        alpha: its opacity as an 8-bit picture ("L") of `image`'s size; None where it is opaque.
        icc_profile: the embedded colour profile that `image` was converted from; None for sRGB.
        note: what the person should know, as one sentence; "" as a rule.
    """

    image: Image.Image
    size: tuple[int, int]
    alpha: Image.Image | None = None
    icc_profile: bytes | None = None
    note: str = ""


def open_photograph(source: Source) -> Image.Image:
    """Open a photograph as an upright 8-bit RGB picture without metadata; see `read_photograph`."""
    return read_photograph(source).image


def read_photograph(source: Source, max_side: int | None = MAX_SIDE) -> Photograph:
    """Open a photograph with what pasting back needs of it.

    The EXIF orientation is applied, an embedded colour profile is converted to sRGB, transparency
    is laid on white, deeper pixels are scaled to 8 bits and of an animation the first frame is
    taken. One picture is decoded at a time, with less than 1 GB of memory at its peak.

    Args:
        source: a path, the bytes of a file, a binary file object or a Pillow image.
        max_side: a longer side is reduced to it. None: only as far as the memory bound asks for.

    Raises:
        PhotographError: this is no picture in an accepted format, or broken, or it has a side under
            `MIN_SIDE` pixels or more than `MAX_PIXELS` pixels, or takes too much memory.
    """
    if isinstance(source, Image.Image):
        _check_size(source.size)
        return _converted_or_refused(lambda: _of_picture(source), max_side, 0)
    data = _bytes_of(source)
    with DECODING:
        return _converted_or_refused(lambda: decode(data, max_side), max_side, len(data))


def _of_picture(image: Image.Image) -> Decoded:
    image.load()
    return Decoded(image, image.size, image.info.get("icc_profile"))


def _converted_or_refused(
    load: Callable[[], Decoded], max_side: int | None, file_bytes: int
) -> Photograph:
    """The photograph of what `load` gives, with a sentence for whatever its pixels break."""
    try:
        # What a decoder thinks of broken metadata is of no use to anybody at a terminal.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            decoded = load()
            _check_size(decoded.size)
            return _converted(decoded, _side_within(decoded, max_side, file_bytes))
    except PhotographError:
        raise
    except MemoryError as error:
        raise PhotographError("The picture is too large for the memory of this machine.") from error
    except Exception as error:  # decoders raise whatever the broken byte led them to
        raise PhotographError(
            "The picture is damaged or incomplete and cannot be read; save or download it again."
        ) from error


def _side_within(decoded: Decoded, max_side: int | None, file_bytes: int) -> int:
    """The longest side that the result may have: what is asked for, within the memory bound."""
    pixels = decoded.image.width * decoded.image.height
    left = MAX_BYTES - file_bytes - 4 * pixels
    result = 5 if _is_transparent(decoded.image) else 4  # bytes a pixel
    fits = int(max(decoded.image.size) * min(1.0, (max(left, 0) / (result * pixels)) ** 0.5))
    return min(max_side or fits, fits)


def in_profile(image: Image.Image, profile: bytes | None) -> Image.Image:
    """An sRGB image in another RGB colour profile, which its `info` names; unchanged without one.

    A profile of other channels (CMYK, grey) cannot hold the image: it stays sRGB.
    """
    if not profile:
        return image
    try:
        target = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        srgb = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, srgb, target, outputMode="RGB")
    except Exception:  # littleCMS's errors come as several kinds
        return image
    assert converted is not None
    converted.info["icc_profile"] = profile
    return converted


def to_tensor(image: Image.Image) -> Tensor:
    """Turn an RGB picture into a float32 tensor (1, 3, H, W) in [-1, 1]."""
    array = np.array(image.convert("RGB"))
    return torch.from_numpy(array).permute(2, 0, 1)[None].float() / 127.5 - 1.0


def to_image(tensor: Tensor) -> Image.Image:
    """Turn one picture (1, 3, H, W) or (3, H, W), nominally [-1, 1], into an RGB picture.

    Values are clamped and rounded to the nearest of the 256 levels; `to_image(to_tensor(p))` is
    `p`. Raises `ValueError` on any other shape.
    """
    if tensor.ndim == 4 and tensor.shape[0] == 1:
        tensor = tensor[0]
    if tensor.ndim != 3 or tensor.shape[0] != 3:
        raise ValueError(f"expected one picture (1, 3, H, W), got {tuple(tensor.shape)}")
    levels = ((tensor.detach().float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return Image.fromarray(np.ascontiguousarray(levels.permute(1, 2, 0).cpu().numpy()))


def _bytes_of(source: str | Path | bytes | BinaryIO) -> bytes:
    """All bytes of a source."""
    try:
        if isinstance(source, (str, Path)):
            path = Path(source)
            if path.is_dir() or (path.exists() and not path.is_file()):
                raise PhotographError(f"{path} is not a file; name a picture file.")
            data = path.read_bytes()
        elif isinstance(source, (bytes, bytearray, memoryview)):
            data = bytes(source)
        else:
            data = source.read()
    except FileNotFoundError as error:
        raise PhotographError(f"There is no file {source!s}; check the name.") from error
    except (OSError, ValueError) as error:
        raise PhotographError("The file cannot be read; check its name and its rights.") from error
    if not data:
        raise PhotographError("The file is empty; save or download the picture again.")
    return data


def _check_size(size: tuple[int, int]) -> None:
    width, height = size
    if min(size) < MIN_SIDE:
        raise PhotographError(
            f"The picture is {width} x {height} pixels, which is too small; "
            f"use one of at least {MIN_SIDE} x {MIN_SIDE}."
        )
    check_pixels(size)


# ------------------------------------------------------------------------------------- conversion


def _converted(decoded: Decoded, max_side: int) -> Photograph:
    """Convert, reduce and turn in bands of rows: no second picture of the file's size is made."""
    image = decoded.image
    orientation = _orientation(image)
    size = _reduced(image.size, max_side)
    upright = size[::-1] if orientation in _TURNING else size
    _check_size(upright)
    convert, profile = _converter(image, decoded.profile)
    result = Image.new("RGB", upright)
    alpha = Image.new("L", upright) if _is_transparent(image) else None
    factor = image.height / size[1]
    rows = max(int(_BAND / max(factor, 1.0)), 1)
    for top in range(0, size[1], rows):
        bottom = min(top + rows, size[1])
        band, opacity = _band(image, convert, size, top, bottom)
        place = _place_of(orientation, top, bottom, size[1])
        result.paste(_turned(band, orientation), place)
        if alpha is not None and opacity is not None:
            alpha.paste(_turned(opacity, orientation), place)
    own = decoded.size[::-1] if orientation in _TURNING else decoded.size
    return Photograph(result, own, alpha, profile, decoded.note)


def _band(
    image: Image.Image,
    convert: Callable[[Image.Image], Image.Image],
    size: tuple[int, int],
    top: int,
    bottom: int,
) -> tuple[Image.Image, Image.Image | None]:
    """Rows `top` to `bottom` of the result before it is turned: RGB, and opacity or None."""
    if size == image.size:
        piece = image.crop((0, top, image.width, bottom))
        box = (0.0, 0.0, float(image.width), float(bottom - top))
    else:
        factor = image.height / size[1]
        margin = int(_LANCZOS_SUPPORT * factor) + 1
        first = max(int(top * factor) - margin, 0)
        last = min(int(bottom * factor) + margin + 1, image.height)
        piece = image.crop((0, first, image.width, last))
        box = (0.0, top * factor - first, float(image.width), bottom * factor - first)
    rgb, opacity = convert(piece), None
    if _is_transparent(image):
        opacity = _rgba(piece).getchannel("A")
        white = Image.new("RGB", rgb.size, "white")
        white.paste(rgb, mask=opacity)
        rgb = white
    target = (size[0], bottom - top)
    if size != image.size:
        box = (0.0, box[1], box[2], min(box[3], float(rgb.height)))
        rgb = rgb.resize(target, Image.Resampling.LANCZOS, box)
        opacity = opacity and opacity.resize(target, Image.Resampling.LANCZOS, box)
    return rgb, opacity


def _reduced(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    factor = min(max_side / max(size), 1.0)
    return max(round(size[0] * factor), 1), max(round(size[1] * factor), 1)


def _orientation(image: Image.Image) -> int:
    """EXIF's orientation, 1 to 8; 1 where it is missing or broken."""
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a broken EXIF block raises whatever its bytes led the parser to
        return 1
    return found if found in _UPRIGHT else 1


def _turned(band: Image.Image, orientation: int) -> Image.Image:
    return band.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else band


def _place_of(orientation: int, top: int, bottom: int, height: int) -> tuple[int, int]:
    """Where a turned band of rows lies in the turned picture: its left upper corner."""
    start = height - bottom if orientation in (3, 4, 6, 7) else top
    return (start, 0) if orientation in _TURNING else (0, start)


def _is_transparent(image: Image.Image) -> bool:
    return "transparency" in image.info or image.mode in ("RGBA", "RGBa", "LA", "La", "PA")


def _rgba(piece: Image.Image) -> Image.Image:
    # Premultiplied modes convert only to their plain sibling.
    plain = {"RGBa": "RGBA", "La": "LA"}.get(piece.mode)
    return (piece.convert(plain) if plain else piece).convert("RGBA")


def _converter(
    image: Image.Image, profile: bytes | None
) -> tuple[Callable[[Image.Image], Image.Image], bytes | None]:
    """What brings a band of the picture to RGB, and the colour profile if that applies it."""
    if image.mode.startswith(("I", "F")):
        white = _white_level(image)
        return lambda piece: _from_deep(piece, white), None
    if _is_transparent(image):
        transform = _transform(profile, "RGB")
        convert = lambda piece: _srgb(_rgba(piece).convert("RGB"), transform)  # noqa: E731
    elif image.mode in ("RGB", "L", "CMYK"):
        transform = _transform(profile, image.mode)
        convert = lambda piece: _srgb(piece, transform)  # noqa: E731
    else:
        transform = _transform(profile, "RGB")
        convert = lambda piece: _srgb(piece.convert("RGB"), transform)  # noqa: E731
    return convert, profile if transform else None


def _srgb(piece: Image.Image, transform: Any) -> Image.Image:
    converted = ImageCms.applyTransform(piece, transform) if transform else None
    return converted if converted is not None else piece.convert("RGB")


def _transform(profile: bytes | None, mode: str) -> Any:
    """From the embedded profile to sRGB; None without one, or with a broken or foreign one."""
    if not profile:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except Exception:  # littleCMS's errors come as several kinds
        return None


def _white_level(image: Image.Image) -> float:
    """The value of white in a picture deeper than 8 bits.

    Files do not say how many of their 16 or 32 bits are used: the smallest usual depth that holds
    all values is taken (8, 10, 12, 14 or 16 bits, or 1.0 for floating point).
    """
    top = max(
        float(np.nan_to_num(_values(image, row), nan=0.0, posinf=0.0, neginf=0.0).max())
        for row in range(0, image.height, _BAND)
    )
    usual: tuple[float, ...] = (255.0, 1023.0, 4095.0, 16383.0, 65535.0)
    if image.mode == "F":
        usual = (1.0, 255.0, 65535.0)
    return next((white for white in usual if top <= white), top)


def _values(image: Image.Image, row: int) -> np.ndarray:
    """A band of rows of a single-channel picture, as it is stored."""
    return np.asarray(image.crop((0, row, image.width, min(row + _BAND, image.height))))


def _from_deep(piece: Image.Image, white: float) -> Image.Image:
    """Scale single-channel pixels deeper than 8 bits to 0..255, as RGB."""
    values = np.nan_to_num(np.asarray(piece, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    levels = np.rint(np.clip(values / np.float32(white), 0.0, 1.0) * 255.0)
    return Image.fromarray(levels.astype(np.uint8)).convert("RGB")
