"""Codes, directions and exports of the field by the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cli.main import main
from pti_core.session.session import Session
from tests.helpers.field_files import (
    ada_code,
    boundary,
    e4e_codes,
    ganspace,
    pti_code,
    rosinality_code,
)
from tests.helpers.layouts import rosinality_state, write_rosinality

CHANNELS = (32, 32, 32, 32, 16, 16, 8)


@pytest.fixture(scope="module")
def generator(own_cache: Path) -> Path:
    return write_rosinality(own_cache / "patterns.pt", rosinality_state(CHANNELS, 512))


def shown(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(int)


def w(seed: int = 0) -> torch.Tensor:
    return 0.5 * torch.randn(512, generator=torch.Generator().manual_seed(seed))


@pytest.mark.slow
def test_from_code_to_edit_to_export_and_back(generator, tmp_path: Path, capsys) -> None:
    pictures = []
    ws = w() + 0.2 * torch.randn(1, 14, 512, generator=torch.Generator().manual_seed(5))
    codes = {
        "W": (
            pti_code(tmp_path / "0.pt", w(), 14),
            ada_code(tmp_path / "projected_w.npz", w(), 14),
            rosinality_code(tmp_path / "me.pt", w()),
        ),
        "W+ (14 levels)": (e4e_codes(tmp_path / "latents.pt", ws),),
    }
    session, picture = tmp_path / "s.safetensors", tmp_path / "p.png"
    for space, paths in codes.items():
        for path in paths:
            asked = ["open", str(path), "--generator", str(generator), "--out", str(session)]
            assert main(asked) == 0
            assert f"a code in {space}, with the generator own-" in capsys.readouterr().out
            assert main(["edit", str(session), "--out", str(picture)]) == 0
            pictures.append(shown(picture))
    assert np.array_equal(pictures[0], pictures[1]) and np.array_equal(pictures[0], pictures[2])
    assert not np.array_equal(pictures[0], pictures[3])

    basis = torch.linalg.qr(torch.stack([w(i) for i in range(1, 13)]).T)[0].T.contiguous()
    files = (
        boundary(tmp_path / "age_w_boundary.npy", w(9)),
        ganspace(tmp_path / "pca.npz", basis, torch.ones(12)),
    )
    asked = ["edit", str(session), "--out", str(picture)]
    for path in files:
        asked += ["--directions", str(path)]
    capsys.readouterr()
    assert main([*asked, "--set", "age_w_boundary=2", "--set", "pca_3=-1"]) == 0
    assert "pca_3" in capsys.readouterr().out
    assert np.abs(shown(picture) - pictures[3]).mean() > 0.5

    exported, again = tmp_path / "g.safetensors", tmp_path / "again.safetensors"
    assert main(["export", str(session), "--out", str(exported)]) == 0
    assert main(["open", str(exported), "--out", str(again)]) == 0
    assert main(["edit", str(again), "--out", str(picture)]) == 0
    assert np.array_equal(shown(picture), pictures[3])


@pytest.mark.slow
def test_a_pti_code_opens_with_the_embedded_generator(own_cache, tmp_path: Path, capsys) -> None:
    code, session = pti_code(tmp_path / "0.pt", w()), tmp_path / "s.safetensors"
    asked = ["open", str(code), "--generator", "mobile", "--out", str(session)]
    assert main(asked) == 0
    assert Session.open(session).pivot().shape == (1, 512)
    assert Session.open(session).crop().size == (1024, 1024)
    picture = tmp_path / "p.png"
    assert main(["edit", str(session), "--set", "age=5", "--out", str(picture)]) == 0
    assert shown(picture).shape == (1024, 1024, 3)
    levels = e4e_codes(tmp_path / "e4e.pt", torch.randn(1, 18, 512))
    capsys.readouterr()
    assert main(["open", str(levels), "--generator", "mobile", "--out", str(session)]) == 2
    assert "open it with StyleGAN2" in capsys.readouterr().err


def test_mistakes_are_sentences(generator, tmp_path: Path, capsys) -> None:
    out = ["--out", str(tmp_path / "s.safetensors")]
    (tmp_path / "page.pt").write_text("<html>Sign in</html>")
    assert main(["open", str(tmp_path / "page.pt"), *out]) == 2
    assert "page.pt is a web page, such as a log-in or error page" in capsys.readouterr().err
    code = str(pti_code(tmp_path / "0.pt", w(), 14))
    assert main(["open", code, "--generator", "nothing", *out]) == 2
    assert "no generator named 'nothing'" in capsys.readouterr().err
    assert main(["open", code, "--generator", code, *out]) == 2
    assert "is a single tensor of shape (1, 14, 512)" in capsys.readouterr().err
