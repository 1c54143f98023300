"""The bytes of a session: one `.safetensors` file, which may come from a stranger.

Layout: tensors `pivots` (float32), `delta.NAME` (float16), or in its place `packed.NAME` and
`powers.NAME` (int8, `pti_core.session.int8_delta`), `noise.I.NAME` (float32), `photograph.I` and
`crop.I` (uint8: the bytes of a JPEG and of a PNG), `stack.I.ws` and `stack.I.style.NAME` (float32:
the steps of text-driven edits), `direction.I` (float32: own directions), I from 0; one metadata
entry, JSON, with the keys that `Header` has. Every bound below is checked before the memory it
bounds is asked for.
"""

from __future__ import annotations

import io
import json
import math
import re
import struct
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor

from pti_core.errors import SessionError
from pti_core.faces.images import MAX_SIDE, open_photograph
from pti_core.faces.picture_end import SLACK, picture_end
from pti_core.session import int8_delta
from pti_core.session.header import (
    AGAIN,
    ASK,
    BROKEN,
    FOREIGN,
    FORMAT,
    Header,
    check_header,
    is_integer,
    parse_json,
)

#: The key of our metadata entry.
KEY = "pti_session"

# A session of the embedded generator is about 3 MB; a StyleGAN2's difference is 60 MB.
MAX_FILE = 200 * 2**20
# A header lists a few hundred tensors in some 100 bytes each.
MAX_HEADER = 2**20
MAX_TENSORS = 1000
# A photograph of 36 million pixels is 20 MB as JPEG.
MAX_PICTURE_BYTES = 64 * 2**20
MAX_CROP_SIDE = 2048
# Latents and noise are of order 1: a number far beyond is no result of ours.
MAX_VALUE = 1e4

_PARAMETER = r"[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+){0,9}"
_INDEX = r"(?:0|[1-9]\d?)"
_TENSOR_NAME = re.compile(
    rf"pivots|(?:photograph|crop)\.{_INDEX}|noise\.{_INDEX}\.{_PARAMETER}"
    rf"|(?:delta|packed|powers)\.{_PARAMETER}"
    rf"|direction\.{_INDEX}"
    rf"|stack\.{_INDEX}\.(?:ws|style\.{_PARAMETER})",
    re.ASCII,
)
_DTYPES = {
    "pivots": "F32",
    "noise": "F32",
    "delta": "F16",
    "packed": "I8",
    "powers": "I8",
    "photograph": "U8",
    "crop": "U8",
    "stack": "F32",
    "direction": "F32",
}


def pack(header: Header, tensors: dict[str, Tensor], eight_bits: bool = True) -> bytes:
    """The file's bytes; the same session gives the same bytes.

    eight_bits: weights that `int8_delta.compact` has rounded take a byte each; False: two.

    Raises:
        SessionError: something that `unpack` would refuse.
    """
    text = json.dumps(
        {
            "format": FORMAT,
            "generator": {"name": header.generator_name, "fingerprint": header.fingerprint},
            "alignments": header.alignments,
            "edits": header.edits,
            "made": header.made,
            "curves": header.curves,
            "stack": header.stack,
            "other_curves": header.other_curves,
            "person": header.person,
            **({"own": header.own} if header.own else {}),
            **({"hair_color": header.hair_color.to_dict()} if header.hair_color else {}),
        },
        allow_nan=True,  # refused in the next line, with a sentence
    )
    check_header(parse_json(text))
    if eight_bits:
        deltas = {n.removeprefix("delta."): t for n, t in tensors.items() if n[:6] == "delta."}
        others = {name: tensor for name, tensor in tensors.items() if name[:6] != "delta."}
        tensors = {**others, **int8_delta.pack_all(deltas)}
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    data = safetensors.torch.save(contiguous, metadata={KEY: text})
    _check_size(len(data))
    return data


def unpack(source: Path | str | bytes) -> tuple[Header, dict[str, Tensor]]:
    """The text and the tensors of a session file, every one of them checked as far as it can be
    without its generator.

    Raises:
        SessionError: anything else than a whole, sane session file.
    """
    data = _read(source)
    entries, text = _split(data)
    for name, entry in entries.items():
        _check_entry(name, entry)
    header = check_header(parse_json(text))
    _check_people(len(header.alignments), entries)
    _check_stack(len(header.stack), entries)
    if {n for n in entries if n[:10] == "direction."} != {
        f"direction.{i}" for i in range(len(header.own))
    }:
        raise SessionError(BROKEN)
    try:
        tensors = safetensors.torch.load(data)
    except (SafetensorError, ValueError, RuntimeError, OverflowError) as error:
        raise SessionError(BROKEN) from error
    for name, tensor in tensors.items():
        _check_values(name, tensor)
    return header, _unpacked(tensors)


