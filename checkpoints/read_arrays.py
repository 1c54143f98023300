"""The arrays of a file in any of the layouts that the field writes: nothing in it is executed.

`.npy` and `.npz` are parsed here, because numpy's own reader reserves memory for the shape that a
header claims before it looks whether the numbers are there.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from checkpoints.errors import FieldFileError
from checkpoints.identify import identify
from checkpoints.safe_pickle import check_size, check_zip, read_torch_content, refusal
from pti_core.errors import CheckpointError

#: Endings that are read.
ENDINGS = (".npy", ".npz", ".pt", ".pth", ".safetensors")
#: Largest file: rosinality's codes carry noise maps and pictures, 40 MB for each photograph.
MAX_BYTES = 512 * 2**20
#: Most arrays of an archive.
MAX_MEMBERS = 2000
_MAGIC = b"\x93NUMPY"


def read_field_file(path: Path, wanted: str) -> Any:
    """`read_arrays` of a file that is to hold `wanted`, as "latent code".

    Raises:
        FieldFileError: it is unreadable; the sentence says what it seems to be.
    """
    try:
        return read_arrays(path)
    except CheckpointError as error:
        if path.suffix.lower() not in ENDINGS:
            raise FieldFileError(str(error)) from error
        raise holds_none(path, wanted) from error


def holds_none(path: Path, wanted: str, why: str = "") -> FieldFileError:
    """What to say of a file that does not hold what it was given for."""
    if why:
        return FieldFileError(f"{path.name} holds no {wanted}: {why}.")
    return FieldFileError(f"{path.name} is {identify(path).text}, and holds no {wanted}.")


def read_arrays(path: Path) -> Any:
    """A tensor, or containers of tensors, plain numbers and text, as the file has them.

    Raises:
        CheckpointError: unreadable, of another ending, too large, or it asks for more than data.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise CheckpointError(f"{path.name} does not end in {', '.join(ENDINGS)}.")
    check_size(path)
    if path.stat().st_size > MAX_BYTES:
        raise CheckpointError(f"{path.name} is larger than any file of codes or directions.")
    if ending in (".pt", ".pth"):
        return read_torch_content(path)
    try:
        if ending == ".npy":
            return parse_npy(path.read_bytes())
        if ending == ".npz":
            return _read_npz(path)
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in sorted(file.keys())}
    except Exception as error:  # parsers raise whatever a broken byte led them to
        raise refusal(path, error) from error


def parse_npy(data: bytes) -> Tensor:
    """The array of a `.npy` file's bytes, as numbers torch has.

    Raises:
        ValueError: no such file, an array of objects, or fewer numbers than it claims.
    """
    if not data.startswith(_MAGIC):
        raise ValueError("no numpy file")
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError("a version of numpy's format that is not known")
    shape, fortran, dtype = read(stream)
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise ValueError("an array of something other than numbers")
    numbers = data[stream.tell() :]
    count = 1
    for side in shape:
        count *= int(side)
    if len(shape) > 8 or count * dtype.itemsize != len(numbers):
        raise ValueError("an array with other numbers than it claims")
    array = np.frombuffer(numbers, dtype).reshape(shape, order="F" if fortran else "C")
    native = np.ascontiguousarray(array.astype(dtype.newbyteorder("=")))
    if native.dtype.kind == "u" and native.dtype.itemsize > 1:
        native = native.astype(np.int64)
    return torch.from_numpy(native)


def _read_npz(path: Path) -> dict[str, Tensor]:
    check_zip(path, unfolding=200.0)  # compressed codes: zeros fold to almost nothing
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        whole = sum(member.file_size for member in members)
        if len(members) > MAX_MEMBERS or whole > MAX_BYTES:
            raise ValueError("an archive that is too large")
        found = {}
        for member in members:
            name = member.filename.removesuffix(".npy")
            with archive.open(member) as file:
                data = file.read(member.file_size + 1)
            if data.startswith(_MAGIC):
                try:
                    found[name] = parse_npy(data)
                except ValueError as error:
                    if "other than numbers" not in str(error):
                        raise
                    # Text and objects beside the arrays are left out, unread.
        return found
