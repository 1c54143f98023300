"""Malformed files from a seed: bytes flipped, cut and spliced, in every format that is opened.

`python -m tests.fuzz.malformed [--files N] [--seed S] [--formats A,B]` opens N of each format (50
by default) in a process of their own and says what they led to; it fails where one was neither
opened nor refused with a sentence, took over 10 s, or over 1 GB.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import pickle
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

REPOSITORY = Path(__file__).parents[2]
PICTURES = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "AVIF", "HEIF")
WEIGHTS = ("pt", "pkl", "npz", "npy")
FORMATS = (*PICTURES, "session", *WEIGHTS)
MAX_SECONDS, MAX_BYTES = 10.0, 10**9


def whole_files(format: str) -> list[bytes]:
    """Some sound files of a format, small and different in kind."""
    if format in PICTURES:
        return _pictures(format)
    if format == "session":
        return [_session()]
    return _weights(format)


def _pictures(format: str) -> list[bytes]:
    import pillow_heif

    pillow_heif.register_heif_opener()
    random_values = np.random.default_rng(0)
    noise = Image.fromarray(random_values.integers(0, 256, (48, 64, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds = [(noise, {"exif": exif.tobytes()} if format != "GIF" else {})]
    if format == "JPEG":
        kinds += [
            (noise, {"progressive": True}),
            (noise.convert("CMYK"), {}),
            (noise.convert("L"), {}),
        ]
    if format in ("PNG", "TIFF"):
        deep = Image.fromarray(random_values.integers(0, 2**16, (48, 64), dtype=np.uint16))
        kinds += [(deep, {}), (noise.convert("RGBA"), {}), (noise.quantize(16), {})]
    if format == "TIFF":
        kinds += [(noise, {"compression": name}) for name in ("tiff_lzw", "tiff_adobe_deflate")]
    if format in ("WEBP", "AVIF", "HEIF"):
        kinds += [(noise.convert("RGBA"), {})]
    if format == "GIF":
        kinds += [(noise, {"save_all": True, "append_images": [noise.rotate(90)]})]
    files = []
    for image, options in kinds:
        stream = io.BytesIO()
        image.save(stream, format, **options)
        files.append(stream.getvalue())
    return files


def _session() -> bytes:
    import torch

    from pti_core.session import file_format
    from pti_core.session.person import encode_crop, encode_photograph

    image = Image.radial_gradient("L").resize((64, 64)).convert("RGB")
    header = file_format.Header(
        generator_name="small",
        fingerprint="0" * 64,
        alignments=[{"quad": [[0, 0], [0, 64], [64, 64], [64, 0]], "photo_size": [64, 64]}],
        edits={"age": 5.0},
        made={"preset": "fast", "report": {"mse": 0.1}},
    )
    tensors = {
        "pivots": torch.ones(1, 512),
        "photograph.0": file_format.bytes_to_tensor(encode_photograph(image)),
        "crop.0": file_format.bytes_to_tensor(encode_crop(image)),
        "delta.synthesis.weight": torch.ones(4, 4).half(),
    }
    return file_format.pack(header, tensors)


def _weights(format: str) -> list[bytes]:
    import torch

    from tests.helpers import field_files

    stream = io.BytesIO()
    if format in ("npz", "npy"):
        w, three = torch.linspace(-1, 1, 512), torch.eye(512)[:3]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"file.{format}"
            if format == "npy":
                return [field_files.boundary(path, w).read_bytes()]
            code = field_files.ada_code(path, w).read_bytes()
            return [code, field_files.ganspace(path, three, torch.ones(3)).read_bytes()]
    state = {"layer.weight": torch.ones(4, 4), "layer.bias": torch.zeros(4)}
    if format == "pt":
        torch.save(state, stream)
        old = io.BytesIO()
        torch.save(state, old, _use_new_zipfile_serialization=False)
        return [stream.getvalue(), old.getvalue()]
    arrays = {"G_ema": {"w": np.ones((3, 3), np.float32)}, "names": ["a", "b"]}
    return [pickle.dumps(arrays, protocol) for protocol in (2, 4)]


def malformed(format: str, seed: int, count: int) -> Iterator[bytes]:
    """`count` files of a format that are broken in one way or another; the same for a seed."""
    whole, chance = whole_files(format), random.Random(f"{format} {seed}")
    ways: Sequence[Callable[[bytes, random.Random], bytes]] = (_flipped, _cut, _spliced, _grown)
    for number in range(count):
        data = whole[number % len(whole)]
        for _ in range(chance.choice((1, 1, 2))):
            data = chance.choice(ways)(data, chance)
        yield data


def _flipped(data: bytes, chance: random.Random) -> bytes:
    out = bytearray(data)
    reach = len(out) if chance.random() < 0.5 else min(len(out), 300)  # heads matter most
    for _ in range(chance.randint(1, 12)):
        if out:
            out[chance.randrange(reach)] = chance.choice(
                (0, 0xFF, 0x7F, 0x80, chance.randrange(256))
            )
    return bytes(out)


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _spliced(data: bytes, chance: random.Random) -> bytes:
    start, end, place = (chance.randrange(len(data) + 1) for _ in range(3))
    return data[:place] + data[min(start, end) : max(start, end)] + data[place:]


def _grown(data: bytes, chance: random.Random) -> bytes:
    """Numbers of a header that promise gigabytes."""
    out, size = bytearray(data), chance.choice((2, 4, 8))
    if len(out) > size:
        place = chance.randrange(min(len(out) - size, 200))
        out[place : place + size] = b"\xff" * (size - 1) + b"\x7f"
    return bytes(out)


def opened(format: str, data: bytes, folder: Path) -> str:
    """Open a file as the product does: "opened", or the sentence with which it is refused."""
    from pti_core.errors import UserError

    try:
        if format in PICTURES:
            from pti_core.faces.images import read_photograph

            read_photograph(data)
        elif format == "session":
            from pti_core.session.session import Session

            Session.open(data)
        else:
            _read_weights(format, data, folder)
    except UserError as error:
        return str(error)
    return "opened"


def _read_weights(format: str, data: bytes, folder: Path) -> None:
    from checkpoints import safe_pickle
    from checkpoints.direction_files import read_directions
    from checkpoints.latent_codes import read_codes
    from pti_core.errors import UserError

    path = folder / f"file.{format}"
    path.write_bytes(data)
    readers: Sequence[Callable[[Path], object]] = {
        "pkl": [safe_pickle.read_nvidia],
        "pt": [safe_pickle.read_torch, read_codes, read_directions],
    }.get(format, [read_codes, read_directions])
    refused = None
    for read in readers:
        try:
            read(path)
            return
        except UserError as error:
            refused = error
    assert refused is not None
    raise refused


def check(format: str, seed: int, count: int) -> dict[str, int]:
    """Open that many files of a format; how many ended in which way.

    Raises:
        AssertionError: one ended in no sentence, or took too long; its number is in the message.
    """
    ways: Counter[str] = Counter()
    for module in ("pti_core.faces.images", "pti_core.session.session", "checkpoints.latent_codes"):
        importlib.import_module(module)  # takes seconds, which are no file's
    with tempfile.TemporaryDirectory() as folder:
        for number, data in enumerate(malformed(format, seed, count)):
            begun = time.monotonic()
            try:
                said = opened(format, data, Path(folder))
            except Exception as error:
                raise AssertionError(f"{format} {number} of seed {seed}: {error!r}") from error
            assert said == "opened" or (said.endswith(".") and "\n" not in said), (number, said)
            assert time.monotonic() - begun < MAX_SECONDS, (format, number, "is slow")
            ways["opened" if said == "opened" else "refused"] += 1
    return dict(ways)


def peak_bytes() -> int:
    """The most memory that this process had, or one that it started: HEIC is read in one."""
    import resource

    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(one).ru_maxrss for one in whose) * 1024


def main() -> int:
    parser = argparse.ArgumentParser(description="Open malformed files of every format.")
    parser.add_argument("--files", type=int, default=50, metavar="N", help="of each format")
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument("--formats", default=",".join(FORMATS), metavar="A,B")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    status = 0
    for format in options.formats.split(","):
        if options.here:
            ways = check(format, options.seed, options.files)
            print(json.dumps({"format": format, **ways, "peak_mb": peak_bytes() // 2**20}))
            status = max(status, int(peak_bytes() > MAX_BYTES))
            continue
        command = [sys.executable, "-m", "tests.fuzz.malformed", "--here", "--formats", format]
        command += ["--files", f"{options.files}", "--seed", f"{options.seed}"]
        status = max(status, subprocess.run(command, cwd=REPOSITORY, timeout=900).returncode)
    return status


if __name__ == "__main__":
    sys.exit(main())
