"""The IR-SE50 trunk that ArcFace's identity network and the e4e encoder share.

Source: Deng et al. 2019, "ArcFace" (arXiv 1801.07698), section 3.1 (IR blocks); Hu et al. 2018,
"Squeeze-and-Excitation Networks" (arXiv 1709.01507). Submodules are numbered so that the published
checkpoints' names fit as they are.
"""

from __future__ import annotations

from torch import Tensor, nn

#: Channels and number of blocks of each stage; the first block of a stage halves the side.
STAGES = ((64, 3), (128, 4), (256, 14), (512, 3))
#: Reduction of the squeeze-and-excitation bottleneck (Hu et al. 2018, section 3.3).
REDUCTION = 16


class SqueezeExcitation(nn.Module):
    """Scales each channel of (N, C, H, W) by a gate made from all channels' means."""

    def __init__(self, channels: int):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // REDUCTION, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // REDUCTION, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.fc2(self.fc1(x.mean((2, 3), keepdim=True)).relu()).sigmoid()
        return x * gate


class IRBlock(nn.Module):
    """Improved residual block with squeeze-and-excitation: (N, C_in, H, W) to (N, C, H/s, W/s)."""

    def __init__(self, c_in: int, channels: int, stride: int):
        super().__init__()
        self.shortcut_layer: nn.Module
        if c_in == channels:
            self.shortcut_layer = nn.MaxPool2d(1, stride)
        else:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(c_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(c_in),
            nn.Conv2d(c_in, channels, 3, 1, 1, bias=False),
            nn.PReLU(channels),
            nn.Conv2d(channels, channels, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels),
            SqueezeExcitation(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.res_layer(x) + self.shortcut_layer(x)


def input_layer() -> nn.Sequential:
    """(N, 3, H, W) to (N, 64, H, W)."""
    return nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64))


def body() -> nn.Sequential:
    """The 24 blocks: (N, 64, H, W) to (N, 512, H/16, W/16)."""
    blocks, c_in = [], 64
    for channels, count in STAGES:
        for i in range(count):
            blocks.append(IRBlock(c_in, channels, 2 if i == 0 else 1))
            c_in = channels
    return nn.Sequential(*blocks)


#: Index of the last block of each stage.
STAGE_ENDS = (2, 6, 20, 23)
