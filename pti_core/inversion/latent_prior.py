"""What was learned beforehand about a generator, so that projection needs fewer and cheaper steps.

`axes`: coordinates of W in which LPIPS curves along the axes, not across them. Adam scales each
coordinate by itself, so it goes straight where the curvature is diagonal. `head`: shows a small
picture from the features in the middle of the network (`pti_core.inversion.low_res`). Made from
generated faces alone by `python -m scripts.learn`; `data/README.md` is the card.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from pti_core.errors import CheckpointError
from pti_core.generators.base import Generator
from pti_core.generators.ganspace_sefa import principal_axes

DATA = Path(__file__).parents[1] / "data" / "learned.safetensors"


@dataclass(frozen=True, eq=False)
class LatentPrior:
    """For one generator.

    Attributes:
        axes: (w_dim, w_dim), rows: the step in W that one of each coordinate is.
        head: (12, C).
        principal: `principal_axes` of the generator, which takes half a second to find; None where
            nobody asked for it yet.
    """

    axes: Tensor
    head: Tensor
    principal: Tensor | None = None


def load_latent_prior(generator: Generator, path: Path = DATA) -> LatentPrior | None:
    """What was learned about this very generator, on its device; None where that is nothing.

    Raises:
        CheckpointError: the file that came with the program is damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            if (file.metadata() or {}).get("fingerprint") != generator.fingerprint:
                return None
            axes, head = (file.get_tensor(name).to(generator.w_avg) for name in ("axes", "head"))
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path.name} is damaged: install the program again.") from error
    return LatentPrior(axes, head, principal_axes(generator))


def save_latent_prior(
    latent_prior: LatentPrior, generator: Generator, made: dict[str, str], path: Path
) -> None:
    """Write it for this generator; `made` says how, in the file's header."""
    tensors = {"axes": latent_prior.axes.contiguous(), "head": latent_prior.head.contiguous()}
    save_file(
        {name: tensor.to(torch.float32).cpu() for name, tensor in tensors.items()},
        path,
        {"generator": generator.name, "fingerprint": generator.fingerprint, **made},
    )
