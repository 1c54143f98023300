"""Photographs that are odd, damaged or large are opened within bounds, or refused in a sentence."""

from __future__ import annotations

import io
import random
import signal
import struct
import subprocess
import sys
import threading
import time
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from pti_core.errors import PhotographError
from pti_core.faces import decode as decoding
from pti_core.faces import heif_process
from pti_core.faces.images import open_photograph, read_photograph

REPOSITORY = Path(__file__).parents[3]
ORIENTATION = 0x0112


@pytest.fixture(scope="module", autouse=True)
def heif() -> None:
    pillow_heif.register_heif_opener()  # its encoder; the product only decodes


def saved(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def colourful(width: int = 96, height: int = 64) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([x * 255 // width, y * 255 // height, x + y], -1).astype("u1"))


def difference(first: Image.Image, second: Image.Image) -> float:
    return float(np.abs(np.asarray(first, int) - np.asarray(second, int)).mean())


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunk(png: bytes, kind: bytes, body: bytes) -> bytes:
    """With one more chunk after the header."""
    return png[:33] + chunk(kind, body) + png[33:]


# ------------------------------------------------------------------------------------- opened


@pytest.mark.parametrize("format", ["AVIF", "HEIF", "TIFF"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_formats_of_telephones_and_scanners(format, mode):
    opened = open_photograph(saved(colourful().convert(mode), format, quality=95))
    assert opened.size == (96, 64) and opened.mode == "RGB" and not opened.info
    assert difference(opened, colourful().convert(mode).convert("RGB")) < 6


@pytest.mark.parametrize("format", ["AVIF", "HEIF", "TIFF", "WEBP"])
def test_orientation_of_every_format(format):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    turned = colourful().transpose(Image.Transpose.ROTATE_90)
    opened = open_photograph(saved(turned, format, exif=exif.tobytes(), quality=95))
    assert opened.size == (96, 64) and difference(opened, colourful()) < 6


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(
    "block", [b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\xff", b"\0" * 64]
)
def test_broken_exif_is_ignored(format, block):
    if format == "TIFF":
        data = saved(colourful(), "TIFF")  # its tags are the file: one of them is broken
        data = data.replace(struct.pack("<HHI", 282, 5, 1), struct.pack("<HHI", 282, 99, 1))
    elif format == "PNG":
        data = with_chunk(saved(colourful()), b"eXIf", block)
    elif format == "JPEG":
        jpeg = saved(colourful(), "JPEG", quality=95)
        data = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + jpeg[2:]
    else:
        data = saved(colourful(), format, exif=block, quality=95)
    assert difference(open_photograph(data), colourful()) < 8


@pytest.mark.parametrize("format", ["AVIF", "HEIF"])
@pytest.mark.parametrize("header", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"II*\xff"])
def test_broken_exif_of_an_item_is_ignored(format, header):
    exif = Image.Exif()
    exif[271] = "a camera"
    data = saved(colourful(), format, exif=exif.tobytes(), quality=95)
    tiff = b"II*\0" if b"II*\0" in data else b"MM\0*"
    assert data.count(tiff) == 1
    assert difference(open_photograph(data.replace(tiff, header)), colourful()) < 8


@pytest.mark.parametrize("size", [3_000_000, 40_000_000])
def test_a_png_with_a_large_colour_profile_is_opened(size):
    body = b"large\0\0" + zlib.compress(bytes(size))
    opened = read_photograph(with_chunk(saved(colourful()), b"iCCP", body))
    assert difference(opened.image, colourful()) == 0 and opened.icc_profile is None


def test_a_large_sound_profile_of_a_png_is_applied():
    from tests.pti_core.faces.test_images import _linear_rgb_profile

    profile = _linear_rgb_profile() + bytes(2_000_000)
    grey = saved(Image.new("RGB", (40, 40), (128, 128, 128)))
    opened = read_photograph(with_chunk(grey, b"iCCP", b"x\0\0" + zlib.compress(profile)))
    assert all(abs(value - 188) <= 2 for value in opened.image.getpixel((5, 5)))
    assert opened.icc_profile == profile


@pytest.mark.parametrize("body", [b"", b"no profile", b"x\0\0broken stream", b"\0" * 30])
def test_a_broken_colour_profile_of_a_png_is_ignored(body):
    opened = open_photograph(with_chunk(saved(colourful()), b"iCCP", body))
    assert difference(opened, colourful()) == 0


@pytest.mark.parametrize("cut", [1, 2, 20])
def test_a_jpeg_without_its_last_bytes_is_opened(cut):
    image = colourful(640, 1600)
    opened = read_photograph(saved(image, "JPEG", quality=95)[:-cut])
    assert opened.note == "" and difference(opened.image, image) < 4


def test_a_jpeg_that_was_cut_is_opened_with_a_note():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (160, 90, 3), dtype="u1"))
    data = saved(noise, "JPEG", quality=90)
    opened = read_photograph(data[: int(len(data) * 0.7)])
    assert opened.note == decoding.CUT and opened.image.size == (90, 160)
    coarse = saved(noise, "JPEG", quality=90, progressive=True)
    assert read_photograph(coarse[: int(len(coarse) * 0.9)]).note == decoding.COARSE
    with pytest.raises(PhotographError, match="damaged or incomplete"):
        read_photograph(data[: int(len(data) * 0.3)])


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_grey_of_ten_and_twelve_bits_in_sixteen_is_not_black(bits, format):
    ramp = np.tile(np.linspace(0, 2**bits - 1, 64).astype(np.uint16), (48, 1))
    opened = np.asarray(open_photograph(saved(Image.fromarray(ramp), format)))
    assert opened[0, 0, 0] == 0 and opened[0, -1, 0] == 255
    assert abs(int(opened[0, 32, 0]) - 129) <= 2


# --------------------------------------------------------------------------------------- kept


def test_the_photographs_own_size_alpha_and_profile_are_known():
    from tests.pti_core.faces.test_images import _linear_rgb_profile

    profile = _linear_rgb_profile()
    image = colourful().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    data = saved(image, icc_profile=profile, exif=exif.tobytes())
    opened = read_photograph(data)
    assert opened.size == opened.image.size == opened.alpha.size == (64, 96)
    upright = image.getchannel("A").transpose(Image.Transpose.ROTATE_270)
    assert difference(opened.alpha, upright) == 0
    assert opened.icc_profile == profile
    assert read_photograph(saved(colourful())).alpha is None


@pytest.mark.slow
def test_a_large_photograph_can_be_had_at_its_own_size():
    data = saved(Image.new("RGB", (8064, 6048), "teal"), "JPEG")
    assert read_photograph(data).image.size == (6000, 4500)
    assert read_photograph(data).size == (8064, 6048)
    assert read_photograph(data, max_side=None).image.size == (8064, 6048)


@pytest.mark.slow
def test_reducing_in_bands_leaves_no_seams():
    image = colourful(3001, 2003)
    reduced = read_photograph(saved(image, compress_level=1), max_side=1000).image
    whole = image.resize((1000, 667), Image.Resampling.LANCZOS)
    assert np.abs(np.asarray(reduced, int) - np.asarray(whole, int)).max() <= 2


# ------------------------------------------------------------------------------------- bounds


def test_padding_behind_a_picture_is_refused():
    data = saved(colourful(), "JPEG") + bytes(40_000_000)
    with pytest.raises(PhotographError, match="much larger than the picture"):
        open_photograph(data)
    film = saved(colourful(), "JPEG") + random.Random(0).randbytes(4_000_000)  # of a telephone
    assert open_photograph(film).size == (96, 64)


def test_what_takes_too_much_memory_is_refused_by_its_header():
    class Header:  # stands for a WebP of 16383 x 7000: making one takes 2 GB
        format, mode, size, info = "WEBP", "RGB", (16383, 7000), {}
        width, height = size
        getbands = staticmethod(lambda: ("R", "G", "B"))

    assert decoding.decoding_bytes(Header()) > decoding.MAX_BYTES
    with pytest.raises(PhotographError, match="too much memory in the format WEBP"):
        decoding._check_bytes(Header.size, "WEBP", 1000, decoding.decoding_bytes(Header()))


@pytest.mark.slow
def test_no_warning_of_a_large_photograph():
    data = saved(Image.new("L", (10_000, 9_600)), "PNG", compress_level=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_photograph(data).size == (10_000, 9_600)


# A refusal ends it: what is measured was opened.
MEASURE = """
import resource, sys
from pti_core.faces import decode
from pti_core.faces.images import read_photograph

def bytes_of(name):
    (line,) = [line for line in open("/proc/self/status") if line.startswith(name)]
    return int(line.split()[1]) * 1024

together, decode_heif = [], decode.decode_heif

def with_its_process(*given):
    found = decode_heif(*given)
    other = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    together.append(bytes_of("VmHWM") + other)
    return found

decode.decode_heif = with_its_process
data = open(sys.argv[1], "rb").read()
read_photograph(open(sys.argv[2], "rb").read())
before = bytes_of("VmRSS")
open("/proc/self/clear_refs", "w").write("5")
side = None if sys.argv[3] == "own" else 6000
image = read_photograph(data, side).image
assert min(image.size) >= 6000, image.size
assert bool(together) == decode.is_heif(data)
print(max([bytes_of("VmHWM"), *together]) - before + len(data))
"""


def peak(path: Path, small: Path, side: str = "reduced") -> int:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path), str(small), side],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="measured by Linux's /proc")
def test_a_few_bytes_of_many_deep_pixels_stay_within_the_bound(tmp_path):
    small, large = tmp_path / "small.png", tmp_path / "large.png"
    small.write_bytes(saved(colourful()))
    side = 10_900
    rows = zlib.compressobj(1)
    packed = b"".join(rows.compress(bytes(1 + 2 * side)) for _ in range(side)) + rows.flush()
    head = struct.pack(">IIBBBBB", side, side, 16, 0, 0, 0, 0)
    large.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )
    assert large.stat().st_size < 2_000_000
    assert peak(large, small) < 700e6


