"""Photographs to session: find and align the face, project it, tune the generator, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

import torch
from PIL import Image
from torch import Tensor

from pti_core import metrics
from pti_core.editing.calibration import fit_curves
from pti_core.editing.directions import Curve, Direction
from pti_core.errors import UserError
from pti_core.faces.align import Alignment
from pti_core.faces.attributes import AttributeMeter
from pti_core.faces.framing import Where, frame
from pti_core.faces.images import Source, open_photograph, to_tensor
from pti_core.generators.base import Generator
from pti_core.inversion.paper_tuning import pivotal_tune
from pti_core.inversion.pivots import changed_noise, find_inversion
from pti_core.inversion.presets import PRESETS, Preset
from pti_core.inversion.projector import Projection, ProjectionConfig, project
from pti_core.inversion.tuned_delta import TunedDelta, untuned_delta
from pti_core.inversion.tuning_config import TuningConfig, for_all
from pti_core.models import TuningModels
from pti_core.networks.lpips import area
from pti_core.progress import OnStep, Step
from pti_core.rendering import calibration_images
from pti_core.report import LPIPS_SMALL, Clock, measure, peak_rss_mb, plain_settings, versions
from pti_core.session.from_code import check_code
from pti_core.session.header import MAX_PEOPLE
from pti_core.session.int8_delta import compact
from pti_core.session.person import PersonState, encode_crop, encode_photograph
from pti_core.session.session import Session

#: The session of projections.
_NewSession = Callable[[Sequence[Projection]], Session]

#: Side of the images that calibration measures: the least at which identity is compared.
CALIBRATION_SIDE = 512


def personalise(
    photo: Source | Sequence[Source],
    models: TuningModels,
    preset: str | Preset = "fast",
    method: str = "pti",
    seed: int = 0,
    on_step: OnStep | None = None,
    pivot: str = "w",
    faces_used: Sequence[Where] = (),
    code: Tensor | None = None,
) -> tuple[Session, dict[str, Any]]:
    """A personalised generator from one photograph of a person, or from several.

    Args:
        photo: a path, bytes, a file or a Pillow image, or a list of them.
        preset: a name in `PRESETS`, or settings.
        method: one of `METHODS`.
        on_step: called after every step; returning False ends the work with what is reached by
            then (stopped while projecting, no weight has moved yet). Its `draft`, now and then, is
            a session to edit meanwhile.
        pivot: one of `PIVOTS`.
        faces_used: which face, or which square, of each photograph (`frame`); 0 without one.
        code: (w_dim,) or (num_ws, w_dim): the pivot, in place of an inversion.

    Returns:
        The session, and the report of `_Work.report`: `seconds` by stage, steps, the metrics of
        `measure` (None where they cannot be taken), memory, settings; plain JSON.

    Raises:
        PhotographError, NoFaceError: no face can be used.
        UserError: unknown names, a pivot that does not fit the generator, too many photographs.
    """
    chosen = find_preset(preset)
    inversion = find_inversion(method, pivot, models.encoder, models.generator)
    inversion = inversion if code is None else "code"
    clock, control = Clock(), _Control(on_step)
    # 1. Find and align the faces.
    with clock.stage("align"):
        faces = _prepare(_as_list(photo), models, faces_used)
        targets = torch.cat([to_tensor(face.crop) for face in faces]).to(models.generator.w_avg)
    # 2. Invert each crop: the pivots.
    tuning = for_all(chosen.tuning, len(faces)) if method == "pti" else None
    new_session = partial(_new_session, models.generator, faces, tuning)
    drafting = new_session if tuning and models.parser else None  # composited: it is the person
    with clock.stage("invert"):
        projections = []
        for index, target in enumerate(targets.split(1)):
            passed_on = control.among(index, len(faces), drafting)
            projections.append(_invert(inversion, models, target, chosen, seed, passed_on, code))
        session = new_session(projections)
    # 3. Tune the generator around the pivots, and fit the edits to each person.
    if tuning and drafting and (0.0 in tuning.drafts_at or (control.stopped and tuning.drafts_at)):
        control(Step("tune", 0, tuning.steps, draft=replace(session)))
    work = _Work(session, models, clock, control, seed, targets)
    work.steps["invert"] = sum(projection.steps for projection in projections)
    work.tune(tuning)
    report = work.report(chosen.name, method, inversion)
    settings = {"projection": _projection_of(chosen, inversion), "tuning": tuning}
    session.made = _made(plain_settings(settings), report)
    return session, report


def _new_session(
    generator: Generator,
    faces: Sequence[_Face],
    tuning: TuningConfig | None,
    projections: Sequence[Projection],
) -> Session:
    """The session of inverted photographs, whose generator is not tuned yet.

    tuning: what is to come. With it no weight has moved yet, and edits are composited if there is a
    face parser; without it (None) they are bare renders.
    """
    return Session(
        generator_name=generator.name,
        fingerprint=generator.fingerprint,
        people=[
            PersonState(
                photograph=face.photograph,
                crop=encode_crop(face.crop),
                alignment=face.alignment,
                pivot=projection.w[0],
                noise=changed_noise(generator, projection),
            )
            for face, projection in zip(faces, projections, strict=True)
        ],
        delta=untuned_delta(generator, tuning.tuned_from) if tuning else TunedDelta({}),
    )


def refine(
    session: Session,
    models: TuningModels,
    preset: str | Preset = "fast",
    seed: int = 0,
    on_step: OnStep | None = None,
) -> tuple[Session, dict[str, Any]]:
    """Goes on tuning where a session stopped; the best weights seen are kept, the first included.

    Args:
        session: not changed. Its pivots, edits and photographs stay as they are.
        preset: whose `refining` settings are used.
        on_step: as in `personalise`.

    Returns:
        The new session and its report, as `personalise` gives them; `steps_before` counts the
        tuning steps of before.

    Raises:
        SessionError: the session was made for another generator.
        UserError: an unknown preset.
    """
    chosen = find_preset(preset)
    session.check_generator(models.generator)
    clock, control = Clock(), _Control(on_step)
    crops = [to_tensor(session.crop(i)) for i in range(len(session.people))]
    targets = torch.cat(crops).to(models.generator.w_avg)
    earlier = session.made.get("report")
    earlier = earlier if isinstance(earlier, dict) else {}
    refined = session.with_curves([])
    work = _Work(refined, models, clock, control, seed, targets)
    config = for_all(chosen.refining or chosen.tuning, len(crops))
    work.tune(config)
    names = ("method", "pivot")
    report = work.report(chosen.name, *(str(earlier.get(name, "")) for name in names))
    report["steps_before"] = _steps_of(earlier)
    settings = session.made.get("settings")
    settings = settings if isinstance(settings, dict) else {}
    refined.made = _made({**settings, "refining": plain_settings(config)}, report)
    return refined, report


def _made(settings: Mapping[str, Any], report: Mapping[str, Any]) -> dict[str, Any]:
    return {"settings": dict(settings), "report": dict(report), "versions": versions()}


@dataclass
class _Work:
    """A session that is being tuned, and what its report will say."""

    session: Session
    models: TuningModels
    clock: Clock
    control: _Control
    seed: int
    targets: Tensor
    steps: dict[str, int] = field(default_factory=lambda: {"invert": 0, "tune": 0})
    stopped: str = "steps"

    def tune(self, config: TuningConfig | None) -> None:
        """Tune from the session's weights (None: leave them), and fit the edits to the result."""
        session, models, control = self.session, self.models, self.control
        self.stopped = control.ended_by("steps")
        if config is not None and not control.stopped:
            device = models.generator.w_avg.device
            with self.clock.stage("tune"):
                tuned = pivotal_tune(
                    models.generator,
                    self.targets,
                    session.pivots.to(device),
                    models.lpips,
                    config,
                    seed=self.seed,
                    noise=[{n: t.to(device) for n, t in maps.items()} for maps in session.noise],
                    start=session.delta,
                    on_step=self._offer,
                    edits=ends(models.directions),
                )
            session.delta = compact(tuned.delta)
            self.steps["tune"], self.stopped = tuned.steps, tuned.stopped
        if models.meter and session.delta.tensors:
            control.announce("fit edits")
            with self.clock.stage("fit edits"):
                # New persons: those of drafts are shown meanwhile.
                session.people = [
                    replace(person, curves=_fit_curves(session, models, models.meter, index))
                    for index, person in enumerate(session.people)
                ]

    def _offer(self, step: Step) -> bool:
        """Pass a tuning step on, with the session of the weights so far in place of those."""
        if step.draft is not None:
            session = replace(self.session, delta=compact(step.draft))
            step = replace(step, draft=session)
        return self.control(step)

    def report(self, preset: str, method: str, pivot: str) -> dict[str, Any]:
        """The report of `personalise`."""
        self.control.announce("measure")
        models, session = self.models, self.session
        return {
            "seconds": self.clock.total(),
            "seconds_by_stage": self.clock.rounded(),
            "steps": sum(self.steps.values()),
            "steps_by_stage": self.steps,
            "stopped": self.stopped,
            **measure(session, models),
            "peak_rss_mb": peak_rss_mb(),
            "generator": models.generator.name,
            "preset": preset,
            "method": method,
            "pivot": pivot,
            "seed": self.seed,
            "photographs": len(session.people),
            "ranges": {name: (c[0][0], c[-1][0]) for name, c in session.people[0].curves.items()},
        }


