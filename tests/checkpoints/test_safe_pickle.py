"""Hostile checkpoints: refused with a sentence, and nothing of them runs.

Every payload writes a file when it runs. A control shows that each one is live: Python's own
reader does run it.
"""

from __future__ import annotations

import argparse
import builtins
import contextlib
import copyreg
import io
import os
import pickle
import struct
import tarfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from checkpoints.safe_pickle import module_tensors, read_nvidia, read_torch
from pti_core.errors import CheckpointError
from tests.helpers.layouts import NvidiaWriter, as_nvidia, rosinality_state


class Call:
    """Pickles as a call of `function`, itself perhaps the result of such a call."""

    def __init__(self, function: Any, *arguments: Any):
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.arguments

    def __call__(self) -> None: ...  # a pickle may only call what looks callable


def touch(sentinel: Path) -> str:
    return f"import pathlib; pathlib.Path({str(sentinel)!r}).touch()"


def payloads(sentinel: Path) -> dict[str, Any]:
    """What `__reduce__` can be made to do; each writes `sentinel`."""
    system = Call(getattr, Call(__import__, "os"), "system")
    inner = pickle.dumps(Call(exec, touch(sentinel)))
    return {
        "system": Call(os.system, f"touch {sentinel}"),
        "exec": Call(exec, touch(sentinel)),
        "eval": Call(eval, f"open({str(sentinel)!r}, 'w')"),
        "open": Call(builtins.open, str(sentinel), "w"),
        "getattr chain": Call(system, f"touch {sentinel}"),
        "pickle in a pickle": Call(pickle.loads, inner),
        "tensor bytes": Call(torch.storage._load_from_bytes, inner_torch(sentinel, legacy=False)),
        "old tensor bytes": Call(torch.storage._load_from_bytes, inner_torch(sentinel, True)),
        "making of a class": Call(Writer, str(sentinel)),
        "copyreg": Call(copyreg._reconstructor, Writer, Writer, str(sentinel)),
        "argument of a container": Call(OrderedDict, [("a", Call(exec, touch(sentinel)))]),
        "mapped": Call(list, Call(map, exec, [touch(sentinel)])),
    }


class Writer:
    """A class whose making writes a file; it is importable here, as a gadget would be."""

    def __new__(cls, path: str) -> Writer:
        Path(path).touch()
        return super().__new__(cls)


def inner_torch(sentinel: Path, legacy: bool) -> bytes:
    file = io.BytesIO()
    torch.save(Call(exec, touch(sentinel)), file, _use_new_zipfile_serialization=not legacy)
    return file.getvalue()


KINDS = list(payloads(Path("unused")))


def disguised(kind: str, sentinel: Path) -> Any:
    return payloads(sentinel)[kind]


def hidden(payload: Any) -> Any:
    """Deep inside what looks like a checkpoint."""
    return {"g_ema": OrderedDict(a=torch.zeros(2), b=[{"c": (payload,)}]), "latent_avg": None}


@pytest.fixture
def sentinel(tmp_path: Path) -> Path:
    return tmp_path / "it-ran"


