"""Files, arrays and tensors in; upright, plain RGB pictures out, and the other way round.

Whatever a person hands over ends here as an 8-bit RGB picture without metadata: nothing that is
saved later can carry the camera's position or name.
"""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image, ImageCms, ImageOps
from torch import Tensor

from pti_core.errors import PhotographError

# The decoders that a stranger's bytes may reach. Pillow has some forty more, most of them for
# formats nobody photographs in, and each is another parser to attack.
# (MPO, what some telephones call JPEG, comes through the JPEG decoder.)
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
FORMAT_NAMES = "JPEG, PNG, WebP, BMP, TIFF or GIF"

# Under this many pixels on the shorter side no face can be told from noise (the detector's own
# smallest face, after one doubling, is 40 pixels wide).
MIN_SIDE = 32
# Large enough for the 108-megapixel telephones; above it decoding alone costs over 0.5 GB.
MAX_PIXELS = 120_000_000
# Larger photographs are reduced to this longest side, so that pasting back stays within memory.
MAX_SIDE = 6000

Source = str | Path | bytes | BinaryIO | Image.Image

# First bytes after the size of an ISO media file; what telephones call HEIC begins so.
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")


def open_photograph(source: Source) -> Image.Image:
    """Open a photograph as an upright 8-bit RGB picture without metadata.

    `source` is a path, the bytes of a file, a binary file object or a Pillow image. The EXIF
    orientation is applied, an embedded colour profile is converted to sRGB, transparency is laid
    on white, deeper pixels are scaled to 8 bits and of an animation the first frame is taken. A
    longest side over `MAX_SIDE` pixels is reduced to it.

    Raises `PhotographError` if this is no picture in an accepted format, or broken, or has a side
    under `MIN_SIDE` pixels, or more than `MAX_PIXELS` pixels.
    """
    image = source if isinstance(source, Image.Image) else _identify(_stream(source))
    _check_size(image.size)
    try:
        image.draft("RGB", (MAX_SIDE, MAX_SIDE))  # large JPEGs: decode a half or a quarter of it
        image.load()
        rgb = _to_rgb(ImageOps.exif_transpose(image))
    except PhotographError:
        raise
    except MemoryError as error:
        raise PhotographError("The picture is too large for the memory of this machine.") from error
    except Exception as error:  # decoders raise whatever the broken byte led them to
        raise PhotographError(
            "The picture is damaged or incomplete and cannot be read; save or download it again."
        ) from error
    if max(rgb.size) > MAX_SIDE:
        factor = MAX_SIDE / max(rgb.size)
        size = (max(round(rgb.width * factor), 1), max(round(rgb.height * factor), 1))
        rgb = rgb.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
        _check_size(rgb.size)
    return _bare(rgb)


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


def _stream(source: str | Path | bytes | BinaryIO) -> BinaryIO:
    """Open a source for reading from its beginning; all of it is in memory afterwards."""
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
    return io.BytesIO(data)


def _identify(stream: BinaryIO) -> Image.Image:
    """Read a file's header only; no pixel is decoded yet."""
    head = stream.read(12)
    stream.seek(0)
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
        raise PhotographError(
            f"HEIC and AVIF pictures cannot be opened here; save the picture as {FORMAT_NAMES}."
        )
    Image.init()  # registers the decoders; without it Pillow knows five of them
    try:
        return Image.open(stream, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PhotographError(_too_large()) from error
    except Exception as error:  # a broken header raises as freely as broken pixels do
        raise PhotographError(
            f"The file is not a picture that can be opened here; use {FORMAT_NAMES}."
        ) from error


def _check_size(size: tuple[int, int]) -> None:
    width, height = size
    if min(size) < MIN_SIDE:
        raise PhotographError(
            f"The picture is {width} x {height} pixels, which is too small; "
            f"use one of at least {MIN_SIDE} x {MIN_SIDE}."
        )
    if width * height > MAX_PIXELS:
        raise PhotographError(_too_large())


def _too_large() -> str:
    return f"The picture is too large; use one of at most {MAX_PIXELS // 1_000_000} million pixels."


def _to_rgb(image: Image.Image) -> Image.Image:
    """Bring any of Pillow's modes to RGB: depth, then transparency, then colour profile."""
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_to_8_bit(np.asarray(image), image.mode)).convert("RGB")
    profile = image.info.get("icc_profile")
    if "transparency" in image.info or image.mode in ("RGBA", "RGBa", "LA", "La", "PA"):
        # Premultiplied modes convert only to their plain sibling.
        plain = {"RGBa": "RGBA", "La": "LA"}.get(image.mode)
        rgba = (image.convert(plain) if plain else image).convert("RGBA")
        alpha = rgba.getchannel("A")
        white = Image.new("RGB", rgba.size, "white")
        white.paste(_to_srgb(rgba.convert("RGB"), profile), mask=alpha)
        return white
    if image.mode == "P":
        image = image.convert("RGB")
    return _to_srgb(image, profile)


def _to_8_bit(values: np.ndarray, mode: str) -> np.ndarray:
    """Scale single-channel pixels deeper than 8 bits to 0..255, by what their range must mean."""
    values = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    top = values.max()
    if mode.startswith("I;16"):
        white = 65535.0
    elif mode == "F" and top <= 1.0:
        white = 1.0
    else:  # 32-bit modes do not say how deep they are: the smallest usual depth that holds them
        white = next((w for w in (255.0, 65535.0) if top <= w), top)
    return np.rint(np.clip(values / white, 0.0, 1.0) * 255.0).astype(np.uint8)


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to sRGB by the embedded profile; without one, or with a broken one, as sRGB."""
    if profile and image.mode in ("RGB", "L", "CMYK"):
        with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
            if converted is not None:
                return converted
    return image.convert("RGB")


def _bare(image: Image.Image) -> Image.Image:
    """Copy the pixels alone: no EXIF, no profile, no text, no palette."""
    bare = Image.new("RGB", image.size)
    bare.paste(image)
    return bare
