"""What a weight file is, whatever its name says: by its first bytes and by the tensors in it.

Nothing in a file is executed: pickles are read by `safe_pickle` and `torchscript` alone.
"""

from __future__ import annotations

import argparse
import json
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from checkpoints.safe_pickle import PersistentObject, read_nvidia, read_torch_content
from checkpoints.torchscript import is_torchscript, read_torchscript
from pti_core.errors import CheckpointError

#: First bytes of files that are no weights.
_STARTS = (
    (b"version https://git-lfs", "a Git LFS pointer in place of the file it stands for"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x93NUMPY", "a numpy array"),
)
#: Pickle's opcode PROTO, with which files of its protocol 2 and later begin.
_PROTO = b"\x80"


@dataclass(frozen=True)
class Seen:
    """What a file seems to be.

    Attributes:
        kind: "stylegan2", "e4e", "mapper", "arcface", "clip", "code", "directions", "session",
            "export", "damaged", "refused" or "other".
        text: the same as a noun phrase with its article, for a sentence.
        content: what was read, where the kind is one of weights; None elsewhere.
    """

    kind: str
    text: str
    content: Any = None


def identify(path: Path) -> Seen:
    """What a file seems to be. Raises CheckpointError only where it cannot be opened at all."""
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except OSError as error:
        raise CheckpointError(f"{path.name} cannot be read: {error.strerror}.") from error
    if not start:
        return Seen("damaged", "an empty file")
    if start.lstrip()[:15].lower().startswith((b"<!doctype", b"<html")):
        return Seen("other", "a web page, such as a log-in or error page")
    for mark, text in _STARTS:
        if start.startswith(mark):
            return Seen("other", text)
    try:
        if start[:4] == b"PK\x03\x04" and not zipfile.is_zipfile(path):
            return Seen("damaged", "a truncated archive: its end is missing")
        if _is_safetensors(path, start):
            return _of_safetensors(path, start)
        return _of_pickle(path, start)
    except Exception:  # parsers raise whatever a broken byte led them to
        return Seen("damaged", "a damaged or unreadable file")


def refused_because(path: Path, seen: Seen, wanted: str) -> str:
    """One sentence for a file that is not what it was given for."""
    if seen.kind == "damaged":  # it may well be the file that is wanted
        return f"{path.name} is {seen.text}."
    return f"{path.name} is {seen.text}, and not {wanted}."


def _is_safetensors(path: Path, start: bytes) -> bool:
    if len(start) < 9 or start[8:9] != b"{":
        return False
    return 2 <= struct.unpack("<Q", start[:8])[0] <= path.stat().st_size


def _of_safetensors(path: Path, start: bytes) -> Seen:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            names, metadata = list(file.keys()), file.metadata() or {}
    except (OSError, SafetensorError):
        return Seen("damaged", "a damaged safetensors file")
    if "pti_session" in metadata:
        return Seen("session", "a session of this program")
    if "pti_export" in metadata:
        return Seen("export", "a personalised generator that this program exported")
    return Seen("other", f"a safetensors file of {len(names)} tensors, {_some(names)}")


def _of_pickle(path: Path, start: bytes) -> Seen:
    try:
        if is_torchscript(path):
            return of_content(read_torchscript(path))
        if start[:4] != b"PK\x03\x04" and path.suffix.lower() == ".pkl":
            return _of_nvidia(read_nvidia(path))
        return of_content(read_torch_content(path))
    except CheckpointError as error:
        if wanted := _named_by(error):
            return Seen("refused", f"a pickle that asks for {wanted}, which is no data")
        if start[:1] == _PROTO or start[:4] == b"PK\x03\x04":
            return Seen("damaged", "a damaged or unreadable checkpoint")
        return Seen("other", "no file of weights that this program knows")


def _named_by(error: BaseException) -> str:
    """What a refused pickle wanted to call; "" where it was refused for another reason."""
    cause = str(error.__cause__ or "")
    if " it names " in f" {cause}":
        return cause.split("it names ", 1)[1].split(", which")[0]
    for mark in ("Unsupported global: GLOBAL ", "GLOBAL "):
        if mark in cause:
            return cause.split(mark, 1)[1].split()[0].rstrip(".,")[:100]
    return ""


def _of_nvidia(content: Mapping[str, Any]) -> Seen:
    network = content.get("G_ema")
    if not isinstance(network, PersistentObject):
        return Seen("other", f"a pickle with {_some(list(content))} and no generator (G_ema)")
    size = network.state.get("_init_kwargs", {})
    side = size.get("img_resolution") if isinstance(size, Mapping) else None
    which = f" of {side} pixels" if isinstance(side, int) else ""
    return Seen("stylegan2", f"a StyleGAN generator{which} in NVIDIA's layout", content)


def of_content(content: Any) -> Seen:
    """What the content of a `.pt` file seems to be."""
    if isinstance(content, Tensor):
        return Seen("code", f"a single tensor of shape {tuple(content.shape)}", content)
    if not isinstance(content, Mapping) or not content:
        return Seen("other", "a checkpoint without tensors by name")
    if isinstance(state := content.get("g_ema"), Mapping):
        return Seen("stylegan2", f"a StyleGAN2 generator{_side(state)}", content)
    state = content.get("state_dict", content)
    if not isinstance(state, Mapping):
        return Seen("other", f"a checkpoint with {_some(list(content))}")
    names = [name for name in state if isinstance(name, str)]
    if any(name.startswith("mapper.") for name in names):
        return Seen("mapper", f"a StyleCLIP mapper of {_levels(names)} levels", content)
    if any(name.startswith("encoder.") for name in names):
        return Seen("e4e", "an encoder checkpoint such as e4e's", content)
    if "output_layer.3.weight" in state and "input_layer.0.weight" in state:
        return Seen("arcface", "an ArcFace IR-SE50 network", content)
    if "visual.conv1.weight" in state or "text_model.final_layer_norm.weight" in state:
        return Seen("clip", f"a CLIP network{_clip_side(state)}", content)
    if any(isinstance(one, Mapping) and "latent" in one for one in content.values()):
        return Seen("code", "latent codes of rosinality's projector", content)
    if "eigvec" in content or "comp" in content or "act_comp" in content:
        return Seen("directions", "latent directions", content)
    return Seen("other", f"a checkpoint with {_some(list(content))}", content)


def _side(state: Mapping[str, Any]) -> str:
    """The size of a generator in rosinality's layout, by its convolutions."""
    count = sum(1 for name in state if name.startswith("convs.") and name.endswith("activate.bias"))
    return f" of {4 << (count // 2)} pixels in rosinality's layout" if count else ""


def _levels(names: list[str]) -> str:
    groups = (("course", "coarse"), ("medium", "medium"), ("fine", "fine"))
    have = [w for key, w in groups if any(n.startswith(f"mapper.{key}_mapping.") for n in names)]
    return " and ".join([", ".join(have[:-1]), have[-1]] if len(have) > 1 else have) or "no known"


def _clip_side(state: Mapping[str, Any]) -> str:
    patch, places = state.get("visual.conv1.weight"), state.get("visual.positional_embedding")
    if not isinstance(patch, Tensor) or not isinstance(places, Tensor) or patch.ndim != 4:
        return ""
    side = patch.shape[-1] * round((len(places) - 1) ** 0.5)
    return f" for pictures of {side} pixels, in patches of {patch.shape[-1]}"


def options_of(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options that a checkpoint carries, a Namespace or a dict; empty without."""
    options = content.get("opts", {})
    return vars(options) if isinstance(options, argparse.Namespace) else options


def _some(names: list[Any]) -> str:
    shown = [str(name)[:40] for name in names[:3]]
    return json.dumps(shown)[1:-1] + (" and others" if len(names) > 3 else "") or "nothing"
