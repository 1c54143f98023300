"""The tensors of a TorchScript archive, without its program.

OpenAI's CLIP files are TorchScript: a zip with code, a pickle of the module tree (`data.pkl`) and
the numbers (`data/0`, ...). `torch.jit.load` would compile and run what is in it. Here the code is
never opened, and the pickle can name only tensors, lists and a stand-in for every module, whose
attributes are then walked for tensors.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from torch import Tensor

from checkpoints.safe_pickle import (
    MAX_DEPTH,
    MAX_TENSORS,
    check_program,
    check_size,
    check_zip,
    refusal,
)

#: Storage classes that a pickle may name, and their numbers.
_DTYPES = {
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "DoubleStorage": torch.float64,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "BoolStorage": torch.bool,
}
#: Largest module tree in bytes: CLIP ViT-B/32's is 0.2 MB.
_MAX_TREE = 64 * 2**20


class _Module:
    """Stands for a module of the archive: only its attributes."""

    state: dict[str, Any]

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
            raise pickle.UnpicklingError("a module without attributes")
        self.state = state


def is_torchscript(path: Path) -> bool:
    """Whether the file is a TorchScript archive; nothing of it is read but the list of members."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(PurePosixPath(name).name == "constants.pkl" for name in archive.namelist())
    except Exception:  # `zipfile` raises whatever a broken byte led it to
        return False


def read_torchscript(path: Path) -> dict[str, Tensor]:
    """Parameters and buffers of a TorchScript archive by their full names, on the CPU.

    Raises:
        CheckpointError: unreadable, no such archive, or it asks for more than data.
    """
    check_size(path)
    try:
        check_zip(path)
        with zipfile.ZipFile(path) as archive:
            tree = _Unpickler(archive).load()
        found: dict[str, Tensor] = {}
        _collect(tree, "", found, 0)
        return found
    except Exception as trouble:
        raise refusal(path, trouble) from trouble


def _collect(module: object, prefix: str, found: dict[str, Tensor], depth: int) -> None:
    state = getattr(module, "state", None)
    if not isinstance(module, _Module) or not isinstance(state, dict) or depth > MAX_DEPTH:
        raise pickle.UnpicklingError("something else where a module should be")
    for name, value in state.items():
        if isinstance(value, Tensor):
            found[prefix + name] = value
        elif isinstance(value, _Module):
            _collect(value, f"{prefix}{name}.", found, depth + 1)
        if len(found) > MAX_TENSORS:
            raise pickle.UnpicklingError("more tensors than any network has")


class _Unpickler(pickle.Unpickler):
    """Admits modules of the archive (as stand-ins), tensors and lists, and no other name."""

    def __init__(self, archive: zipfile.ZipFile):
        trees = [n for n in archive.namelist() if PurePosixPath(n).name == "data.pkl"]
        if len(trees) != 1 or archive.getinfo(trees[0]).file_size > _MAX_TREE:
            raise pickle.UnpicklingError("no module tree, or several")
        data = archive.read(trees[0])
        check_program(io.BytesIO(data))
        super().__init__(io.BytesIO(data))
        self._archive, self._root = archive, PurePosixPath(trees[0]).parent
        self._storages: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module == "__torch__" or module.startswith("__torch__."):
            return type("_Part", (_Module,), {})
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        lists = ("build_intlist", "build_tensorlist", "build_doublelist", "build_boollist")
        if module == "torch.jit._pickle" and name in lists:
            return list
        if (module, name) == ("torch.jit._pickle", "restore_type_tag"):
            return lambda value, kind: value
        raise pickle.UnpicklingError(f"it names {module}.{name}"[:100] + ", which is no data")

    def persistent_load(self, pid: object) -> Tensor:
        """The numbers that a tensor shows: a flat tensor over one member of the archive."""
        if not isinstance(pid, tuple) or len(pid) != 5 or pid[0] != "storage":
            raise pickle.UnpicklingError("it refers to data outside itself")
        dtype, key = pid[1:3]
        if not isinstance(dtype, torch.dtype) or not isinstance(key, str):
            raise pickle.UnpicklingError("it refers to data outside itself")
        if key not in self._storages:
            data = bytearray(self._archive.read(str(self._root / "data" / key)))
            self._storages[key] = (
                torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
            )
        if self._storages[key].dtype != dtype:
            raise pickle.UnpicklingError("one set of numbers of two kinds")
        return self._storages[key]


def _tensor(storage: Any, offset: int, size: Any, stride: Any, *ignored: object) -> Tensor:
    """A copy of the part of the storage that the tensor shows; torch checks that it is inside."""
    if not isinstance(storage, Tensor):
        raise pickle.UnpicklingError("a tensor without numbers")
    view = torch.as_strided(storage, tuple(size), tuple(stride), offset)
    if view.numel() > max(storage.numel(), 1):
        raise pickle.UnpicklingError("a tensor larger than its numbers")
    return view.clone()
