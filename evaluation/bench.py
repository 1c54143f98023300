"""Where the experiments are done: the networks, the settings, and what is finished already."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from evaluation.measures import Drift, Subject, measure_editing, measure_reconstruction, subject_of
from evaluation.photographs import Photo
from evaluation.workbook import Workbook
from pti_core.errors import PhotographError
from pti_core.faces.framing import frame
from pti_core.faces.images import open_photograph
from pti_core.inversion.losses import View
from pti_core.inversion.presets import Preset
from pti_core.inversion.tuned_delta import TunedDelta
from pti_core.inversion.tuning_config import TuningConfig
from pti_core.models import TuningModels
from pti_core.personalisation import personalise
from pti_core.progress import OnStep
from pti_core.report import plain_settings
from pti_core.session.session import Session

#: What ablations tune with in place of `fast`: equation 3 in few steps, and nothing of our own
#: (`Bench.plain_tuning`), with the rates, weights and views that `fast` had when this was written.
#: It stands by itself so that a change for the page's sake does not change what they say.
ABLATION = TuningConfig(
    steps=12,
    tuned_from=32,
    learning_rate=1e-3,
    # That of `fast`, 1.5e-2, over the root of twelve people: at the whole of it a dozen in turn, 12
    # steps each, came no nearer than their pivots (error 0.051, pivots 0.042).
    muon_rate=4e-3,
    final_rate=0.0,
    lambda_l2=40.0,
    lpips_views=(),
    lpips_in_turn=(View(256), View(512, 256)),
    # A row's distance of 12.5, about what random w are from pivots here. With 4 people and 40 steps
    # each: at 7 a row (alpha 34) drift fell from 0.33 to 0.18, and the squared error rose by 1.6.
    locality_alpha=60.0,
)


@dataclass(frozen=True)
class Settings:
    """What an evaluation is made with.

    Attributes:
        preset: of every method; `w` and `w+` take its projection.
        methods: of `pipeline.METHODS`, in the tables' order.
        seed: of all that is random.
        projection_steps: of the methods w and w+, which do not tune; None: the preset's.
        ablation: tuning of the ablations (locality, alpha, pivots); None: the preset's.
        ablation_steps: their tuning steps a photograph; None: those of `ablation`.
        identities: people in the locality ablation; generated ones fill up the number.
        alphas: of the sweep; figure 17 goes from 8 to 120.
        locality_weight: lambda_R of the ablations; None: as far from lambda_L2 as the paper's.
        drift_samples: random codes at which drift is taken.
        people: photographs of the multi-identity generator, at most.
    """

    preset: Preset
    methods: tuple[str, ...] = ("w", "w+", "pti")
    seed: int = 0
    projection_steps: int | None = None
    ablation: TuningConfig | None = None
    ablation_steps: int | None = None
    identities: int = 12
    alphas: tuple[float, ...] = (8.0, 15.0, 30.0, 60.0, 120.0)
    locality_weight: float | None = None
    drift_samples: int = 64
    people: int = 5


class Bench:
    """Networks, settings and the workbook; all experiments are functions of one.

    Args:
        models: networks, with the generator on its device.
        settings: of the evaluation.
        folder: of the workbook.
        on_step: told of every optimisation step.
    """

    def __init__(
        self, models: TuningModels, settings: Settings, folder: Path, on_step: OnStep | None = None
    ):
        self.models, self.settings, self.on_step = models, settings, on_step
        self.work = Workbook(folder)
        self.drift = Drift(models.generator, models.lpips_report, settings.drift_samples)
        identity = models.identity.name if models.identity else None
        self._networks = {
            "generator": models.generator.fingerprint,
            "lpips": models.lpips_report.name,
            "identity": identity,
            "meter": models.meter is not None,
            "directions": {
                n: [list(point) for point in d.curve] for n, d in models.directions.items()
            },
        }

    # ------------------------------------------------------------------------------ table rows

    def trouble(self, photo: Photo) -> str | None:
        """Why a photograph cannot be used, in one sentence; None where it can."""

        def look() -> dict[str, Any]:
            try:
                self.crop(photo)
            except PhotographError as error:
                return {"trouble": str(error)}
            return {"trouble": None}

        side = self.models.generator.resolution
        return self.work.figures(f"face {photo.name}", {"photo": photo.sha256, "side": side}, look)[
            "trouble"
        ]

    def crop(self, photo: Photo) -> Image.Image:
        """The aligned crop. Raises PhotographError where there is none."""
        image = open_photograph(photo.path)
        return frame(self.models.faces, image, 0, self.models.generator.resolution)[0]

    def session(self, photo: Photo, method: str) -> Session:
        """The photograph personalised by a method.

        Raises:
            PhotographError: it cannot be opened, or there is no face in it.
        """
        return self.work.session(
            f"{photo.name} {method}",
            self._session_inputs([photo], method, self.preset_of(method)),
            lambda: self.personalise([photo], method, self.preset_of(method)),
        )

    def together(self, photos: list[Photo]) -> Session:
        """One generator tuned on all the photographs, with a photograph's steps for each of them
        (equation 5)."""
        preset = self.settings.preset
        return self.work.session(
            f"{len(photos)} together",
            self._session_inputs(photos, "pti", preset),
            lambda: self.personalise(photos, "pti", preset),
        )

    def personalise(self, photos: list[Photo], method: str, preset: Preset) -> Session:
        paths = [photo.path for photo in photos]
        seed = self.settings.seed
        return personalise(paths, self.models, preset, method, seed, self.on_step)[0]

    def row(self, photo: Photo, method: str) -> dict[str, Any]:
        """One row of the tables: reconstruction and editing of a photograph by a method."""

        def measure() -> dict[str, Any]:
            session = self.session(photo, method)
            subject = subject_of(session, self.models.generator)
            report = session.made["report"]
            row = {
                "photo": photo.name,
                "method": method,
                "seconds": report["seconds"],
                "steps": report["steps_by_stage"],
                "reconstruction": measure_reconstruction(self.models, subject),
                "editing": measure_editing(self.models, subject),
            }
            if method == "pti":
                row["drift"] = self.drift(session.delta.overrides(self.models.generator))
            return row

        preset = self.preset_of(method)
        inputs = self.measured(self._session_inputs([photo], method, preset))
        return self.work.figures(f"row {photo.name} {method}", inputs, measure)

    def preset_of(self, method: str) -> Preset:
        """The preset, with the projection steps asked for where a method does not tune."""
        preset, steps = self.settings.preset, self.settings.projection_steps
        if method not in ("w", "w+") or steps is None:
            return preset
        return dataclasses.replace(
            preset, projection=dataclasses.replace(preset.projection, steps=steps)
        )

    # ------------------------------------------------------------------------------- ablations

    def subject(self, photo: Photo, method: str) -> Subject:
        return subject_of(self.session(photo, method), self.models.generator)

    def ablation(self) -> TuningConfig:
        return self.settings.ablation or self.settings.preset.tuning

    def ablation_steps(self) -> int:
        return self.settings.ablation_steps or self.ablation().steps

    def locality_weight(self) -> float:
        """lambda_R of the ablations. A preset that weighs the photograph's error more than the
        paper has to weigh locality more, or the term would hold nothing."""
        asked, paper = self.settings.locality_weight, TuningConfig()
        share = paper.lambda_locality / paper.lambda_l2
        return share * self.ablation().lambda_l2 if asked is None else asked

    def plain_tuning(self, steps: int, **changes: Any) -> TuningConfig:
        """The ablations' tuning by equation 3 alone: no other terms, no early end."""
        plain: dict[str, Any] = {
            "steps": steps,
            "plateau_steps": steps + 1,
            "lpips_threshold": 0.0,
            "locality_samples": 0,
            "lambda_edits": 0.0,
            "lambda_coarse": 0.0,
            "lambda_masked": 0.0,
            "lambda_periodic": 0.0,
        }
        return dataclasses.replace(self.ablation(), **{**plain, **changes})

    def delta(self, name: str, inputs: dict[str, Any], make) -> TunedDelta:
        """A tuned difference: of the workbook, or `make()`'s, kept there."""
        return TunedDelta(self.work.tensors(name, inputs, lambda: make().tensors))

    def measured(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Inputs of figures: what they are taken of, and the networks that take them."""
        return {**inputs, "networks": self._networks, "drift": self.settings.drift_samples}

    def inputs(self, photos: Iterable[Photo], **settings: Any) -> dict[str, Any]:
        """Inputs of a piece that depends on photographs and settings."""
        return {
            "photos": [photo.sha256 for photo in photos],
            "generator": self.models.generator.fingerprint,
            "seed": self.settings.seed,
            **{name: plain_settings(value) for name, value in settings.items()},
        }

    def _session_inputs(self, photos: list[Photo], method: str, preset: Preset) -> dict[str, Any]:
        tuning = preset.tuning if method == "pti" else None
        # Tuning holds the directions' effects, so it depends on them.
        held = self._networks["directions"] if tuning else None
        return self.inputs(
            photos, method=method, projection=preset.projection, tuning=tuning, directions=held
        )
