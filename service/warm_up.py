"""A few steps of everything before the first person waits for it.

What a process does for the first time takes longer: torch imports its compiler with the first
optimiser, oneDNN makes a kernel for every shape, and the kernel of the system zeroes the pages that
`tune_malloc` then keeps. On two cores that was five of the first personalisation's seconds.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from pti_core.inversion.paper_tuning import pivotal_tune
from pti_core.inversion.presets import FAST
from pti_core.inversion.projector import project
from pti_core.models import TuningModels
from pti_core.personalisation import ends


def warm_up(models: TuningModels) -> None:
    """Personalise the mean face by `FAST` for as few steps as meet every term of its losses."""
    w = models.generator.w_avg[None]
    with torch.no_grad():
        target = models.generator.render(w).clamp(-1, 1)
    projection = replace(FAST.projection, steps=2, low_res_share=0.5)
    project(models.generator, target, models.lpips, projection, latent_prior=models.latent_prior)
    tuning = replace(
        FAST.tuning, steps=4, low_res_share=0.5, enough_detail=0.0, views_every=1, edits_every=1
    )
    edits = ends(models.directions)
    edits = None if edits is None else edits[:1]
    pivotal_tune(models.generator, target, w, models.lpips, tuning, edits=edits)
