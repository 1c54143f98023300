"""StyleGAN2 weights of the two published layouts, brought to our names.

Both layouts hold the same numbers (equalised learning rate, unscaled), so a conversion renames
and reshapes. The upsampling convolutions agree as stored: both reference implementations compute
them as a transposed convolution with the unflipped kernel.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from pti_core.errors import CheckpointError
from pti_core.generators.stylegan2 import BLUR, StyleGAN2Config, Synthesis
from pti_core.generators.stylegan2 import Mapping as MappingNetwork

Weights = dict[str, Tensor]

#: Blocks up to 8192 pixels; a file that names more is no network.
MAX_BLOCKS = 12

#: rosinality's names inside one styled layer, and ours.
_ROSINALITY_LAYER = {
    "conv.weight": "weight",
    "conv.modulation.weight": "affine.weight",
    "conv.modulation.bias": "affine.bias",
    "noise.weight": "noise_strength",
    "activate.bias": "bias",
    "bias": "bias",
}


def from_rosinality(
    state: Mapping[str, Tensor], latent_avg: Tensor | None = None
) -> tuple[StyleGAN2Config, Weights]:
    """Shape and weights of a `g_ema` state dict of rosinality's `Generator` (also e4e's decoder).

    Args:
        state: `style.*`, `input.input`, `conv1.*`, `to_rgb1.*`, `convs.*`, `to_rgbs.*`, `noises.*`.
        latent_avg: mean of w, (w_dim,) or more rows of it, where the checkpoint has it.

    Raises:
        CheckpointError: a tensor is missing, unknown, of another shape or not finite.
    """
    weights: Weights = {}
    for name, tensor in _only_tensors(state):
        if name.endswith(".kernel"):
            _check_filter(name, tensor)
        else:
            weights[_rosinality_name(name)] = tensor
    if latent_avg is not None:
        weights["w_mean"] = latent_avg.mean(0) if latent_avg.ndim == 2 else latent_avg
    return _checked(weights, clamp=None)


def _only_tensors(state: Mapping[str, Any]) -> Iterable[tuple[str, Tensor]]:
    for name, tensor in state.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise CheckpointError("The StyleGAN2 weights hold something that is no tensor.")
        yield name, tensor


def _rosinality_name(name: str) -> str:
    if match := re.fullmatch(r"style\.([1-9]\d?)\.(weight|bias)", name):
        return f"mapping.fc{int(match[1]) - 1}.{match[2]}"
    if match := re.fullmatch(r"noises\.noise_(\d\d?)", name):
        return f"synthesis.{_nth_layer(int(match[1]))}.noise"
    if name == "input.input":
        return "synthesis.b4.const"
    place = r"(conv1|to_rgb1|convs\.(?P<c>\d\d?)|to_rgbs\.(?P<r>\d\d?))"
    match = re.fullmatch(place + r"\.(?P<rest>.+)", name)
    if match is None or match["rest"] not in _ROSINALITY_LAYER:
        raise CheckpointError(f"The StyleGAN2 weights hold an unknown tensor, {name[:80]!r}.")
    if match["c"] is not None:
        layer = _nth_layer(int(match["c"]) + 1)
    elif match["r"] is not None:
        layer = f"b{8 << int(match['r'])}.torgb"
    else:
        layer = "b4.conv1" if name.startswith("conv1") else "b4.torgb"
    return f"synthesis.{layer}.{_ROSINALITY_LAYER[match['rest']]}"


def _nth_layer(index: int) -> str:
    """Name of the index-th styled convolution: b4.conv1, b8.conv0, b8.conv1, b16.conv0, ..."""
    return f"b{4 << (index + 1) // 2}.conv{(index + 1) % 2}"


def from_nvidia(
    state: Mapping[str, Tensor], options: Mapping[str, Any] | None = None
) -> tuple[StyleGAN2Config, Weights]:
    """Shape and weights of stylegan2-ada-pytorch's `Generator` (`G_ema`).

    Args:
        state: parameters and buffers by name (`mapping.fc0.weight`, `synthesis.b4.const`, ...).
        options: the generator's `_init_kwargs`, of which `synthesis_kwargs` matters.

    Raises:
        CheckpointError: another architecture than the unconditional skip one, or as above.
    """
    options = dict(options or {})
    synthesis = dict(options.get("synthesis_kwargs") or {})
    clamp = synthesis.get("conv_clamp")
    if clamp is not None and not (isinstance(clamp, (int, float)) and 0 < clamp < math.inf):
        raise CheckpointError("The StyleGAN2 file's conv_clamp is no positive number.")
    if options.get("c_dim") or synthesis.get("architecture", "skip") != "skip":
        raise CheckpointError(
            "This StyleGAN2 file is of another kind (conditional, or not the skip architecture); "
            "use an unconditional one such as FFHQ's."
        )
    weights: Weights = {}
    for name, tensor in _only_tensors(state):
        if name.endswith("resample_filter"):
            _check_filter(name, tensor)
        elif name == "mapping.w_avg":
            weights["w_mean"] = tensor
        else:
            weights[re.sub(r"\.noise_const$", ".noise", name)] = tensor
    return _checked(weights, clamp=None if clamp is None else float(clamp))


def _check_filter(name: str, kernel: Tensor) -> None:
    """The filter is built in; refuse weights that were trained with another."""
    taps = torch.tensor(BLUR)
    wanted = torch.outer(taps, taps) / taps.sum() ** 2
    if kernel.shape != wanted.shape or not torch.allclose(
        kernel.float() / kernel.float().sum(), wanted, atol=1e-5
    ):
        raise CheckpointError(
            f"The StyleGAN2 weights were made with another low-pass filter ({name[:80]}) "
            "than [1, 3, 3, 1]; use a generator that was trained with that one."
        )


def _checked(weights: Weights, clamp: float | None) -> tuple[StyleGAN2Config, Weights]:
    """Infer the shape, and hold every tensor against the network of that shape."""
    config = _infer(weights, clamp)
    with torch.device("meta"):
        network = torch.nn.ModuleDict(
            {"mapping": MappingNetwork(config), "synthesis": Synthesis(config)}
        )
    wanted = {name: tensor.shape for name, tensor in network.state_dict().items()}
    if "w_mean" in weights:
        wanted["w_mean"] = torch.Size([config.w_dim])
    if odd := sorted(wanted.keys() ^ weights.keys()):
        where = "lack" if odd[0] in wanted else "hold an unknown tensor,"
        raise CheckpointError(f"The StyleGAN2 weights {where} {odd[0][:80]!r}.")
    return config, {k: _checked_tensor(k, weights[k], shape) for k, shape in wanted.items()}


def _checked_tensor(name: str, tensor: Tensor, shape: torch.Size) -> Tensor:
    if not tensor.is_floating_point() or tensor.numel() != shape.numel():
        raise CheckpointError(f"In the StyleGAN2 weights {name!r} is not of {tuple(shape)}.")
    tensor = tensor.detach().float().reshape(shape).contiguous()
    if not tensor.isfinite().all():
        raise CheckpointError(f"In the StyleGAN2 weights {name!r} holds what is no number.")
    return tensor


def _infer(weights: Weights, clamp: float | None) -> StyleGAN2Config:
    channels: list[int] = []
    while (
        len(channels) < MAX_BLOCKS
        and (name := f"synthesis.b{4 << len(channels)}.conv1.bias") in weights
    ):
        channels.append(weights[name].numel())
    layers = 0
    while f"mapping.fc{layers}.weight" in weights:
        layers += 1
    if not channels or "mapping.fc0.bias" not in weights:
        raise CheckpointError("The file holds no StyleGAN2 generator.")
    return StyleGAN2Config(tuple(channels), weights["mapping.fc0.bias"].numel(), layers, clamp)
