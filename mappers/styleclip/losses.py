"""The terms of StyleCLIP's losses (Patashnik et al. 2021, sections 4 and 5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from mappers.styleclip.clip import Clip
from pti_core.networks.lpips import LPIPS, area

if TYPE_CHECKING:
    from checkpoints.fetch import Progress, Store

#: Pictures (N, 3, R, R) of an edit and of what it began with, to a distance (); differentiable.
IdentityLoss = Callable[[Tensor, Tensor], Tensor]
#: Augmented copies of a picture that CLIP sees at once, the least side of their crops, and how far
#: their corners move, as shares of the side. CLIP alone is easily fooled by patterns that no
#: photograph has; what must hold for every crop and slant is seldom such a pattern (Liu et al.
#: 2021, FuseDream, section 3.2, uses the same means).
COPIES, LEAST_CROP, SLANT = 4, 0.75, 0.08
#: Side at which the stand-in for an identity network compares.
PERCEPTUAL_SIDE = 256


def clip_loss(
    clip: Clip, picture: Tensor, target: Tensor, random: torch.Generator, copies: int = COPIES
) -> Tensor:
    """1 - cosine of pictures (N, 3, R, R) and a text's embedding (1, D), over augmented copies."""
    shown = [augmented(picture, random) for _ in range(copies)] if copies else [picture]
    return 1 - (clip.image(torch.cat(shown)) @ target.T).mean()


def augmented(picture: Tensor, random: torch.Generator) -> Tensor:
    """The picture cropped, slanted and maybe mirrored; the same for the same `random`."""
    numbers = torch.rand(12, generator=random)
    zoom = LEAST_CROP + (1 - LEAST_CROP) * numbers[0]
    shift = (numbers[1:3] * 2 - 1) * (1 - zoom)
    slant = (numbers[3:7] * 2 - 1) * SLANT
    mirror = -1.0 if numbers[7] < 0.5 else 1.0
    turn = torch.tensor([[mirror * zoom, slant[0]], [slant[1], zoom]])
    theta = torch.cat([turn, shift[:, None]], 1)[None].expand(len(picture), -1, -1)
    grid = F.affine_grid(theta.to(picture), list(picture.shape), align_corners=False)
    return F.grid_sample(picture, grid, padding_mode="reflection", align_corners=False)


def arcface_loss(network: Callable[[Tensor], Tensor]) -> IdentityLoss:
    """Section 4's L_ID: 1 - cosine of ArcFace's embeddings (N, D) of both pictures."""

    def distance(edited: Tensor, original: Tensor) -> Tensor:
        with torch.no_grad():
            before = network(original)
        return 1 - (network(edited) * before).sum(1).mean()

    return distance


def perceptual_loss(lpips: LPIPS) -> IdentityLoss:
    """A stand-in where ArcFace's weights are not at hand: LPIPS of the face itself.

    It holds more than identity (light, hair), so it asks for smaller weights and edits less; but it
    is differentiable, which dlib's network is not, and comes in a package.
    """

    def distance(edited: Tensor, original: Tensor) -> Tensor:
        side = edited.shape[-1]
        # The middle of an FFHQ crop, where the face is: hair and background may change.
        window = (..., slice(side // 4, side * 7 // 8), slice(side // 4, side * 3 // 4))
        a, b = (area(x[window], min(PERCEPTUAL_SIDE, side)) for x in (edited, original))
        return lpips(a, b).mean()

    return distance


def load_identity_loss(
    progress: Progress | None = None, store: Store | None = None
) -> tuple[IdentityLoss, str]:
    """ArcFace where its weights are on this machine, else LPIPS; and which it is."""
    from checkpoints.fetch import Store
    from checkpoints.network_loaders import load_perceptual
    from checkpoints.safe_pickle import read_torch
    from pti_core.faces.arcface_identity import ArcFaceIdentity

    found = store or Store.from_environment()
    if found.find("arcface-irse50") is not None:
        arcface = ArcFaceIdentity(read_torch(found.fetch("arcface-irse50", progress)))
        return arcface_loss(arcface.embeddings), arcface.name
    return perceptual_loss(load_perceptual(progress=progress)), "lpips"
