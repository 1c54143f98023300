"""The app as a Space starts it: its environment, `app_file`, the package that lends GPUs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]

#: Lends nothing and notes when it was asked; the real one is imported before torch, too.
SPACES = """
import os, sys

def GPU(duration=60):
    assert "torch" not in sys.modules
    with open(os.environ["ASKED"], "a") as file:
        file.write(f"{type(duration).__name__}\\n")
    return lambda function: function


def gradio_auto_wrap(function):  # Gradio calls it for every event on a Space
    return function
"""


@pytest.mark.slow
def test_it_starts_as_on_a_space(start_app, tmp_path: Path) -> None:
    front = (REPOSITORY / "README.md").read_text("utf-8").split("---")[1]
    assert re.search(r"^app_file: app\.py$", front, re.M) and "sdk: gradio" in front
    (tmp_path / "spaces.py").write_text(SPACES)
    app = start_app(
        "--generator",
        "mobile",
        PYTHONPATH=str(tmp_path),
        ASKED=str(tmp_path / "asked"),
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
    assert config.get("is_space") in (True, None, False)
    assert not config.get("ssr_mode") and "node" not in str(config.get("root", ""))
    assert (tmp_path / "asked").read_text() == "LoanSeconds\n"
