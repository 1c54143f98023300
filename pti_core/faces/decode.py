"""Decode the file of a photograph: one at a time, within a bound of memory, mending what can be.

The bound is on bytes, not on pixels: a pixel costs 1 byte as 8-bit grey and 16 in a WebP decoder
(`decoding_bytes`, measured with Pillow 12.3 as the peak of the process's memory).
"""

from __future__ import annotations

import io
import re
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from pti_core.errors import PhotographError
from pti_core.faces.heif_process import HeifError, decode_heif, is_heif
from pti_core.faces.picture_end import padding

# The decoders that a stranger's bytes may reach. Pillow has some forty more, most of them for
# formats nobody photographs in, and each is another parser to attack.
# (MPO, what some telephones call JPEG, comes through the JPEG decoder; HEIC has a process.)
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "TIFF", "GIF")
FORMAT_NAMES = "JPEG, PNG, WebP, HEIC, AVIF, BMP, TIFF or GIF"

#: Large enough for the 108-megapixel telephones.
MAX_PIXELS = 120_000_000
#: Bytes that the file, its decoder and the result may take together; one picture at a time.
MAX_BYTES = 940_000_000
#: Of an embedded colour profile; the largest ones of printers have 3 MB.
MAX_PROFILE = 8 * 2**20
# A file holds at most this much per pixel (16 bits, four channels), beside so much for metadata, a
# preview or the film that telephones append. More is padding, which would be kept in memory.
_FILE_BYTES_PER_PIXEL, _FILE_BYTES_BESIDE = 8, 32 * 2**20
# The decoder's process takes 7 to 8 (12 for 10 bits), the picture here 4.
_HEIF_BYTES_PER_PIXEL = 16

#: Decoders take memory by the picture: two at once would take twice the bound.
DECODING = threading.Lock()

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_JPEG_END = b"\xff\xd9"
# An item's entry up to its type (ISO/IEC 14496-12, section 8.11.6): version, number, protection.
_AVIF_EXIF = re.compile(rb"(infe.{8})Exif", re.DOTALL)
# The chunks of a PNG file that its pixels need, and its orientation.
_PNG_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"eXIf", b"IEND")
# Of a JPEG file that was cut, this share of the rows may be missing: unnoticed, and with a note.
_UNNOTICED, _NOTED = 0.01, 0.5

CUT = "The photograph is incomplete: its lower part is missing from the file."
COARSE = "The photograph is incomplete: fine detail is missing from the file."


@dataclass(frozen=True)
class Decoded:
    """A picture file's pixels in whichever of Pillow's modes they came, not yet upright.

    Attributes:
        image: loaded; a JPEG may be decoded at a half, a quarter or an eighth of its size.
        size: the file's own, (width, height).
        profile: the embedded ICC profile, or None.
        note: what the person should know, as one sentence; "" as a rule.
    """

    image: Image.Image
    size: tuple[int, int]
    profile: bytes | None
    note: str = ""


def decode(data: bytes, max_side: int | None) -> Decoded:
    """Decode a file's bytes; hold `DECODING` meanwhile and as long as the result is needed.

    max_side: longest side that the caller has use for; a large JPEG is decoded at a fraction then.

    Raises:
        PhotographError: it is no picture in an accepted format, too large, padded, or damaged.
    """
    try:
        return _decoded(data, max_side)
    except _DamagedError:
        mended = _mended(data)
        if mended is None:
            raise
        found = _decoded(mended, max_side)
        if data[:8] == _PNG:
            return _with_profile(found, data)
        return _with_note(found) if data[:3] == _JPEG else found


