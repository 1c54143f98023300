"""Uploads and pictures on their way leave the disk, whatever ends the process."""

from __future__ import annotations

import base64
import io
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from PIL import Image

from service.process_setup import private_folder
from service.share_store import DAY, Store, new_secret
from tests.conftest import RunningApp
from tests.service.test_sweeper import until
from tests.web.test_app_start import Tools
from web.temporary_folder import TemporaryFolder

REPOSITORY = Path(__file__).parents[2]


class Clock:
    def __init__(self) -> None:
        self.seconds = 1e6

    def __call__(self) -> float:
        return self.seconds


def file_in(folder: Path, name: str = "photograph.jpg") -> Path:
    path = folder / f"{len(name)}abc" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"a face")
    return path


def test_nobody_else_may_look(tmp_path, monkeypatch):
    folder = TemporaryFolder(tmp_path)
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    parent = private_folder("studio")
    assert stat.S_IMODE(parent.stat().st_mode) == 0o700
    parent.chmod(0o755)
    assert private_folder("studio") == parent and stat.S_IMODE(parent.stat().st_mode) == 0o700
    parent.rmdir()
    (tmp_path / "elsewhere").mkdir()
    parent.symlink_to(tmp_path / "elsewhere")  # put there by another user
    other = private_folder("studio")
    assert other != parent and not other.is_symlink()


def test_files_go_by_age_and_empty_folders_after_them(tmp_path):
    clock = Clock()
    folder = TemporaryFolder(tmp_path, max_age=600, now=clock)
    old = file_in(folder.path)
    folder.sweep()
    clock.seconds += 500
    young = file_in(folder.path, "later.jpg")
    folder.sweep()
    assert old.exists() and young.exists()
    clock.seconds += 200
    folder.sweep()
    assert not old.exists() and young.exists()
    for _ in range(3):
        clock.seconds += 700
        folder.sweep()
    assert list(folder.path.iterdir()) == []
    folder.close()
    assert list(tmp_path.iterdir()) == []


def test_a_clock_that_jumps_deletes_nothing_early(tmp_path):
    folder = TemporaryFolder(tmp_path, max_age=600)
    path = file_in(folder.path)
    for jump in (-1e9, 1e9):  # what the file system says of the file's age
        os.utime(path, (time.time() + jump, time.time() + jump))
        folder.sweep()
        assert path.exists()


def test_a_file_that_is_written_anew_stays(tmp_path):
    clock = Clock()
    folder = TemporaryFolder(tmp_path, max_age=600, now=clock)
    for _ in range(4):
        path = file_in(folder.path)
        os.utime(path, ns=(0, int(clock.seconds)))
        clock.seconds += 500
        folder.sweep()
    assert path.exists()


def test_what_a_killed_process_left_goes_and_a_living_ones_stays(tmp_path):
    program = (
        "import sys, time\nfrom pathlib import Path\n"
        "from web.temporary_folder import TemporaryFolder\n"
        "folder = TemporaryFolder(Path(sys.argv[1]))\n"
        "(folder.path / 'face.jpg').write_bytes(b'a face')\nprint(flush=True)\ntime.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    other = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE)
    assert other.stdout is not None
    other.stdout.readline()
    mine = TemporaryFolder(tmp_path)
    mine.sweep()
    assert len(list(tmp_path.glob("run-*/files/face.jpg"))) == 1
    other.kill()
    other.wait()
    mine.sweep()
    assert list(tmp_path.glob("run-*")) == [mine.path.parent]


def test_what_is_written_while_the_process_ends_goes_too(tmp_path):
    program = (
        "import os, sys, threading, time\nfrom pathlib import Path\n"
        "from web.temporary_folder import TemporaryFolder\n"
        "folder = TemporaryFolder(Path(sys.argv[1]))\nfolder.use(os.environ)\n"
        "def late():\n"
        "    time.sleep(0.5)\n"
        "    (folder.path / 'late').mkdir(parents=True)\n"
        "    (folder.path / 'late' / 'face.jpg').write_bytes(b'a face')\n"
        "threading.Thread(target=late).start()\nfolder.close()\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    subprocess.run(command, cwd=REPOSITORY, check=True, timeout=60)
    assert not list(tmp_path.iterdir())


def upload(app: RunningApp, data: bytes) -> None:
    boundary = "line"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="f.jpg"\r\n\r\n'
    body = head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
    kind = f"multipart/form-data; boundary={boundary}"
    assert app.ask("/gradio_api/upload", body, content_type=kind)[0] == 200


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_app_leaves_nothing_behind(how, tmp_path, start_app):
    app = start_app(TMPDIR=str(tmp_path))
    (folder,) = tmp_path.glob("pti-studio-*/run-*/files")
    data = b"a face" * 1000
    upload(app, data)
    kept = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.read_bytes() == data for path in kept)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    app.process.send_signal(how)
    assert app.process.wait(120) in (0, 130)  # it loads networks still, beside whatever else runs
    assert not list(tmp_path.glob("pti-studio-*/*")), list(tmp_path.rglob("*"))


@pytest.mark.slow
def test_a_start_sweeps_what_a_killed_app_left_and_what_expired_meanwhile(tmp_path, start_app):
    killed, data = start_app(TMPDIR=str(tmp_path)), b"a face" * 1000
    (folder,) = tmp_path.glob("pti-studio-*/run-*/files")
    upload(killed, data)
    killed.process.kill()
    killed.process.wait()
    left = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.read_bytes() == data for path in left)
    shares, secret = tmp_path / "shares", new_secret()
    kept = Store(shares).save(b"session", secret, view="face")
    past = Store(shares, days=1, now=lambda: time.time() - 2 * DAY)
    expired = past.save(b"session", secret, view="face", card=b"card")
    start_app(TMPDIR=str(tmp_path))
    assert until(lambda: not folder.parent.exists(), 60)
    assert until(lambda: not any(shares.glob(f"{expired.id}.*")), 60)
    assert len(list(tmp_path.glob("pti-studio-*/run-*/files"))) == 1  # of the one that runs
    assert {path.stem for path in shares.glob("*.safetensors")} == {kept.id}


@pytest.mark.slow
def test_interrupted_uploads_and_photographs_of_tools_lie_in_the_private_folder(
    tmp_path, start_app
):
    """Nothing of them lies elsewhere, where no sweep comes and others may read."""
    app = start_app(TMPDIR=str(tmp_path))
    (folder,) = tmp_path.glob("pti-studio-*/run-*/files")
    head = b'--line\r\nContent-Disposition: form-data; name="files"; filename="f.jpg"\r\n\r\n'
    with socket.create_connection(("127.0.0.1", app.port)) as connection:
        connection.sendall(
            b"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n"
            b"Content-Type: multipart/form-data; boundary=line\r\n\r\n" + head + b"x" * 4_000_000
        )
        time.sleep(2)
        arrived = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert any(path.stat().st_size > 1_000_000 and folder in path.parents for path in arrived)
    stream = io.BytesIO()
    with Image.open(REPOSITORY / "examples" / "obama.jpg") as photograph:
        photograph.save(stream, "PNG")
    url = "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
    tools = Tools(app)
    align = next(tool["name"] for tool in tools.listed() if tool["name"].endswith("align"))
    failed, answer = tools.use(align, photograph=url)
    assert not failed and list(folder.rglob("*.png")), answer
    elsewhere = [
        path
        for path in tmp_path.rglob("*")
        if path.is_file()
        and folder not in path.parents
        and path.name != "lock"
        and "shares" not in path.parts
        and path.suffix != ".log"
    ]
    assert not elsewhere