#: By kind: bytes of a pixel at the peak, where more of them are refused or decoded at a half (of
#: those with 4 or less the result is reduced); mode, format and settings of a file, quickly made.
LARGEST: dict[str, tuple[int, str, str, dict[str, Any]]] = {
    "jpeg": (8, "RGB", "JPEG", {"quality": 90}),
    "progressive": (10, "RGB", "JPEG", {"quality": 90, "progressive": True, "subsampling": 0}),
    "cmyk": (8, "CMYK", "JPEG", {"quality": 50}),
    "png": (4, "RGB", "PNG", {"compress_level": 1}),
    "rgba": (4, "RGBA", "PNG", {"compress_level": 1}),
    "webp": (16, "RGB", "WEBP", {"quality": 50, "method": 0}),
    "tiff": (7, "RGB", "TIFF", {"compression": "tiff_lzw"}),
    "deep tiff": (10, "RGB", "TIFF", {}),
    "gif": (1, "RGB", "GIF", {}),
    "avif": (14, "RGB", "AVIF", {"quality": 30, "speed": 10}),
    "heic": (16, "RGB", "HEIF", {"quality": 30, "enc_params": {"preset": "ultrafast"}}),
}


def deep_tiff(side: int) -> bytes:
    """Black in 16 bits a colour, all of it in one packed strip."""
    rows = zlib.compressobj(1)
    strip = b"".join(rows.compress(bytes(6 * side)) for _ in range(side)) + rows.flush()
    strip += bytes(len(strip) % 2)
    short, long = 3, 4
    tags = [
        (256, long, 1, side),
        (257, long, 1, side),
        (258, short, 3, 8),  # where the bits of the three colours lie
        (259, short, 1, 8),  # deflate
        (262, short, 1, 2),  # RGB
        (273, long, 1, 14),  # where the strip lies
        (277, short, 1, 3),
        (278, long, 1, side),  # rows of a strip
        (279, long, 1, len(strip)),
        (284, short, 1, 1),
    ]
    table = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<I3H", 14 + len(strip), 16, 16, 16) + strip + table + bytes(4)