def decoding_bytes(image: Image.Image) -> int:
    """Bytes that decoding takes at its peak, the pixels included; from the header alone.

    image: opened, not loaded; a JPEG may be drafted to a fraction of its size.
    """
    pixels, mode = image.width * image.height, image.mode
    bands = len(image.getbands())
    own = {"1": 1, "L": 1, "P": 1}.get(mode, 2 if mode.startswith("I;16") else 4)
    if image.format == "WEBP":  # canvas, last frame, their bytes, and the picture
        return 16 * pixels
    if image.format == "AVIF":  # planes of up to 16 bits, their RGB bytes, and the picture
        return 14 * pixels
    if image.format == "TIFF":  # all may lie in one strip, which is read as a whole
        tags = getattr(image, "tag_v2", {})
        bits = tags.get(258, (8,) * bands)
        return (own + sum(bits if isinstance(bits, tuple) else (bits,)) // 8) * pixels
    return own * pixels


def _jpeg_bytes(image: Image.Image, full: tuple[int, int]) -> int:
    """`decoding_bytes` of a drafted JPEG of that full size: of a progressive one all coefficients
    are held in 16 bits, whatever the draft."""
    coefficients = 2 * len(image.getbands()) if "progressive" in image.info else 0
    return decoding_bytes(image) + coefficients * full[0] * full[1]


class _DamagedError(PhotographError):
    """The picture is damaged; maybe it can be mended."""

    def __init__(self) -> None:
        super().__init__(
            "The picture is damaged or incomplete and cannot be read; save or download it again."
        )


def _decoded(data: bytes, max_side: int | None) -> Decoded:
    if is_heif(data):
        return _decoded_heif(data)
    if padding(data):
        raise PhotographError(
            "The file goes on after the picture in it; save the picture again, as JPEG or PNG."
        )
    image = _identified(data)
    size = image.size
    check_pixels(size)
    if image.format in ("JPEG", "MPO"):
        _draft(image, len(data), max_side)
        _check_bytes(size, image.format, len(data), _jpeg_bytes(image, size))
    else:
        _check_bytes(size, image.format, len(data), decoding_bytes(image))
    try:
        image.load()
        profile = image.info.get("icc_profile")
    except MemoryError as error:
        raise PhotographError("The picture is too large for the memory of this machine.") from error
    except Exception as error:  # decoders raise whatever the broken byte led them to
        raise _DamagedError() from error
    sound = isinstance(profile, bytes) and len(profile) <= MAX_PROFILE
    return Decoded(image, size, profile if sound and profile else None)


def _decoded_heif(data: bytes) -> Decoded:
    pixels = min((MAX_BYTES - 2 * len(data)) // _HEIF_BYTES_PER_PIXEL, MAX_PIXELS)
    try:
        image, profile = decode_heif(data, pixels)
    except HeifError as error:
        raise PhotographError(
            f"The HEIC picture is damaged, or has more than {pixels // 1_000_000} million pixels; "
            "save it as JPEG."
        ) from error
    _check_bytes(image.size, "HEIC", len(data), 0)
    sound = profile is not None and len(profile) <= MAX_PROFILE
    return Decoded(image, image.size, profile if sound else None)


def _identified(data: bytes) -> Image.Image:
    """Read a file's header only; no pixel is decoded yet."""
    Image.init()  # registers the decoders; without it Pillow knows five of them
    try:
        # `check_pixels` knows what is too large; a warning on the terminal helps nobody.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise PhotographError(_too_many_pixels()) from error
    except Exception as error:  # a broken header raises as freely as broken pixels do
        if data[:8] == _PNG or _is_avif(data):
            raise _DamagedError() from error
        raise PhotographError(
            f"The file is not a picture that can be opened here; use {FORMAT_NAMES}."
        ) from error


def check_pixels(size: tuple[int, int]) -> None:
    """Raises PhotographError where there are more than `MAX_PIXELS`."""
    if size[0] * size[1] > MAX_PIXELS:
        raise PhotographError(_too_many_pixels())


def _too_many_pixels() -> str:
    return f"The picture is too large; use one of at most {MAX_PIXELS // 1_000_000} million pixels."


def _check_bytes(size: tuple[int, int], name: str | None, file_bytes: int, decoding: int) -> None:
    """size: the file's own. name: of its format. decoding: bytes that this takes at its peak."""
    pixels = size[0] * size[1]
    if file_bytes > _FILE_BYTES_BESIDE + _FILE_BYTES_PER_PIXEL * pixels:
        raise PhotographError(
            "The file is much larger than the picture in it; save the picture again, as JPEG."
        )
    if file_bytes + decoding > MAX_BYTES:
        raise PhotographError(
            f"The picture of {size[0]} x {size[1]} pixels takes too much memory in the format "
            f"{name}; save it as JPEG, or smaller."
        )


def _draft(image: Image.Image, file_bytes: int, max_side: int | None) -> None:
    """Decode a JPEG at the smallest of 1, 1/2, 1/4, 1/8 of its size that is not below `max_side`,
    and at a half where the result, once more in memory, would break the bound."""
    width, height = image.size
    side = max(width, height)
    decoding = max(_jpeg_bytes(image, image.size), 2 * decoding_bytes(image))
    if max_side is None and file_bytes + decoding > MAX_BYTES:
        max_side = side // 2
    if max_side is not None and side > max_side:
        image.draft(image.mode, (width * max_side // side, height * max_side // side))


# ---------------------------------------------------------------------------------------- mending


def _mended(data: bytes) -> bytes | None:
    """What a damaged file may have been; None for formats that cannot be mended."""
    if data[:8] == _PNG:
        return _PNG + b"".join(chunk for kind, chunk in _chunks(data) if kind in _PNG_NEEDED)
    elif data[:3] == _JPEG:
        return data + _JPEG_END
    elif _is_avif(data):  # an EXIF block that is no longer called so is not read
        return _AVIF_EXIF.sub(rb"\1skip", data)
    return None


def _is_avif(data: bytes) -> bool:
    return data[4:12] in (b"ftypavif", b"ftypavis")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and bytes, head and checksum included, of each whole chunk of a PNG file."""
    place = len(_PNG)
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        end = place + 12 + length
        if end > len(data):
            return
        yield data[place + 4 : place + 8], data[place:end]
        place = end


def _with_profile(found: Decoded, data: bytes) -> Decoded:
    """With the colour profile that Pillow refused for its size, if it is a sane one."""
    for kind, chunk in _chunks(data):
        if kind == b"iCCP":
            _, _, packed = chunk[8:-4].partition(b"\0")
            try:
                profile = zlib.decompressobj().decompress(packed[1:], MAX_PROFILE)
            except zlib.error:
                return found
            return Decoded(found.image, found.size, profile or None, found.note)
    return found


def _with_note(found: Decoded) -> Decoded:
    """A JPEG file that was cut: what is missing is grey, or coarse in a progressive file.

    Raises PhotographError where most of it is missing.
    """
    if "progressive" in found.image.info:
        return Decoded(found.image, found.size, found.profile, COARSE)
    missing = _grey_rows(found.image) / found.image.height
    if missing > _NOTED:
        raise _DamagedError()
    note = CUT if missing > _UNNOTICED else ""
    return Decoded(found.image, found.size, found.profile, note)


def _grey_rows(image: Image.Image) -> int:
    """Rows at the end that are all middle grey, as libjpeg fills what it has no data for."""
    rows = 0
    for top in range(image.height - 1, -1, -1):
        row = image.crop((0, top, image.width, top + 1)).getextrema()
        bands = row if isinstance(row[0], tuple) else (row,)
        if any(low != 128 or high != 128 for low, high in bands):
            break
        rows += 1
    return rows
