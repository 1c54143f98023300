"""The app as a Space starts it: its environment, `app_file`, the package that lends GPUs."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from gradio_client import Client, handle_file

from tests.helpers.hub_files import link_known_files

REPOSITORY = Path(__file__).parents[2]
PHOTO = REPOSITORY / "examples" / "astronaut.jpg"

#: Lends this machine's processor and notes what it was asked for; like the real one it is imported
#: before torch.
SPACES = """
import os, sys

def note(text):
    with open(os.environ["ASKED"], "a") as file:
        file.write(text + "\\n")

def GPU(duration=60):
    assert "torch" not in sys.modules
    note(type(duration).__name__)

    def decorate(function):
        def lent(*arguments):
            note(str(duration(*arguments)))
            yield from function(*arguments)
        return lent
    return decorate


def gradio_auto_wrap(function):  # Gradio calls it for every event on a Space
    return function
"""


@pytest.mark.slow
def test_it_starts_as_on_a_space(start_app, tmp_path: Path) -> None:
    front = (REPOSITORY / "README.md").read_text("utf-8").split("---")[1]
    assert re.search(r"^app_file: app\.py$", front, re.M) and "sdk: gradio" in front
    (tmp_path / "spaces.py").write_text(SPACES)
    asked, known = tmp_path / "asked", tmp_path / "known"
    known.mkdir()
    link_known_files(known)
    (known / "afro.pt").write_text("<!doctype html><title>Sign in</title>")
    app = start_app(
        "--generator",
        "mobile",
        PYTHONPATH=str(tmp_path),
        ASKED=str(asked),
        PTI_CACHE=str(tmp_path / "cache"),
        PTI_CHECKPOINTS=str(known),
        SPACE_ID="somebody/pti-studio",
        SPACE_HOST="somebody-pti-studio.hf.space",
        SYSTEM="spaces",
        GRADIO_SSR_MODE="True",  # as the platform sets it
        GRADIO_SERVER_NAME="0.0.0.0",
    )
    assert app.process.poll() is None, app.log.read_text()
    status, page, headers = app.ask("/", method="GET")
    assert status == 200 and b"PTI Studio" in page
    # The middleware is in front: its headers are there, and a moving slider is answered by it.
    assert headers.get("x-content-type-options") == "nosniff"
    status, answer, _ = app.ask("/moving", json.dumps({"desk": "none", "edits": {}}))
    assert status in (404, 410, 422, 400, 503) and b"<html" not in answer.lower()
    config = json.loads(app.ask("/config", method="GET")[1])
    assert not config.get("ssr_mode") and "node" not in str(config.get("root", ""))
    # The first start tests the weight files, and the log has the screen.
    wait_until(lambda: "not here" in app.log.read_text())
    log = app.log.read_text()
    assert "lost when the Space sleeps" in log and "GPUs lent by a Space: yes" in log
    assert "wrong     mapper-afro: afro.pt is a web page" in log
    assert (tmp_path / "cache" / "doctor.json").is_file()
    # A loan asks for the seconds that its preset needs.
    client = Client(f"http://127.0.0.1:{app.port}", verbose=False)
    desk, _ = client.predict(handle_file(PHOTO), api_name="/align")
    client.submit(desk, "fast", api_name="/personalise")
    wait_until(lambda: len(asked.read_text().splitlines()) == 2)
    kind, seconds = asked.read_text().split()
    assert kind == "LoanSeconds" and 40 <= int(seconds) <= 60


def wait_until(done: Callable[[], bool], seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.5)
