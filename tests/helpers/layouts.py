"""Small networks written to disk in the published checkpoints' layouts."""

from __future__ import annotations

import argparse
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.helpers.fill import blur_kernel, filled

Shapes = dict[str, tuple[int, ...]]


def rosinality_shapes(channels: tuple[int, ...], w_dim: int, mapping_layers: int = 8) -> Shapes:
    shapes: Shapes = {"input.input": (1, channels[0], 4, 4)}
    for i in range(1, mapping_layers + 1):
        shapes |= {f"style.{i}.weight": (w_dim, w_dim), f"style.{i}.bias": (w_dim,)}

    def styled(name: str, c_in: int, c_out: int) -> None:
        shapes[f"{name}.conv.weight"] = (1, c_out, c_in, 3, 3)
        shapes[f"{name}.conv.modulation.weight"] = (c_in, w_dim)
        shapes[f"{name}.conv.modulation.bias"] = (c_in,)
        shapes[f"{name}.noise.weight"] = (1,)
        shapes[f"{name}.activate.bias"] = (c_out,)

    def to_rgb(name: str, c_in: int) -> None:
        shapes[f"{name}.conv.weight"] = (1, 3, c_in, 1, 1)
        shapes[f"{name}.conv.modulation.weight"] = (c_in, w_dim)
        shapes[f"{name}.conv.modulation.bias"] = (c_in,)
        shapes[f"{name}.bias"] = (1, 3, 1, 1)

    styled("conv1", channels[0], channels[0])
    to_rgb("to_rgb1", channels[0])
    for i in range(1, len(channels)):
        styled(f"convs.{2 * i - 2}", channels[i - 1], channels[i])
        styled(f"convs.{2 * i - 1}", channels[i], channels[i])
        to_rgb(f"to_rgbs.{i - 1}", channels[i])
    for i in range(2 * len(channels) - 1):
        side = 4 << (i + 1) // 2
        shapes[f"noises.noise_{i}"] = (1, 1, side, side)
    return shapes


def rosinality_state(
    channels: tuple[int, ...] = (12, 10, 8, 6), w_dim: int = 16
) -> dict[str, Tensor]:
    """A filled `g_ema`, blur kernels included as the architecture makes them."""
    state = filled(rosinality_shapes(channels, w_dim))
    for i in range(1, len(channels)):
        state[f"convs.{2 * i - 2}.conv.blur.kernel"] = blur_kernel(4)
        state[f"to_rgbs.{i - 1}.upsample.kernel"] = blur_kernel(4)
    return state


def as_nvidia(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same numbers under NVIDIA's names, written out by hand for the test's networks."""
    renamed: dict[str, Tensor] = {"synthesis.b4.const": state["input.input"][0]}
    for key, tensor in state.items():
        first, _, rest = key.partition(".")
        if first == "style":
            index, kind = rest.split(".")
            renamed[f"mapping.fc{int(index) - 1}.{kind}"] = tensor
        elif first == "noises":
            index = int(rest.removeprefix("noise_"))
            place = "b4.conv1" if index == 0 else f"b{4 << (index + 1) // 2}.conv{(index + 1) % 2}"
            renamed[f"synthesis.{place}.noise_const"] = tensor[0, 0]
        elif first in ("convs", "to_rgbs"):
            index, rest = int(rest.split(".")[0]), rest.split(".", 1)[1]
            block = f"b{8 << (index // 2 if first == 'convs' else index)}"
            place = f"{block}.conv{index % 2}" if first == "convs" else f"{block}.torgb"
            renamed |= _nvidia_layer(place, rest, tensor)
        elif first in ("conv1", "to_rgb1"):
            place = "b4.conv1" if first == "conv1" else "b4.torgb"
            renamed |= _nvidia_layer(place, rest, tensor)
    for key in [k for k in renamed if k.endswith(".noise_const")]:
        renamed[key.replace("noise_const", "resample_filter")] = blur_kernel()
    return renamed


def _nvidia_layer(place: str, rest: str, tensor: Tensor) -> dict[str, Tensor]:
    names = {
        "conv.weight": ("weight", lambda t: t[0]),
        "conv.modulation.weight": ("affine.weight", lambda t: t),
        "conv.modulation.bias": ("affine.bias", lambda t: t),
        "noise.weight": ("noise_strength", lambda t: t[0]),
        "activate.bias": ("bias", lambda t: t),
        "bias": ("bias", lambda t: t.flatten()),
    }
    if rest not in names:
        return {}
    name, change = names[rest]
    return {f"synthesis.{place}.{name}": change(tensor)}


class NvidiaWriter:
    """Pickles networks the way `torch_utils.persistence` does, with stand-ins for its modules."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        package, persistence = types.ModuleType("torch_utils"), types.ModuleType("persistence")
        dnnlib, util = types.ModuleType("dnnlib"), types.ModuleType("util")

        def _reconstruct_persistent_obj(meta: dict[str, Any]) -> Any:
            exec(meta["module_src"], {})  # as the original does
            return meta

        class EasyDict(dict):
            pass

        for thing, module in ((_reconstruct_persistent_obj, "torch_utils.persistence"),):
            thing.__module__, thing.__qualname__ = module, thing.__name__
        EasyDict.__module__, EasyDict.__qualname__ = "dnnlib.util", "EasyDict"
        persistence._reconstruct_persistent_obj = _reconstruct_persistent_obj
        util.EasyDict = EasyDict
        for name, module in (
            ("torch_utils", package),
            ("torch_utils.persistence", persistence),
            ("dnnlib", dnnlib),
            ("dnnlib.util", util),
        ):
            monkeypatch.setitem(sys.modules, name, module)
        self.reconstruct, self.EasyDict = _reconstruct_persistent_obj, EasyDict

    def module(self, tensors: dict[str, Tensor], source: str = "", **state: Any) -> Any:
        """A module tree that holds `tensors` at their dotted names."""
        own, children = {}, {}
        for name, tensor in tensors.items():
            first, dot, rest = name.partition(".")
            if dot:
                children.setdefault(first, {})[rest] = tensor
            else:
                own[name] = tensor
        buffers = ("noise_const", "resample_filter", "w_avg")
        attributes = {
            "training": False,
            "_parameters": {k: torch.nn.Parameter(v) for k, v in own.items() if k not in buffers},
            "_buffers": {k: v for k, v in own.items() if k in buffers},
            "_non_persistent_buffers_set": set(),
            "_modules": {k: self.module(v, source) for k, v in children.items()},
            "act_gain": np.sqrt(2),  # a numpy scalar, as in the published files
            **state,
        }
        return _Reduced(
            self.reconstruct,
            self.EasyDict(
                type="class",
                version=6,
                module_src=source,
                class_name="Network",
                state=self.EasyDict(attributes),
            ),
        )

    def write(
        self, path: Path, tensors: dict[str, Tensor], source: str = "", **options: Any
    ) -> Path:
        network = self.module(tensors, source, _init_kwargs=self.EasyDict(options))
        content = {"G_ema": network, "training_set_kwargs": self.EasyDict(path="ffhq.zip")}
        path.write_bytes(pickle.dumps(content, protocol=4))
        return path


class _Reduced:
    def __init__(self, function: Any, *arguments: Any):
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.arguments


def write_rosinality(path: Path, state: dict[str, Tensor], **more: Any) -> Path:
    torch.save({"g_ema": state, **more}, path)
    return path


def namespace(**options: Any) -> argparse.Namespace:
    return argparse.Namespace(**options)
