"""How long a personalisation takes: a first guess from its preset, corrected by measured steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pti_core.progress import work_done, work_of

if TYPE_CHECKING:
    from pti_core.inversion.presets import Preset
    from pti_core.progress import Step

# Steps of a stage before its own pace is believed: the first ones allocate memory.
_STEPS_TO_TRUST = 3

# Seconds after which a draft that has not come is not waited for.
_LATE = 0.5

# Seconds on two CPU cores, to begin with: a step at 1024 without its perceptual part, the
# perceptual network forward and backward per million pixels, fitting the edits to the person, and
# comparing the result with the photograph. With these, presets take what they did on cores with
# AVX-512 (benchmarks/notes.md). Measured steps replace the guess.
_STEP_SECONDS, _PERCEPTUAL_SECONDS, _FIT_SECONDS, _MEASURE_SECONDS = 0.4, 1.8, 6.0, 3.0
# How much longer it takes without AVX-512: `fast` 133 to 137 s for 51, `paper`, which has no steps
# at low resolution, 2283 for 1205 (benchmarks/notes.md).
_FAST_WITHOUT_AVX512, _PAPER_WITHOUT_AVX512 = 2.6, 1.9


@dataclass(frozen=True)
class Stage:
    """A part of a job: its name, how many steps it takes at most, and seconds a step at a guess
    (what is measured replaces it). The last one may take a step that it never tells of: its time
    is what passes between the last step and the end.

    draft_at: share of its steps after which there is a first draft to edit; 0: it gives none.
    coarse: share of its steps, the first ones, that are at low resolution and cost less.
    """

    name: str
    steps: int
    seconds: float
    draft_at: float = 0.0
    coarse: float = 0.0


#: `seconds_of` or `seconds_to_draft`.
Measure = Callable[[list[Stage]], float]


def seconds_of(plan: list[Stage]) -> float:
    """Seconds that the stages of a plan take together."""
    return sum(stage.steps * stage.seconds for stage in plan)


def seconds_to_draft(plan: list[Stage]) -> float:
    """Seconds until something can be edited: the first draft, or the end where there is none."""
    passed = 0.0
    for stage in plan:
        whole = stage.steps * stage.seconds
        if stage.draft_at:
            at, coarse = stage.draft_at * stage.steps, stage.coarse * stage.steps
            return passed + whole * work_done(at, stage.steps, coarse)
        passed += whole
    return passed


class Paces:
    """Seconds per step that jobs took here, by kind and stage; not safe for several threads."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, str], float] = {}

    def learn(self, kind: str, plan: list[Stage]) -> None:
        """A job of this kind has ended with this plan."""
        self._seconds.update({(kind, stage.name): stage.seconds for stage in plan})

    def applied_to(self, plan: list[Stage], kind: str) -> list[Stage]:
        """The plan with the seconds that such jobs took; where there were none, those of one
        photograph, whose steps are the same (a kind is "PRESET" or "PRESET, and more")."""
        one = kind.partition(",")[0]

        def seconds(stage: Stage) -> float:
            near = self._seconds.get((one, stage.name), stage.seconds)
            return self._seconds.get((kind, stage.name), near)

        return [replace(stage, seconds=seconds(stage)) for stage in plan]


