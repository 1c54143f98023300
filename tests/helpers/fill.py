"""Networks filled with numbers that depend on the tensors' names alone.

The golden outputs of the reference implementations were made with this fill, so a network filled
anew must repeat them. `ARCHITECTURE` marks tensors that keep what the architecture builds.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

ARCHITECTURE = (".kernel", "resample_filter", "num_batches_tracked")
MAPPING = ("style.", "mapping.fc", "course_mapping.", "medium_mapping.", "fine_mapping.")


def filled(shapes: Mapping[str, tuple[int, ...]], *, conv_gain: bool = False) -> dict[str, Tensor]:
    """Tensors by name. conv_gain: scale 4-D weights to keep a deep plain network's variance."""
    return {
        k: torch.from_numpy(fill_one(k, tuple(shape), conv_gain))
        for k, shape in shapes.items()
        if not k.endswith(ARCHITECTURE)
    }


def fill_one(key: str, shape: tuple[int, ...], conv_gain: bool) -> np.ndarray:
    n = np.random.RandomState(zlib.crc32(key.encode())).standard_normal(shape)
    n = np.asarray(n, dtype=np.float32)
    mapping = key.startswith(MAPPING)
    if key.endswith("running_var"):
        return 0.5 + np.abs(n)
    if key.endswith("running_mean"):
        return np.float32(0.1) * n
    if key.endswith("bias"):
        if "modulation.bias" in key or "affine.bias" in key:
            return 1 + np.float32(0.1) * n
        return np.float32(10 if mapping else 0.1) * n
    if key.endswith("weight"):
        if len(shape) == 1:
            return 1 + np.float32(0.1) * n
        if mapping:
            return np.float32(100) * n
        if len(shape) == 4 and conv_gain:
            return n * np.float32(0.5 * np.sqrt(2 / np.prod(shape[1:])))
    if key.endswith(("noise_strength", "w_avg")):
        return np.asarray(np.float32(0.1) * n)
    return n


def blur_kernel(gain: float = 1.0) -> Tensor:
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(taps, taps) * (gain / 64)


def golden(name: str) -> tuple[dict[str, Tensor], dict[str, list[int]]]:
    """Stored inputs and outputs, and the keys' shapes, of one golden file; skips without it."""
    from safetensors.torch import load_file

    shared = os.environ.get("PTI_SHARED", "../shared")
    folder = Path(shared) / "golden"
    if not (folder / f"{name}.safetensors").is_file():
        pytest.skip(f"golden file {name} is not at hand (set PTI_SHARED)")
    keys = folder / f"{name}.keys.json"
    shapes = json.loads(keys.read_text()) if keys.is_file() else {}
    return load_file(folder / f"{name}.safetensors"), shapes


def error(got: Tensor, wanted: Tensor) -> float:
    """Largest difference in units of the wanted tensor's standard deviation."""
    return float(((got - wanted).abs().max() / wanted.std()).detach())
