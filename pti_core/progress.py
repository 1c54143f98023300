"""How a long step says where it stands, and how it is told to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Step:
    """One optimisation step that has just been done.

    Attributes:
        stage: "invert" (the projector), "tune" (pivotal tuning), or what other work calls its own.
        index: number of the step inside its stage, from 1; 0 of 1 where a stage begins that tells
            of no steps, 0 of more for a draft before the first one. Those two have no losses.
        total: how many steps the stage takes at most; a plateau or a threshold ends it earlier.
        losses: loss term to its value at this step, unweighted, e.g. {"mse": ..., "lpips": ...}.
        picture: (1, 3, R', R') in [-1, 1], detached, every now and then only; R' may be smaller
            than the generator's resolution.
        note: what the person at the screen should know besides, in a sentence; "" as a rule.
        done: share of the stage's work, 0 to 1, where its steps do not cost alike.
        draft: what can be used already, now and then only: the latent so far (`Tensor`) of
            `project`, the tuned weights so far (`TunedDelta`) of `pivotal_tune`, a session
            (`Session`) of `personalise`.
    """

    stage: str
    index: int
    total: int
    losses: dict[str, float] = field(default_factory=dict)
    picture: Tensor | None = None
    note: str = ""
    done: float | None = None
    draft: Any = None

    @property
    def share(self) -> float:
        """Of the stage's work, how much is done: 0 to 1."""
        return self.index / max(self.total, 1) if self.done is None else self.done


#: Called after every step. Returning False stops the stage; what is reached by then is kept.
OnStep = Callable[[Step], bool | None]

#: What a step on small pictures (`pti_core.inversion.low_res`) costs, of one on full ones: 0.52 s
#: of 1.0 s in projection, 0.68 of 1.7 s in tuning (two cores without AVX-512).
LOW_RES_COST = 0.45


def work_of(steps: float, coarse: float) -> float:
    """What so many steps cost, the first of them `coarse`, in full ones."""
    return steps - (1 - LOW_RES_COST) * min(steps, coarse)


def work_done(step: float, steps: int, coarse: float) -> float:
    """Share of the work that is done after `step` of `steps`."""
    return work_of(step, coarse) / max(work_of(steps, coarse), 1e-9)