class TimeEstimate:
    """The plan of one job, whose seconds per step are corrected as steps are done.

    Attributes:
        plan: the stages in order, with what is known of them by now.
    """

    def __init__(self, plan: list[Stage]) -> None:
        self.plan = plan
        self._step: Step | None = None  # the latest
        self._drafted = False
        self._stage_began = self._stepped = self._first_share = 0.0

    def record(self, step: Step) -> None:
        """A step has just been done."""
        last = self._step
        self._drafted = self._drafted or step.draft is not None
        if last is not None and step.stage != last.stage:
            self._learn_untold()
        self._stepped = time.monotonic()
        if last is None or step.stage != last.stage or step.index <= 1:
            self._stage_began, self._first_share = self._stepped, step.share  # or began anew
        else:
            self._learn(step)
        self._plan_for(step)
        self._step = replace(step, picture=None, draft=None)

    def end(self) -> None:
        """The job has just ended."""
        self._learn_untold(ended=True)

    def share_done(self) -> float:
        """Share of the whole that is done, 0 to 1."""
        step = self._step
        index = self._index_of(step.stage) if step else 0
        whole, passed = seconds_of(self.plan), seconds_of(self.plan[:index])
        if step:
            passed += step.index * self.plan[index].seconds
        return passed / whole if whole else 0.0

    def seconds_left(self) -> float:
        """Seconds to the end of the plan."""
        step, plan = self._step, self.plan  # once: the queue asks without the job's lock
        if step is None:
            return seconds_of(plan)
        index = self._index_of(step.stage)
        rest, later = plan[index], seconds_of(plan[index + 1 :])
        passed = time.monotonic() - self._stepped  # a stage without steps takes time all the same
        if _tells_of_none(step):
            return max(rest.steps * rest.seconds - passed, 0.0) + later
        if step.index >= step.total:
            return max(later - passed, 0.0)
        return max(1 - step.share, 0.0) * rest.steps * rest.seconds + later

    def to_draft(self, before: float = 0.0) -> tuple[float, float]:
        """Seconds until something can be edited, and how much of the way there is done, 0 to 1.

        before: seconds until the job begins.
        """
        if self._drafted:
            return 0.0, 1.0
        first, left = self._seconds_to_draft(), self.seconds_left()
        ahead = left - (seconds_of(self.plan) - first)
        if ahead < -_LATE:  # stopped before its draft, or none came: at the end
            first, ahead = seconds_of(self.plan), left
        ahead = max(ahead, 0.0)
        return before + ahead, max(1 - ahead / first, 0.0) if first else 1.0

    def _seconds_to_draft(self) -> float:
        """`seconds_to_draft` of the plan; where steps turn out to cost alike, by their number."""
        step, plan = self._step, self.plan
        if step is None or not 0 < step.index < step.total:
            return seconds_to_draft(plan)
        index = self._index_of(step.stage)
        if abs(step.share - step.index / step.total) > 1e-6:
            return seconds_to_draft(plan)
        return seconds_to_draft(
            [*plan[:index], replace(plan[index], coarse=0.0), *plan[index + 1 :]]
        )

    def _plan_for(self, step: Step) -> None:
        """A stage may take other steps than planned: how many, it knows when it begins."""
        self.plan = [
            replace(one, steps=step.total)
            if one.name == step.stage and step.total and not _tells_of_none(step)
            else one
            for one in self.plan
        ]

    def _learn(self, step: Step) -> None:
        """Put the measured seconds per step in place of the guess, here and for the stages to come
        by the same factor: a machine is fast or slow as a whole."""
        if step.index <= _STEPS_TO_TRUST:
            return
        index = self._index_of(step.stage)
        passed, share = time.monotonic() - self._stage_began, step.share - self._first_share
        measured = passed / max(share, 1e-9) / max(self.plan[index].steps, 1)
        factor = measured / max(self.plan[index].seconds, 1e-9)
        self.plan = [
            *self.plan[:index],
            *(replace(stage, seconds=stage.seconds * factor) for stage in self.plan[index:]),
        ]

    def _learn_untold(self, ended: bool = False) -> None:
        """Put the time since the last step in place of the guess for the stage that took it
        without a step of its own: the one that runs, or at the end the plan's last."""
        step, plan = self._step, self.plan
        if step is None or not plan:
            return
        if _tells_of_none(step):
            index = self._index_of(step.stage)
        elif ended and step.stage != plan[-1].name:
            index = len(plan) - 1
        else:
            return
        stage = plan[index]
        seconds = (time.monotonic() - self._stepped) / max(stage.steps, 1)
        self.plan = [*plan[:index], replace(stage, seconds=seconds), *plan[index + 1 :]]

    def _index_of(self, stage: str) -> int:
        names = [one.name for one in self.plan]
        return names.index(stage) if stage in names else len(names) - 1


def _tells_of_none(step: Step) -> bool:
    """Whether it says only that a stage has begun."""
    return step.index == 0 and step.total == 1


def planned(preset: Preset, people: int) -> tuple[str, list[Stage]]:
    """The kind of such a job, under which its pace is learned, and its stages."""
    together = preset.name if people == 1 else f"{preset.name}, {people} people"
    return together, plan_of(preset, people)


@cache
def _is_slow() -> bool:
    """Whether steps are computed by a processor that is known to lack AVX-512 (Linux)."""
    try:
        flags = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return False
    gpu = Path("/proc/driver/nvidia").exists()
    return "flags" in flags and "avx512f" not in flags and not gpu


def plan_of(preset: Preset, people: int = 1) -> list[Stage]:
    """The stages of a personalisation with their usual steps and a guess at a step's seconds."""

    def seconds(*sides: int) -> float:
        return _STEP_SECONDS + _PERCEPTUAL_SECONDS * sum((side / 1024) ** 2 for side in sides)

    projection, tuning = preset.projection, preset.tuning
    turns = [view.side for view in (*tuning.lpips_in_turn, *tuning.lpips_late)]
    tune = seconds(*(view.side for view in tuning.lpips_views))
    if turns:
        every = len(turns) * tuning.views_every
        tune += sum(seconds(side) - _STEP_SECONDS for side in turns) / every
    if tuning.locality_samples:
        tune += seconds(tuning.locality_size) * tuning.locality_samples / tuning.locality_every
    if tuning.lambda_edits:  # one more picture
        tune += _STEP_SECONDS / tuning.edits_every
    invert = seconds(projection.lpips_size)
    invert, tune = (
        step * work_of(1.0, stage.low_res_share)
        for step, stage in ((invert, projection), (tune, tuning))
    )
    short = projection.low_res_share > 0
    slow = (_FAST_WITHOUT_AVX512 if short else _PAPER_WITHOUT_AVX512) if _is_slow() else 1.0
    return [
        Stage(
            "invert",
            people * projection.steps,
            slow * invert,
            _draft_at(preset, people),
            projection.low_res_share,
        ),
        Stage(
            "tune",
            people * tuning.steps,
            slow * tune,
            min(tuning.drafts_at, default=0.0),
            tuning.low_res_share,
        ),
        Stage("fit edits", 1, slow * people * _FIT_SECONDS),
        Stage("measure", 1, slow * people * _MEASURE_SECONDS),
    ]


def _draft_at(preset: Preset, people: int) -> float:
    """`Stage.draft_at` of the projection; of several people its drafts are left out."""
    if preset.projection.drafts_at and people == 1:
        return min(preset.projection.drafts_at)
    return float(0.0 in preset.tuning.drafts_at)
