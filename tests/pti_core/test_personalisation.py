"""Photograph to session with the real face finder and a generator of 64 pixels."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from pti_core.editing.edit_state import EditState
from pti_core.errors import PhotographError, SessionError, UserError
from pti_core.inversion.losses import View
from pti_core.inversion.paper_tuning import TuningConfig
from pti_core.inversion.presets import Preset
from pti_core.inversion.projector import ProjectionConfig
from pti_core.personalisation import personalise, refine
from pti_core.rendering import picture
from pti_core.report import measure
from pti_core.session import file_format
from pti_core.session.session import Session

EXAMPLES = Path(__file__).parents[2] / "examples"
PHOTO, OTHER = EXAMPLES / "astronaut.jpg", EXAMPLES / "obama.jpg"
TINY = Preset(
    "tiny",
    ProjectionConfig(steps=6, learning_rate=0.05, lpips_size=64),
    TuningConfig(steps=8, learning_rate=3e-3, lpips_views=(View(64),), locality_size=64),
)


@pytest.mark.slow
def test_tuning_comes_nearer_than_projection_and_the_same_seed_repeats_it(models):
    session, report = personalise(PHOTO, models, TINY, seed=1)
    _, projected = personalise(PHOTO, models, TINY, method="w", seed=1)
    again, _ = personalise(PHOTO.read_bytes(), models, TINY, seed=1)
    assert report["mse"] < projected["mse"]
    assert again.pivots.equal(session.pivots)
    assert torch.equal(picture(again, models), picture(session, models))
    assert report["steps_by_stage"] == {"invert": 6, "tune": 8} and report["steps"] == 14
    assert projected["steps_by_stage"] == {"invert": 6, "tune": 0}
    assert list(report["seconds_by_stage"]) == ["align", "invert", "tune"]
    assert session.made["report"] == json.loads(json.dumps(report))
    assert session.made["settings"]["tuning"]["steps"] == 8


@pytest.mark.slow
@pytest.mark.parametrize("method", ["pti", "w", "w+"])
def test_every_method_gives_a_session_that_survives_its_file(models, method):
    session, report = personalise(PHOTO, models, TINY, method=method)
    opened = Session.open(session.to_bytes(), models.generator)
    assert torch.equal(picture(session, models, {"age": 2}), picture(opened, models, {"age": 2}))
    assert session.pivots.shape == ((1, 8, 512) if method == "w+" else (1, 512))
    assert bool(session.delta.tensors) == (method == "pti")
    assert session.noise[0].keys() == set(models.generator.noise_names())
    measured = measure(opened, models)
    assert measured["mse"] == report["mse"] and measured["lpips"] == report["lpips"]
    assert report["ms_ssim"] is None and report["identity_distance"] is None


def test_untouched_noise_is_not_stored(models):
    frozen = dataclasses.replace(TINY.projection, optimise_noise=False)
    session, _ = personalise(
        PHOTO, models, dataclasses.replace(TINY, projection=frozen), method="w"
    )
    assert session.noise == [{}]


@pytest.mark.slow
def test_several_photographs_share_one_generator(models):
    session, report = personalise([PHOTO, OTHER], models, TINY)
    assert report["photographs"] == 2 and len(session.crops) == 2
    assert session.pivots.shape == (2, 512)
    opened = Session.open(session.to_bytes(), models.generator)
    for person in (0, 1):
        state = EditState(person=person)
        assert torch.equal(picture(session, models, state), picture(opened, models, state))
    # Each photograph keeps what it was projected with.
    first, second = session.noise
    assert any(not torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(session.pivots[0], session.pivots[1])


@pytest.mark.slow
def test_stopping_keeps_what_is_reached(models):
    _, report = personalise(
        PHOTO, models, TINY, on_step=lambda step: step.stage != "tune" or step.index == 0
    )
    assert report["steps_by_stage"] == {"invert": 6, "tune": 1} and report["stopped"] == "person"
    session, report = personalise(PHOTO, models, TINY, on_step=lambda step: step.index < 3)
    assert report["steps_by_stage"] == {"invert": 3, "tune": 0} and report["stopped"] == "person"
    assert session.delta.tensors  # whose edits are composited
    assert not any(tensor.any() for tensor in session.delta.tensors.values())


@pytest.mark.slow
def test_refining_goes_on_from_the_session_and_keeps_the_best(models):
    session, report = personalise(PHOTO, models, TINY)
    session.edits = {"age": 2.0}
    before = picture(session, models, {}).clone()
    slower = dataclasses.replace(TINY.tuning, steps=20, learning_rate=1e-3)
    better, second = refine(session, models, dataclasses.replace(TINY, refining=slower))
    assert second["mse"] < report["mse"]
    assert second["steps_by_stage"] == {"invert": 0, "tune": 20} and second["steps_before"] == 8
    assert better.pivots.equal(session.pivots) and better.edits == {"age": 2.0}
    assert torch.equal(picture(session, models, {}), before)  # the one begun with is as it was
    # A rate that breaks everything: what was there is kept.
    wild = dataclasses.replace(TINY, refining=dataclasses.replace(TINY.tuning, learning_rate=1.0))
    _, third = refine(better, models, wild)
    assert third["mse"] <= second["mse"] * 1.001
    _, stopped = refine(better, models, TINY, on_step=lambda step: step.stage != "tune")
    assert stopped["stopped"] == "person" and stopped["mse"] <= second["mse"] * 1.001


def test_mistakes_are_sentences(models):
    with pytest.raises(UserError, match="fast or paper"):
        personalise(PHOTO, models, "slow")
    with pytest.raises(UserError, match="pti, w, w\\+"):
        personalise(PHOTO, models, TINY, method="z")
    with pytest.raises(UserError, match="1 to 16"):
        personalise([], models, TINY)
    with pytest.raises(PhotographError):
        personalise(b"no picture", models, TINY)


@pytest.mark.parametrize("photographs", [[PHOTO], [PHOTO, OTHER]], ids=["one", "two"])
def test_photographs_that_no_file_holds_are_refused_before_the_first_step(
    models, monkeypatch, photographs
):
    monkeypatch.setattr(file_format, "MAX_PICTURE_BYTES", 2_000)
    steps = []
    with pytest.raises(SessionError, match="use fewer of them"):
        personalise(photographs, models, TINY, on_step=steps.append)
    assert not steps
