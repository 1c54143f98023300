"""What this machine can do, and why: a few lines."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch

from checkpoints.fetch import Store, on_space, persistent_storage
from checkpoints.select_generator import STYLEGAN2
from pti_core.networks.devices import card_of, multiplies_bf16, pick_device

#: Optional parts of the product: what for, and the module that they need.
_PARTS = (
    ("text edits beyond sliders and mappers", "clip"),
    ("HEIC photographs", "pillow_heif"),
    ("a Ray cluster", "ray"),
    ("GPUs lent by a Space", "spaces"),
)


def describe_machine(store: Store) -> Sequence[tuple[str, str]]:
    """Label and sentence: processor, GPU, generator, storage, optional parts."""
    return [
        (
            "computer",
            f"{platform.system()} {platform.machine()}, Python "
            f"{platform.python_version()}, PyTorch {torch.__version__}, {_memory()}",
        ),
        ("processor", _processor()),
        ("GPU", _gpu()),
        ("generator", _generator(store)),
        ("storage", _storage(store)),
        ("parts", _parts()),
    ]


def _memory() -> str:
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return "memory unknown"
    return f"{whole / 2**30:.0f} GiB of memory"


def _processor() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    kind = torch.backends.cpu.get_cpu_capability()
    half = "is faster in" if multiplies_bf16() else "gains nothing from"
    return f"{cores} cores for this process, {kind}; it {half} bfloat16 (measured)"


def _gpu() -> str:
    device = pick_device()
    card = card_of(device)
    if card is None:
        built = "PyTorch was built without CUDA" if torch.version.cuda is None else "none is seen"
        return f"none: {built}, so everything runs on the processor"
    bf16 = "in bfloat16" if card.bf16 else "in float32: it has no bfloat16 units"
    return f"{torch.cuda.get_device_name(device)}, {card.memory / 2**30:.0f} GiB, {bf16}"


def _generator(store: Store) -> str:
    here = [name for name in STYLEGAN2 if store.find(name) is not None]
    on_gpu = pick_device().type == "cuda"
    if not on_gpu:
        return "the embedded one, as there is no GPU; StyleGAN2-FFHQ takes a choice of its own"
    if here:
        return f"StyleGAN2-FFHQ ({here[0]}), as there is a GPU and the weights are here"
    return "StyleGAN2-FFHQ if the Hub gives its weights, else the embedded one"


def _storage(store: Store) -> str:
    place = store.cache
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free / 2**30
    writable = "" if os.access(place, os.W_OK) else ", NOT writable"
    lasting = persistent_storage() is not None or not on_space()
    kept = "kept over restarts" if lasting else "lost when the Space sleeps: add storage"
    return f"{_short(store.cache)}: {free:.0f} GiB free{writable}, {kept}"


def _short(path: Path) -> str:
    home = str(Path.home())
    return str(path).replace(home, "~", 1) if str(path).startswith(home) else str(path)


def _parts() -> str:
    def there(module: str) -> bool:
        try:
            return importlib.util.find_spec(module) is not None
        except (ImportError, ValueError):
            return False

    return "; ".join(f"{what}: {'yes' if there(name) else 'no'}" for what, name in _PARTS)
