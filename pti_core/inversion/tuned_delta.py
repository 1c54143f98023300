"""What pivotal tuning leaves: tuned weights as differences from the base generator's."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from pti_core.generators.base import Generator

#: Type of a stored difference: half the file size, and a rounding error (2^-11 of a weight's
#: change) far below what one more step changes.
DELTA_DTYPE = torch.float16


@dataclass(frozen=True)
class TunedDelta:
    """Tuned weights as differences from the base generator's.

    Attributes:
        tensors: parameter name inside `synthesis` to its difference, in `DELTA_DTYPE`.
    """

    tensors: dict[str, Tensor] = field(default_factory=dict)

    def overrides(self, generator: Generator, share: float = 1.0) -> dict[str, Tensor]:
        """The tuned parameters, base plus difference: what `Generator.render` takes.

        share: of the difference.
        """
        base = dict(generator.synthesis.named_parameters())
        return {
            name: base[name].detach() + share * difference.to(base[name])
            for name, difference in self.tensors.items()
        }


@dataclass(frozen=True)
class TunedResult:
    """What `pivotal_tune` reached.

    Attributes:
        delta: the best weights seen, as differences.
        steps: steps taken.
        losses: losses at the weights in `delta`.
        stopped: why it ended: "steps", "plateau", "threshold" or "person".
    """

    delta: TunedDelta
    steps: int
    losses: dict[str, float]
    stopped: str
