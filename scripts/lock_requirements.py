"""Write the locked requirements: every package with its version and the hashes of its files.

    python -m scripts.lock_requirements

`requirements-locked.txt` has what `requirements.txt` needs, `requirements-dev-locked.txt` what
`requirements-dev.txt` needs on top. pip refuses any other file with `--require-hashes`. Versions
are those of `constraints-ci.txt`; run this after each change of that file or of a requirement. It
asks the package index through uv, which has to be installed (`pip install uv`).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONSTRAINTS = "constraints-ci.txt"
#: The oldest Python that the product runs on; markers in the files tell newer ones apart.
PYTHON = "3.11"
HEADER = "# Made by `python -m scripts.lock_requirements`: versions and hashes of all files.\n"

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def compile_requirements(source: str, root: Path = ROOT) -> str:
    """All packages that a requirements file leads to, on any system, pinned and with hashes.

    Raises:
        RuntimeError: uv is not installed, or the requirements cannot be met.
    """
    uv = shutil.which("uv")
    if uv is None:
        raise RuntimeError("uv is not installed; run: pip install uv.")
    command = [uv, "pip", "compile", source, "--constraint", CONSTRAINTS, "--generate-hashes"]
    command += ["--universal", "--python-version", PYTHON, "--no-config", "--quiet"]
    command += ["--no-annotate", "--no-header", "--no-emit-package", "pip"]  # pip is there
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"uv could not lock {source}: {done.stderr.strip()}")
    return done.stdout


def split_blocks(text: str) -> dict[str, str]:
    """Package name (as the index normalises it) to its lines: the pin and its hashes."""
    blocks: dict[str, str] = {}
    name = ""
    for line in text.splitlines(keepends=True):
        if not line.startswith((" ", "#", "-", "\n")):
            found = _NAME.match(line)
            name = normalised(found[0]) if found else ""
        if name and not line.startswith(("#", "-", "\n")):
            blocks[name] = blocks.get(name, "") + line
    return blocks


def normalised(name: str) -> str:
    """A package's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def added(base: str, whole: str) -> str:
    """What a compiled file has on top of another one.

    Raises:
        RuntimeError: a package stands in both in two ways, which pip would refuse.
    """
    first, second = split_blocks(base), split_blocks(whole)
    different = sorted(name for name in first if first[name] != second.get(name))
    if different:
        raise RuntimeError(f"The requirements disagree about {', '.join(different)}.")
    return "".join(block for name, block in second.items() if name not in first)


def main() -> int:
    """Write both files; 1 and a sentence where that cannot be done."""
    try:
        base = compile_requirements("requirements.txt")
        rest = added(base, compile_requirements("requirements-dev.txt"))
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    (ROOT / "requirements-locked.txt").write_text(HEADER + base, "utf-8")
    text = f"{HEADER}-r requirements-locked.txt\n{rest}"
    (ROOT / "requirements-dev-locked.txt").write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
