"""Named settings of the whole method, from the paper's to what a laptop does in a minute or two."""

from __future__ import annotations

from dataclasses import dataclass

from pti_core.inversion import ProjectionConfig
from pti_core.losses import View
from pti_core.tuning import TuningConfig


@dataclass(frozen=True)
class Preset:
    """Settings of a projection and of the tuning that follows it."""

    name: str
    projection: ProjectionConfig
    tuning: TuningConfig


#: The paper's settings (section 4). LPIPS at full resolution is what keeps texture right.
PAPER = Preset("paper", ProjectionConfig(), TuningConfig())

#: The default on a CPU. Settings without a source were found by trying: `benchmarks/README.md`.
FAST = Preset(
    "fast",
    ProjectionConfig(
        steps=50,
        learning_rate=0.05,
        lambda_l2=0.5,
        ramp_down=0.4,
        optimise_noise=False,
        picture_every=5,
    ),
    TuningConfig(
        steps=120,
        tuned_from=32,
        learning_rate=1e-3,
        muon_rate=6e-3,
        final_rate=0.0,
        lambda_l2=20.0,
        lambda_coarse=10.0,
        lambda_masked=0.3,
        lambda_periodic=100.0,
        lpips_views=(View(256),),
        lpips_in_turn=(View(1024, 384), View(512)),
        locality_samples=0,
        lambda_edits=0.1,
        picture_every=5,
    ),
)

PRESETS = {preset.name: preset for preset in (FAST, PAPER)}
