"""`pip install .`: the wheel holds all that the app and the command line need, and they start."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGES = ["pti_core", "checkpoints", "mappers", "service", "web", "cli", "evaluation", "examples"]
BESIDE = ("app.py", "pyproject.toml", "README.md", "LICENSE", "requirements.txt")


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The unpacked wheel, as it lies among an installation's packages."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    ignored = shutil.ignore_patterns("__pycache__")
    for name in PACKAGES:
        shutil.copytree(REPOSITORY / name, tree / name, ignore=ignored)
    for name in BESIDE:
        shutil.copy(REPOSITORY / name, tree / name)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "-q", "-w", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(tree)], check=True)
    (wheel,) = folder.glob("pti_studio-*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "installed")
    return folder / "installed"


@pytest.fixture
def run(installed, tmp_path):
    """Runs a statement in a process that has only the installation, somewhere else."""

    def run(statement: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(installed)}
        command = [sys.executable, "-c", statement]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
        ).stdout

    return run


def test_every_file_of_the_packages_is_in_the_wheel(installed):
    wanted = {
        path.relative_to(REPOSITORY)
        for name in PACKAGES
        for path in (REPOSITORY / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert len(wanted) > 250
    assert [str(path) for path in sorted(wanted) if not (installed / path).is_file()] == []


@pytest.mark.slow
def test_the_consoles_are_the_command_line_and_the_app(installed, run):
    (names,) = installed.glob("*.dist-info/entry_points.txt")
    lines = names.read_text().split()
    assert "app:main" in lines and "cli.main:main" in lines
    told = run("from cli.main import main; main(['directions'])")
    assert "age" in told
    assert str(installed) in run("import app; print(app.__file__)")


def test_requirements_are_those_of_the_tree(installed):
    (metadata,) = installed.glob("*.dist-info/METADATA")
    text = metadata.read_text("utf-8")
    for line in (REPOSITORY / "requirements.txt").read_text("utf-8").splitlines():
        name = line.split("#")[0].strip()
        if name:
            package = name.split("[")[0].split(">")[0].split("=")[0]
            assert f"Requires-Dist: {package}" in text


@pytest.mark.slow
def test_the_installed_page_has_its_files_and_ready_made_faces(run):
    made = run(
        "from pathlib import Path; from web.page import STATIC; "
        "from web.page_text import PREVIEWS; from web.tabs.photo import EXAMPLES; "
        "from pti_core.editing.directions import load_directions; "
        "print(len(list(STATIC.rglob('*'))), len(list(PREVIEWS.iterdir())), "
        "len(list(EXAMPLES.glob('*.safetensors'))), len(load_directions()))"
    )
    files, previews, examples, directions = map(int, made.split())
    assert files > 10 and previews == 9 and examples == 3 and directions > 30
