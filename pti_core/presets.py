"""Named settings of the whole method, from the paper's to what a laptop does in a minute or two."""

from __future__ import annotations

from dataclasses import dataclass

from pti_core.inversion import ProjectionConfig
from pti_core.tuning import TuningConfig


@dataclass(frozen=True)
class Preset:
    """Settings of a projection and of the tuning that follows it."""

    name: str
    projection: ProjectionConfig
    tuning: TuningConfig


#: The paper's settings (section 4). LPIPS at full resolution is what keeps texture right.
PAPER = Preset("paper", ProjectionConfig(), TuningConfig())

#: The default on a CPU.
FAST = Preset(
    "fast",
    ProjectionConfig(
        steps=80, learning_rate=0.05, lambda_l2=0.5, ramp_down=0.4, optimise_noise=False
    ),
    TuningConfig(
        steps=100,
        lpips_sizes=(256,),
        lpips_crop=256,
        locality_samples=0,
        final_rate=0.0,
    ),
)

PRESETS = {preset.name: preset for preset in (FAST, PAPER)}
