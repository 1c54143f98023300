"""Photographs as the command line takes them, what it writes, and what any terminal shows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli.outputs import write_picture
from cli.photographs import Asked, asked_for, expanded, open_all, with_faces
from pti_core.ai_mark import DIGITAL_SOURCE_TYPE
from pti_core.errors import NoFaceError, PhotographError, UserError
from pti_core.faces.decode import CUT
from tests.helpers.small import MiddleFace

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path, make_picture) -> Path:
    for name in ("b.jpg", "a.PNG", "c.webp"):
        make_picture(90, 80).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no photograph")
    (tmp_path / "broken.jpg").write_bytes(b"no photograph either")
    Image.new("RGB", (80, 80)).save(tmp_path / "blank.png")
    (tmp_path / "empty").mkdir()
    return tmp_path


def test_folders_and_patterns_are_expanded(folder):
    names = lambda paths: [path.name for path in paths]  # noqa: E731
    everything = ["a.PNG", "b.jpg", "blank.png", "broken.jpg", "c.webp"]
    assert names(expanded([folder])) == everything
    assert names(expanded([folder / "*.jpg", folder / "b.jpg"])) == ["b.jpg", "broken.jpg", "b.jpg"]
    assert names(expanded([folder / "absent.jpg"])) == ["absent.jpg"]
    for wrong in (folder / "empty", folder / "*.gif"):
        with pytest.raises(UserError, match="no photograph in"):
            expanded([wrong])


def test_of_several_photographs_a_bad_one_is_named_and_left_out(folder, capsys):
    photos = open_all(asked_for([folder]))
    assert len(photos) == 4 and "broken.jpg is left out: The file is not" in capsys.readouterr().err
    assert len(with_faces(photos, MiddleFace())) == 3
    assert "blank.png is left out: No face" in capsys.readouterr().err
    with pytest.raises(PhotographError, match="not a picture"):
        open_all(asked_for([folder / "broken.jpg"]))
    with pytest.raises(PhotographError, match="None of the photographs"):
        open_all(asked_for([folder / "broken.jpg", folder / "notes.txt"]))
    blank = open_all(asked_for([folder / "blank.png"]))
    with pytest.raises(NoFaceError, match="any of the photographs"):
        with_faces(blank * 2, MiddleFace())


def test_a_photograph_whose_lower_part_is_missing_is_said_to_be_incomplete(folder, capsys):
    noise = np.random.default_rng(0).integers(0, 255, (160, 90, 3), dtype="u1")
    path = folder / "cut.jpg"
    Image.fromarray(noise).save(path, quality=90)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * 0.7)])
    assert len(open_all(asked_for([folder / "b.jpg", path]))) == 2
    assert capsys.readouterr().err == f"{path}: {CUT}\n"


def test_a_face_stays_with_its_photograph_where_another_is_left_out(folder):
    paths = [folder / "broken.jpg", folder / "a.PNG", folder / "blank.png", folder / "b.jpg"]
    square = (1.0, 2.0, 30.0)
    asked = asked_for(paths, squares=[(0.0, 0.0, 20.0), square])
    assert [one.where for one in asked] == [(0.0, 0.0, 20.0), square, 0, 0]
    kept = with_faces(open_all(asked), MiddleFace())
    assert [(one.path.name, one.where) for one in kept] == [("a.PNG", square), ("b.jpg", 0)]
    # A face that is not there is like a photograph without one.
    kept = with_faces(open_all(asked_for(paths, faces=[0, 1])), MiddleFace())
    assert [one.path.name for one in kept] == ["b.jpg"]


def test_two_faces_of_one_photograph_and_one_photograph_named_twice(folder):
    path = folder / "a.PNG"
    assert asked_for([path, path], faces=[1, 0]) == [Asked(path, 1), Asked(path, 0)]
    assert asked_for([path, folder / "*.PNG"]) == [Asked(path, 0)]
    assert asked_for([path], aligned=True) == [Asked(path, "whole")]
    with pytest.raises(UserError, match="2 times --face is too much for 1 photo"):
        asked_for([path], faces=[0, 1])


@pytest.mark.parametrize("ending", [".png", ".jpg", ".jpeg", ".webp"])
def test_every_written_picture_has_the_mark(ending, tmp_path, make_picture):
    path = tmp_path / f"edited{ending}"
    write_picture(path, make_picture(90, 80))
    with Image.open(path) as image:
        image.load()
        told = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
        assert DIGITAL_SOURCE_TYPE in (told.decode() if isinstance(told, bytes) else told)
        assert not image.getexif()


def ending(program: str, **settings: str) -> subprocess.CompletedProcess[bytes]:
    code = f"import sys\nfrom cli.exit_status import exit_status\n{program}\n"
    code += "sys.exit(exit_status(work))\n"
    environment = {**os.environ, **settings}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, env=environment, capture_output=True
    )


@pytest.mark.parametrize(
    "settings",
    [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C"}],
    ids=str,
)
def test_any_file_name_can_be_told_on_any_terminal(settings):
    """Bytes that are no text, and letters that the terminal has not."""
    program = "def work():\n    print('photo\\udcff → é.png'); return 0"
    done = ending(program, **settings)
    assert done.returncode == 0 and b"photo" in done.stdout and b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("def work():\n    open('/nowhere/x', 'w')", b"/nowhere/x: No such file"),
        ("def work():\n    open('x' * 5000)", b"name too long"),
        ("def work():\n    raise OSError(28, 'No space left on device')", b"No space left"),
        ("def work():\n    raise MemoryError", b"memory of this machine"),
    ],
)
def test_what_the_system_refuses_is_a_sentence(program, told):
    done = ending(program)
    assert done.returncode == 2 and told in done.stderr
    assert b"Traceback" not in done.stderr and done.stderr.count(b"\n") == 1


@pytest.fixture
def common() -> Iterator[Path]:
    """A folder for every user; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


