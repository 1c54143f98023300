"""ArcFace IR-SE50: the paper's identity metric, where its weights are at hand.

Source: Deng et al. 2019, "ArcFace" (arXiv 1801.07698); the crop is that of the identity loss of
pSp, e4e, StyleCLIP and PTI, made for FFHQ-aligned pictures.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from pti_core.faces.images import to_tensor
from pti_core.networks.arcface import ArcFace
from pti_core.networks.load_state import fit

#: Side to which the picture is averaged, the face's rows and columns there, and the input's side.
POOLED, ROWS, COLUMNS, SIDE = 256, slice(35, 223), slice(32, 220), 112


class ArcFaceIdentity:
    """Identity of FFHQ-aligned pictures, behind the same interface as dlib's.

    Args:
        weights: state dict of the published `model_ir_se50.pth`, already read.

    Raises:
        CheckpointError: the weights do not fit.
    """

    name = "arcface-ir-se50"
    #: Cosine distance below which the embeddings' own training code calls two faces one person (a
    #: squared Euclidean distance of 1.5, `threshold` in TreB1eN/InsightFace_Pytorch's config.py).
    same_person = 0.75

    def __init__(self, weights: Mapping[str, Tensor]):
        self.network = ArcFace()
        fit(self.network, weights, "ArcFace IR-SE50")

    def embeddings(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) in [-1, 1], aligned, to (N, 512) of length one; differentiable."""
        if images.shape[-2:] != (POOLED, POOLED):
            images = F.adaptive_avg_pool2d(images, POOLED)
        return self.network(F.adaptive_avg_pool2d(images[:, :, ROWS, COLUMNS], SIDE))

    @torch.no_grad()
    def embedding(self, image: Image.Image | Tensor) -> np.ndarray:
        """(512,) of length one, of one aligned picture (PIL, or (1, 3, H, W) in [-1, 1])."""
        if isinstance(image, Image.Image):
            image = to_tensor(image)
        device = next(self.network.parameters()).device
        return self.embeddings(image.to(device))[0].cpu().numpy()

    def distance(self, a: Image.Image | np.ndarray, b: Image.Image | np.ndarray) -> float:
        """Cosine distance of two aligned pictures or embeddings, 0 (one face) to 2."""
        return 1 - self.similarity(a, b)

    def similarity(self, a: Image.Image | np.ndarray, b: Image.Image | np.ndarray) -> float:
        """Cosine, -1 to 1 (Roich et al. 2022, PTI, table 1: higher is better)."""
        first, second = (x if isinstance(x, np.ndarray) else self.embedding(x) for x in (a, b))
        return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))
