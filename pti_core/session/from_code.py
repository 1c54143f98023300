"""A session from a latent code alone: the generator's own picture stands in for a photograph."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from pti_core.errors import SessionError
from pti_core.faces.align import Alignment
from pti_core.faces.images import to_image
from pti_core.generators.base import Generator
from pti_core.inversion.tuned_delta import TunedDelta
from pti_core.session.person import PersonState, encode_crop, encode_photograph
from pti_core.session.session import Session


def check_code(w: Tensor, generator: Generator) -> Tensor:
    """The code as this generator takes it, (w_dim,) or (num_ws, w_dim).

    Raises:
        SessionError: it is of another generator's shape, or one of W+ for the embedded generator.
    """
    if w.shape[-1] != generator.w_dim or (w.ndim == 2 and len(w) != generator.num_ws):
        levels = f"{len(w)} levels of " if w.ndim == 2 else ""
        raise SessionError(
            f"The code has {levels}{w.shape[-1]} numbers, and the generator {generator.name!r} "
            f"takes {generator.num_ws} levels of {generator.w_dim}; open it with the generator "
            "that it was made for."
        )
    if w.ndim == 2 and generator.name == "mobile":
        raise SessionError(
            "The code has a w for each level (W+), and the embedded generator was made for one w "
            "for all; open it with StyleGAN2."
        )
    return w.float().cpu()


@torch.inference_mode()
def session_from_code(
    w: Tensor,
    generator: Generator,
    delta: Mapping[str, Tensor] | None = None,
    noise: Mapping[str, Tensor] | None = None,
) -> Session:
    """A session whose pivot is a code, without a photograph.

    Args:
        w: (w_dim,) or (num_ws, w_dim).
        delta: tuned weights as differences; the generator as it is without.
        noise: noise buffers that are not the generator's own.

    Raises:
        SessionError: as `check_code`.
    """
    pivot = check_code(w, generator)
    tuned = TunedDelta(dict(delta or {}))
    device = generator.w_avg.device
    overrides = {name: one.to(device) for name, one in (noise or {}).items()}
    overrides |= TunedDelta({n: t.half() for n, t in tuned.tensors.items()}).overrides(generator)
    image = to_image(generator.render(pivot[None].to(device), overrides, exact=True))
    side = image.width
    low, high = -0.5, side - 0.5  # pixel centres are whole numbers
    whole = Alignment(((low, low), (low, high), (high, high), (high, low)), (side, side))
    person = PersonState(
        photograph=encode_photograph(image),
        crop=encode_crop(image),
        alignment=whole,
        pivot=pivot,
        noise=dict(noise or {}),
    )
    session = Session(generator.name, generator.fingerprint, [person], tuned)
    session.made = {"source": "latent code"}
    return session
