"""Pictures of the docs that are older than the code that makes them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from scripts.stale_figures import faults, main, newer_commits, read_figures

REPOSITORY = Path(__file__).parents[2]


def commit(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    subprocess.run(["git", *who, "commit", "-qm", name], cwd=root, check=True)


@pytest.fixture
def tree(tmp_path) -> Path:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    commit(tmp_path, "code/maker.py", "1")
    entry = (
        'files = ["docs/*.png"]\ncommand = "python -m scripts.stale_figures"\nmade_of = ["code"]'
    )
    commit(tmp_path, "docs/figures.toml", f"[[figure]]\n{entry}\n")
    commit(tmp_path, "docs/one.png", "a picture")
    return tmp_path


def test_a_picture_is_stale_once_its_code_has_changed(tree, capsys):
    (figure,) = read_figures(tree)
    assert newer_commits(tree, figure) == 0 and main(tree) == 0
    assert capsys.readouterr().out == ""
    commit(tree, "elsewhere.py", "1")
    assert newer_commits(tree, figure) == 0
    commit(tree, "code/maker.py", "2")
    assert newer_commits(tree, figure) == 1 and main(tree) == 0
    assert capsys.readouterr().out.startswith(
        "stale: docs/*.png; commits since that changed its code: 1;"
    )
    commit(tree, "docs/one.png", "a new picture")
    assert newer_commits(tree, figure) == 0


def test_what_the_list_does_not_say_or_says_wrongly_fails(tree, capsys):
    commit(tree, "docs/deep/two.jpg", "a picture")
    (tree / "code" / "maker.py").unlink()
    (tree / "code").rmdir()
    assert main(tree) == 1
    told = capsys.readouterr().out
    assert "docs/deep/two.jpg: docs/figures.toml does not say" in told and "code: not there" in told


def test_the_list_of_this_tree_is_whole():
    assert faults(REPOSITORY, read_figures(REPOSITORY)) == []
