"""Locality regularisation (Roich et al. 2021, section 3.3): the rest of W stays the base's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from pti_core.generators.base import Generator
from pti_core.inversion.tuning_config import LocalityTerm
from pti_core.networks.lpips import LPIPS, area


def locality_loss(
    generator: Generator,
    lpips: LPIPS,
    pivots: Sequence[Tensor],
    weights: Mapping[str, Tensor],
    config: LocalityTerm,
    random: torch.Generator,
) -> Tensor:
    """Equations 6 and 7: pictures at a distance alpha from the pivot stay the base's.

    The distance is that of all num_ws rows together, as the authors' code takes it: 30 is 7.1
    a row of 18. Thirty a row would lie far beyond what random w are apart (14 in the embedded
    generator's W), where pictures are broken and the term would hold nothing of use.

    Args:
        pivots: of each photograph, (1, num_ws, w_dim); one is drawn for every sample.
        weights: the tuned parameters of `synthesis`.
    """
    total = torch.zeros(())
    for _ in range(config.locality_samples):
        which = int(torch.randint(0, len(pivots), (1,), generator=random))
        z = torch.randn(1, generator.w_dim, generator=random)
        pivot = pivots[which]
        away = generator.broadcast(generator.mapping(z.to(pivot))) - pivot
        ws = pivot + config.locality_alpha * away / away.norm()  # equation 6
        with torch.no_grad():
            base = generator.render(ws)
        tuned = generator.render(ws, weights)
        size = config.locality_size
        perceptual = lpips(area(tuned, size), area(base, size)).sum()
        total = total + perceptual + config.lambda_l2_locality * F.mse_loss(tuned, base)
    return total / config.locality_samples
