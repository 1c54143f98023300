"""The command line, run as people run it: in a process of its own."""

from __future__ import annotations

import fcntl
import json
import math
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from checkpoints.network_loaders import load_edit_models
from cli import arguments as choices
from cli.progress_bar import StepDisplay
from pti_core.faces.images import to_tensor
from pti_core.inversion.presets import PRESETS
from pti_core.progress import Step
from pti_core.rendering import render_bare
from pti_core.session.session import Session

REPOSITORY = Path(__file__).parents[2]
PHOTO = REPOSITORY / "examples" / "astronaut.jpg"
#: What the report must hold, by the product's description.
REPORT_KEYS = {
    "seconds",
    "seconds_by_stage",
    "steps",
    "mse",
    "lpips",
    "lpips_network",
    "ms_ssim",
    "identity_distance",
    "peak_rss_mb",
    "generator",
    "preset",
    "seed",
}


def run(*arguments: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pti_core", *map(str, arguments)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def refusal(*arguments: object) -> str:
    """The one sentence that a mistake is answered with; the status is 2."""
    done = run(*arguments)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    text = done.stderr.removesuffix("\n")
    assert text and "\n" not in text and "Traceback" not in text
    assert text.endswith(".")
    return text


# -------------------------------------------------------------------------------------- mistakes


def test_the_choices_are_those_of_the_library():
    from checkpoints.select_generator import CHOICES
    from pti_core.inversion.pivots import METHODS, PIVOTS

    assert set(choices.PRESETS) == set(PRESETS)
    assert choices.METHODS == METHODS and choices.PIVOTS == PIVOTS
    assert choices.GENERATORS == CHOICES


def test_help_needs_no_heavy_module():
    script = "import sys, cli.main as m\ntry: m.main(['--help'])\nexcept SystemExit: pass\n"
    script += "heavy = {'torch', 'numpy', 'PIL', 'cv2', 'dlib'} & set(sys.modules)\n"
    script += "assert not heavy, heavy"
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert b"invert" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "COMMAND"),
        (["convert"], "convert"),
        (["invert"], "--out"),
        (["invert", "--out", "s"], "photographs"),
        (["invert", "a.jpg"], "--out"),
        (["invert", "a.jpg", "--out", "s", "--preset", "slow"], "fast"),
        (["invert", "a.jpg", "--out", "s", "--method", "z"], "pti"),
        (["invert", "a.jpg", "--out", "s", "--seed", "-1"], "whole number"),
        (["invert", "a.jpg", "--out", "s", "--face", "-1"], "whole number"),
        (["invert", "a.jpg", "--out", "s", "--square", "1,2"], "LEFT,TOP,SIDE"),
        (["invert", "a.jpg", "--out", "s", "--square", "1,2,3", "--aligned"], "not allowed with"),
        (["edit", "s", "--out", "p.png", "--set", "age"], "NAME=AMOUNT"),
        (["edit", "s", "--out", "p.png", "--set", "=1"], "NAME=AMOUNT"),
        (["edit", "s", "--out", "p.png", "--set", "age=old"], "NAME=AMOUNT"),
        (["edit", "s", "--out", "p.png", "--set", "age=nan"], "NAME=AMOUNT"),
        (["edit", "s", "--out", "p.tga"], ".png"),
        (["directions", "age"], "age"),
    ],
)
def test_mistakes_in_the_arguments(arguments, word):
    assert word in refusal(*arguments)


@pytest.mark.slow
def test_mistakes_in_files(tmp_path):
    out = tmp_path / "s.safetensors"
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    assert "absent.jpg" in refusal("invert", tmp_path / "absent.jpg", "--out", out)
    assert "not a picture" in refusal("invert", text, "--out", out)
    assert "absent" in refusal("edit", tmp_path / "absent", "--out", tmp_path / "p.png")
    assert "not a session" in refusal("edit", text, "--out", tmp_path / "p.png")
    assert sorted(tmp_path.iterdir()) == [text]


