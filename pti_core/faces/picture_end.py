"""Where the picture ends in a file's bytes: what follows is no part of it.

Viewers ignore such bytes, so they are a way to have a server keep anything. Telephones append a
film or a second picture to a JPEG, which nothing here needs.
"""

from __future__ import annotations

import re
import struct

#: Bytes after the end that are no padding: editors append a few, and some pad to whole blocks.
SLACK = 64 * 1024

_PNG, _JPEG, _GIF = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8"
# A JPEG's marker that ends a run of coded data: neither a stuffed zero, a restart nor a fill byte.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_END_OF_IMAGE = 0xD9


def picture_end(data: bytes) -> int:
    """Bytes from the beginning of a file to the end of its picture.

    `len(data)` where that cannot be told: another format, a damaged file, or TIFF, whose parts lie
    anywhere.
    """
    try:
        if data[:8] == _PNG:
            found = _end_of_png(data)
        elif data[:3] == _JPEG:
            found = _end_of_jpeg(data)
        elif data[:4] == _GIF:
            found = _end_of_gif(data)
        elif data[:4] == b"RIFF":
            found = 8 + int.from_bytes(data[4:8], "little")
            found += found % 2
        elif data[:2] == b"BM":
            found = int.from_bytes(data[2:6], "little")
        else:
            return len(data)
    except (struct.error, IndexError):  # it ends before its picture does
        return len(data)
    return found if 0 < found <= len(data) else len(data)


def padding(data: bytes) -> int:
    """Bytes that follow the picture and are none that a camera appends; 0 up to `SLACK`."""
    if data[:3] == _JPEG:
        return 0
    after = len(data) - picture_end(data)
    return after if after > SLACK else 0


def _end_of_png(data: bytes) -> int:
    place = len(_PNG)
    while True:
        length, kind = struct.unpack_from(">I4s", data, place)
        place += 12 + length
        if kind == b"IEND":
            return place


def _end_of_jpeg(data: bytes) -> int:
    place = 2
    while True:
        found = _MARKER.search(data, place)
        if found is None:
            return len(data)
        marker, place = data[found.start() + 1], found.end()
        if marker == _END_OF_IMAGE:
            return place
        if marker != 0x01:  # all others have a length
            place += struct.unpack_from(">H", data, place)[0]


def _end_of_gif(data: bytes) -> int:
    place = 13 + _color_table(data[10])
    while True:
        kind = data[place]
        if kind == 0x3B:
            return place + 1
        if kind == 0x21:  # an extension: its label, then blocks
            place = _end_of_blocks(data, place + 2)
        elif kind == 0x2C:  # a frame: its place, colours, and the size of its codes
            place = _end_of_blocks(data, place + 11 + _color_table(data[place + 9]))
        else:
            return len(data)


def _color_table(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _end_of_blocks(data: bytes, place: int) -> int:
    while data[place]:
        place += 1 + data[place]
    return place + 1
