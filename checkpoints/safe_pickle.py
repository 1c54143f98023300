"""Reading pickled checkpoints without running a byte of them.

A pickle is a small program: it names functions and calls them with arguments of its choice. Here
it can name only what is listed, and what is listed builds tensors, arrays and containers.

- `.pt` and `.pth`: torch's own restricted reader, `weights_only`, with one addition.
- NVIDIA's `.pkl`: each module carries the source text of its class, which its own reader executes.
  Ours keeps the module's data and never looks at the text.
"""

from __future__ import annotations

import argparse
import io
import pickle
import pickletools
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from pti_core.errors import CheckpointError

#: Largest file that is read: the largest published one (a generator with its discriminator and
#: optimiser) is 1.2 GB.
MAX_BYTES = 4 * 2**30
#: Largest size of a zip's members relative to the file: torch stores them uncompressed, so a
#: larger one was made to unfold.
MAX_UNFOLDING = 1.5
#: Deepest nesting of modules and most tensors that are walked: StyleGAN2 at 1024 has 4 and 182.
MAX_DEPTH, MAX_TENSORS = 20, 10_000
#: Most steps a network pickle may take: FFHQ's takes some 40,000.
MAX_STEPS = 2_000_000


@dataclass
class PersistentObject:
    """An object of NVIDIA's `torch_utils.persistence`: its class's name and its data alone."""

    class_name: str
    state: dict[str, Any] = field(default_factory=dict)


def read_torch(path: Path) -> dict[str, Any]:
    """A `.pt` or `.pth` checkpoint as a dict, tensors on the CPU.

    Raises:
        CheckpointError: unreadable, no checkpoint, or it asks for more than data.
    """
    content = read_torch_content(path)
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path.name} holds no checkpoint that this program knows.")
    return dict(content)


def read_torch_content(path: Path) -> Any:
    """What a `.pt` file holds, a tensor alone included: latent codes are saved so.

    Raises:
        CheckpointError: as `read_torch`.
    """
    check_size(path)
    try:
        check_zip(path)
        return _weights_only(path)
    except Exception as trouble:
        raise refusal(path, trouble) from trouble


def read_nvidia(path: Path) -> dict[str, Any]:
    """NVIDIA's network pickle as a dict (`G_ema`, ...) whose networks are `PersistentObject`.

    Raises:
        CheckpointError: as `read_torch`.
    """
    check_size(path)
    try:
        with path.open("rb") as file:
            check_program(file)
            file.seek(0)
            content = _NetworkUnpickler(file).load()
    except Exception as trouble:
        raise refusal(path, trouble) from trouble
    if not isinstance(content, dict):
        raise CheckpointError(f"{path.name} holds no StyleGAN2 network of NVIDIA's PyTorch kind.")
    return content


def module_tensors(module: object) -> dict[str, Tensor]:
    """Parameters and buffers of a network read by `read_nvidia`, by their full names.

    Raises:
        CheckpointError: this is no such network.
    """
    found: dict[str, Tensor] = {}
    _collect(module, "", found, 0)
    return found


def _collect(module: object, prefix: str, found: dict[str, Tensor], depth: int) -> None:
    if not isinstance(module, PersistentObject) or depth > MAX_DEPTH:
        raise CheckpointError("The network file holds something else where a network should be.")
    for kind in ("_parameters", "_buffers"):
        for name, tensor in _entries(module, kind):
            if isinstance(tensor, Tensor):
                found[prefix + name] = tensor.detach()
            if len(found) > MAX_TENSORS:
                raise CheckpointError("The network file holds more tensors than any network has.")
    for name, child in _entries(module, "_modules"):
        if child is not None:
            _collect(child, f"{prefix}{name}.", found, depth + 1)


def _entries(module: PersistentObject, kind: str) -> list[tuple[str, Any]]:
    entries = module.state.get(kind, {})
    if not isinstance(entries, dict) or not all(isinstance(name, str) for name in entries):
        raise CheckpointError("The network file holds something else where a network should be.")
    return list(entries.items())


def check_size(path: Path) -> None:
    try:
        if not path.is_file():
            raise CheckpointError(f"There is no file {path}; give the path of a checkpoint.")
        size = path.stat().st_size
    except OSError as trouble:
        raise CheckpointError(f"{path.name} cannot be read: {trouble.strerror}.") from trouble
    if size > MAX_BYTES:
        raise CheckpointError(f"{path.name} is larger than any checkpoint this program reads.")


def check_program(file: BinaryIO) -> None:
    """Look through a pickle without running it, for what its reader could not bear.

    The extension registry is a second way to names, and a memo index far over the number of steps
    makes the reader fill memory.
    """
    for steps, (opcode, argument, _) in enumerate(pickletools.genops(file)):
        memo = "PUT" in opcode.name and isinstance(argument, int) and argument > steps
        if opcode.name.startswith("EXT") or memo or steps > MAX_STEPS:
            raise pickle.UnpicklingError(f"it takes an unusual step, {opcode.name}")


def check_zip(file: Path | io.BytesIO, unfolding: float = MAX_UNFOLDING) -> None:
    """Refuse an archive that unfolds to more than so many times its size."""
    if not zipfile.is_zipfile(file):
        return
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
    packed = file.stat().st_size if isinstance(file, Path) else len(file.getbuffer())
    if sum(member.file_size for member in members) > unfolding * packed + 2**20:
        raise pickle.UnpicklingError("its archive unfolds to far more than its size")


