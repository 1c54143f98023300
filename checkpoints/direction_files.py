"""Latent directions as the field's programs write them.

- InterFaceGAN: a boundary, `.npy` (1, 512), the unit normal of a hyperplane in W.
- GANSpace: `.npz` with `act_comp` (K, 1, 512) and `act_stdev` (K,), or `lat_comp` and `lat_stdev`;
  and e4e's excerpt of it, `.pt` with `comp` and `std`.
- SeFa: rosinality's `closed_form_factorization.py`, `.pt` with `eigvec` (512, K), one a column.
- StyleSpace: layer's name ("b64.conv0") to a step of its styles, in `.npz`, `.pt`, `.safetensors`.
- Any array (512,) or (K, 512).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from checkpoints.latent_codes import LEVELS, W_DIM
from checkpoints.read_arrays import holds_none, read_field_file

#: Most directions of one file: the first ten of GANSpace and SeFa carry what can be named.
MAX_DIRECTIONS = 10
_LAYER = re.compile(r"(?:synthesis\.)?(b\d{1,4}\.(?:conv0|conv1|torgb))(?:\.affine\.bias)?", re.A)
_COMPONENTS = (("act_comp", "act_stdev"), ("comp", "std"), ("lat_comp", "lat_stdev"))


@dataclass(frozen=True, eq=False)
class FoundDirection:
    """One direction of a file.

    Attributes:
        name: small letters, digits and underscores.
        kind: "boundary", "ganspace", "sefa", "styles" or "direction".
        vector: (512,) float32 of unit length; None for StyleSpace.
        std: length of a usual step, where the file says it; else None.
        styles: layer ("b64.conv0") to the step of its styles.
    """

    name: str
    kind: str
    vector: Tensor | None = None
    std: float | None = None
    styles: Mapping[str, Tensor] = field(default_factory=dict)


def read_directions(path: Path) -> list[FoundDirection]:
    """The directions of a file, up to `MAX_DIRECTIONS`.

    Raises:
        FieldFileError: it is unreadable or holds none; the sentence says what it seems to be.
    """
    content = read_field_file(path, "direction")
    try:
        found = _directions(content, _plain_name(path.stem))
    except ValueError as error:
        raise holds_none(path, "direction", str(error)) from error
    if not found:
        raise holds_none(path, "direction")
    return found


def _plain_name(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:40] or "direction"


def _directions(content: Any, name: str) -> list[FoundDirection]:
    if isinstance(content, Tensor):
        kind = "boundary" if "boundary" in name else "direction"
        return _rows(content, None, name, kind)
    if not isinstance(content, Mapping):
        return []
    if isinstance(content.get("eigvec"), Tensor) and content["eigvec"].ndim == 2:
        return _rows(content["eigvec"].T, None, name, "sefa")
    for key, std in _COMPONENTS:
        if isinstance(content.get(key), Tensor) and content[key].shape[-1] == W_DIM:
            return _rows(content[key], content.get(std), name, "ganspace")
    styles = _styles(content)
    if styles:
        return [FoundDirection(name, "styles", styles=styles)]
    fitting = {k: v for k, v in content.items() if isinstance(v, Tensor) and _fits(v)}
    return [
        one
        for key, tensor in list(fitting.items())[:MAX_DIRECTIONS]
        for one in _rows(tensor, None, _plain_name(f"{name}_{key}"), "direction")
    ][:MAX_DIRECTIONS]


def _fits(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and 1 <= tensor.ndim <= 3 and tensor.shape[-1] == W_DIM


def _rows(tensor: Tensor, std: Any, name: str, kind: str) -> list[FoundDirection]:
    if not _fits(tensor):
        return []
    if tensor.ndim == 3 and tensor.shape[1] in LEVELS:
        raise ValueError("its shape is that of latent codes; open it as one")
    rows = tensor.detach().float().cpu().reshape(-1, W_DIM)[:MAX_DIRECTIONS]
    lengths = rows.norm(dim=1)
    if not bool(rows.isfinite().all()) or float(lengths.min()) < 1e-8:
        raise ValueError("a direction is zero or not finite")
    usual = std.flatten().float() if isinstance(std, Tensor) else None
    found = []
    for i, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        own = None if usual is None or i >= len(usual) else float(usual[i])
        sound = own is not None and 0 < own < 1e3
        label = name if len(rows) == 1 else f"{name}_{i}"
        found.append(FoundDirection(label, kind, row / length, own if sound else None))
    return found


def _styles(content: Mapping[Any, Any]) -> dict[str, Tensor]:
    found = {}
    for key, value in content.items():
        match = _LAYER.fullmatch(key) if isinstance(key, str) else None
        if match is not None and isinstance(value, Tensor) and value.is_floating_point():
            step = value.detach().float().cpu().flatten()
            if not bool(step.isfinite().all()):
                raise ValueError("a step is not finite")
            found[match[1]] = step
    return found
