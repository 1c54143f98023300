"""StyleGAN2 in plain PyTorch: any power-of-two resolution, W, W+ and StyleSpace.

Source: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN" (arXiv
1912.04958), sections 2 and 4.2, the skip architecture. Parameters are kept as trained (equalised
learning rate: standard normal, scaled when used), under the names the field knows from NVIDIA's
networks: `b64.conv0.weight`, `b64.torgb.affine.bias` and so on.

What makes it cheaper than the usual plain code, without changing the result:
- for one picture the styles, the demodulation and the gain of the activation are folded into the
  weights, so a layer keeps one map for the backward pass, its own output;
- bias goes into the convolution, noise and activation work in place;
- the blur after the upsampling convolution keeps nothing for the backward pass;
- on a CPU the weight gradients are taken in bands that fit its cache (`convolution`);
- maps lie channels-last, which the CPU's and the GPU's kernels take without reordering.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint as recompute

from pti_core.generators.base import Generator, PartialForward
from pti_core.generators.convolution import convolve
from pti_core.networks.devices import Card, multiplies_bf16

#: Gain and slope of the leaky ReLU, and the demodulation's guard (Karras et al. 2020, appendix B).
GAIN, SLOPE, EPS = math.sqrt(2), 0.2, 1e-8
#: Learning rate multiplier of the mapping network (Karras et al. 2019, section 2, kept in 2020).
MAPPING_RATE = 0.01
#: Taps of the low-pass filter that follows every upsampling (Karras et al. 2019, after Zhang 2019).
BLUR = (1.0, 3.0, 3.0, 1.0)
#: In a 16-bit `dtype` the blocks from this side on are computed in it. Below lies a tenth of the
#: arithmetic, and errors made there are seen over the whole picture.
HALF_FROM = 64
#: Sides that the other parts were tried with; the network takes any power of two.
SUPPORTED_RESOLUTIONS = (256, 512, 1024)
#: Cards of less memory (bytes) compute each block a second time in place of keeping its maps.
#: Tuning at 1024 holds 1 GB of weights, gradients, moments and copies, and 2 to 3 GB of maps.
SMALL_CARD = 8 * 10**9


@dataclass(frozen=True)
class StyleGAN2Config:
    """The shape of a network.

    channels: maps of each block, from 4x4 up; its length gives the resolution.
    clamp: bound of the activations (NVIDIA's `conv_clamp`), None for none.
    """

    channels: tuple[int, ...]
    w_dim: int = 512
    mapping_layers: int = 8
    clamp: float | None = None

    @property
    def sides(self) -> list[int]:
        return [4 << i for i in range(len(self.channels))]

    @property
    def resolution(self) -> int:
        return 4 << (len(self.channels) - 1)

    @property
    def num_ws(self) -> int:
        return 2 * len(self.channels)


class Mapping(nn.Module):
    """z (N, w_dim), standard normal, to w (N, w_dim), untruncated."""

    def __init__(self, config: StyleGAN2Config):
        super().__init__()
        self.w_dim = config.w_dim
        for i in range(config.mapping_layers):
            self.add_module(f"fc{i}", nn.Linear(config.w_dim, config.w_dim))

    def forward(self, z: Tensor) -> Tensor:
        x = z * (z.square().mean(1, keepdim=True) + EPS).rsqrt()
        for layer in self.children():
            assert isinstance(layer, nn.Linear)
            gain = MAPPING_RATE / math.sqrt(x.shape[1])
            x = F.linear(x, layer.weight * gain, layer.bias * MAPPING_RATE)
            x = F.leaky_relu(x, SLOPE) * GAIN
        return x


def _blur(x: Tensor, bias: Tensor | None, pad: int) -> Tensor:
    """Low-pass filter of (N, C, H, W), padded with zeros, to (N, C, H + 2 pad - 3, ...)."""
    taps = torch.tensor(BLUR, dtype=torch.float32, device=x.device)
    kernel = torch.outer(taps, taps) * (4 / taps.sum() ** 2)  # 4: upsampling keeps the mean
    kernel = kernel.to(x.dtype).expand(x.shape[1], 1, 4, 4).contiguous()
    return F.conv2d(x, kernel, bias, padding=pad, groups=x.shape[1])


class _Blur(torch.autograd.Function):
    """The blur after an upsampling convolution, and the bias: (2H+1, 2W+1) to (2H, 2W).

    Linear, so the backward pass needs none of the maps: it is the same filter, padded by two.
    """

    @staticmethod
    def forward(x: Tensor, bias: Tensor) -> Tensor:
        return _blur(x, bias, 1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None]:
        return _blur(grad, None, 2), grad.sum((0, 2, 3)) if ctx.needs_input_grad[1] else None


class _Activation(torch.autograd.Function):
    """Leaky ReLU, then a bound if there is one, in place; the backward pass needs its result alone.

    The gradient is worked on in place as well: it comes fresh from the layers that read the
    result, and maps of the last block are the largest that there are.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, bound: float | None) -> Tensor:
        F.leaky_relu_(x, SLOPE)
        if bound is not None:
            x.clamp_(-bound, bound)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        ctx.bound = bound
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (y,) = ctx.saved_tensors
        torch.ops.aten.leaky_relu_backward.grad_input(grad, y, SLOPE, True, grad_input=grad)
        if ctx.bound is not None:
            grad.masked_fill_(y.abs() >= ctx.bound, 0)
        return grad, None