CLOSED = """
import os
from pathlib import Path
from PIL import Image
from cli.outputs import write_picture

def work():
    folder, picture = Path({folder!r}), Image.new("RGB", (40, 40))
    write_picture(folder / "open.png", picture)
    if os.geteuid() == 0:  # who may write everywhere: another user from here on
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    write_picture(folder / "closed" / "x.png", picture)
"""


def test_a_folder_without_rights_is_a_sentence(common):
    closed = common / "closed"
    closed.mkdir()
    closed.chmod(0o555)
    done = ending(CLOSED.format(folder=str(common)))
    assert done.returncode == 2, done.stderr
    assert b"closed/x.png cannot be written" in done.stderr
    assert b"Traceback" not in done.stderr and done.stderr.count(b"\n") == 1
    assert (common / "open.png").is_file() and not list(closed.iterdir())


def command(*words: str | Path, **settings: str) -> subprocess.CompletedProcess[bytes]:
    """`python -m` with a terminal that has no letters but ASCII's."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C", **settings}
    return subprocess.run(
        [sys.executable, "-m", *map(str, words)],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        timeout=120,
    )


@pytest.mark.slow
def test_a_file_name_of_any_bytes_is_told(tmp_path):
    odd = tmp_path / os.fsdecode(b"\xff.png")
    done = command("pti_core", "faces", odd)
    assert done.returncode == 2 and b"\\udcff.png" in done.stderr
    assert b"Traceback" not in done.stderr and done.stderr.count(b"\n") == 1
    odd.mkdir()
    (odd / "fs3.npy").write_bytes(b"weights")
    settings = {"PTI_CHECKPOINTS": str(odd), "PTI_CACHE": str(tmp_path / "cache")}
    done = command("checkpoints", "fetch", "fs3", **settings)
    assert done.returncode == 0, done.stderr
    assert b"\\udcff.png/fs3.npy" in done.stdout and done.stderr == b""


@pytest.mark.slow
def test_a_file_name_of_any_bytes_is_opened(tmp_path):
    odd = tmp_path / os.fsdecode(b"\xff.png")
    shutil.copy(REPOSITORY / "examples" / "astronaut.jpg", odd)
    done = command("pti_core", "faces", odd)
    assert done.returncode == 0 and done.stdout.startswith(b"0: "), done.stderr


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root becomes another user")
def test_a_user_id_without_a_name_or_a_home_can_list_files(common):
    wrapper = ["setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups"]
    done = subprocess.run(
        [*wrapper, sys.executable, "-m", "checkpoints", "list"],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "TMPDIR": str(common)},
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert b"\nfs3 " in done.stdout and b"Traceback" not in done.stderr
