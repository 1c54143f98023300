"""The device that networks run on, and what a generator needs to know of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Card:
    """A GPU: its memory in bytes, and whether it computes in bfloat16 itself."""

    memory: int
    bf16: bool


def pick_device(wanted: str | torch.device | None = None) -> torch.device:
    """The device asked for; else the first GPU; else the CPU."""
    if wanted is not None:
        return torch.device(wanted)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def card_of(device: torch.device) -> Card | None:
    """What there is to know of a GPU; None for the CPU."""
    if device.type != "cuda":
        return None
    properties = torch.cuda.get_device_properties(device)
    # Compute capability 8.0 (Ampere) is the first with bf16 units; before it bf16 is emulated.
    return Card(properties.total_memory, properties.major >= 8)


def multiplies_bf16() -> bool:
    """Whether this CPU has instructions that multiply bfloat16 (AVX-512 BF16 or AMX).

    Where it has, oneDNN multiplies the embedded generator's matrices at three times the speed of
    float32 or more (`benchmarks/README.md`); where not, it emulates, and float32 is faster.
    """
    found = torch.cpu.get_capabilities()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))