@pytest.fixture(scope="module", params=LARGEST)
def largest(request, tmp_path_factory) -> Path:
    """A file that is one hundredth under the bound on bytes, or just under that on pixels."""
    cost, mode, format, options = LARGEST[request.param]
    side = int(min(decoding.MAX_PIXELS, 0.99 * decoding.MAX_BYTES / cost) ** 0.5) // 2 * 2
    path = tmp_path_factory.mktemp("largest") / "large"
    if request.param == "deep tiff":
        path.write_bytes(deep_tiff(side))
    else:
        image = Image.linear_gradient("L").resize((side, side)).convert("RGB").convert(mode)
        path.write_bytes(saved(image, format, **options))
    return path


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="measured by Linux's /proc")
@pytest.mark.parametrize("side", ["reduced", "own"])
def test_the_largest_photographs_stay_under_a_gigabyte(largest, side, tmp_path):
    """The process that decodes HEIC is counted in."""
    small = tmp_path / "small.png"
    small.write_bytes(saved(colourful()))
    assert peak(largest, small, side) < 1e9


def test_one_picture_is_decoded_at_a_time(monkeypatch):
    running, most = [], []
    real = decoding._decoded

    def counted(data, max_side):
        running.append(data)
        most.append(len(running))
        try:
            return real(data, max_side)
        finally:
            running.pop()

    monkeypatch.setattr(decoding, "_decoded", counted)
    data = saved(colourful(2000, 1500), compress_level=1)
    threads = [threading.Thread(target=open_photograph, args=(data,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(most) == 6 and max(most) == 1


def test_an_heic_file_that_crashes_its_decoder_is_a_sentence(monkeypatch):
    """The decoder is a process of its own, whatever ends it."""
    data = saved(colourful(), "HEIF")
    crashing = (
        "import os, signal, sys; sys.stdin.buffer.read(); os.kill(os.getpid(), signal.SIGSEGV)"
    )
    real = subprocess.Popen
    ended = lambda command, **pipes: real([sys.executable, "-c", crashing], **pipes)  # noqa: E731
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", ended)
        with pytest.raises(PhotographError, match="HEIC picture is damaged"):
            open_photograph(data)
    with pytest.raises(PhotographError, match="HEIC picture is damaged"):
        open_photograph(data[: len(data) // 2])
    assert open_photograph(data).size == (96, 64)


@pytest.mark.parametrize(
    "hanging",
    [
        "import time; time.sleep(60)",
        "import sys, time; sys.stdin.buffer.read(); time.sleep(60)",
        "import sys, time; sys.stdin.buffer.read(); "
        """print('{"mode": "RGB", "size": [96, 64], "profile": ""}', flush=True); time.sleep(60)""",
    ],
    ids=["reads nothing", "answers nothing", "stops among the rows"],
)
def test_an_heic_file_over_which_its_decoder_hangs_is_a_sentence(hanging, monkeypatch):
    real, begun, began = subprocess.Popen, [], time.monotonic()

    def hang(command, **pipes):
        begun.append(real([sys.executable, "-c", hanging], **pipes))
        return begun[-1]

    monkeypatch.setattr(subprocess, "Popen", hang)
    monkeypatch.setattr(heif_process, "SECONDS", 1)
    with pytest.raises(PhotographError, match="HEIC picture is damaged"):
        open_photograph(saved(colourful(), "HEIF") + bytes(300_000))  # more than a pipe takes
    assert time.monotonic() - began < 30
    assert [process.returncode for process in begun] == [-signal.SIGKILL]


def test_an_heic_file_of_too_many_pixels_is_refused(monkeypatch):
    monkeypatch.setattr(decoding, "MAX_PIXELS", 5_000)
    with pytest.raises(PhotographError, match="HEIC picture is damaged, or has more than"):
        open_photograph(saved(colourful(), "HEIF"))