class Layer(NamedTuple):
    """The tensors of one modulated convolution, as a pure function takes them."""

    weight: Tensor  # (C_out, C_in, k, k)
    bias: Tensor  # (C_out,)
    noise: Tensor | None  # (1, 1, R, R)
    strength: Tensor | None  # ()


def _modulated(x: Tensor, layer: Layer, style: Tensor, gain: float, up: bool) -> Tensor:
    """Modulated, demodulated 3x3 convolution, times gain; plus gain times the bias unless up."""
    if len(x) == 1:
        return _folded(x, layer, style, gain, up)
    # Demodulation makes the scale of weight and style immaterial, so both are brought to at most
    # one: 16-bit maps cannot overflow.
    weight = layer.weight / layer.weight.abs().amax((1, 2, 3), keepdim=True)
    style = style / style.abs().amax(1, keepdim=True)
    demodulation = (style.square() @ weight.square().sum((2, 3)).T + EPS).rsqrt() * gain
    x = convolve(x * style.to(x.dtype)[:, :, None, None], weight, None, up)
    x = x * demodulation.to(x.dtype)[:, :, None, None]
    return x if up else x + (layer.bias * gain).to(x.dtype)[:, None, None]


def _folded(x: Tensor, layer: Layer, style: Tensor, gain: float, up: bool) -> Tensor:
    """`_modulated` for one picture: everything is folded into the weights.

    The norms come from the (C_out, C_in) table of squared weights, so that of the tensors as large
    as the weights only the folded ones are kept for the backward pass.
    """
    squares = layer.weight.square().sum((2, 3))
    demodulation = (squares @ style[0].square() + EPS).rsqrt() * gain
    weight = layer.weight * torch.outer(demodulation, style[0])[:, :, None, None]
    return convolve(x, weight, None if up else layer.bias * gain, up)


def _styled(x: Tensor, layer: Layer, style: Tensor, clamp: float | None, up: bool) -> Tensor:
    """One layer: modulated convolution, noise, bias, leaky ReLU."""
    x = _modulated(x, layer, style, GAIN, up)
    if up:
        x = _Blur.apply(x, (layer.bias * GAIN).to(x.dtype))
    assert layer.noise is not None and layer.strength is not None
    x = x.add_((layer.noise * (layer.strength * GAIN)).to(x.dtype))
    return _Activation.apply(x, None if clamp is None else clamp * GAIN)


def _to_rgb(x: Tensor, layer: Layer, style: Tensor, clamp: float | None) -> Tensor:
    """The block's contribution to the picture (N, 3, R, R), in float32."""
    weight = layer.weight.flatten(1) * (1 / math.sqrt(x.shape[1]))
    weight = (weight * style[:, None]).transpose(1, 2).to(x.dtype)  # (N, C, 3)
    flat = x.permute(0, 2, 3, 1).flatten(1, 2)  # (N, R*R, C): a view of channels-last maps
    # One picture: the plain product is several times faster on a CPU, its gradient above all.
    y = F.linear(flat[0], weight[0].T)[None] if len(x) == 1 else torch.bmm(flat, weight)
    y = y.float().transpose(1, 2).unflatten(2, x.shape[2:])
    y = y.contiguous() + layer.bias[:, None, None]
    return y if clamp is None else y.clamp(-clamp, clamp)


