"""CLIP (Radford et al. 2021, arXiv 2103.00020), which says how near a picture is to a text.

The networks and the vocabulary are those of the `clip` package. Its own entrance is not used: it
imports `pkg_resources`, which new versions of setuptools no longer have, and it loads OpenAI's file
with `torch.jit.load`, which runs the program in it. The file is a TorchScript archive; only its
tensors are read (`checkpoints.torchscript`), after its hash was checked.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pti_core.errors import CheckpointError
from pti_core.networks.load_state import fit

if TYPE_CHECKING:
    from checkpoints.fetch import Progress, Store

#: Mean and spread of the pictures that CLIP was trained on (its published preprocessing).
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
#: OpenAI's own file, and the same weights on the Hub.
ASSETS = ("clip-vit-b-32", "clip-vit-b-32-hub")
#: Longest text in tokens, and what stands beside the weights in OpenAI's files.
CONTEXT = 77
_SETTINGS = ("input_resolution", "context_length", "vocab_size")


class Clip(nn.Module):
    """Pictures and texts to vectors whose dot product is their nearness (cosine).

    Args:
        weights: tensors by OpenAI's names, of a network with a vision transformer.

    Raises:
        CheckpointError: they are not those of such a network.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        state = {k: v.float() for k, v in weights.items() if k not in _SETTINGS}
        try:
            network = _part("model").CLIP(**_shape(state))
        except (KeyError, IndexError, ValueError, RuntimeError, ZeroDivisionError) as error:
            raise CheckpointError(
                "The file is no CLIP network with a vision transformer."
            ) from error
        fit(network, state, "CLIP")
        self.network = network
        self.side = int(network.visual.input_resolution)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("std", torch.tensor(STD)[:, None, None])
        self.requires_grad_(False).eval()

    def image(self, picture: Tensor) -> Tensor:
        """(N, 3, S, S) in [-1, 1], of any side S, to (N, D) of length one; differentiable."""
        shown = picture.clamp(-1, 1) * 0.5 + 0.5
        larger = shown.shape[-1] >= self.side
        shown = F.interpolate(shown, (self.side, self.side), mode="area" if larger else "bilinear")
        return F.normalize(self.network.encode_image((shown - self.mean) / self.std))

    @torch.no_grad()
    def text(self, texts: Sequence[str]) -> Tensor:
        """Texts to (N, D) of length one."""
        return F.normalize(self.network.encode_text(tokenize(texts).to(self.mean.device)))


def tokenize(texts: Sequence[str]) -> Tensor:
    """Texts to CLIP's tokens (N, 77), cut where they are longer."""
    reader = _tokenizer()
    start, end = reader.encoder["<|startoftext|>"], reader.encoder["<|endoftext|>"]
    found = torch.zeros(len(texts), CONTEXT, dtype=torch.long)
    for row, text in zip(found, texts, strict=True):
        tokens = [start, *reader.encode(text)[: CONTEXT - 2], end]
        row[: len(tokens)] = torch.tensor(tokens)
    return found


def load_clip(progress: Progress | None = None, store: Store | None = None) -> Clip:
    """CLIP ViT-B/32, fetched if it is not here. Raises CheckpointError where it cannot be had."""
    from checkpoints.fetch import Store

    found = store or Store.from_environment()
    here = [name for name in ASSETS if found.find(name) is not None]
    troubles: list[CheckpointError] = []
    for name in [*here, *(name for name in ASSETS if name not in here)]:
        try:
            return Clip(read_clip(found.fetch(name, progress)))
        except CheckpointError as error:
            troubles.append(error)
    raise troubles[0]


def clip_is_here(store: Store | None = None) -> bool:
    """Whether CLIP's weights are on this machine; no network is used."""
    from checkpoints.fetch import Store

    found = store or Store.from_environment()
    return any(found.find(name) is not None for name in ASSETS)