def _unpacked(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with `delta.NAME` in place of every `packed.NAME` and `powers.NAME`."""
    eight = {n.partition(".")[2] for n in tensors if n.startswith(("packed.", "powers."))}
    out = {n: t for n, t in tensors.items() if not n.startswith(("packed.", "powers."))}
    for name in eight:
        try:
            delta = int8_delta.unpack(tensors[f"packed.{name}"], tensors[f"powers.{name}"])
        except (KeyError, ValueError) as error:
            raise SessionError(BROKEN) from error
        if f"delta.{name}" in out:
            raise SessionError(BROKEN)
        out[f"delta.{name}"] = delta
    return out


def check_picture(data: bytes, encoding: str, max_side: int) -> Image.Image:
    """Decode a picture of a session: its size is read and bounded before its pixels are.

    Raises:
        SessionError: it is not a picture of that encoding ("JPEG", "PNG"), too large, or followed
            by something that is no picture.
    """
    if len(data) - picture_end(data) > SLACK:
        raise SessionError("A picture in the session file has a tail that is no picture; " + AGAIN)
    try:
        with Image.open(io.BytesIO(data), formats=(encoding,)) as image:
            size = image.size
        if max(size) > max_side:
            raise SessionError(
                f"A picture in the session file is larger than {max_side} pixels a side; "
                "make the session anew."
            )
        return open_photograph(data)
    except SessionError:
        raise
    except Exception as error:  # decoders raise whatever the broken byte led them to
        raise SessionError("A picture in the session file is broken; " + AGAIN) from error


# ------------------------------------------------------------------------------------- the bytes


def _read(source: Path | str | bytes) -> bytes:
    if isinstance(source, bytes):
        _check_size(len(source))
        return source
    path = Path(source)
    try:
        if not path.is_file():
            raise SessionError(f"There is no session file {path}; check the name.")
        _check_size(path.stat().st_size)
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)  # it may have grown meanwhile
    except (OSError, ValueError) as error:
        raise SessionError(f"{path} cannot be read; check its name and its rights.") from error
    _check_size(len(data))
    return data


def _check_size(size: int) -> None:
    if size > MAX_FILE:
        raise SessionError(
            f"The session file is larger than {MAX_FILE // 2**20} MB, which none of ours is; "
            "choose another."
        )


def _split(data: bytes) -> tuple[dict[str, Any], str]:
    """The tensors' entries of a safetensors header, and our metadata text."""
    if len(data) < 8:
        raise SessionError(FOREIGN)
    (length,) = struct.unpack("<Q", data[:8])
    if length > MAX_HEADER or data[8:9] != b"{":
        raise SessionError(FOREIGN)
    if length > len(data) - 8:
        raise SessionError(BROKEN)
    try:
        text = data[8 : 8 + length].decode("utf-8")
    except UnicodeDecodeError as error:
        raise SessionError(BROKEN) from error
    header = parse_json(text)
    metadata = header.pop("__metadata__", None) if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or not isinstance(metadata.get(KEY), str):
        raise SessionError(FOREIGN)
    if len(header) > MAX_TENSORS:
        raise SessionError(BROKEN)
    return header, metadata[KEY]


def _check_entry(name: str, entry: Any) -> None:
    if len(name) > 200 or not _TENSOR_NAME.fullmatch(name):
        raise SessionError("The session file holds a tensor that no session has; " + ASK)
    kind = name.split(".")[0]
    shape = entry.get("shape") if isinstance(entry, dict) else None
    if not isinstance(shape, list) or not all(is_integer(side) and side > 0 for side in shape):
        raise SessionError(BROKEN)
    dimensions = {"pivots": (2, 3), "photograph": (1,), "crop": (1,), "noise": (4,)}
    dimensions["direction"] = (1,)
    dimensions["stack"] = (2,) if name.endswith(".ws") else (1,)
    count, bound = math.prod(shape), MAX_PICTURE_BYTES if _DTYPES[kind] == "U8" else MAX_FILE
    if (
        entry.get("dtype") != _DTYPES[kind]
        or len(shape) not in dimensions.get(kind, range(9))
        or count > bound
    ):
        raise SessionError(f"The session file's {kind} is of a wrong kind or shape; " + ASK)


def _check_people(count: int, entries: dict[str, Any]) -> None:
    """As many pivots, photographs and crops as alignments, and noise for no others."""
    wanted = {f"{kind}.{i}" for kind in ("photograph", "crop") for i in range(count)}
    pictures = {name for name in entries if name.startswith(("photograph.", "crop."))}
    pivots = entries.get("pivots")
    strays = [n for n in entries if n.startswith("noise.") and int(n.split(".")[1]) >= count]
    if pictures != wanted or strays or pivots is None or pivots["shape"][0] != count:
        raise SessionError(BROKEN)


def _check_stack(count: int, entries: dict[str, Any]) -> None:
    """A step for every text edit, and none for any other."""
    owners = {int(name.split(".")[1]) for name in entries if name.startswith("stack.")}
    if owners != set(range(count)):
        raise SessionError(BROKEN)


def _check_values(name: str, tensor: Tensor) -> None:
    if tensor.dtype in (torch.uint8, torch.int8):
        return
    bound = math.inf if tensor.dtype == torch.float16 else MAX_VALUE
    # An aggregate is not finite if any value is not.
    low, high = (float(value) for value in torch.aminmax(tensor))
    if not (math.isfinite(low) and math.isfinite(high)) or max(-low, high) > bound:
        raise SessionError(
            f"The session file's {name.split('.')[0]} holds numbers that are not finite or far "
            "out of range; " + ASK
        )


def photograph_of(data: bytes) -> Image.Image:
    """The photograph that a session holds: RGB, upright."""
    return check_picture(data, "JPEG", MAX_SIDE)


def crop_of(data: bytes) -> Image.Image:
    """The aligned crop that a session holds: RGB, square.

    Raises:
        SessionError: it is no such picture.
    """
    image = check_picture(data, "PNG", MAX_CROP_SIDE)
    if image.width != image.height:
        raise SessionError("The crop in the session file is not square; " + ASK)
    return image


def bytes_to_tensor(data: bytes) -> Tensor:
    """Bytes as a uint8 tensor (len,)."""
    return torch.frombuffer(bytearray(data), dtype=torch.uint8)


def tensor_to_bytes(tensor: Tensor) -> bytes:
    """Undo `bytes_to_tensor`."""
    return tensor.numpy().tobytes()
