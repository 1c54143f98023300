"""Bytes after a picture's end are found, whatever the format, and do not stay in memory."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from PIL import Image

from pti_core.errors import PhotographError
from pti_core.faces.images import open_photograph
from pti_core.faces.picture_end import SLACK, padding, picture_end

PHOTOGRAPH = Path(__file__).parents[3] / "examples" / "astronaut.jpg"


def saved(format: str, **options) -> bytes:
    with Image.open(PHOTOGRAPH) as image:
        small = image.convert("RGB").resize((320, 240))
    file = io.BytesIO()
    small.save(file, format, **options)
    return file.getvalue()


FILES = {
    "png": lambda: saved("PNG"),
    "jpeg": lambda: saved("JPEG", exif=_thumbnail()),
    "progressive": lambda: saved("JPEG", progressive=True),
    "restarts": lambda: saved("JPEG", restart_marker_blocks=1),
    "webp": lambda: saved("WEBP"),
    "gif": lambda: saved("GIF"),
    "animation": lambda: saved(
        "GIF", save_all=True, append_images=[Image.new("RGB", (320, 240), "red")]
    ),
    "bmp": lambda: saved("BMP"),
}


def _thumbnail() -> bytes:
    """EXIF with a whole JPEG inside, as cameras write it."""
    return b"Exif\x00\x00" + saved("JPEG", quality=10)[:40_000]


@pytest.mark.parametrize("kind", FILES)
def test_the_end_is_found_with_and_without_more_bytes(kind):
    data = FILES[kind]()
    assert picture_end(data) == len(data)
    for more in (b"x", bytes(1000), random.Random(0).randbytes(300_000), data):
        assert picture_end(data + more) == len(data), len(more)


@pytest.mark.parametrize("kind", FILES)
def test_a_cut_file_has_no_end(kind):
    data = FILES[kind]()
    for part in (3, 20, len(data) // 2, len(data) - 3):
        assert picture_end(data[:part]) == part


@pytest.mark.parametrize("kind", ["png", "webp", "gif", "bmp"])
def test_bytes_after_the_end_are_refused(kind):
    data = FILES[kind]()
    assert open_photograph(data + bytes(SLACK)).size == (320, 240)
    assert padding(data + bytes(SLACK + 1)) == SLACK + 1
    with pytest.raises(PhotographError, match="goes on after the picture"):
        open_photograph(data + random.Random(0).randbytes(2_000_000))


def test_a_telephones_second_picture_is_no_padding_and_can_go():
    second = Image.new("RGB", (320, 240), "red")
    data = saved("MPO", save_all=True, append_images=[second])
    assert padding(data) == 0
    first = data[: picture_end(data)]
    assert len(first) < len(data)
    assert open_photograph(first).tobytes() == open_photograph(data).tobytes()
