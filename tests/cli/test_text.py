"""From a prompt to a picture of a session, each way; and a mapper trained here."""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from checkpoints.safe_pickle import read_torch
from cli import text as command_line
from mappers import edits as ways
from mappers.prompts.reader import fetch_reader
from mappers.styleclip.clip import Clip
from mappers.styleclip.global_directions import build
from mappers.styleclip.latent_mapper import mapper_from_checkpoint
from mappers.styleclip.losses import perceptual_loss
from mappers.styleclip.optimisation import OptimisationConfig
from mappers.styleclip.published import trained
from mappers.styleclip.train import TrainingConfig, begin, resume, train
from pti_core.editing.directions import load_directions
from pti_core.errors import UserError
from pti_core.models import EditModels
from pti_core.rendering import picture, render
from pti_core.session.session import Session
from tests.conftest import make_lively_generator
from tests.helpers.hub_files import link_known_files
from tests.helpers.small_clip import redness, trained_state
from tests.pti_core.networks.test_encoder_identity_mapper import OPTIONS, mapper_state
from tests.pti_core.session.test_session import make_session

#: The networks that these tests share take seconds to be made.
pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
RED = "a red face"


@pytest.fixture(scope="module")
def clip() -> Clip:
    return Clip(trained_state())


@pytest.fixture(scope="module")
def lively():
    found = make_lively_generator()
    found.num_ws = 18  # as the generators of 1024 pixels take; its last ones it leaves alone
    return found


@pytest.fixture(scope="module")
def models(lively) -> EditModels:
    return EditModels(generator=lively, directions=load_directions())


@pytest.fixture(scope="module")
def session(lively, make_picture) -> Session:
    return replace(make_session(lively, make_picture), edits={})


@pytest.fixture
def workspace(session, models, tmp_path, monkeypatch) -> Path:
    """A session file, a mapper's file in PTI_CHECKPOINTS, and the small generator as the base."""
    groups = ("course_mapping", "medium_mapping")
    options = argparse.Namespace(**{**OPTIONS, "no_fine_mapper": True})
    folder = tmp_path / "weights"
    folder.mkdir()
    fetch_reader()  # into the cache of all tests
    link_known_files(folder)
    torch.save({"state_dict": mapper_state(groups), "opts": options}, folder / "bowlcut.pt")
    monkeypatch.setenv("PTI_CHECKPOINTS", str(folder))
    monkeypatch.setenv("PTI_CACHE", str(tmp_path / "cache" / "checkpoints"))
    monkeypatch.setattr(
        "checkpoints.network_loaders.load_edit_models", lambda name, progress: models
    )
    session.save(tmp_path / "s.safetensors")
    return tmp_path


def test_a_mapper_edits_a_session_from_the_command_line(workspace, session, models):
    out, saved = workspace / "p.png", workspace / "s2.safetensors"
    arguments = ["edit", str(workspace / "s.safetensors"), "bowl cut", "--out", str(out)]
    assert command_line.main([*arguments, "--save", str(saved)]) == 0
    ws = models.generator.broadcast(session.pivots)
    mapper = mapper_from_checkpoint(read_torch(workspace / "weights" / "bowlcut.pt"))
    overrides = session.overrides(models.generator)
    expected = models.generator.render(mapper.edit(ws, 0.1), overrides, exact=True)
    opened = Session.open(saved, models.generator)
    assert torch.allclose(picture(opened, models), expected, atol=1e-5)
    assert [(e.label, e.way, e.amount) for e in opened.stack] == [("bowl cut", "mapper", 1.0)]
    assert Image.open(out).tobytes() == render(opened, models).tobytes()
    # Sequential editing: a second edit of what the first one left, half as strong.
    again = ["edit", str(saved), "bowl cut, ten years older", "--strength", "0.5"]
    assert (
        command_line.main([*again, "--out", str(out), "--save", str(workspace / "s3.safetensors")])
        == 0
    )
    third = Session.open(workspace / "s3.safetensors", models.generator)
    assert [entry.amount for entry in third.stack] == [1.0, 0.5] and third.edits == {"age": 5.0}


def test_attributes_do_what_the_sliders_do(workspace, session, models):
    out = workspace / "p.png"
    arguments = ["edit", str(workspace / "s.safetensors"), "ten years older", "--out", str(out)]
    assert command_line.main(arguments) == 0
    assert Image.open(out).tobytes() == render(session, models, {"age": 10.0}).tobytes()


