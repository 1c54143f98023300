"""Names that the tree no longer uses: `python -m scripts.former_names` fails where one stands.

With `--fix` it writes the present name instead, so that a branch made before a renaming can be
brought over it. Only Python names are rewritten, and names in backticks in comments and docstrings.
A published name that has to stay (an endpoint's parameter, a key of a file) is a string or is in
`KEPT`.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent

#: Former name to present name.
RENAMED = {
    "CoarsePictures": "LowResRenderer",
    "EditKit": "EditModels",
    "FITTING_SIDE": "CALIBRATION_SIDE",
    "Toolkit": "TuningModels",
    "COARSE_COST": "LOW_RES_COST",
    "_YEARS_AT_NOUGHT": "_YEARS_AT_ZERO",
    "_desks": "_workspaces",
    "_kit": "_models",
    "_toolkit": "_tuning_models",
    "coarse_share": "low_res_share",
    "coarse_steps": "low_res_steps",
    "_count_coarse_steps": "_count_low_res_steps",
    "desk": "workspace",
    "desk_id": "workspace_id",
    "desks": "workspaces",
    "edit_kit": "edit_models",
    "kit": "models",
    "learned": "latent_prior",
    "load_edit_kit": "load_edit_models",
    "load_toolkit": "load_tuning_models",
    "make_kit": "make_models",
    "replaced": "overrides",
    "toolkit": "tuning_models",
    "w_mean": "w_avg",
}
#: Words that no name of a file, function, class or variable contains.
GONE = frozenset(
    (
        *("bases", "carrying", "desk", "desks", "halfway", "kit", "kits", "lately", "marking"),
        *("nought", "packing", "stamps", "texting", "toolkit", "twin", "twins", "warming"),
    )
)
#: Folders in which a former name is a published one: the endpoints' parameter `desk`, and the
#: programs that call them.
KEPT = {
    "desk": ("web/api/", "tests/web/", "benchmarks/"),
}


def rewritten(source: str, path: str) -> str:
    """The Python source with every former name replaced by its present one."""
    lines = source.splitlines(keepends=True)
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(source).readline))):
        if token.type == tokenize.NAME:
            new = _present(token.string, path)
        elif token.type in (tokenize.STRING, tokenize.COMMENT):
            new = re.sub(r"(?<=`)\w+(?=`)", lambda name: _present(name[0], path), token.string)
            if re.match(r"[rR]?[fF]", new):  # names in braces; from Python 3.12 they are tokens
                new = re.sub(r"\{[^{}]*\}", lambda braces: _in_braces(braces[0], path), new)
        else:
            continue
        if new != token.string:
            (top, left), (bottom, right) = token.start, token.end
            text = lines[top - 1][:left] + new + lines[bottom - 1][right:]
            lines[top - 1 : bottom] = [text]
    return "".join(lines)


def _in_braces(text: str, path: str) -> str:
    """An expression of an f-string; names in quotes and with `=` stay."""
    name = r"(?<![\w\"'])\w+(?![\w\"'=])"
    return re.sub(name, lambda found: _present(found[0], path), text)


def _present(name: str, path: str) -> str:
    return name if path.startswith(KEPT.get(name, ())) else RENAMED.get(name, name)


def former(source: str, path: str) -> Iterator[tuple[int, str]]:
    """Line and name of every former name in a Python source; line 0 for the file's own name."""
    for name in Path(path).with_suffix("").parts:
        if GONE & set(_parts(name)):
            yield 0, name
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.NAME or path.startswith(KEPT.get(token.string, ())):
            continue
        if token.string in RENAMED or GONE & set(_parts(token.string)):
            yield token.start[0], token.string


def _parts(name: str) -> list[str]:
    """The words of a name in lower case, from CamelCase, snake_case or CAPITALS."""
    return [part.lower() for part in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)]


def python_files(root: Path = ROOT) -> list[str]:
    """Python files under version control, and new ones that are not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return sorted({name for name in listed.stdout.split() if (root / name).is_file()})


def main() -> int:
    """Print former names and return 1 if there are any; with `--fix`, replace them."""
    failed = 0
    for name in python_files():
        source = (ROOT / name).read_text(encoding="utf-8")
        if "--fix" in sys.argv[1:]:
            fixed = rewritten(source, name)
            if fixed != source:
                (ROOT / name).write_text(fixed, encoding="utf-8")
            source = fixed
        for line, word in former(source, name):
            print(f"{name}:{line}: {word} is a former name; use {RENAMED.get(word, 'another')}")
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
