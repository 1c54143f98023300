"""Where pivots come from: projection to W (the paper's) or to W+, or e4e."""

from __future__ import annotations

import torch
from torch import Tensor

from pti_core.errors import UserError
from pti_core.generators.base import Generator
from pti_core.inversion.projector import Projection
from pti_core.networks.e4e import E4E

#: pti: inversion, then pivotal tuning. w, w+, e4e: that inversion alone, for comparison.
METHODS = ("pti", "w", "w+", "e4e")
#: What tuning takes its pivots from: projection to W (the paper's) or to W+, or e4e's W+ codes.
PIVOTS = ("w", "w+", "e4e")


def find_inversion(method: str, pivot: str, encoder: E4E | None, generator: Generator) -> str:
    """Which of `PIVOTS` the photographs are inverted to. Raises UserError where that cannot be."""
    if method not in METHODS:
        raise UserError(f"There is no method named {method!r}; use one of {', '.join(METHODS)}.")
    if pivot not in PIVOTS:
        raise UserError(f"There is no pivot named {pivot!r}; use one of {', '.join(PIVOTS)}.")
    inversion = pivot if method == "pti" else method
    if inversion == "e4e":
        _check_encoder(encoder, generator)
    return inversion


def _check_encoder(encoder: E4E | None, generator: Generator) -> None:
    """Make sure that e4e's codes mean something to this generator; UserError where they do not."""
    if encoder is None:
        raise UserError("An e4e pivot needs e4e's network, which is not loaded; use the pivot w.")
    if encoder.num_ws != generator.num_ws:
        raise UserError(
            f"e4e gives {encoder.num_ws} codes and the generator {generator.name!r} takes "
            f"{generator.num_ws}; use --generator stylegan2, for which it was made, or the pivot w."
        )


def changed_noise(generator: Generator, projection: Projection) -> dict[str, Tensor]:
    """The projection's noise maps that differ from the generator's own."""
    own = dict(generator.synthesis.named_buffers())
    return {n: tensor for n, tensor in projection.noise.items() if not torch.equal(tensor, own[n])}
