"""Tuned weights in eight bits: a session half as large, and no picture visibly another.

A row of a weight's difference (one output channel) is whole numbers from -127 to 127 times a power
of two of its own. Powers of two make it exact: such a difference is exact in float16, and packing
what was unpacked gives the same bytes, so a session renders the same before and after its file.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from pti_core.inversion.tuned_delta import DELTA_DTYPE, TunedDelta

#: Exponents whose multiples are exact in float16: down to its smallest step, and up to 127 * 2^8.
LEAST_POWER, MOST_POWER = -24, 8
_LARGEST = 127


def compact(delta: TunedDelta) -> TunedDelta:
    """The difference rounded to what `pack` can store; vectors stay as they are."""
    return TunedDelta({name: _rounded(tensor) for name, tensor in delta.tensors.items()})


def pack(tensor: Tensor) -> tuple[Tensor, Tensor] | None:
    """A float16 tensor (R, ...) as int8 numbers of that shape and int8 exponents (R,).

    None where it is a vector or not exactly so: `compact` makes it so.
    """
    if tensor.ndim < 2:
        return None
    numbers, powers = _numbers(tensor)
    return (numbers, powers) if torch.equal(unpack(numbers, powers), tensor) else None


def unpack(numbers: Tensor, powers: Tensor) -> Tensor:
    """What `pack` was given: numbers (R, ...) times two to the powers (R,), float16.

    Raises:
        ValueError: shapes that do not fit, or exponents outside of `LEAST_POWER` to `MOST_POWER`.
    """
    if numbers.ndim < 2 or powers.shape != numbers.shape[:1]:
        raise ValueError("numbers and powers do not fit")
    if powers.min() < LEAST_POWER or powers.max() > MOST_POWER:
        raise ValueError("a power is out of range")
    scale = torch.exp2(powers.float()).reshape(-1, *[1] * (numbers.ndim - 1))
    return (numbers.float() * scale).to(DELTA_DTYPE)


def pack_all(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Differences by name as a file's tensors: `delta.NAME`, or `packed.NAME` and `powers.NAME`."""
    out = {}
    for name, tensor in tensors.items():
        packed = pack(tensor)
        if packed is None:
            out[f"delta.{name}"] = tensor
        else:
            out[f"packed.{name}"], out[f"powers.{name}"] = packed
    return out


def _numbers(tensor: Tensor) -> tuple[Tensor, Tensor]:
    rows = tensor.float().flatten(1)
    largest = rows.abs().amax(1).clamp(min=2.0**LEAST_POWER)
    powers = torch.ceil(torch.log2(largest / _LARGEST)).clamp(LEAST_POWER, MOST_POWER)
    numbers = (rows / torch.exp2(powers)[:, None]).round_().clamp_(-_LARGEST, _LARGEST)
    return numbers.to(torch.int8).reshape(tensor.shape), powers.to(torch.int8)


def _rounded(tensor: Tensor) -> Tensor:
    return tensor if tensor.ndim < 2 else unpack(*_numbers(tensor.to(DELTA_DTYPE)))
