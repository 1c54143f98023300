"""Settings of pivotal tuning, in groups: the paper's, when to stop, and those of the fast method.

Every field has the paper's value (Roich et al. 2021, section 4) or switches its term off by
default, so `TuningConfig()` is the paper's method.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from pti_core.inversion.losses import View


@dataclass(frozen=True)
class PhotographTerms:
    """Equation 3: how the rendered picture is compared with its photograph."""

    steps: int = 350  # section 4: 350 iterations
    learning_rate: float = 3e-4  # section 4, Adam
    lambda_l2: float = 1.0  # equation 3's lambda_L2, section 4
    lambda_lpips: float = 1.0  # equation 3 weighs LPIPS by one
    lpips_views: tuple[View, ...] = (View(1024),)  # compared at every step


@dataclass(frozen=True)
class LocalityTerm:
    """Equations 6 and 7: what the base generator renders elsewhere in W stays."""

    locality_samples: int = 1  # N_r, section 4; 0 switches the term off
    locality_every: int = 1  # steps between two evaluations of the term (the paper: every one)
    locality_alpha: float = 30.0  # equation 6's alpha, over all rows of w; figure 17: best near 30
    lambda_locality: float = 0.1  # lambda_R, section 4
    lambda_l2_locality: float = 1.0  # lambda_L2^R, section 4
    locality_size: int = 256  # side in pixels at which the term's LPIPS compares its pictures


@dataclass(frozen=True)
class StoppingRule:
    """When tuning stops before `steps`, and how often it shows and gives what it has reached."""

    lpips_threshold: float = 0.0  # stop under this LPIPS; the authors' code has 0.06
    plateau_steps: int = 60  # stop if the best loss of so many steps gained nothing ...
    plateau_gain: float = 0.02  # ... by this share; less than that changes no picture visibly
    picture_every: int = 10  # a preview goes to `on_step` every so many steps
    # Shares of the steps after which the weights so far go to `on_step`, for editing meanwhile. 0:
    # `personalise` gives the pivots before the first step.
    drafts_at: tuple[float, ...] = (0.0, 0.08, 0.6)


@dataclass(frozen=True)
class FastTerms:
    """Settings of `FastTuning` (`fast_tuning`), which the paper does not have."""

    # More steps for a photograph with more detail, in proportion: `steps_for`.
    enough_detail: float = 0.0  # contrast up to which `steps` suffice; 0: always
    most_steps: float = 1.0  # upper bound, as a multiple of `steps`
    # Low-resolution steps first.
    low_res_share: float = 0.0  # share of the steps that use low-resolution pictures (`low_res`)
    correct_every: int = 8  # rounds between two corrections of the low-resolution pictures
    # Optimisers.
    tuned_from: int = 4  # least side of the hidden maps whose weights move; the paper's: all
    muon_rate: float = 0.0  # learning rate of Muon for channel-mixing weights; 0: Adam for all
    muon_momentum: float = 0.8  # 0.95 is usual, for thousands of steps; in 60, 0.8 ends lower
    final_rate: float = 1.0  # linear decay of the rates to this share; the paper's are constant
    # Terms beside equation 3's.
    lambda_coarse: float = 0.0  # squared error of the pictures at 64 x 64
    lambda_masked: float = 0.0  # `PhotographLoss.masked_error`
    lambda_periodic: float = 0.0  # `PhotographLoss.periodic_error`
    # `PhotographLoss.squared_error`: more on the face, less around it; over 0, LPIPS of
    # low-resolution pictures sees the face alone.
    face_weight: float = 0.0
    # LPIPS of one view at a time.
    lpips_in_turn: tuple[View, ...] = ()  # one more view at each step, in turn
    lpips_late: tuple[View, ...] = ()  # used instead of those from `late_from` on
    late_from: float = 0.5  # share of the steps
    views_every: int = 1  # rounds over the photographs between two of the views in turn
    # Edits keep their size: `HeldEdit`.
    lambda_edits: float = 0.0
    edits_every: int = 3  # rounds between two evaluations, the first among them
    edits_size: int = 128  # side in pixels at which the term compares its pictures


@dataclass(frozen=True)
class TuningConfig(FastTerms, StoppingRule, LocalityTerm, PhotographTerms):
    """Settings of `pivotal_tune`; the defaults are the paper's (section 4)."""

    @property
    def is_paper_method(self) -> bool:
        """Whether no field of `FastTerms` is used: the paper's algorithm then runs alone."""
        return all(getattr(self, field.name) == field.default for field in fields(FastTerms))


def for_all(config: TuningConfig, count: int) -> TuningConfig:
    """Settings for `count` photographs that give each of them the steps that `config` gives one.

    The plateau is scaled too: otherwise a dozen people would have one round to gain in.
    """
    plateau = config.plateau_steps * count
    return replace(config, steps=config.steps * count, plateau_steps=plateau)