def find_preset(preset: str | Preset) -> Preset:
    """The preset of that name. Raises UserError, naming all, where there is none."""
    if isinstance(preset, Preset):
        return preset
    if preset not in PRESETS:
        raise UserError(f"There is no preset named {preset!r}; use {' or '.join(PRESETS)}.")
    return PRESETS[preset]


@dataclass(frozen=True)
class _Face:
    photograph: bytes
    crop: Image.Image
    alignment: Alignment


class _Control:
    """Passes steps on and remembers that the person stopped: later stages are left out then."""

    def __init__(self, on_step: OnStep | None) -> None:
        self._on_step = on_step
        self.stopped = False

    def __call__(self, step: Step) -> bool:
        if self._on_step is not None and self._on_step(step) is False:
            self.stopped = True
        return not self.stopped

    def among(self, index: int, count: int, new_session: _NewSession | None) -> OnStep:
        """For one of `count` equal parts of a projection: its steps counted on, the pictures of
        the first, as a preview of one face beside another's photograph would say nothing. Of one
        alone, latents on the way become drafts."""

        def passed_on(step: Step) -> bool:
            at, total = index * step.total + step.index, count * step.total
            picture = None if index else step.picture
            done = (index + step.share) / count
            draft = None
            if step.draft is not None and new_session is not None and count == 1:
                draft = new_session([Projection(step.draft)])
            return self(
                replace(step, index=at, total=total, picture=picture, done=done, draft=draft)
            )

        return passed_on

    def announce(self, stage: str) -> None:
        """Tell of a stage that has no steps of its own."""
        if self._on_step is not None:
            self._on_step(Step(stage, 0, 1))

    def ended_by(self, otherwise: str) -> str:
        return "person" if self.stopped else otherwise