def read_clip(path: Path) -> dict[str, Tensor]:
    """CLIP's tensors by OpenAI's names, from OpenAI's TorchScript archive, from a state dict, or
    from the Hub's layout. Nothing in the file is executed. Raises CheckpointError."""
    from checkpoints.safe_pickle import read_torch
    from checkpoints.torchscript import is_torchscript, read_torchscript

    if is_torchscript(path):
        return read_torchscript(path)
    state = read_torch(path)
    inner = state.get("state_dict", state)
    tensors = {k: v for k, v in dict(inner).items() if isinstance(v, Tensor)}
    return _from_hub(tensors) if "text_model.final_layer_norm.weight" in tensors else tensors


def _shape(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """The arguments of the package's network that its weights tell."""
    patch = state["visual.conv1.weight"].shape[-1]
    grid = round((len(state["visual.positional_embedding"]) - 1) ** 0.5)
    width = len(state["ln_final.weight"])
    return {
        "embed_dim": state["text_projection"].shape[1],
        "image_resolution": patch * grid,
        "vision_layers": _depth(state, "visual.transformer.resblocks."),
        "vision_width": len(state["visual.conv1.weight"]),
        "vision_patch_size": patch,
        "context_length": len(state["positional_embedding"]),
        "vocab_size": len(state["token_embedding.weight"]),
        "transformer_width": width,
        "transformer_heads": max(width // 64, 1),
        "transformer_layers": _depth(state, "transformer.resblocks."),
    }


def _depth(state: Mapping[str, Tensor], prefix: str) -> int:
    return len({k[len(prefix) :].split(".")[0] for k in state if k.startswith(prefix)})


def _from_hub(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The names that the Hub's `transformers` layout has, as OpenAI's."""
    found = {
        "positional_embedding": state["text_model.embeddings.position_embedding.weight"],
        "token_embedding.weight": state["text_model.embeddings.token_embedding.weight"],
        "text_projection": state["text_projection.weight"].T,
        "logit_scale": state["logit_scale"],
        "visual.proj": state["visual_projection.weight"].T,
        "visual.class_embedding": state["vision_model.embeddings.class_embedding"],
        "visual.positional_embedding": state["vision_model.embeddings.position_embedding.weight"],
        "visual.conv1.weight": state["vision_model.embeddings.patch_embedding.weight"],
    }
    norms = {
        "ln_final": "text_model.final_layer_norm",
        "visual.ln_pre": "vision_model.pre_layrnorm",  # the published spelling
        "visual.ln_post": "vision_model.post_layernorm",
    }
    layers = {"ln_1": "layer_norm1", "ln_2": "layer_norm2", "attn.out_proj": "self_attn.out_proj"}
    layers |= {"mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"}
    for kind in ("weight", "bias"):
        found |= {f"{ours}.{kind}": state[f"{theirs}.{kind}"] for ours, theirs in norms.items()}
        for ours, theirs in (("", "text_model"), ("visual.", "vision_model")):
            for i in range(_depth(state, f"{theirs}.encoder.layers.")):
                block, layer = f"{ours}transformer.resblocks.{i}", f"{theirs}.encoder.layers.{i}"
                found |= {
                    f"{block}.{a}.{kind}": state[f"{layer}.{b}.{kind}"] for a, b in layers.items()
                }
                parts = [state[f"{layer}.self_attn.{k}_proj.{kind}"] for k in "qkv"]
                found[f"{block}.attn.in_proj_{kind}"] = torch.cat(parts)
    return found


@cache
def _tokenizer() -> Any:
    return _part("simple_tokenizer").SimpleTokenizer()


@cache
def _part(name: str) -> ModuleType:
    """A file of the `clip` package, without the package's entrance."""
    package = importlib.util.find_spec("clip")
    if package is None or package.origin is None:
        raise CheckpointError("The package openai-clip is missing: pip install openai-clip.")
    path = Path(package.origin).parent / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"_openai_clip_{name}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise CheckpointError("The package `clip` is not OpenAI's: pip install openai-clip.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
