"""All fourteen published mappers, from the Hub client's cache to a moved w, offline."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from checkpoints.asset import HubFile
from checkpoints.manifest import MANIFEST, MAPPER_NAMES
from mappers.styleclip.published import MAPPERS, load_published
from pti_core.errors import CheckpointError
from tests.checkpoints.test_stylegan2_files import lay_out
from tests.pti_core.networks.test_encoder_identity_mapper import OPTIONS, mapper_state

REPOSITORY = Path(__file__).parents[3]
#: Mappers without the fine levels, by their publisher's options.
NO_FINE = {"afro", "angry", "bobcut", "bowlcut", "curly_hair", "mohawk", "surprised"}

CHILD = """
import sys, torch
from mappers.styleclip.published import MAPPERS, installed, load_published
assert installed() == list(MAPPERS), installed()
ws = torch.randn(1, 18, 512, generator=torch.Generator().manual_seed(0))
moved = {name: load_published(name).edit(ws, 0.05) - ws for name in MAPPERS}
torch.save(moved, sys.argv[1])
"""


def test_the_table_and_the_manifest_name_the_same_files():
    assert tuple(MAPPERS) == MAPPER_NAMES
    for one in MAPPERS.values():
        source = MANIFEST[one.asset].source
        assert isinstance(source, HubFile)
        assert source.path == f"pretrained_models/styleclip_mappers/{one.name}.pt"
        assert MANIFEST[one.asset].role == "mapper"
        assert 1 <= one.high <= 1.8


@pytest.mark.slow
def test_fourteen_mappers_from_a_filled_hub_cache(tmp_path):
    home = tmp_path / "home"
    contents = {}
    for no_fine in (True, False):
        groups = ("course_mapping", "medium_mapping", "fine_mapping")[: 2 if no_fine else 3]
        state = {**mapper_state(groups), "decoder.input.input": torch.zeros(1, 512, 4, 4)}
        options = argparse.Namespace(**{**OPTIONS, "no_fine_mapper": no_fine})
        path = tmp_path / f"{no_fine}.pt"
        torch.save({"state_dict": state, "opts": options}, path)
        contents[no_fine] = path.read_bytes()
    for name, one in MAPPERS.items():
        source = MANIFEST[one.asset].sources[0]
        assert isinstance(source, HubFile)
        lay_out(home / "hub", source, contents[name in NO_FINE])
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "PTI_"))}
    environment |= {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(REPOSITORY)}
    environment["PTI_CACHE"] = str(tmp_path / "cache")
    command = [sys.executable, "-c", CHILD, str(tmp_path / "moved.pt")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    moved = torch.load(tmp_path / "moved.pt")
    for name in MAPPERS:
        fine = moved[name][:, 8:]
        assert fine.any() != (name in NO_FINE)
        assert moved[name][:, :8].abs().max() > 0


def test_a_mapper_that_cannot_be_had_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PTI_CHECKPOINTS", str(tmp_path))
    monkeypatch.setenv("PTI_CACHE", str(tmp_path / "cache"))
    with pytest.raises(CheckpointError, match="no weight file named"):
        load_published("mullet")
    (tmp_path / "afro.pt").write_bytes(b"no mapper")
    with pytest.raises(CheckpointError, match=r"afro\.pt was refused"):
        load_published("afro")