@pytest.mark.slow
def test_outputs_are_checked_before_the_work(tmp_path):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(PHOTO.read_bytes())
    out = tmp_path / "s.safetensors"
    invert = ("invert", photo, "--out")
    assert "no folder" in refusal(*invert, tmp_path / "absent" / "s.safetensors")
    assert "is a folder" in refusal(*invert, tmp_path)
    assert "would overwrite" in refusal(*invert, photo)
    assert "would overwrite" in refusal(*invert, out, "--report", out)
    assert "no folder" in refusal(*invert, out, "--report", tmp_path / "absent" / "r.json")
    assert ".png" in refusal(*invert, out, "--picture", tmp_path / "p.txt")
    assert "would overwrite" in refusal("edit", tmp_path / "s.png", "--out", tmp_path / "s.png")
    assert photo.read_bytes() == PHOTO.read_bytes()


@pytest.mark.slow
def test_no_face_is_a_sentence(tmp_path, make_picture):
    make_picture(300, 200).save(tmp_path / "wall.png")
    out = tmp_path / "s.safetensors"
    assert "No face" in refusal("invert", tmp_path / "wall.png", "--out", out)
    assert not out.exists()


# -------------------------------------------------------------------------------------- progress


def steps(stage: str, count: int) -> list[Step]:
    return [Step(stage, i + 1, count, {"mse": 0.5}) for i in range(count)]


def test_piped_progress_is_plain_lines(capsys):
    with StepDisplay() as display:
        for step in [*steps("invert", 50), *steps("tune", 20)]:
            display(step)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "Inverting 1/50: mse 0.5000",
        "Inverting 50/50: mse 0.5000",
        "Tuning 1/20: mse 0.5000",
        "Tuning 20/20: mse 0.5000",
    ]


def test_progress_on_a_terminal_is_a_bar():
    script = (
        "from cli.progress_bar import StepDisplay\n"
        "from pti_core.progress import Step\n"
        "with StepDisplay() as display:\n"
        "    for i in range(20): display(Step('tune', i + 1, 20, {'mse': 0.5}))\n"
    )
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 100, 0, 0))
    child = subprocess.Popen([sys.executable, "-c", script], cwd=REPOSITORY, stderr=theirs)
    os.close(theirs)
    seen = b""
    while chunk := _read(ours):
        seen += chunk
    os.close(ours)
    assert child.wait(60) == 0
    assert b"Tuning: 100%" in seen and b"20/20" in seen and b"mse 0.5" in seen


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # the other end of a terminal has closed
        return b""


# ------------------------------------------------------------------------------------ end to end


@pytest.mark.slow
def test_directions_are_listed_with_units_and_ranges():
    listed = json.loads(run("directions", "--json").stdout)
    assert {"age", "smile", "pose"} <= {row["name"] for row in listed}
    text = run("directions").stdout
    for row in listed:
        assert row["low"] < 0 < row["high"] and row["unit"] and row["made"]
        assert row["name"] in text and row["unit"] in text


@pytest.fixture(scope="module")
def inverted(tmp_path_factory) -> Path:
    """The folder of a real personalisation with the default preset."""
    folder = tmp_path_factory.mktemp("inverted")
    out, report, picture = (folder / n for n in ("s.safetensors", "r.json", "p.png"))
    options = ("--out", out, "--report", report, "--picture", picture, "--seed", 3)
    done = run("invert", PHOTO, *options, timeout=1200)
    assert done.returncode == 0, done.stderr
    assert "Inverting" in done.stderr and "Tuning" in done.stderr and "\r" not in done.stderr
    return folder


@pytest.mark.slow
def test_the_report_is_complete_and_true(inverted):
    report = json.loads((inverted / "r.json").read_text())
    assert report.keys() >= REPORT_KEYS
    assert report["seed"] == 3 and report["preset"] == "fast" and report["generator"] == "mobile"
    assert math.isclose(sum(report["seconds_by_stage"].values()), report["seconds"], abs_tol=0.1)
    assert report["steps"] == sum(report["steps_by_stage"].values()) > 0
    # Taken anew from the file: the bare render against the crop. Unedited is the photograph.
    session = Session.open(inverted / "s.safetensors")
    bare = render_bare(session, load_edit_models("mobile"), {})
    error = (to_tensor(bare) - to_tensor(session.crop())).square().mean()
    assert float(error) == pytest.approx(report["mse"], rel=1e-3)
    with Image.open(inverted / "p.png") as picture:
        assert picture.tobytes() == session.crop().tobytes()
    assert report["mse"] < 0.03 and report["ms_ssim"] > 0.7
    assert report["identity_distance"] < 0.6
    assert session.made["report"] == report


