"""Edits that are no directions: what a text-driven edit found for one session, with an amount.

Each is a step in W or W+ (a latent mapper's, an optimisation's) or in StyleSpace (Wu et al. 2021):
added to the style of a layer, which is the same as added to the bias of the affine layer that makes
it. Steps are linear in their amount, and add up with each other and with the directions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from pti_core.errors import SessionError
from pti_core.generators.base import Generator

#: Where entries may come from.
WAYS = ("mapper", "global", "optimise")
#: Amounts are factors on the step: one is what the way itself would do.
LOW, HIGH = -3.0, 3.0
MAX_ENTRIES = 12
#: Ends of the parameters of `synthesis` that make styles.
STYLE_BIASES = ("modulation.bias", "affine.bias")


@dataclass(frozen=True, eq=False)
class StackEntry:
    """One text-driven edit.

    Attributes:
        label: what was asked for, as a person reads it.
        way: one of `WAYS`.
        amount: factor on the step, `LOW` to `HIGH`.
        ws: step (1, w_dim) for all levels alike or (num_ws, w_dim), float32; or None.
        styles: bias name inside `synthesis` to the step (C,) of its channels, float32.
    """

    label: str
    way: str
    amount: float = 1.0
    ws: Tensor | None = None
    styles: Mapping[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        plain = {name: _plain(step) for name, step in self.styles.items()}
        object.__setattr__(self, "styles", plain)
        if self.ws is not None:
            object.__setattr__(self, "ws", _plain(self.ws))

    def with_amount(self, amount: float) -> StackEntry:
        return replace(self, amount=min(max(float(amount), LOW), HIGH))

    def check(self, generator: Generator) -> None:
        """Raises SessionError where the step does not fit the generator."""
        widths = ((1, generator.w_dim), (generator.num_ws, generator.w_dim))
        own = dict(generator.synthesis.named_parameters())
        sound = self.ws is None or tuple(self.ws.shape) in widths
        for name, step in self.styles.items():
            sound = sound and name in own and name.endswith(STYLE_BIASES)
            sound = sound and step.shape == own[name].shape
        if not sound:
            raise SessionError(
                "The session's text edits do not fit its generator; make the session anew."
            )


def moved(w: Tensor, stack: Sequence[StackEntry], generator: Generator) -> Tensor:
    """w (N, w_dim) or ws (N, num_ws, w_dim) with the stack's steps in W and W+ added."""
    for entry in stack:
        if entry.ws is None or entry.amount == 0:
            continue
        step = entry.ws.to(w) * entry.amount
        if w.ndim == 2 and len(step) > 1:
            w = generator.broadcast(w)
        w = w + step
    return w


def restyled(
    overrides: Mapping[str, Tensor], stack: Sequence[StackEntry], generator: Generator
) -> dict[str, Tensor]:
    """The replaced parameters of `Generator.render` with the stack's steps in StyleSpace."""
    found = dict(overrides)
    own = dict(generator.synthesis.named_parameters())
    for entry in stack:
        for name, step in entry.styles.items():
            bias = found.get(name, own[name])
            found[name] = bias + entry.amount * step.to(bias)
    return found


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", torch.float32).contiguous()
