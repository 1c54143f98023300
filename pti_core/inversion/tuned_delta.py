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


def names_to_tune(generator: Generator, tuned_from: int) -> list[str]:
    """Parameters of `synthesis` that work on maps of side `tuned_from` and more."""
    names = (name for name, _ in generator.synthesis.named_parameters())
    return [name for name in names if generator.side_of(name) >= tuned_from]


def untuned_delta(generator: Generator, tuned_from: int) -> TunedDelta:
    """The difference before the first step: none. Of one weight, the smallest that is to be tuned:
    enough to tell such a session from one that is not tuned at all."""
    base = dict(generator.synthesis.named_parameters())
    name = min(names_to_tune(generator, tuned_from), key=lambda name: base[name].numel())
    return TunedDelta({name: torch.zeros_like(base[name], dtype=DELTA_DTYPE)})


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
