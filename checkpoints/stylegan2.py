"""StyleGAN2 from a published file: read safely once, converted, kept as safetensors.

Converted weights lie in a cache folder under the sha256 of the original, so a changed original is
converted anew, and the pickle is not read again.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from checkpoints.hash_cache import hash_file
from checkpoints.safe_pickle import PersistentObject, module_tensors, read_nvidia, read_torch
from pti_core.errors import CheckpointError
from pti_core.generators.convert import Weights, from_nvidia, from_rosinality
from pti_core.generators.stylegan2 import StyleGAN2, StyleGAN2Config

#: Names the kind of file in its header; another number, another naming of the tensors.
FORMAT = "pti-studio stylegan2 1"


def load_stylegan2(path: Path, cache: Path, *, name: str = "stylegan2-ffhq") -> StyleGAN2:
    """The frozen generator of a published file, on the CPU.

    Args:
        path: rosinality's `.pt`, e4e's (its decoder), or NVIDIA's `.pkl`.
        cache: folder for the converted weights.

    Raises:
        CheckpointError: refused, damaged or of another kind, or the cache cannot be written.
    """
    return open_converted(convert_cached(path, cache), name)


def open_converted(path: Path, name: str) -> StyleGAN2:
    """The frozen generator of a file that `convert_cached` gave, on the CPU.

    Raises:
        CheckpointError: it is damaged; without it the original is converted anew.
    """
    try:
        config, weights, fingerprint = _open(path)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as trouble:
        raise CheckpointError(f"The converted generator {path.name} is damaged.") from trouble
    return StyleGAN2(config, weights, name=name, fingerprint=fingerprint)


def convert_cached(path: Path, cache: Path) -> Path:
    """The converted weights of a published file: found in `cache`, or made there."""
    try:
        fingerprint = hash_file(path)
    except OSError as trouble:
        raise CheckpointError(f"{path.name} cannot be read: {trouble.strerror}.") from trouble
    target = cache / f"{fingerprint}.safetensors"
    if not _sound(target, fingerprint):
        config, weights = read_stylegan2(path)
        header = {"format": FORMAT, "source_sha256": fingerprint}
        header["config"] = json.dumps(asdict(config))
        _write(target, weights, header)
    return target


def read_stylegan2(path: Path) -> tuple[StyleGAN2Config, Weights]:
    """Shape and weights of a published file, converted but not kept."""
    if path.suffix == ".pkl":
        network = read_nvidia(path).get("G_ema")
        if not isinstance(network, PersistentObject):
            raise CheckpointError(f"{path.name} holds no generator (`G_ema`).")
        options = network.state.get("_init_kwargs")
        return from_nvidia(module_tensors(network), options if isinstance(options, dict) else {})
    checkpoint = read_torch(path)
    state = checkpoint.get("g_ema")
    if state is None and isinstance(whole := checkpoint.get("state_dict"), Mapping):
        state = _decoder(whole)
    if not isinstance(state, Mapping) or not state:
        raise CheckpointError(f"{path.name} holds no StyleGAN2 generator (`g_ema`).")
    average = checkpoint.get("latent_avg")
    return from_rosinality(state, average if isinstance(average, Tensor) else None)


def _decoder(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The generator that e4e's and StyleCLIP's files carry along."""
    prefix = "decoder."
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def _sound(path: Path, fingerprint: str) -> bool:
    """Whether the cache has this file whole and of the format in force."""
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
    except (OSError, SafetensorError):
        return False
    return header.get("format") == FORMAT and header.get("source_sha256") == fingerprint


def _open(path: Path) -> tuple[StyleGAN2Config, Weights, str]:
    with safe_open(path, "pt") as file:
        header = file.metadata()
        weights = {key: file.get_tensor(key) for key in sorted(file.keys())}
    shape = json.loads(header["config"])
    shape["channels"] = tuple(shape["channels"])
    return StyleGAN2Config(**shape), weights, header["source_sha256"]


def _write(target: Path, weights: Weights, header: dict[str, str]) -> None:
    """Write beside the target, then move: a reader never sees half a file."""
    partial: str | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=target.parent, prefix=target.name)
        os.close(handle)
        save_file(weights, partial, header)
        os.replace(partial, target)
        partial = None
    except (OSError, SafetensorError) as trouble:
        raise CheckpointError(
            f"The converted generator cannot be written to {target.parent} ({trouble}); "
            "free some space or choose another cache folder."
        ) from trouble
    finally:
        if partial is not None:
            os.unlink(partial)
