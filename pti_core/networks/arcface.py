"""ArcFace IR-SE50, the network: aligned 112-pixel faces to embeddings.

Source: Deng et al. 2019, "ArcFace" (arXiv 1801.07698).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from pti_core.networks.ir_se import body, input_layer


class ArcFace(nn.Module):
    """Faces (N, 3, 112, 112) in [-1, 1] to embeddings (N, 512) of length one."""

    def __init__(self) -> None:
        super().__init__()
        self.input_layer, self.body = input_layer(), body()
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(512),
            nn.Dropout(),
            nn.Flatten(),
            nn.Linear(512 * 7 * 7, 512),
            nn.BatchNorm1d(512),
        )
        self.requires_grad_(False).eval()

    def forward(self, faces: Tensor) -> Tensor:
        return F.normalize(self.output_layer(self.body(self.input_layer(faces))))
