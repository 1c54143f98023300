"""Weight files of the Hub's assets, written in their published layouts, for one folder."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image, ImageOps
from torch import Tensor, nn

from checkpoints.fetch import Store
from checkpoints.manifest import MANIFEST
from mappers.styleclip.clip import Clip, _part, tokenize
from mappers.styleclip.latent_mapper import LevelsMapper
from pti_core.faces.arcface_identity import ArcFaceIdentity
from pti_core.faces.images import to_tensor
from pti_core.networks.arcface import ArcFace
from pti_core.networks.e4e import E4E
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


def place_in_cache(store: Store, name: str) -> Path:
    """Where an earlier fetch left the file of an asset."""
    path = store.cache / name / store.asset(name).file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def link_known_files(folder: Path) -> None:
    """Put the files that packages gave into a folder, so that a new cache fetches none."""
    store = Store.from_environment()
    for name in store.manifest:
        path = store.find(name)
        if path is not None:
            (folder / path.name).symlink_to(path)


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


# Networks whose last layer is solved for a few known inputs, over golden weights: they do what the
# published ones do, for these inputs alone.


def _solve(inputs: Tensor, outputs: Tensor) -> Tensor:
    """The smallest matrix with `inputs @ matrix == outputs`."""
    return (torch.linalg.pinv(inputs.double()) @ outputs.double()).float()


@torch.no_grad()
def arcface_for(faces: Sequence[Image.Image]) -> dict[str, Tensor]:
    """ArcFace that takes each face and its mirror for one person, and the faces for others."""
    state = filled_like(ArcFace())
    identity, seen = ArcFaceIdentity(state), []
    layer = identity.network.output_layer[3]
    layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    for face in (*faces, *map(ImageOps.mirror, faces)):
        identity.embedding(face)
    wanted = torch.eye(len(faces), 512).repeat(2, 1)
    one, zero = torch.ones(512), torch.zeros(512)
    last = {"weight": one, "bias": zero, "running_mean": zero, "running_var": one}
    solved = {"output_layer.3.weight": _solve(torch.cat(seen), wanted).T.contiguous()}
    solved |= {"output_layer.3.bias": zero}
    return {**state, **solved, **{f"output_layer.4.{name}": one for name, one in last.items()}}


@torch.no_grad()
def e4e_for(pictures: Tensor, w: Tensor, mean: Tensor) -> dict[str, object]:
    """e4e's checkpoint that finds the w (N, 512) of these pictures (N, 3, S, S)."""
    state = filled_like(E4E(torch.zeros(512)))
    for name in state:
        if ".linear." in name:  # levels are alike
            state[name] = torch.zeros_like(state[name])
    network, seen = E4E(torch.zeros(512)), []
    network.load_state_dict(state)
    network.styles[0].convs.register_forward_hook(lambda _, inputs, out: seen.append(out))
    for picture in pictures:
        network(picture[None])
    scale = math.sqrt(512)  # equalised learning rate
    solved = scale * _solve(torch.cat(seen).flatten(1), w - mean).T.contiguous()
    state["styles.0.linear.weight"] = solved
    named = {f"encoder.{k}": v for k, v in state.items() if k != "latent_avg"}
    return {"state_dict": named, "latent_avg": mean.expand(18, 512).clone(), "opts": {}}


@torch.no_grad()
def clip_for(picture: Image.Image, sentences: Sequence[str]) -> dict[str, Tensor]:
    """CLIP of ViT-B/32's size outside, with one narrow layer of random weights, that finds the
    picture's sentence, the first."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = _part("model").CLIP(512, 224, 1, 64, 32, 77, 49408, 64, 1, 1)
    network.logit_scale.fill_(math.log(100))
    own = Clip(network.state_dict())
    own.network.text_projection = nn.Parameter(torch.eye(64))
    texts = own.network.encode_text(tokenize(sentences))
    own.network.visual.proj = None
    image = own.image(to_tensor(picture))
    wanted = torch.eye(len(sentences), 512)
    state = dict(network.state_dict())
    state["text_projection"] = _solve(texts, wanted)
    state["visual.proj"] = _solve(image, wanted[:1])
    return state
