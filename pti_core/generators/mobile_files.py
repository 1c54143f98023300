"""Reads the embedded generator's weights from its published OpenVINO IR files.

An IR network is an `.xml` with offsets into a `.bin`. Both are read as plain bytes; nothing in
them is executed.
"""

from __future__ import annotations

import hashlib
import math
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pti_core.errors import CheckpointError
from pti_core.generators.base import Generator
from pti_core.generators.mobile import LayerShape, Mapping, MobileGenerator, MobileSynthesis


def load_mobile(
    mapping: Path,
    synthesis: Path,
    mapping_weights: Path | None = None,
    synthesis_weights: Path | None = None,
    name: str = "mobile",
) -> Generator:
    """The embedded generator from its IR files.

    Args:
        mapping, synthesis: paths of the two `.xml`.
        mapping_weights, synthesis_weights: paths of the two `.bin`; None where each lies beside its
            `.xml` with the same stem.

    Raises:
        CheckpointError: a file is missing or is not the network that is expected.
    """
    mapping_weights = mapping_weights or mapping.with_suffix(".bin")
    synthesis_weights = synthesis_weights or synthesis.with_suffix(".bin")
    mapping_consts = read_ir(mapping, mapping_weights)
    synthesis_consts = read_ir(synthesis, synthesis_weights)
    mapping_net, synthesis_net = Mapping(), MobileSynthesis()
    try:
        mapping_net.load_state_dict(_mapping_state(mapping_consts))
        synthesis_net.load_state_dict(_synthesis_state(synthesis_consts, synthesis_net.shapes))
    except (KeyError, RuntimeError, IndexError) as error:
        raise CheckpointError(
            "The embedded generator's files are not the network that is expected: fetch them again."
        ) from error
    digest = hashlib.sha256()
    for path in (mapping_weights, synthesis_weights):
        digest.update(path.read_bytes())
    return MobileGenerator(
        name=name,
        mapping=mapping_net,
        synthesis=synthesis_net.to(memory_format=torch.channels_last),
        num_ws=18,
        fingerprint=digest.hexdigest(),
    )


def read_ir(xml: Path, weights: Path) -> dict[str, Tensor]:
    """The float32 constants of an OpenVINO IR v10 network, by name, in file order."""
    try:
        blob = weights.read_bytes()
        root = ElementTree.parse(xml).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise CheckpointError(
            f"{xml.name} cannot be read as an OpenVINO network: fetch it again."
        ) from error
    consts = {}
    for layer in root.iter("layer"):
        data = layer.find("data")
        if layer.get("type") != "Const" or data is None or data.get("element_type") != "f32":
            continue
        shape = [int(side) for side in data.get("shape", "").split(",") if side.strip()]
        offset, size = int(data.get("offset", "0")), int(data.get("size", "0"))
        if size != 4 * math.prod(shape) or offset < 0 or offset + size > len(blob):
            raise CheckpointError(f"{xml.name} points outside of its weights: fetch it again.")
        values = np.frombuffer(blob, dtype="<f4", count=size // 4, offset=offset)
        consts[str(layer.get("name"))] = torch.from_numpy(values.reshape(shape).copy())
    return consts


def _mapping_state(consts: dict[str, Tensor]) -> dict[str, Tensor]:
    state = {}
    for i in range(8):
        state[f"layers.{i}.weight"] = consts[str(173 + 4 * i)]
        state[f"layers.{i}.bias"] = consts[str(174 + 4 * i)]
    return state


def _synthesis_state(consts: dict[str, Tensor], shapes: list[LayerShape]) -> dict[str, Tensor]:
    folded = [v for k, v in consts.items() if re.fullmatch(r"Mul_\d+_copy", k)]
    noises = [
        v
        for k, v in consts.items()
        if k.isdigit() and v.ndim == 4 and v.shape[:2] == (1, 1) and v.shape[2] == v.shape[3]
    ]

    def modulation(place: str) -> tuple[Tensor, Tensor]:
        return consts[f"{place}.modulation.weight"], consts[f"{place}.modulation.bias"].flatten()

    state = {
        "input.constant": consts["m.input.input"],
        "input.weight": _planar(folded[0]),
        "input.bias": _planar(consts["m.conv1.bias"].flatten()),
        "input.noise": noises[0],
    }
    state["input.modulation.weight"], state["input.modulation.bias"] = modulation("m.conv1.conv")
    for i, shape in enumerate(shapes):
        theirs, ours = f"m.layers.{i}", f"layers.{i}"
        up_weight, up_bias = modulation(f"{theirs}.up")
        state[f"{ours}.up_modulation.weight"] = _planar(up_weight)
        state[f"{ours}.up_modulation.bias"] = _planar(up_bias)
        for j in (1, 2):
            conv, place = f"{theirs}.conv{j}", f"{ours}.conv{j}"
            # Only what conv2 gives goes through an inverse Haar (the last layer's feeds the head).
            order = _planar if j == 2 and i + 1 < len(shapes) else (lambda tensor: tensor)
            weight, bias = modulation(f"{conv}.conv")
            state[f"{place}.modulation.weight"], state[f"{place}.modulation.bias"] = weight, bias
            depthwise = consts[f"{conv}.conv.weight_dw"]
            state[f"{place}.depthwise"] = depthwise.reshape(-1, 1, 3, 3)
            state[f"{place}.pointwise"] = order(folded[1 + 2 * i + j - 1])
            state[f"{place}.bias"] = order(consts[f"{conv}.bias"].flatten())
            state[f"{place}.noise"] = noises[1 + 2 * i + j - 1]
            if noises[1 + 2 * i + j - 1].shape[-1] != shape.side:
                raise IndexError("noise maps are not in the order that is expected")
    head = f"m.layers.{len(shapes) - 1}.to_img"
    state["head.modulation.weight"], state["head.modulation.bias"] = modulation(f"{head}.conv")
    state["head.weight"] = _planar(consts[f"{head}.conv.weight"])
    state["head.bias"] = _planar(consts[f"{head}.bias"].flatten())
    return state


def _planar(tensor: Tensor) -> Tensor:
    """Reorders output channels from (ll_0.., then lh_j, hl_j, hh_j for each j) to four planes."""
    quarter = len(tensor) // 4
    bands = torch.arange(quarter, 4 * quarter).reshape(quarter, 3).t().reshape(-1)
    return tensor[torch.cat([torch.arange(quarter), bands])]
