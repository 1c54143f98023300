"""One generator for several people, through the command line and the real generator."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from checkpoints.network_loaders import load_edit_models
from evaluation.people import generated_face
from pti_core.editing.edit_state import EditState
from pti_core.faces.align import Alignment
from pti_core.inversion.paper_tuning import TunedDelta
from pti_core.rendering import render
from pti_core.session.person import PersonState, encode_crop, encode_photograph
from pti_core.session.session import Session
from tests.cli.test_cli import REPOSITORY, refusal, run

SQUARE = ((0.0, 0.0), (0.0, 1024.0), (1024.0, 1024.0), (1024.0, 0.0))


@pytest.mark.slow
def test_each_person_of_a_session_is_edited_from_the_same_weights(tmp_path):
    models = load_edit_models("mobile")
    faces = [generated_face(models.generator, seed) for seed in (1, 2)]
    name, weight = next(iter(models.generator.synthesis.named_parameters()))
    session = Session(
        generator_name=models.generator.name,
        fingerprint=models.generator.fingerprint,
        people=[
            PersonState(
                encode_photograph(face),
                encode_crop(face),
                Alignment(SQUARE, (1024, 1024)),
                pivot,
                curves=curves,
            )
            for face, pivot, curves in zip(
                faces,
                models.generator.sample_w(2, seed=1),
                ({}, {"age": ((-2.0, -0.5), (0.0, 0.0), (3.0, 1.0))}),
                strict=True,
            )
        ],
        delta=TunedDelta({name: 0.01 * weight}),
    )
    path, pictures = tmp_path / "two.safetensors", []
    session.save(path)
    for person in (0, 1):
        out = tmp_path / f"{person}.png"
        done = run("edit", path, "--person", person, "--set", "age=+3", "--out", out)
        assert done.returncode == 0, done.stderr
        with Image.open(out) as image:
            pictures.append(np.asarray(image.convert("RGB")))
        assert np.array_equal(
            pictures[-1], render(session, models, EditState({"age": 3}, person=person))
        )
    assert np.abs(pictures[0].astype(int) - pictures[1]).mean() > 10
    out = tmp_path / "more.png"
    options = ("--set", "age=+10", "--out", out)
    assert run("edit", path, *options).returncode == 0
    assert "outside" in refusal("edit", path, "--person", 1, *options)
    assert "2 photograph" in refusal("edit", path, "--person", 2, *options)


# ------------------------------------------------------------------------- which face, which square


def middle(path: Path) -> tuple[float, float]:
    """The middle of what was aligned of a session's photograph."""
    (person,) = Session.open(path).people
    x, y = np.mean(person.alignment.quad, axis=0)
    return float(x), float(y)


def inside(point: tuple[float, float], box: list[int]) -> bool:
    left, top, right, bottom = box
    return left < point[0] < right and top < point[1] < bottom


@pytest.mark.slow
def test_the_face_that_is_asked_for_is_learned(tmp_path):
    """Pivots only: which pixels are used is known before any tuning."""
    group, out = tmp_path / "group.png", tmp_path / "s.safetensors"
    side, picture = 800, Image.new("RGB", (2 * 800, 800))
    for place, name in enumerate(("obama", "astronaut")):
        with Image.open(REPOSITORY / "examples" / f"{name}.jpg") as person:
            picture.paste(ImageOps.fit(person.convert("RGB"), (side, side)), (side * place, 0))
    picture.save(group)
    boxes = [row["box"] for row in json.loads(run("faces", group, "--json").stdout)]
    assert len(boxes) == 2
    invert = ("invert", group, "--method", "w", "--out", out)
    for face, box in enumerate(boxes):
        done = run(*invert, "--face", face, timeout=600)
        assert done.returncode == 0, done.stderr
        assert inside(middle(out), box)
    assert "2 faces" in refusal(*invert, "--face", 2)
    done = run(*invert, "--square", "100,60,400", timeout=600)
    assert done.returncode == 0, done.stderr
    assert middle(out) == pytest.approx((300, 260), abs=1)
    assert "inside the photograph" in refusal(*invert, "--square", "1500,60,200")


@pytest.mark.slow
def test_an_aligned_picture_needs_no_face(tmp_path, make_picture):
    photo, out = tmp_path / "drawing.png", tmp_path / "s.safetensors"
    make_picture(300, 300).save(photo)
    options = ("--method", "w", "--out", out)
    assert "No face" in refusal("invert", photo, *options)
    done = run("invert", photo, "--aligned", *options, timeout=600)
    assert done.returncode == 0, done.stderr
    assert middle(out) == pytest.approx((150, 150), abs=1)
