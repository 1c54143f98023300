"""Weight files of the Hub's assets, written in their published layouts, for one folder."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from checkpoints.fetch import Store
from checkpoints.manifest import MANIFEST
from mappers.styleclip.latent_mapper import LevelsMapper
from tests.helpers.fill import filled

#: The options of a published mapper whose three groups are there.
MAPPER_OPTIONS = {
    "mapper_type": "LevelsMapper",
    "no_coarse_mapper": False,
    "no_medium_mapper": False,
    "no_fine_mapper": False,
    "work_in_stylespace": False,
}


def store_of(folder: Path) -> Store:
    """A store that has `folder` alone, with no hashes but the recorded ones, as most assets."""
    hashed = ("arcface-irse50", "clip-vit-b-32-hub")  # what is tested beyond their hashes
    open_manifest = {
        name: replace(asset, sha256=None) if name in hashed else asset
        for name, asset in MANIFEST.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    return Store(open_manifest, folder.parent / "cache", folder)


def place(store: Store, name: str) -> Path:
    """Where the file of an asset goes."""
    assert store.folder is not None
    return store.folder / store.asset(name).file_name


def filled_like(network: nn.Module) -> dict[str, Tensor]:
    """Weights for every name of a network, from the names alone."""
    own = network.state_dict()
    tensors = filled({k: tuple(v.shape) for k, v in own.items()}, conv_gain=True)
    return {k: tensors.get(k, own[k]) for k in own}


def write_mapper(path: Path, state: Mapping[str, Tensor], fine: bool = True) -> Path:
    options = argparse.Namespace(**{**MAPPER_OPTIONS, "no_fine_mapper": not fine})
    named = {f"mapper.{name}": tensor for name, tensor in state.items()}
    torch.save({"state_dict": named, "opts": options}, path)
    return path


def constant_mapper(step: Tensor, fine: bool = True) -> dict[str, Tensor]:
    """Weights of a mapper that moves every level by the same step (512,) at strength 0.1."""
    groups = ("course_mapping", "medium_mapping", "fine_mapping")[: 3 if fine else 2]
    state = {k: torch.zeros_like(v) for k, v in LevelsMapper(groups).state_dict().items()}
    wanted = step / 0.1
    # The last layer: leaky ReLU (0.2) of a bias at a hundredth, times the root of two.
    bias = torch.where(wanted > 0, wanted, wanted / 0.2) / (0.01 * math.sqrt(2))
    for name in state:
        if name.endswith("mapping.4.bias"):
            state[name] = bias.clone()
    return state
