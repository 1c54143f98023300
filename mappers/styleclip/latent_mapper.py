"""StyleCLIP's latent mappers: one trained network per edit, from ws to a change of ws.

Source: Patashnik et al. 2021, "StyleCLIP" (arXiv 2103.17249), section 5.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pti_core.errors import CheckpointError
from pti_core.networks.load_state import fit

#: Levels of ws in each group: coarse 0-3, medium 4-7, fine 8-17 (StyleCLIP, section 5). `course`
#: is the published checkpoints' spelling.
GROUPS = {"course_mapping": (0, 4), "medium_mapping": (4, 8), "fine_mapping": (8, 18)}
#: Option of a checkpoint that says a group is absent.
ABSENT = {
    "course_mapping": "no_coarse_mapper",
    "medium_mapping": "no_medium_mapper",
    "fine_mapping": "no_fine_mapper",
}
#: Factor on a mapper's output at strength 1 (the published inference code; w + 0.1 M(w)).
STRENGTH = 0.1
#: Equalised learning rate's multiplier, slope and gain of each layer, as trained.
RATE, SLOPE, GAIN = 0.01, 0.2, math.sqrt(2)


class GroupMapper(nn.Module):
    """(N, L, 512) to (N, L, 512): normalisation and four layers, the same for each level."""

    def __init__(self, width: int = 512):
        super().__init__()
        # Layer 0 of the published numbering is the normalisation, which has no weights.
        self.mapping = nn.ModuleDict({str(i): nn.Linear(width, width) for i in range(1, 5)})

    def forward(self, x: Tensor) -> Tensor:
        # Over dim 1, the levels of the group, for each channel apart: the mappers were trained
        # with code written for (N, 512), and must be run as they were trained.
        x = x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        for layer in self.mapping.values():
            assert isinstance(layer, nn.Linear)
            gain = RATE / math.sqrt(x.shape[-1])
            x = F.linear(x, layer.weight * gain, layer.bias * RATE)
            x = F.leaky_relu(x, SLOPE) * GAIN
        return x


class LevelsMapper(nn.Module):
    """ws (N, 18, 512) to the change (N, 18, 512) at factor one; zeros where a group is absent.

    Args:
        groups: the groups that are there, of `GROUPS`.
    """

    def __init__(self, groups: tuple[str, ...] = tuple(GROUPS)):
        super().__init__()
        for name in groups:
            self.add_module(name, GroupMapper())
        self.requires_grad_(False).eval()

    def forward(self, ws: Tensor) -> Tensor:
        if ws.ndim != 3 or ws.shape[1:] != (18, 512):
            raise ValueError(f"ws has shape {tuple(ws.shape)}, not (N, 18, 512)")
        own = dict(self.named_children())
        parts = [ws[:, a:b] for a, b in GROUPS.values()]
        parts = [
            own[name](part) if name in own else torch.zeros_like(part)
            for name, part in zip(GROUPS, parts, strict=True)
        ]
        return torch.cat(parts, dim=1)

    def edit(self, ws: Tensor, strength: float = STRENGTH) -> Tensor:
        """ws moved by the mapper: ws + strength * M(ws)."""
        return ws + strength * self(ws)


def mapper_from_checkpoint(checkpoint: Mapping[str, object]) -> LevelsMapper:
    """The mapper of a published checkpoint, already read.

    Args:
        checkpoint: `state_dict` (`mapper.*`, others ignored) and `opts` (Namespace or dict).

    Raises:
        CheckpointError: another kind of mapper, or the weights do not fit.
    """
    state, opts = checkpoint.get("state_dict"), checkpoint.get("opts")
    if not isinstance(state, Mapping) or not isinstance(opts, (Mapping, argparse.Namespace)):
        raise CheckpointError("The file is no StyleCLIP mapper: it lacks `state_dict` or `opts`.")
    options = opts if isinstance(opts, Mapping) else vars(opts)
    kind = options.get("mapper_type", "LevelsMapper")
    if kind != "LevelsMapper" or options.get("work_in_stylespace", False):
        raise CheckpointError(
            "The mapper is of another kind (it works in StyleSpace, or on all levels at once); "
            "use one of StyleCLIP's LevelsMapper files."
        )
    mapper = LevelsMapper(
        tuple(g for g, absent in ABSENT.items() if not options.get(absent, False))
    )
    weights = {k.removeprefix("mapper."): v for k, v in state.items() if k.startswith("mapper.")}
    fit(mapper, weights, "the mapper that its options describe")
    return mapper
