"""A small CLIP in OpenAI's layout that knows one thing: how red a picture is.

Trained in a few seconds: pictures of flat colours and noise against the texts "red" and "blue",
with CLIP's own symmetric loss, so that text and picture towers agree.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mappers.styleclip.clip import MEAN, STD, _part, tokenize

SIDE, PATCH, WIDTH, EMBED = 32, 16, 64, 32
WORDS = ("a red face", "a blue face", "a green face", "a face")
#: Flat colours of the words, RGB in [0, 1].
COLOURS = torch.tensor([[0.8, 0.3, 0.3], [0.3, 0.3, 0.8], [0.3, 0.8, 0.3], [0.45, 0.45, 0.45]])


def make_network(vocabulary: int = 49408) -> torch.nn.Module:
    torch.manual_seed(0)
    return _part("model").CLIP(EMBED, SIDE, 1, WIDTH, PATCH, 77, vocabulary, 64, 1, 1)


def pictures(count: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """(count, 3, SIDE, SIDE) in [0, 1] with the number of the word that each is nearest to."""
    kinds = torch.randint(0, len(WORDS), (count,), generator=random)
    flat = COLOURS[kinds] + 0.08 * torch.randn(count, 3, generator=random)
    texture = F.interpolate(torch.randn(count, 3, 8, 8, generator=random) * 0.1, SIDE)
    return (flat[:, :, None, None] + texture).clamp(0, 1), kinds


def trained_state(steps: int = 250) -> dict[str, Tensor]:
    """The weights by OpenAI's names."""
    network, random = make_network(), torch.Generator().manual_seed(1)
    mean, std = torch.tensor(MEAN)[:, None, None], torch.tensor(STD)[:, None, None]
    texts = tokenize(WORDS)
    network.token_embedding.requires_grad_(False)  # fifty thousand rows for four texts
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], 1e-3)
    for _ in range(steps):
        shown, kinds = pictures(32, random)
        a = F.normalize(network.encode_image((shown - mean) / std))
        b = F.normalize(network.encode_text(texts))
        loss = F.cross_entropy(10 * a @ b.T, kinds)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return {name: tensor.detach() for name, tensor in network.state_dict().items()}


def redness(picture: Tensor) -> Tensor:
    """Mean of red less the mean of green and blue, of (N, 3, H, W): (N,)."""
    means = picture.clamp(-1, 1).mean((2, 3))
    return means[:, 0] - means[:, 1:].mean(1)
