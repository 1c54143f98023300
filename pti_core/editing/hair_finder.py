"""Where the hair of the head is in the picture of an aligned face: a small network.

It learned from generated faces alone: hair is what a step of its colour changes, in the layers that
paint and do not shape (`python -m scripts.learn_hair`; `data/README.md` is the card).
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from pti_core.errors import CheckpointError
from pti_core.faces.regions import rising
from pti_core.networks.lpips import area

DATA = Path(__file__).parents[1] / "data" / "hair.safetensors"
#: Side of the pictures that it sees; what it says has half of it.
SIDE = 256
#: How sure it has to be, from none to full weight. Read off nine photographs.
_FOUND = (0.35, 0.7)
#: Channels at sides 128, 64, 32, 16 and 8.
_CHANNELS = (12, 24, 48, 64, 96)


class HairFinder(nn.Module):
    """A U-Net (Ronneberger et al. 2015), with sums in place of concatenations."""

    def __init__(self) -> None:
        super().__init__()
        before = (3, *_CHANNELS[:-1])
        self.down = nn.ModuleList(
            _layers(a, b, stride=2) for a, b in zip(before, _CHANNELS, strict=True)
        )
        self.up = nn.ModuleList(_layers(b, a) for a, b in pairwise(_CHANNELS))
        self.head = nn.Conv2d(_CHANNELS[0], 1, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (N, 1, SIDE / 2, SIDE / 2) of hair in pictures (N, 3, SIDE, SIDE) in [-1, 1]."""
        seen, x = [], pictures
        for layers in self.down:
            x = layers(x)
            seen.append(x)
        seen.pop()
        for layers in reversed(self.up):
            x = seen.pop() + F.interpolate(layers(x), scale_factor=2, mode="bilinear")
        return self.head(F.relu(x))

    def find(self, picture: Tensor) -> Tensor:
        """Where there is hair: (N, 1, SIDE / 2, SIDE / 2) in [0, 1], of (N, 3, R, R)."""
        here = self.head.weight.device  # a small picture goes there, and not the network to it
        sure = torch.sigmoid(self(_sized(picture.clamp(-1, 1)).to(here))).to(picture)
        return rising(sure, *_FOUND)


def load_hair_finder(path: Path = DATA) -> HairFinder:
    """On the CPU, not to be trained.

    Raises:
        CheckpointError: the file that came with the program is damaged.
    """
    finder = HairFinder()
    try:
        finder.load_state_dict({name: x.float() for name, x in load_file(path).items()})
    except (OSError, SafetensorError, RuntimeError) as error:
        raise CheckpointError(f"{path.name} is damaged: install the program again.") from error
    return finder.eval().requires_grad_(False)


def _layers(before: int, after: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride, 1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(),
        nn.Conv2d(after, after, 3, 1, 1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    )


def _sized(picture: Tensor) -> Tensor:
    if picture.shape[-1] >= SIDE:
        return area(picture, SIDE)
    return F.interpolate(picture, size=(SIDE, SIDE), mode="bilinear", antialias=True)
