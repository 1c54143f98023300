"""Face parsing: what each pixel of an aligned face shows, as one of 19 classes.

BiSeNet (Yu et al. 2018, arXiv 1808.00897) on a ResNet-18 context path, with the public weights
trained on CelebAMask-HQ (Lee et al. 2020). The network sees 512 x 512 pixels.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pti_core.errors import CheckpointError
from pti_core.networks.devices import multiplies_bf16

#: Side at which the network was trained and is run.
PARSING_SIDE = 512
#: The classes of CelebAMask-HQ, in the order of the output channels. Left and right are the
#: image's. (The published list has l_ and r_ the other way round; only the pairs are used.)
CLASSES = (
    "background",
    "skin",
    "brow_left",
    "brow_right",
    "eye_left",
    "eye_right",
    "glasses",
    "ear_left",
    "ear_right",
    "earring",
    "nose",
    "mouth",
    "lip_upper",
    "lip_lower",
    "neck",
    "necklace",
    "cloth",
    "hair",
    "hat",
)
# ImageNet's normalisation, as the network was trained.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class FaceParser(nn.Module):
    """BiSeNet with 19 output classes, frozen, in eval mode."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.cp = _ContextPath()
        self.ffm = _FeatureFusion()
        self.conv_out = _Head(256, 256)
        self.register_buffer("mean", torch.tensor(_MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(_STD)[:, None, None], persistent=False)
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> Tensor:
        """Class probabilities (N, 19, 512, 512) of images (N, 3, R, R) in [-1, 1].

        On a CPU that is faster in bfloat16 its convolutions are: probabilities differ by 3e-4 in
        the mean, and the likeliest class in 0.2 % of the pixels, at outlines.
        """
        small = _to_side(image, PARSING_SIDE).clamp(-1, 1)
        x = ((small + 1) / 2 - self.mean) / self.std
        half = x.device.type == "cpu" and multiplies_bf16()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            scores = self.conv_out(self.ffm(*self.cp(x)))
        # Interpolation and softmax of channels-last scores take thrice the time.
        scores = scores.float().contiguous()
        scores = F.interpolate(scores, size=x.shape[-2:], mode="bilinear", align_corners=True)
        return scores.softmax(1)


def face_parser_from_weights(weights: Mapping[str, Tensor]) -> FaceParser:
    """The parser with published weights (79999_iter.pth: a plain state dict).

    The two auxiliary heads of training (`conv_out16`, `conv_out32`) and the classifier of the
    backbone are not used.

    Raises:
        CheckpointError: the weights are those of another network.
    """
    parser = FaceParser()
    used = parser.state_dict().keys()
    try:
        parser.load_state_dict({name: weights[name] for name in used})
    except (KeyError, RuntimeError) as error:
        raise CheckpointError(
            "The face parser's file does not hold the weights of BiSeNet with 19 classes."
        ) from error
    return parser.to(memory_format=torch.channels_last)


def _to_side(image: Tensor, side: int) -> Tensor:
    if image.shape[-1] % side == 0:  # as "area" does, in half the time
        return F.avg_pool2d(image, image.shape[-1] // side)
    return F.interpolate(
        image, size=(side, side), mode="bilinear", align_corners=False, antialias=True
    )


class _ConvBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)


class _ResidualBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module = nn.Identity()
        if inputs != outputs or stride != 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(y)) + self.downsample(x), inplace=True)


class _ResNet18(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            nn.Sequential(
                _ResidualBlock(inputs, outputs, stride), _ResidualBlock(outputs, outputs, 1)
            )
            for inputs, outputs, stride in ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2))
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features at strides 8, 16 and 32."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x)), inplace=True), 3, 2, 1)
        at8 = self.layer2(self.layer1(x))
        at16 = self.layer3(at8)
        return at8, at16, self.layer4(at16)


class _AttentionRefinement(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = _ConvBlock(inputs, outputs)
        self.conv_atten = nn.Conv2d(outputs, outputs, 1, bias=False)
        self.bn_atten = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        pooled = x.mean((2, 3), keepdim=True)
        return x * self.bn_atten(self.conv_atten(pooled)).sigmoid()


class _ContextPath(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.resnet = _ResNet18()
        self.arm16 = _AttentionRefinement(256, 128)
        self.arm32 = _AttentionRefinement(512, 128)
        self.conv_head32 = _ConvBlock(128, 128)
        self.conv_head16 = _ConvBlock(128, 128)
        self.conv_avg = _ConvBlock(512, 128, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features at stride 8: of the backbone (128 channels), and with context (128)."""
        at8, at16, at32 = self.resnet(x)
        context = self.arm32(at32) + self.conv_avg(at32.mean((2, 3), keepdim=True))
        context = self.conv_head32(F.interpolate(context, size=at16.shape[-2:]))
        context = self.arm16(at16) + context
        return at8, self.conv_head16(F.interpolate(context, size=at8.shape[-2:]))


class _FeatureFusion(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convblk = _ConvBlock(256, 256, 1)
        self.conv1 = nn.Conv2d(256, 64, 1, bias=False)
        self.conv2 = nn.Conv2d(64, 256, 1, bias=False)

    def forward(self, spatial: Tensor, context: Tensor) -> Tensor:
        x = self.convblk(torch.cat([spatial, context], 1))
        attention = self.conv2(F.relu(self.conv1(x.mean((2, 3), keepdim=True)))).sigmoid()
        return x + x * attention


class _Head(nn.Module):
    def __init__(self, inputs: int, middle: int) -> None:
        super().__init__()
        self.conv = _ConvBlock(inputs, middle)
        self.conv_out = nn.Conv2d(middle, len(CLASSES), 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_out(self.conv(x))
