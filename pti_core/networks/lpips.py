"""LPIPS (Zhang et al. 2018) on a shift-tolerant AlexNet (Ghildyal & Liu 2022), from its weights.

The network is AlexNet's convolutions in which a 3x3 binomial blur-pool, reflect-padded, stands for
every stride. Its weights come from the PyPI package `stlpips-pytorch`, which carries the whole
backbone; plain LPIPS needs torchvision's weights, which have to be downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from pti_core.errors import CheckpointError

#: Names of the convolutions in the published state dict, shallow to deep.
_CONVOLUTIONS = ("slice1.0", "slice2.5", "slice3.9", "slice4.11", "slice5.13")


class LPIPS(nn.Module):
    """Learned perceptual distance between pictures in [-1, 1].

    Args:
        state: the published state dict.
        exact_border: the first convolution and its blur-pool are one linear map, so they are
            computed as one 13x13 convolution of stride 2, a third of the arithmetic and a quarter
            of the memory. Only the outermost ring of the first feature map differs (it is zero- in
            place of reflect-padded). True takes the published, slower path: for reports.
    """

    #: What reports call this network.
    name = "shift-tolerant AlexNet (stlpips)"

    shift: Tensor
    blur: Tensor
    first: Tensor
    fused: Tensor

    def __init__(self, state: dict[str, Tensor], exact_border: bool = False):
        super().__init__()
        self.exact_border = exact_border
        # (x - shift) / scale of the published scaling layer goes into the first convolution; the
        # padding value that stands for zero behind it is kept in `padding`.
        scale = state["scaling_layer.scale"].flatten()
        shift = state["scaling_layer.shift"].flatten()
        weights = [state[f"net.{name}.weight"] for name in _CONVOLUTIONS]
        biases = [state[f"net.{name}.bias"] for name in _CONVOLUTIONS]
        self.register_buffer("shift", shift.reshape(1, 3, 1, 1).clone())
        first = weights[0] / scale.reshape(1, 3, 1, 1)
        blur = torch.tensor([1.0, 2.0, 1.0])
        blur = (blur[:, None] * blur / 16).reshape(1, 1, 3, 3)
        self.register_buffer("blur", blur)
        # Composition of a correlation with the blur's (which is symmetric): a full convolution.
        fused = F.conv2d(first.reshape(-1, 1, 11, 11), blur, padding=2).reshape(-1, 3, 13, 13)
        self.register_buffer("first", first)
        self.register_buffer("fused", _space_to_depth_weight(fused))
        self.weights = nn.ParameterList(weights[1:])
        self.biases = nn.ParameterList(biases)
        self.lins = nn.ParameterList(
            state[f"lin{i}.model.1.weight"].clamp(min=0).flatten() for i in range(5)
        )
        self.requires_grad_(False).eval()

    def features(self, x: Tensor) -> list[Tensor]:
        """Five feature maps (N, C, h, w) of pictures (N, 3, H, W), at least 32 pixels a side.

        Each is of unit length along C; the weighted sum of squared differences of two pictures'
        maps, averaged over positions, is that layer's share of the distance.
        """
        x = x - self.shift
        if self.exact_border:
            # A few channels at a time: all 64 at 1024 pixels would take a quarter of a gigabyte.
            groups = zip(self.first.split(16), self.biases[0].split(16), strict=True)
            parts = [self._blur_pool(F.conv2d(x, w, bias, padding=2)) for w, bias in groups]
            x = F.relu_(torch.cat(parts, 1))
        else:
            x = F.relu(_strided_13x13(x, self.fused, self.biases[0]))
        maps = [x]
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases[1:], strict=True)):
            if i < 2:
                x = self._blur_pool(F.max_pool2d(x, 3, 1))
            x = F.relu(F.conv2d(x, weight, bias, padding=2 if i == 0 else 1))
            maps.append(x)
        return [_UnitLength.apply(m)[0] for m in maps]

    def compare(self, a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
        """Distance (N,) of two lists of `features`; either may have one picture for many."""
        total = torch.zeros((), device=a[0].device)
        for left, right, lin in zip(a, b, self.lins, strict=True):
            # Summed over positions first: one small matrix product in place of a pass over the map.
            total = total + (left - right).square().mean((2, 3)) @ lin
        return total

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Distance (N,) between pictures (N, 3, H, W) in [-1, 1]; 0 is the same picture."""
        return self.compare(self.features(a), self.features(b))

    def _blur_pool(self, x: Tensor) -> Tensor:
        x = F.pad(x, (2, 2, 2, 2), mode="reflect")
        return F.conv2d(x, self.blur.expand(x.shape[1], 1, 3, 3), stride=2, groups=x.shape[1])


class _UnitLength(torch.autograd.Function):
    """Maps (N, C, H, W) over their length along C, with half the passes that autograd takes."""

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Tensor]:
        length = torch.linalg.vector_norm(x, dim=1, keepdim=True).add_(1e-10)
        return x / length, length

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, Tensor]) -> None:
        ctx.save_for_backward(*output)
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor | None, _: None) -> Tensor | None:
        if grad is None:
            return None
        unit, length = ctx.saved_tensors
        along = (grad * unit).sum(1, keepdim=True)
        return torch.addcmul(grad, unit, along, value=-1).div_(length)


def _space_to_depth_weight(weight: Tensor) -> Tensor:
    """A 13x13 kernel of stride 2 over 3 channels as a 7x7 kernel of stride 1 over 12."""
    weight = F.pad(weight, (0, 1, 0, 1))
    out = weight.shape[0]
    weight = weight.reshape(out, 3, 7, 2, 7, 2).permute(0, 1, 3, 5, 2, 4)
    return weight.reshape(out, 12, 7, 7).contiguous(memory_format=torch.channels_last)


def _strided_13x13(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    # Position i of the blur-pool looks at rows 2i-2..2i of the first map, those at rows
    # 2i-4..2i+8 of the picture: 4 rows of padding in front, and as many behind as the last needs.
    height, width = x.shape[2:]
    rows, columns = (height - 6 + 4 - 3) // 2 + 1, (width - 6 + 4 - 3) // 2 + 1
    bottom, right = 2 * rows + 12 - 4 - height, 2 * columns + 12 - 4 - width
    x = F.pad(x, (4, right, 4, bottom))
    x = F.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)
    return F.conv2d(x, weight, bias)


def area(x: Tensor, size: int) -> Tensor:
    """Pictures (N, 3, H, W) reduced to (N, 3, size, size) by averaging; the same if they are so."""
    return x if x.shape[-1] == size else F.interpolate(x, size=(size, size), mode="area")


def load_lpips(path: Path, exact_border: bool = False) -> LPIPS:
    """LPIPS from the published `.pth`; nothing in the file is executed.

    Raises:
        CheckpointError: the file is not that state dict.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return LPIPS(state, exact_border)
    except Exception as error:  # torch raises many kinds for a broken file; all mean the same here
        raise CheckpointError(
            f"{path.name} does not hold the perceptual network: fetch it again."
        ) from error