@pytest.mark.parametrize(
    ("prompt", "more", "words"),
    [
        ("make him fly", [], ["fly", "not understood"]),
        ("", [], ["empty"]),
        ("older", ["--way", "mapper"], ["older"]),
        ("older", ["--strength", "99"], ["strength"]),
        ("a red face", ["--way", "global"], ["not built"]),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(workspace, capsys, prompt, more, words):
    out = workspace / "p.png"
    arguments = ["edit", str(workspace / "s.safetensors"), prompt, "--out", str(out), *more]
    assert command_line.main(arguments) == 2
    said = capsys.readouterr().err.strip()
    assert "\n" not in said and said.endswith(".") and all(word in said for word in words), said
    assert not out.exists()


@pytest.mark.slow
def test_understand_prints_parts_as_json():
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mappers", "understand", *arguments]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)

    done = run("make her ten years older and smiling")
    parts = json.loads(done.stdout)
    assert done.returncode == 0 and done.stderr == ""
    assert [(part["way"], part["name"]) for part in parts] == [
        ("attributes", "age"),
        ("attributes", "smile"),
    ]
    assert parts[0]["amount"] == 10 and 0 < parts[0]["confidence"] <= 1
    wrong = run("make him fly")
    assert wrong.returncode == 2 and json.loads(wrong.stdout) == []
    assert "fly" in wrong.stderr and wrong.stderr.count("\n") == 1
    rest = json.loads(run("make him fly", "--rest").stdout)["rest"]
    assert rest[0]["said"] == "make him fly" and rest[0]["nearest"] == []


@pytest.mark.slow
def test_a_global_direction_and_an_optimisation_edit_a_session(
    session, models, clip, lpips, tmp_path, monkeypatch
):
    path = tmp_path / "relevance.safetensors"
    build(models.generator, clip, path, images=1)
    monkeypatch.setattr(
        "mappers.styleclip.losses.load_identity_loss",
        lambda progress: (perceptual_loss(lpips), "lpips"),
    )
    config = OptimisationConfig(space="w", steps=15, lambda_l2=1e-4, copies=1)
    means = ways.Means(clip=clip, relevance_path=path, config=config)
    plain = redness(picture(session, models))
    known = ways.Known({})
    for way in ("global", "optimise"):
        wanted = ways.plan(RED, known, way)
        entry = ways.entry_of(wanted.parts[0], session, models, means)
        result = ways.edited(session, wanted.edits, [entry])
        assert redness(picture(result, models)) > plain, way
        opened = Session.open(result.to_bytes(), models.generator)
        assert torch.equal(picture(opened, models), picture(result, models))


def test_what_may_not_be_there_to_be_taken_away_is_said(session):
    known = ways.what_is_known(session)
    said = ways.notes_of(ways.plan("no beard or glasses, older", known).parts)
    assert "without beard or glasses" in said
    assert ways.notes_of(ways.plan("a beard, older", known).parts) == ""


def test_a_session_holds_so_many_text_edits(session):
    from pti_core.editing.text_edit import StackEntry

    one = StackEntry("x", "mapper", 1.0, torch.zeros(1, 512))
    with pytest.raises(UserError, match="holds 12 text edits"):
        ways.edited(session, {}, [one] * 13)


@pytest.mark.slow
def test_a_mapper_is_trained_resumed_and_listed_beside_the_published(
    lively, clip, lpips, workspace, capsys
):
    config = TrainingConfig(steps=14, batch=1, copies=1, learning_rate=2.0, lambda_l2=0.01)
    path = workspace / "cache" / "mappers" / "a_red_face.pt"
    state, seen = begin(RED, config), []
    train(state, lively, clip, perceptual_loss(lpips), None, lambda step: seen.append(step.losses))
    assert len(seen) == 14 and {"clip", "l2", "identity"} == set(seen[0])
    # Interrupted after six steps and taken up from the file: the same mapper.
    train(begin(RED, config), lively, clip, perceptual_loss(lpips), path, lambda s: s.index < 6)
    again = train(resume(path, RED, config), lively, clip, perceptual_loss(lpips), path)
    assert again.step == 14
    for name, tensor in state.mapper.state_dict().items():
        assert torch.allclose(again.mapper.state_dict()[name], tensor, atol=1e-3), name
    # It does what it was trained for, on codes that it has not seen.
    ws = lively.broadcast(lively.sample_w(4, seed=99))
    mapper = mapper_from_checkpoint(read_torch(path))
    moved = lively.render(mapper.edit(ws))
    assert redness(moved).mean() > redness(lively.render(ws)).mean()
    assert list(trained()) == ["a_red_face"]
    assert command_line.main(["list"]) == 0 and "trained here" in capsys.readouterr().out
    out = workspace / "p.png"
    arguments = ["edit", str(workspace / "s.safetensors"), RED, "--out", str(out)]
    assert command_line.main(arguments) == 0 and out.exists()
    with pytest.raises(UserError, match="another prompt"):
        resume(path, "another", config)


def test_training_keeps_a_file_that_opens_without_running_anything(lively, clip, tmp_path):
    path = tmp_path / "one.pt"
    config = TrainingConfig(steps=1, batch=1, copies=0, no_fine=True)
    train(begin(RED, config), lively, clip, None, path)
    loaded = torch.load(io.BytesIO(path.read_bytes()), weights_only=True)
    assert loaded["opts"]["no_fine_mapper"] and loaded["training"]["step"] == 1
    assert not any("fine_mapping" in name for name in loaded["state_dict"])