def _weights_only(file: Path | io.BytesIO) -> Any:
    """torch's restricted reader. `opts` of e4e and StyleCLIP are a Namespace, plain attributes."""
    if isinstance(file, io.BytesIO):
        file.seek(0)
    with torch.serialization.safe_globals([argparse.Namespace]):
        return torch.load(file, map_location="cpu", weights_only=True)


def refusal(path: Path, trouble: BaseException) -> CheckpointError:
    if isinstance(trouble, CheckpointError):
        return trouble
    if isinstance(trouble, OSError) and trouble.strerror:
        return CheckpointError(f"{path.name} cannot be read: {trouble.strerror}.")
    return CheckpointError(
        f"{path.name} was refused: it is damaged, or it asks for more than weights; "
        "fetch it again from its publisher."
    )


class _NetworkUnpickler(pickle.Unpickler):
    """Admits the names of `_stand_ins` alone, and of those only our own versions."""

    def __init__(self, file: Any):
        super().__init__(file)
        self._known = _stand_ins()

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._known[module, name]
        except KeyError:
            wanted = f"{module}.{name}"[:100]
            raise pickle.UnpicklingError(f"it names {wanted}, which is no data") from None

    def persistent_load(self, pid: object) -> Any:
        raise pickle.UnpicklingError("it refers to data outside itself")


def _stand_ins() -> dict[tuple[str, str], Any]:
    """What a network pickle may name, and what it gets.

    Made anew for each file: a pickle can set attributes of what it names, and so can spoil nothing
    but its own reading.
    """

    class EasyDict(dict):
        """NVIDIA's dict with attributes; here only a dict."""

        __slots__ = ()

        def __setstate__(self, state: object) -> None:
            if state:
                raise pickle.UnpicklingError("a dict with a state of its own")

    def reconstruct(meta: object) -> PersistentObject:
        if not isinstance(meta, dict) or not isinstance(meta.get("state"), dict):
            raise pickle.UnpicklingError("a network without data")
        return PersistentObject(str(meta.get("class_name"))[:100], dict(meta["state"]))

    known: dict[tuple[str, str], Any] = {
        ("torch_utils.persistence", "_reconstruct_persistent_obj"): reconstruct,
        ("dnnlib.util", "EasyDict"): EasyDict,
        ("collections", "OrderedDict"): OrderedDict,
        ("builtins", "set"): set,
        ("torch.storage", "_load_from_bytes"): lambda data: _storage(data),
        ("torch._utils", "_rebuild_tensor_v2"): lambda *a: _tensor(*a),
        ("torch._utils", "_rebuild_parameter"): lambda data, *rest: _parameter(data),
        ("numpy", "dtype"): lambda *a: _DType(*a),
        ("numpy", "ndarray"): "ndarray",  # named as an argument, never called
    }
    for package in ("numpy.core.multiarray", "numpy._core.multiarray"):
        known[package, "scalar"] = lambda dtype, data: _array(dtype, (), data)
        known[package, "_reconstruct"] = lambda *ignored: _Array()
    return known


def _storage(data: object) -> Any:
    """The numbers of a tensor. The original is a full `torch.load`, which runs what it is given."""
    if not isinstance(data, bytes):
        raise pickle.UnpicklingError("a tensor without bytes")
    file = io.BytesIO(data)
    check_zip(file)
    storage = _weights_only(file)
    if not isinstance(storage, torch.storage.TypedStorage):
        raise pickle.UnpicklingError("something else where a tensor's numbers should be")
    return storage


def _tensor(storage: Any, offset: int, size: Any, stride: Any, *ignored: object) -> Tensor:
    """A copy of the part of the storage that the tensor shows; torch checks that it is inside."""
    if not isinstance(storage, torch.storage.TypedStorage):
        raise pickle.UnpicklingError("a tensor without numbers")
    flat = torch.empty(0, dtype=storage.dtype).set_(storage._untyped_storage)
    view = torch.as_strided(flat, tuple(size), tuple(stride), offset)
    if view.numel() > flat.numel():
        raise pickle.UnpicklingError("a tensor larger than its numbers")
    return view.clone()


def _parameter(data: object) -> Tensor:
    if not isinstance(data, Tensor):
        raise pickle.UnpicklingError("a parameter without a tensor")
    return data


class _DType:
    """numpy's number type, of the plain kinds: never objects, records or subarrays."""

    def __init__(self, code: object = "", *ignored: object):
        if not (isinstance(code, str) and code[:1] in "biuf" and code[1:] in "1248"):
            raise pickle.UnpicklingError("an array of something other than numbers")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: object) -> None:
        # (version, byte order, subarray, names, fields, ...): only the order may say anything.
        if not (isinstance(state, tuple) and len(state) > 4 and not any(state[2:5])):
            raise pickle.UnpicklingError("an array of something other than numbers")
        if state[1] == ">":
            self.dtype = self.dtype.newbyteorder(">")


class _Array:
    """An array between its making and its filling."""

    value: np.ndarray | None = None

    def __setstate__(self, state: object) -> None:
        if not (isinstance(state, tuple) and len(state) == 5):
            raise pickle.UnpicklingError("an array without numbers")
        _, shape, dtype, fortran, data = state
        order = shape[::-1] if fortran else shape
        array = _array(dtype, order, data)
        self.value = array.T if fortran else array


def _array(dtype: object, shape: Any, data: object) -> Any:
    if not isinstance(dtype, _DType) or not isinstance(data, bytes):
        raise pickle.UnpicklingError("an array without numbers")
    array = np.frombuffer(data, dtype.dtype).reshape(shape).copy()
    return array if array.ndim else array[()]
