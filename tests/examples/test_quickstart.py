"""The example script, on a small generator, and the public names that it imports."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import pti_core
from examples.quickstart import quickstart
from pti_core import render
from pti_core.ai_mark import DIGITAL_SOURCE_TYPE
from tests.conftest import SIDE
from tests.helpers.small import SHORT, MiddleFace


def test_the_quickstart_writes_its_pictures_and_a_session_that_opens(
    models, make_picture, tmp_path, capsys
):
    models = replace(models, faces=MiddleFace())
    photo = tmp_path / "photo.png"
    make_picture(160, 120).save(photo)
    session = quickstart(photo, tmp_path / "out", models, SHORT)
    assert "LPIPS" in capsys.readouterr().out
    with Image.open(tmp_path / "out" / "age.png") as image:
        assert image.size == (SIDE, SIDE)
        assert np.array_equal(np.asarray(image), np.asarray(render(session, models, {"age": 5})))
    with Image.open(tmp_path / "out" / "photograph.png") as image:
        assert image.size == (160, 120)
    for name in ("reconstruction", "age", "photograph"):
        data = (tmp_path / "out" / f"{name}.png").read_bytes()
        assert DIGITAL_SOURCE_TYPE.encode() in data


def test_every_public_name_is_there():
    for name in pti_core.__all__:
        assert getattr(pti_core, name).__module__ if name != "PRESETS" else pti_core.PRESETS
    with pytest.raises(AttributeError, match="nothing"):
        getattr(pti_core, "nothing")  # noqa: B009 - mypy knows that it is not there


def test_importing_the_package_loads_no_heavy_library():
    code = "import sys, pti_core, pti_core.errors; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
