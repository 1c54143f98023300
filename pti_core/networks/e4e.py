"""e4e: a feature-pyramid encoder from a face to W+ in one pass.

Source: Tov et al. 2021, "Designing an Encoder for StyleGAN Image Manipulation" (arXiv 2102.02766),
sections 4 and 5.1, at the last stage of its training, where every level has an offset of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pti_core.errors import CheckpointError
from pti_core.networks.ir_se import STAGE_ENDS, body, input_layer
from pti_core.networks.load_state import fit

#: Levels below the first number see the coarsest features, below the second the middle ones
#: (Richardson et al. 2021, pSp, section 3.1).
COARSE, MIDDLE = 3, 7
#: Side of the picture the encoder was trained on.
SIDE = 256


class StyleHead(nn.Module):
    """Feature map (N, 512, S, S) to one code (N, 512): halvings down to 1x1, then a linear map."""

    def __init__(self, side: int, width: int = 512):
        super().__init__()
        steps = []
        for _ in range(int(math.log2(side))):
            steps += [nn.Conv2d(width, width, 3, 2, 1), nn.LeakyReLU()]
        self.convs = nn.Sequential(*steps)
        self.linear = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.convs(x).flatten(1)
        # Equalised learning rate: the stored weight is unscaled.
        return F.linear(x, self.linear.weight / math.sqrt(x.shape[1]), self.linear.bias)


class E4E(nn.Module):
    """A picture (N, 3, 256, 256) in [-1, 1], FFHQ-aligned, to ws (N, num_ws, 512).

    Args:
        latent_avg: (num_ws, 512) or (512,), what is added to the network's codes.
        num_ws: levels of the generator (18 at 1024).
    """

    latent_avg: Tensor

    def __init__(self, latent_avg: Tensor, num_ws: int = 18):
        super().__init__()
        self.num_ws = num_ws
        self.input_layer, self.body = input_layer(), body()
        sides = [16 if i < COARSE else 32 if i < MIDDLE else 64 for i in range(num_ws)]
        self.styles = nn.ModuleList(StyleHead(side) for side in sides)
        self.latlayer1 = nn.Conv2d(256, 512, 1)
        self.latlayer2 = nn.Conv2d(128, 512, 1)
        self.register_buffer("latent_avg", latent_avg.float().expand(num_ws, 512).clone())
        self.requires_grad_(False).eval()

    def forward(self, image: Tensor) -> Tensor:
        """ws (N, num_ws, 512); a picture of another side is brought to 256 by averaging."""
        if image.shape[-2:] != (SIDE, SIDE):
            image = F.adaptive_avg_pool2d(image, SIDE)
        return self.codes(image) + self.latent_avg

    def codes(self, image: Tensor) -> Tensor:
        """(N, 3, 256, 256) to (N, num_ws, 512), before `latent_avg` is added."""
        x, maps = self.input_layer(image), []
        for i, block in enumerate(self.body):
            x = block(x)
            if i in STAGE_ENDS[1:]:
                maps.append(x)
        fine, middle, coarse = maps
        middle = _add_upsampled(coarse, self.latlayer1(middle))
        fine = _add_upsampled(middle, self.latlayer2(fine))
        first = self.styles[0](coarse)
        levels = [first]
        for i in range(1, self.num_ws):
            features = coarse if i < COARSE else middle if i < MIDDLE else fine
            levels.append(first + self.styles[i](features))
        return torch.stack(levels, dim=1)


def _add_upsampled(coarse: Tensor, fine: Tensor) -> Tensor:
    """The pyramid's step down; corners of the two maps are aligned, as in training."""
    size = fine.shape[-2:]
    return F.interpolate(coarse, size=size, mode="bilinear", align_corners=True) + fine


def e4e_from_checkpoint(checkpoint: Mapping[str, object]) -> E4E:
    """The encoder of a published e4e checkpoint, already read.

    Args:
        checkpoint: `state_dict` (`encoder.*`, others ignored) and `latent_avg`.

    Raises:
        CheckpointError: either is missing or of another shape.
    """
    state = checkpoint.get("state_dict")
    if not isinstance(state, Mapping):
        raise CheckpointError(
            "The e4e file holds no `state_dict`; use e4e's own e4e_ffhq_encode.pt."
        )
    weights = {k.removeprefix("encoder."): v for k, v in state.items() if k.startswith("encoder.")}
    num_ws = len({k.split(".")[1] for k in weights if k.startswith("styles.")})
    average = checkpoint.get("latent_avg")
    if not isinstance(average, Tensor):
        raise CheckpointError(
            "The e4e file holds no `latent_avg`, without which its codes mean nothing; "
            "use one saved with start_from_latent_avg, such as e4e_ffhq_encode.pt."
        )
    if average.shape[-1] != 512 or average.numel() not in (512, num_ws * 512):
        raise CheckpointError(f"The e4e file's `latent_avg` is not of shape ({num_ws}, 512).")
    encoder = E4E(average.reshape(-1, 512), num_ws)
    fit(encoder, {**weights, "latent_avg": encoder.latent_avg}, "the e4e encoder")
    return encoder