def refused(read: Callable[[Path], Any], path: Path, sentinel: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        read(path)
    sentence = str(caught.value)
    assert path.name in sentence and sentence.endswith(".") and "\n" not in sentence
    assert not sentinel.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_payload_is_live(kind: str, sentinel: Path) -> None:
    pickle.loads(pickle.dumps(hidden(disguised(kind, sentinel))))
    assert sentinel.exists()


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_hostile_network_pickle(kind: str, protocol: int, tmp_path: Path, sentinel: Path) -> None:
    path = tmp_path / "ffhq.pkl"
    path.write_bytes(pickle.dumps(hidden(disguised(kind, sentinel)), protocol))
    refused(read_nvidia, path, sentinel)


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_object_inside_a_real_network(
    kind: str, tmp_path: Path, sentinel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = NvidiaWriter(monkeypatch)
    network = writer.module(as_nvidia(rosinality_state()), hook=disguised(kind, sentinel))
    path = tmp_path / "ffhq.pkl"
    path.write_bytes(pickle.dumps({"G_ema": network}))
    refused(read_nvidia, path, sentinel)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_hostile_torch_file(kind: str, legacy: bool, tmp_path: Path, sentinel: Path) -> None:
    path = tmp_path / "weights.pt"
    content = hidden(disguised(kind, sentinel))
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    refused(read_torch, path, sentinel)


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_options(kind: str, tmp_path: Path, sentinel: Path) -> None:
    """In the Namespace that e4e's and StyleCLIP's files carry, which is admitted."""
    path = tmp_path / "weights.pt"
    options = argparse.Namespace(mapper_type=disguised(kind, sentinel))
    torch.save({"state_dict": {}, "opts": options}, path)
    refused(read_torch, path, sentinel)


@pytest.mark.parametrize("kind", KINDS)
def test_plain_pickle_named_as_weights(kind: str, tmp_path: Path, sentinel: Path) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(pickle.dumps(disguised(kind, sentinel)))
    refused(read_torch, path, sentinel)


def test_source_text_of_a_network_is_never_run(
    tmp_path: Path, sentinel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = as_nvidia(rosinality_state())
    path = NvidiaWriter(monkeypatch).write(tmp_path / "ffhq.pkl", state, touch(sentinel))
    tensors = module_tensors(read_nvidia(path)["G_ema"])
    assert not sentinel.exists()
    assert tensors.keys() == state.keys()
    assert all(torch.equal(tensors[k], state[k]) for k in state)
    pickle.loads(path.read_bytes())  # what the original reader does
    assert sentinel.exists()


def test_torchscript_archive_is_refused(tmp_path: Path, sentinel: Path) -> None:
    path = tmp_path / "weights.pt"
    with contextlib.suppress(Exception):
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(path))
    assert path.exists()
    refused(read_torch, path, sentinel)


def test_tar_archive_is_refused(tmp_path: Path, sentinel: Path) -> None:
    """The oldest layout of torch files, which torch would read in another way."""
    path = tmp_path / "weights.pt"
    with tarfile.open(path, "w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            data = pickle.dumps(Call(exec, touch(sentinel)))
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    refused(read_torch, path, sentinel)


# Pickles written step by step.

STAND_INS = [
    b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n",
    b"cdnnlib.util\nEasyDict\n",
    b"ctorch.storage\n_load_from_bytes\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"cnumpy\ndtype\n",
    b"cnumpy\nndarray\n",
    b"ccollections\nOrderedDict\n",
    b"cnumpy.core.multiarray\nscalar\n",
]


@pytest.mark.parametrize("named", STAND_INS)
def test_what_a_pickle_may_name_cannot_be_spoilt(
    named: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pickle can set attributes of what it names; the next file must not notice."""
    path = tmp_path / "spoils.pkl"
    for attribute in (b"__defaults__", b"__init__", b"__new__", b"__setstate__", b"__call__"):
        path.write_bytes(b"\x80\x02" + named + b"N(S'" + attribute + b"'\nNd\x86b.")
        with contextlib.suppress(CheckpointError):
            read_nvidia(path)
    state = as_nvidia(rosinality_state())
    good = NvidiaWriter(monkeypatch).write(tmp_path / "good.pkl", state)
    assert module_tensors(read_nvidia(good)["G_ema"]).keys() == state.keys()


@pytest.mark.parametrize(
    "program",
    [
        b"cos\nsystem\n(S'touch SENTINEL'\ntR.",
        b"(S'touch SENTINEL'\nios\nsystem\n.",
        b"(cos\nsystem\nS'touch SENTINEL'\no.",
        b"ccollections\nOrderedDict.__init__.__globals__\n.",
        b"ctorch_utils.persistence\n_src_to_module\n(S'x = 1'\ntR.",
        b"ctorch._utils\n_import_dotted_name\n(S'os.system'\ntR.",
        b"\x80\x02\x82\x01.",  # extension registry
        b"\x80\x02U\x01ar" + struct.pack("<I", 2**31) + b".",  # memo entry 2^31
        b"\x80\x02Q.",  # data outside the pickle
        b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"abc.",  # bytes that are not there
        b"(" * 5000 + b"l" * 5000 + b".",
        b"ccollections\nOrderedDict\nN\x85R.",
        b"cnumpy\ndtype\n(S'O'\ntR.",
        b"cnumpy\ndtype\n(S'V8'\ntR.",
        b"ctorch._utils\n_rebuild_tensor_v2\n(NI0\n(I4\nt(I1\nttR.",
        b"",
        b"no pickle at all",
    ],
)
def test_programs_that_are_no_network(program: bytes, tmp_path: Path, sentinel: Path) -> None:
    path = tmp_path / "ffhq.pkl"
    path.write_bytes(program.replace(b"SENTINEL", str(sentinel).encode()))
    refused(read_nvidia, path, sentinel)


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [(0, (100,), (1,)), (3, (2,), (1,)), (-1, (1,), (1,)), (0, (2**40,), (0,)), (0, (2,), (-1,))],
)
def test_tensor_outside_its_numbers(
    offset: int, size: tuple[int], stride: tuple[int], tmp_path: Path, sentinel: Path
) -> None:
    storage = torch.arange(4.0).storage()
    path = tmp_path / "ffhq.pkl"
    tensor = Call(torch._utils._rebuild_tensor_v2, storage, offset, size, stride, False, {})
    path.write_bytes(pickle.dumps(tensor))
    refused(read_nvidia, path, sentinel)


def test_numbers_of_numpy_are_read(tmp_path: Path) -> None:
    content = {
        "scalar": np.float64(0.5),
        "array": np.arange(6, dtype="f4").reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6, dtype=">i4").reshape(2, 3)),
    }
    path = tmp_path / "ffhq.pkl"
    path.write_bytes(pickle.dumps(content, protocol=4))
    read = read_nvidia(path)
    assert read["scalar"] == 0.5
    for name in ("array", "fortran"):
        np.testing.assert_array_equal(read[name].value, content[name])


def test_archive_that_unfolds_is_refused(tmp_path: Path, sentinel: Path) -> None:
    path = tmp_path / "weights.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}))
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/data/0", bytes(50 * 2**20))
    refused(read_torch, path, sentinel)


def test_cut_file_is_refused(tmp_path: Path, sentinel: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"g_ema": {"a": torch.zeros(1000)}}, path)
    path.write_bytes(path.read_bytes()[:2000])
    refused(read_torch, path, sentinel)


def test_no_file(tmp_path: Path) -> None:
    for read in (read_torch, read_nvidia):
        with pytest.raises(CheckpointError, match="There is no file"):
            read(tmp_path / "missing.pt")
