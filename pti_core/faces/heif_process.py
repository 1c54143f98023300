"""Decode an HEIC file in a process of its own: a parser in C that a broken file crashes takes no
server with it (a flipped byte did that to pi-heif 1.4 in the fuzzer).

Run as a script it is that process: the file comes on standard input; a line of JSON and the rows of
pixels go to standard output. It imports nothing of the product.
"""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import threading
from pathlib import Path

from PIL import Image

#: Seconds for a file; one of 48 million pixels takes 3.
SECONDS = 60
_ROWS = 64
# Brands of an ISO media file (its first bytes after the size) that are HEIC and not AVIF.
_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_MAX_HEADER = 32 * 2**20


class HeifError(Exception):
    """The file cannot be decoded, or holds more pixels than are allowed."""


def is_heif(data: bytes) -> bool:
    """Whether a file says of itself that it is HEIC."""
    return data[4:8] == b"ftyp" and data[8:12] in _BRANDS and b"avif" not in data[8:64]


def decode_heif(data: bytes, max_pixels: int) -> tuple[Image.Image, bytes | None]:
    """The picture, RGB or RGBA and upright, and its colour profile or None.

    Raises:
        HeifError: it is broken, takes more than `SECONDS`, or has more than `max_pixels` pixels.
    """
    command = [sys.executable, "-P", str(Path(__file__)), f"{max_pixels}"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        timer = threading.Timer(SECONDS, process.kill)
        timer.start()
        try:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(data)
            process.stdin.close()
            head = json.loads(process.stdout.readline(_MAX_HEADER))
            image = Image.new(head["mode"], head["size"])
            width, height = head["size"]
            for top in range(0, height, _ROWS):
                rows = min(_ROWS, height - top)
                band = process.stdout.read(width * rows * len(head["mode"]))
                image.paste(Image.frombytes(head["mode"], (width, rows), band), (0, top))
        except (OSError, ValueError, KeyError) as error:
            raise HeifError("the decoder ended without a picture") from error
        finally:
            timer.cancel()
            process.kill()
    return image, base64.b64decode(head["profile"]) or None


def _main() -> None:
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    data = io.BytesIO(sys.stdin.buffer.read())
    image: Image.Image = Image.open(data, formats=("HEIF",))
    if image.width * image.height > int(sys.argv[1]):
        sys.exit(1)
    image.load()
    profile = base64.b64encode(image.info.get("icc_profile") or b"").decode()
    if image.mode not in ("RGB", "RGBA"):
        image = image.convert("RGBA" if "A" in image.mode else "RGB")
    head = {"mode": image.mode, "size": image.size, "profile": profile}
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n")
    for top in range(0, image.height, _ROWS):
        bottom = min(top + _ROWS, image.height)
        sys.stdout.buffer.write(image.crop((0, top, image.width, bottom)).tobytes())
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    _main()
