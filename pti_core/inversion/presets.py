"""Named settings of the whole method, from the paper's to what a laptop does in a minute or two."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pti_core.inversion.losses import View
from pti_core.inversion.projector import ProjectionConfig
from pti_core.inversion.tuning_config import TuningConfig


@dataclass(frozen=True)
class Preset:
    """Settings of a projection, of the tuning that follows it, and of tuning that goes on later.

    refining: None for those of `tuning`.
    """

    name: str
    projection: ProjectionConfig
    tuning: TuningConfig
    refining: TuningConfig | None = None


#: The paper's settings (section 4). LPIPS at full resolution is what keeps texture right.
PAPER = Preset("paper", ProjectionConfig(), TuningConfig())

#: The default on a CPU. Settings without a source were found by trying: `benchmarks/notes.md`.
_FAST_TUNING = TuningConfig(
    # Short: the composite shows the photograph's detail, so the weights need the person's shape,
    # tones and identity only; the last ten steps are of full resolution.
    steps=60,
    low_res_share=0.83,
    enough_detail=0.05,
    most_steps=1.25,
    tuned_from=64,
    learning_rate=1e-3,
    # Faster, or with edits held less, an open mouth fills with ghosts of teeth.
    muon_rate=1.1e-2,
    final_rate=0.0,
    lambda_l2=80.0,
    lambda_coarse=20.0,
    # Hair and scene are the photograph's own pixels (docs/compositing.md).
    face_weight=0.5,
    lpips_views=(),
    lpips_in_turn=(View(256, face=True),),
    locality_samples=0,
    views_every=2,
    lambda_edits=0.6,
    edits_every=3,
    edits_size=256,
    picture_every=5,
    drafts_at=(0.0,),  # projection has given one already; later ones show hardly more
)
#: Refining brings all of the render nearer, and its detail. The rate is lower than in tuning: what
#: is there is right, and a larger step would lose it first.
_FAST_REFINING = replace(
    _FAST_TUNING,
    steps=100,
    low_res_share=0.0,
    enough_detail=0.0,
    muon_rate=8e-3,
    face_weight=0.0,
    lambda_masked=0.75,
    lambda_periodic=400.0,
    lpips_in_turn=(View(256), View(512, 256)),
    lpips_late=(View(1024, 384), View(256)),
    late_from=0.0,
    views_every=3,
)
FAST = Preset(
    "fast",
    ProjectionConfig(
        steps=40,
        learning_rate=0.25,
        betas=(0.8, 0.95),
        axes=True,
        lambda_prior=0.03,
        low_res_share=0.5,
        lambda_l2=2.0,
        ramp_up=0.1,
        ramp_down=0.35,
        w_noise=0.0,
        optimise_noise=False,
        picture_every=5,
        # Four steps after the last one at low resolution: with the photograph's detail on them
        # edits of this pivot can be used (benchmarks/notes.md).
        drafts_at=(0.6,),
    ),
    _FAST_TUNING,
    _FAST_REFINING,
)

PRESETS = {preset.name: preset for preset in (FAST, PAPER)}