def ends(directions: Mapping[str, Direction]) -> Tensor | None:
    """The steps in W (2 * K, w_dim) to both ends of every direction that is fitted to persons."""
    fitted = [d for d in directions.values() if d.made.get("measure")]
    steps = [d.step(end) for d in fitted for end in (d.low, d.high)]
    return torch.stack(steps) if steps else None


def _fit_curves(
    session: Session, models: TuningModels, meter: AttributeMeter, person: int
) -> dict[str, Curve]:
    """The curves of one photograph's person, measured on pictures of `CALIBRATION_SIDE`."""
    render_step, unedited = calibration_images(session, models, CALIBRATION_SIDE, person)
    return fit_curves(models.directions, render_step, unedited, meter, models.identity)


def _as_list(photo: Source | Sequence[Source]) -> list[Source]:
    several = isinstance(photo, Sequence) and not isinstance(photo, (str, bytes))
    photos = cast(list[Source], list(photo) if several else [photo])  # type: ignore[arg-type]
    if not 1 <= len(photos) <= MAX_PEOPLE:
        raise UserError(f"Give 1 to {MAX_PEOPLE} photographs of a person, not {len(photos)}.")
    return photos


def _projection_of(preset: Preset, inversion: str) -> ProjectionConfig | None:
    """Settings of the projection; None for pivots that are given or come from e4e."""
    return replace(preset.projection, space=inversion) if inversion in ("w", "w+") else None


def _invert(
    inversion: str,
    models: TuningModels,
    target: Tensor,
    preset: Preset,
    seed: int,
    control: OnStep,
    code: Tensor | None,
) -> Projection:
    if (config := _projection_of(preset, inversion)) is not None:
        return project(
            models.generator, target, models.lpips, config, seed, control, None, models.latent_prior
        )
    with torch.no_grad():
        if code is not None:
            ws = check_code(code, models.generator)[None].to(target)
        else:
            assert models.encoder is not None
            ws = models.encoder(target)
        picture = models.generator.render(ws)
        losses = {
            "lpips": float(models.lpips(area(picture, LPIPS_SMALL), area(target, LPIPS_SMALL))),
            "mse": float(metrics.mse(picture, target)),
        }
    control(Step("invert", 1, 1, losses, picture))
    return Projection(ws, {}, 1, losses)


def _prepare(
    photos: Sequence[Source], models: TuningModels, faces_used: Sequence[Where]
) -> list[_Face]:
    """Each photograph's crop, the one that is asked for where there is one."""
    prepared = []
    for photo, where in zip(photos, [*faces_used, *[0] * len(photos)], strict=False):
        image = open_photograph(photo)
        crop, alignment = frame(models.faces, image, where, models.generator.resolution)
        prepared.append(_Face(encode_photograph(image, len(photos)), crop, alignment))
    return prepared


def _steps_of(report: Mapping[str, Any]) -> int:
    """Tuning steps that a report counts, those of before included."""
    stages = report.get("steps_by_stage")
    counted = [report.get("steps_before"), stages.get("tune") if isinstance(stages, dict) else 0]
    return sum(n for n in counted if isinstance(n, int) and 0 <= n < 10**9)
