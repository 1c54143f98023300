"""Size limits of the source tree: `python -m scripts.house_limits` prints them, and fails over one.

The limits keep every file and function readable at a glance. A known exception has a date, a
reason and the size it may not pass, so that it can shrink but not grow.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
#: Folders (and files) of the product; tests, scripts and benchmarks are not held to the limits.
PRODUCT = ("app.py", "cli", "web", "service", "evaluation", "mappers", "checkpoints", "pti_core")

MAX_CORE_FILES = 10  # Python files in pti_core/ beside its folders
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_PARAMETERS = 6  # of a public function that takes no config or state object
MAX_STUDIO_LINES = 249

#: A parameter whose type's name ends like this groups settings or state.
GROUPING = ("Config", "Preset", "Settings", "State", "Session")


@dataclass(frozen=True)
class Measurement:
    """One measured size: of `where`, under the rule `kind`, against `limit`."""

    kind: str
    where: str
    size: int
    limit: int


@dataclass(frozen=True)
class Exemption:
    """A known exception: it may be as large as `size`, since `date`, for `reason`."""

    size: int
    date: str
    reason: str


#: By (kind, where). Remove an entry as soon as the script says that it is no longer needed.
KNOWN: dict[tuple[str, str], Exemption] = {
    ("parameters", "web/api/text.py:TextEndpoints.edit_text"): Exemption(
        7, "2026-11-28", "the endpoint's inputs are its parameters, by name"
    ),
}


def product_files(root: Path = ROOT) -> list[str]:
    """Python files of the product, relative to `root`, sorted."""
    found = [path for name in PRODUCT for path in [root / name, *(root / name).rglob("*.py")]]
    return sorted(path.relative_to(root).as_posix() for path in found if path.is_file())


def measure_source(name: str, source: str) -> Iterator[Measurement]:
    """The sizes of one file: its lines, its functions, their parameters, and class Studio."""
    tree = ast.parse(source, name)
    if not _is_data(tree):
        yield Measurement("file lines", name, len(source.splitlines()), MAX_FILE_LINES)
    yield from _measure_body(tree.body, name, "", public=True)


def _measure_body(
    body: list[ast.stmt], name: str, owner: str, public: bool
) -> Iterator[Measurement]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            if node.name == "Studio":
                yield Measurement("class lines", f"{name}:Studio", _lines(node), MAX_STUDIO_LINES)
            visible = public and not node.name.startswith("_")
            yield from _measure_body(node.body, name, f"{owner}{node.name}.", visible)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            where = f"{name}:{owner}{node.name}"
            yield Measurement("function lines", where, _lines(node), MAX_FUNCTION_LINES)
            if public and (not node.name.startswith("_") or node.name == "__init__"):
                parameters = _parameters(node)
                if not any(map(_groups, parameters)):
                    yield Measurement("parameters", where, len(parameters), MAX_PARAMETERS)
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from _measure_body(node.body, name, owner, public)


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _is_data(tree: ast.Module) -> bool:
    """Whether a module holds tables only: assignments, imports and its docstring."""
    tables = ast.Assign | ast.AnnAssign | ast.Import | ast.ImportFrom | ast.Expr
    return len(tree.body) > 1 and all(isinstance(node, tables) for node in tree.body)


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    found = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return found[1:] if found and found[0].arg in ("self", "cls") else found


def _groups(parameter: ast.arg) -> bool:
    """Whether a parameter is a config or state object, by the name of its type."""
    if parameter.annotation is None:
        return False
    names = [node.id for node in ast.walk(parameter.annotation) if isinstance(node, ast.Name)]
    return any(name.endswith(GROUPING) for name in names)


def measure_tree(root: Path = ROOT) -> list[Measurement]:
    """Every measured size of the product."""
    files = product_files(root)
    core = [name for name in files if name.startswith("pti_core/") and name.count("/") == 1]
    found = [Measurement("files beside folders", "pti_core", len(core), MAX_CORE_FILES)]
    for name in files:
        found += measure_source(name, (root / name).read_text(encoding="utf-8"))
    return found


def violations(
    found: list[Measurement], known: dict[tuple[str, str], Exemption]
) -> list[Measurement]:
    """The sizes over their limit that no exception allows."""
    return [one for one in found if one.size > _allowed(one, known)]


def _allowed(one: Measurement, known: dict[tuple[str, str], Exemption]) -> int:
    exemption = known.get((one.kind, one.where))
    return max(one.limit, exemption.size) if exemption else one.limit


def print_report(found: list[Measurement], known: dict[tuple[str, str], Exemption]) -> None:
    """Per rule the largest size, then the exceptions, whether needed, and the violations."""
    for kind in dict.fromkeys(one.kind for one in found):
        largest = max((one for one in found if one.kind == kind), key=lambda one: one.size)
        print(f"{kind}: at most {largest.limit}; largest {largest.size} ({largest.where})")
    over = {(one.kind, one.where) for one in found if one.size > one.limit}
    for (kind, where), exemption in known.items():
        needed = "" if (kind, where) in over else " - no longer needed: remove it"
        print(
            f"known exception: {kind} of {where} up to {exemption.size}, {exemption.date}: "
            f"{exemption.reason}{needed}"
        )
    for one in violations(found, known):
        print(f"VIOLATION: {one.kind} of {one.where}: {one.size}, at most {_allowed(one, known)}")


def main() -> int:
    """Print the report; 1 if a limit is broken."""
    found = measure_tree()
    print_report(found, KNOWN)
    return 1 if violations(found, KNOWN) else 0


if __name__ == "__main__":
    sys.exit(main())