@pytest.mark.slow
def test_an_edit_of_the_session_without_edits_is_the_same_picture(inverted):
    again = inverted / "again.png"
    assert run("edit", inverted / "s.safetensors", "--out", again).returncode == 0
    with Image.open(inverted / "p.png") as first, Image.open(again) as second:
        assert first.size == (1024, 1024)
        assert first.tobytes() == second.tobytes()


@pytest.mark.slow
def test_hair_of_any_colour(inverted):
    session, out = inverted / "s.safetensors", inverted / "dyed.png"
    done = run("edit", session, "--hair-color", "#ff69b4", "--hair-brows", "--out", out)
    assert done.returncode == 0 and "hair #ff69b4" in done.stdout
    with Image.open(out) as dyed, Image.open(inverted / "p.png") as before:
        assert dyed.tobytes() != before.tobytes()


@pytest.mark.slow
def test_edits_and_pasting(inverted):
    session, out = inverted / "s.safetensors", inverted / "edited.jpg"
    done = run("edit", session, "--set", "age=+10", "--set", "smile=-0.3", "--out", out, "--paste")
    assert done.returncode == 0, done.stderr
    with Image.open(out) as edited, Image.open(PHOTO) as photo:
        assert edited.size == photo.size
        assert not edited.getexif()
    assert "did you mean age" in refusal("edit", session, "--set", "aeg=1", "--out", out)
    assert "outside" in refusal("edit", session, "--set", "age=1000", "--out", out)
    assert "1 photograph" in refusal("edit", session, "--person", 1, "--out", out)
    assert "#rrggbb" in refusal("edit", session, "--hair-color", "pink", "--out", out)


@pytest.mark.slow
def test_an_edit_in_the_photographs_own_file_keeps_size_opacity_and_profile(inverted, tmp_path):
    """The session's photograph enlarged beyond what a session keeps, with a hole in its corner."""
    session, own, out = inverted / "s.safetensors", tmp_path / "own.png", tmp_path / "edited.png"
    with Image.open(PHOTO) as photo:
        size = (6400, round(6400 * photo.height / photo.width))
        large = photo.convert("RGB").resize(size)
    opacity = Image.new("L", size, 255)
    opacity.paste(40, (0, 0, 300, 200))
    large.putalpha(opacity)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    large.save(own, icc_profile=profile, compress_level=1)
    done = run("edit", session, "--set", "age=+10", "--out", out, "--photo", own)
    assert done.returncode == 0, done.stderr
    with Image.open(out) as edited:
        assert edited.size == size and edited.info["icc_profile"] == profile
        assert edited.getchannel("A").tobytes() == large.getchannel("A").tobytes()
        assert np.asarray(edited)[..., :3].tobytes() != np.asarray(large)[..., :3].tobytes()
    Image.new("RGB", large.size, "green").save(own, compress_level=1)
    said = refusal("edit", session, "--out", out, "--photo", own)
    assert "not the photograph of this session" in said
    assert "overwrite" in refusal("edit", session, "--out", own, "--photo", own)


@pytest.mark.slow
def test_an_interrupt_keeps_what_is_reached(tmp_path):
    out, report = tmp_path / "s.safetensors", tmp_path / "r.json"
    command = [sys.executable, "-m", "pti_core", "invert", str(PHOTO), "--out", str(out)]
    child = subprocess.Popen(
        [*command, "--report", str(report), "--preset", "paper"],
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    for line in child.stderr:
        if line.startswith("Inverting"):
            break
    time.sleep(2)
    child.send_signal(signal.SIGINT)
    rest = child.stderr.read()
    assert child.wait(120) == 0
    assert "what is reached is kept" in rest and "Traceback" not in rest
    assert json.loads(report.read_text())["stopped"] == "person"
    opened = Session.open(out)
    assert opened.made["report"]["steps"] < 450
    assert not any(tensor.any() for tensor in opened.delta.tensors.values())
