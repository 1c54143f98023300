"""Latent codes as the field's programs write them.

- PTI: `0.pt`, a tensor (1, 18, 512) whose levels are equal. e4e: `latents.pt`, (N, 18, 512).
- stylegan2-ada-pytorch: `projected_w.npz`, `w` (1, 18, 512).
- rosinality: `.pt`, picture's name to {"latent": (512,) or (18, 512), "noise": [...], "img": ...}.
- Any `.npy`, `.npz`, `.pt` or `.safetensors` with one array of these shapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from checkpoints.read_arrays import holds_none, read_field_file

W_DIM = 512
#: Levels of StyleGAN2 from 64 to 1024 pixels.
LEVELS = (10, 12, 14, 16, 18)
#: Most codes of one file that are used.
MAX_CODES = 16
#: Codes are of order one; far larger numbers are something else.
MAX_VALUE = 1e3
#: A row this near to length one is the normal of a boundary: codes are ten times as long.
_UNIT = 1e-3
#: Under these names the field keeps codes, the most telling first.
_NAMES = ("w", "ws", "latent", "latents", "pivot", "pivots", "w_pivot", "codes", "wplus", "w_plus")


@dataclass(frozen=True, eq=False)
class Code:
    """One latent code: `w` is (512,) in W or (levels, 512) in W+, float32."""

    name: str
    w: Tensor

    @property
    def levels(self) -> int:
        """How many levels it has; 0 for a code in W."""
        return 0 if self.w.ndim == 1 else len(self.w)


def read_codes(path: Path) -> list[Code]:
    """The codes of a file, up to `MAX_CODES`.

    Raises:
        FieldFileError: it is unreadable or holds none; the sentence says what it seems to be.
    """
    content = read_field_file(path, "latent code")
    try:
        found = _codes(content, path.stem)
    except ValueError as error:
        raise holds_none(path, "latent code", str(error)) from error
    if not found:
        raise holds_none(path, "latent code")
    return found[:MAX_CODES]


def _codes(content: Any, name: str) -> list[Code]:
    if isinstance(content, Tensor):
        return _of_tensor(content, name)
    if isinstance(content, (list, tuple)):
        return [code for i, one in enumerate(content[:MAX_CODES]) for code in _codes(one, f"{i}")]
    if not isinstance(content, Mapping):
        return []
    for key in _NAMES:
        if isinstance(content.get(key), Tensor):
            return _of_tensor(content[key], name)
    nested = [
        code
        for key, value in list(content.items())[:1000]
        if isinstance(value, Mapping) and isinstance(value.get("latent"), Tensor)
        for code in _of_tensor(value["latent"], Path(str(key)).stem[:60])
    ]
    if nested:
        return nested
    fitting = [v for v in content.values() if isinstance(v, Tensor) and _fits(v)]
    return _of_tensor(fitting[0], name) if len(fitting) == 1 else []


def _fits(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and 1 <= tensor.ndim <= 4 and tensor.shape[-1] == W_DIM


def _of_tensor(tensor: Tensor, name: str) -> list[Code]:
    """(512,), (N, 512), (levels, 512), (N, levels, 512), any of them with ones in front."""
    if not _fits(tensor):
        return []
    tensor = tensor.detach().float().cpu()
    while tensor.ndim > 1 and tensor.shape[0] == 1:
        tensor = tensor[0]
    if tensor.ndim == 1 or (tensor.ndim == 2 and len(tensor) in LEVELS):
        rows = [tensor]
    elif tensor.ndim == 2 or (tensor.ndim == 3 and tensor.shape[1] in (1, *LEVELS)):
        rows = list(tensor[:MAX_CODES])
    else:
        return []
    if not all(bool(row.isfinite().all()) and float(row.abs().max()) < MAX_VALUE for row in rows):
        raise ValueError("its numbers are not finite, or far too large")
    if any(row.ndim == 1 and abs(float(row.norm()) - 1) < _UNIT for row in rows):
        raise ValueError("a vector of length one is a direction; add it to an open face")
    label = [name] if len(rows) == 1 else [f"{name} {i}" for i in range(len(rows))]
    return [Code(one, _in_w(row)) for one, row in zip(label, rows, strict=True)]


def _in_w(row: Tensor) -> Tensor:
    """A code of equal levels is one in W."""
    if row.ndim == 2 and torch.equal(row, row[:1].expand_as(row)):
        row = row[0]
    return row.clone().contiguous()