def _upsample(image: Tensor) -> Tensor:
    """Picture of twice the side: zeros between the pixels, then the blur.

    Equal to bilinear interpolation of the picture with a border of zeros.
    """
    image = F.interpolate(F.pad(image, (1, 1, 1, 1)), scale_factor=2, mode="bilinear")
    return image[:, :, 2:-2, 2:-2]


class StyleLayer(nn.Module):
    """Parameters of one modulated convolution and the affine layer that makes its style.

    `weight` (C_out, C_in, k, k) and `affine.weight` are standard normal at the start of training
    and scaled when used; `noise` (1, 1, R, R) is the stored noise map.
    """

    def __init__(self, c_in: int, c_out: int, w_dim: int, side: int | None, kernel: int = 3):
        super().__init__()
        self.affine = nn.Linear(w_dim, c_in)
        self.weight = nn.Parameter(torch.empty(c_out, c_in, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(c_out))
        if side is not None:
            self.noise_strength = nn.Parameter(torch.empty(()))
            self.register_buffer("noise", torch.empty(1, 1, side, side))

    def style(self, w: Tensor) -> Tensor:
        """(N, w_dim) to the style (N, C_in)."""
        gain = 1 / math.sqrt(w.shape[1])
        return F.linear(w, self.affine.weight * gain, self.affine.bias)

    def tensors(self) -> Layer:
        """The tensors in force now; a `functional_call` may have put others in place."""
        noise, strength = getattr(self, "noise", None), getattr(self, "noise_strength", None)
        return Layer(self.weight, self.bias, noise, strength)


class Block(nn.Module):
    """The layers of one side: `conv0` (upsampling; not at 4x4), `conv1` and `torgb`."""

    def __init__(self, c_in: int, c_out: int, w_dim: int, side: int):
        super().__init__()
        if side == 4:
            self.const = nn.Parameter(torch.empty(c_out, 4, 4))
        else:
            self.conv0 = StyleLayer(c_in, c_out, w_dim, side)
        self.conv1 = StyleLayer(c_out, c_out, w_dim, side)
        self.torgb = StyleLayer(c_out, 3, w_dim, None, kernel=1)

    def layers(self) -> dict[str, StyleLayer]:
        return {k: m for k, m in self.named_children() if isinstance(m, StyleLayer)}


def _block(
    x: Tensor,
    image: Tensor | None,
    layers: dict[str, Layer],
    styles: dict[str, Tensor],
    clamp: float | None,
) -> tuple[Tensor, Tensor]:
    """One block as a function of its tensors alone, so that it can be computed a second time."""
    if "conv0" in layers:
        x = _styled(x, layers["conv0"], styles["conv0"], clamp, up=True)
    x = _styled(x, layers["conv1"], styles["conv1"], clamp, up=False)
    rgb = _to_rgb(x, layers["torgb"], styles["torgb"], clamp)
    return x, rgb if image is None else _upsample(image) + rgb


class Synthesis(nn.Module):
    """ws (N, num_ws, w_dim) to a picture (N, 3, R, R), nominally in [-1, 1], unclipped.

    The block of side 4 * 2^i takes ws[2i-1], ws[2i] and, for its picture, ws[2i+1], which it
    shares with the next block; the 4x4 block takes ws[0] and ws[1].
    """

    def __init__(self, config: StyleGAN2Config):
        super().__init__()
        self.config, self.resolution = config, config.resolution
        c_in = config.channels[0]
        for side, c_out in zip(config.sides, config.channels, strict=True):
            self.add_module(f"b{side}", Block(c_in, c_out, config.w_dim, side))
            c_in = c_out

    def blocks(self) -> dict[str, Block]:
        return {k: m for k, m in self.named_children() if isinstance(m, Block)}

    def side_of(self, parameter: str) -> int:
        """Side of the block that a parameter belongs to."""
        return int(parameter.split(".")[0].removeprefix("b"))

    def styles(self, ws: Tensor) -> dict[str, Tensor]:
        """StyleSpace: layer name ("b64.conv0", "b64.torgb", ...) to its style (N, C_in).

        Styles are what the affine layers give, before any gain (Wu et al. 2021, StyleSpace
        Analysis, section 3).
        """
        if ws.ndim != 3 or ws.shape[1:] != (self.config.num_ws, self.config.w_dim):
            wanted = f"(N, {self.config.num_ws}, {self.config.w_dim})"
            raise ValueError(f"ws has shape {tuple(ws.shape)}, not {wanted}")
        found, index = {}, 0
        for name, block in self.blocks().items():
            for key, layer in block.layers().items():
                found[f"{name}.{key}"] = layer.style(ws[:, index])
                index += key != "torgb"
        return found

    def from_styles(
        self,
        styles: dict[str, Tensor],
        *,
        dtype: torch.dtype = torch.float32,
        checkpoint: bool = False,
        until: int | None = None,
        stem: PartialForward | None = None,
    ) -> Tensor | PartialForward:
        """Picture (N, 3, R, R), float32, from styles as `styles` gives them.

        Args:
            dtype: of the maps from side 64 on. With bfloat16 or float16 the weights, their
                gradients and the picture stay float32.
            checkpoint: keep only the blocks' ends for the backward pass and compute each block a
                second time there: about a third more work for a fraction of the memory.
            until: give the stem behind the block of this side instead.
            stem: where to begin.
        """
        x, image = stem or (None, None)
        for name, block in self.blocks().items():
            if stem is not None and int(name[1:]) <= stem.maps.shape[-1]:
                continue
            if x is None:
                count = len(styles["b4.conv1"])
                x = block.const.expand(count, -1, -1, -1)
                x = x.contiguous(memory_format=torch.channels_last)
            layers = {k: m.tensors() for k, m in block.layers().items()}
            given = {k: styles[f"{name}.{k}"] for k in layers}
            x = x.to(dtype if int(name[1:]) >= HALF_FROM else torch.float32)
            arguments = (x, image, layers, given, self.config.clamp)
            if checkpoint and torch.is_grad_enabled():
                x, image = recompute(_block, *arguments, use_reentrant=False)
            else:
                x, image = _block(*arguments)
            if name == f"b{until}":
                return PartialForward(x, image)
        assert image is not None
        return image

    def forward(
        self,
        ws: Tensor,
        *,
        dtype: torch.dtype = torch.float32,
        checkpoint: bool = False,
        until: int | None = None,
        stem: PartialForward | None = None,
    ) -> Tensor | PartialForward:
        """`from_styles` of `styles(ws)`; see there."""
        return self.from_styles(
            self.styles(ws), dtype=dtype, checkpoint=checkpoint, until=until, stem=stem
        )


class StyleGAN2(Generator):
    """A frozen StyleGAN2 generator: see `Generator`.

    Args:
        config: shape of the network.
        weights: tensors by name, as `pti_core.generators.convert` gives them: `mapping.*`,
            `synthesis.*` and, where the checkpoint has it, `w_avg` (w_dim,), the average w.
        name, fingerprint: see `Generator`.
    """

    mapping: Mapping
    synthesis: Synthesis

    def __init__(
        self, config: StyleGAN2Config, weights: dict[str, Tensor], *, name: str, fingerprint: str
    ):
        with torch.device("meta"):
            parts = nn.ModuleDict({"mapping": Mapping(config), "synthesis": Synthesis(config)})
        own = {k: v.float() for k, v in weights.items() if k != "w_mean"}
        parts.load_state_dict(own, strict=True, assign=True)
        super().__init__(
            name=name,
            mapping=parts["mapping"],
            synthesis=parts["synthesis"],
            num_ws=config.num_ws,
            fingerprint=fingerprint,
            w_avg=weights.get("w_mean"),
        )
        self.config = config

    def options_for(self, card: Card | None) -> dict[str, Any]:
        """bf16 maps where the card or the CPU is faster in it, and checkpoints on small cards."""
        if card is None:
            return {"dtype": torch.bfloat16} if multiplies_bf16() else {}
        dtype = torch.bfloat16 if card.bf16 else torch.float32
        return {"dtype": dtype, "checkpoint": card.memory < SMALL_CARD}
