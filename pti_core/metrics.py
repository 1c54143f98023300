"""How near a reconstruction is to its photograph: pixels and structure.

Images are tensors (N, 3, H, W) in [-1, 1]. The perceptual distance is in `pti_core.networks.lpips`,
the distance of identities in `pti_core.faces.identity`.
"""

from __future__ import annotations

from pytorch_msssim import ms_ssim
from torch import Tensor


def mse(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared error per picture: (N,), of values in [-1, 1]; 0 is equal, 4 the most."""
    return (a - b).square().flatten(1).mean(1)


def ms_ssim_distance(a: Tensor, b: Tensor) -> Tensor:
    """1 - MS-SSIM per picture: (N,), 0 is equal (Wang et al. 2003, five scales, data range 2).

    Raises `ValueError` where a side is under 161 pixels: five scales of an 11-pixel window.
    """
    if min(a.shape[-2:]) < 161:
        raise ValueError(f"MS-SSIM needs sides of at least 161 pixels, got {tuple(a.shape[-2:])}")
    return 1 - ms_ssim(a + 1, b + 1, data_range=2.0, size_average=False)
