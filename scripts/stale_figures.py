"""python -m scripts.stale_figures: pictures and tables of the docs that are older than their code.

docs/figures.toml says which command makes each and what it is made of. One is stale if a commit
after its own changed what it is made of; that is told, and fails nothing: some take hours. What
fails is a picture of the docs that no command makes, or an entry whose files, code or command are
not there.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LIST = Path("docs") / "figures.toml"
PICTURES = (".jpg", ".png", ".webp", ".gif", ".svg")


@dataclass(frozen=True)
class Figure:
    """Files, the command that makes them, and the paths of what they are made of."""

    files: tuple[Path, ...]
    patterns: tuple[str, ...]
    command: str
    made_of: tuple[str, ...]


def read_figures(root: Path) -> list[Figure]:
    """The entries of docs/figures.toml, with the files that their patterns match."""
    entries = tomllib.loads((root / LIST).read_text("utf-8"))["figure"]
    return [
        Figure(
            tuple(sorted(path for pattern in entry["files"] for path in root.glob(pattern))),
            tuple(entry["files"]),
            entry["command"],
            tuple(entry["made_of"]),
        )
        for entry in entries
    ]


def faults(root: Path, figures: Sequence[Figure]) -> list[str]:
    """What is wrong with the list: sentences."""
    found = []
    for figure in figures:
        for pattern in figure.patterns:
            if not any(root.glob(pattern)):
                found.append(f"{pattern}: there is no such file.")
        found += [f"{path}: not there." for path in figure.made_of if not (root / path).exists()]
        module = figure.command.split(" -m ")[-1].split()[0]
        if importlib.util.find_spec(module) is None:
            found.append(f"{figure.command}: there is no module {module}.")
    listed = {path for figure in figures for path in figure.files}
    pictures = {p for p in (root / "docs").rglob("*") if p.suffix.lower() in PICTURES}
    unlisted = sorted(path.relative_to(root) for path in pictures - listed)
    return [*found, *(f"{path}: {LIST} does not say what makes it." for path in unlisted)]


def newer_commits(root: Path, figure: Figure) -> int | None:
    """How many commits changed what a figure is made of after its oldest file; None where the
    history does not tell."""
    counts = []
    for path in figure.files:
        made_at = _git(root, "log", "-1", "--format=%H", "--", str(path.relative_to(root)))
        if not made_at:
            return None
        counts.append(
            len(_git(root, "rev-list", f"{made_at}..HEAD", "--", *figure.made_of).split())
        )
    return max(counts, default=None)


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def main(root: Path = Path()) -> int:
    figures = read_figures(root)
    wrong = faults(root, figures)
    for figure in figures:
        count = newer_commits(root, figure)
        if count:
            what = ", ".join(figure.patterns)
            print(f"stale: {what}; commits since that changed its code: {count}; {figure.command}")
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
