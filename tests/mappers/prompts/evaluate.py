"""How many prompts of the lists are understood as listed: python -m tests.mappers.prompts.evaluate

What a list is: scripts/prompt_training/authored.py. Nothing was learnt from lists in `UNSEEN`. With
--folds N the reader is trained N times, each time without every Nth list, and reads those lists:
cross-validation over authors. --keep FOLDER keeps its weights, and goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from mappers.prompts import Known, Understanding, understand
from mappers.prompts.reader import Reader, fetch_reader, find_reader
from mappers.styleclip.published import MAPPERS
from pti_core.editing.controls import Control, read_controls
from pti_core.networks.clause_network import save_network
from scripts.prompt_training.authored import edits_of, rows_of
from scripts.train_prompt_reader import UNSEEN, new_training

HERE = Path(__file__).parent
LISTS = tuple(sorted(path.stem for path in HERE.glob("*.txt")))
#: Directions that came after the first lists.
LATER = (
    *("cheeks", "chin", "nose_width", "nose_length", "lips", "skin_red", "brow_raise", "frown"),
    *("hair_blond", "eye_makeup", "background_warm", "exposure", "warmth", "colourful"),
    "hair_color",
)
#: Of the imagined photograph; no measured pose is zero.
MEASURED = {"age": 38.0, "yaw": 4.0, "pitch": -3.0}


@cache
def reader() -> Reader | None:
    """One for all: it is fetched and loaded once."""
    fetch_reader()
    return find_reader()


def known_of(name: str, by: Reader | None = None) -> Known:
    """What a list was written for: every direction and hair colour, or those of the first days.

    No mapper is on this machine. by: what reads, in place of the reader of the tree.
    """
    by = by or reader()
    controls = {control.name: control for control in read_controls()}
    controls["hair_color"] = Control("hair_color", "Hair colour", "hair", "", 0.0, 1.0)
    if name in ("first", "strangers", "third"):
        controls = {n: c for n, c in controls.items() if n not in LATER}
        controls["age"] = Control("age", "Age", "face", "years", -15.0, 18.0)
        return Known(controls, reader=by)
    return Known(controls, reader=by, measure=lambda: MEASURED)


def as_expected(prompt: str, expected: str, known: Known) -> bool:
    return agrees(understand(prompt, known), expected, known)


def agrees(found: Understanding, expected: str, known: Known) -> bool:
    rest, either = expected.endswith("?"), expected.endswith("(?)")
    wanted = edits_of(expected)
    if wanted == [("nothing", False)]:
        return not found.parts
    must = [edit for edit, free in wanted if not free]
    may = {name_of(edit) for edit, free in wanted if free}
    got = {f"mapper:{p.name}" if p.way == "mapper" else p.name: p for p in found.parts}
    for edit in [edit for edit in must if edit.startswith("mapper:") and edit not in got]:
        stands_in = understand(MAPPERS[edit.removeprefix("mapper:")].label, known).edits
        must.remove(edit)
        must += [name + "-+"[amount > 0] for name, amount in stands_in.items()] or [edit]
    names = {name_of(edit) for edit in must}
    if not names <= got.keys() <= names | may or (bool(found.rest) != rest and not either):
        return False
    for edit in must:
        name, _, amount = edit.rstrip("+-").partition("=")
        if amount == "0":
            turned = MEASURED["yaw" if name == "pose" else "pitch"]
            amount = f"{-turned}"
        if amount and not edit.startswith("mapper:"):
            low, high = known.controls[name].bounds
            target = min(max(float(amount), low), high)
            if abs(got[name].amount - target) > known.controls[name].step:
                return False
        elif edit[-1] in "+-" and (got[name].amount > 0) != (edit[-1] == "+"):
            return False
    return True


def name_of(edit: str) -> str:
    return edit.rstrip("+-").split("=")[0]


def evaluate(name: str, known: Known, show: bool = False) -> tuple[int, int, int, int]:
    """As listed, prompts, impossible ones applied, impossible ones."""
    right = applied = impossible = 0
    rows = rows_of(HERE / f"{name}.txt")
    for prompt, expected in rows:
        found = understand(prompt, known)
        good = agrees(found, expected, known)
        right += good
        if expected.startswith("nothing"):
            impossible += 1
            applied += bool(found.parts)
        if show and not good:
            parts = [f"{p.name}{p.amount:+.3g}" for p in found.parts]
            rest = [(one.said, one.why) for one in found.rest]
            print(f"  {prompt}  => {expected} | {' '.join(parts)} | {rest}")
    return right, len(rows), applied, impossible


def report(names: Sequence[str], by: Reader | None = None, show: bool = False) -> None:
    for name in names:
        right, total, applied, impossible = evaluate(name, known_of(name, by), show)
        harm = f"impossible, applied: {applied} of {impossible}"
        print(f"{name:36} {right:4} of {total:4} {right / total:6.1%}   {harm}", flush=True)


def cross_validate(folds: int, keep: Path, show: bool) -> None:
    """Train without each fold of the lists, and report on it."""
    fetch_reader()
    keep.mkdir(parents=True, exist_ok=True)
    learnt = [name for name in LISTS if name not in UNSEEN]
    for at in range(folds):
        fold, weights = learnt[at::folds], keep / f"fold_{at + 1}_of_{folds}.safetensors"
        if not weights.exists():
            save_network(new_training().fit([*fold, *UNSEEN]), weights)
        report(fold, find_reader(weights), show)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*LISTS, []], metavar="LIST")
    parser.add_argument("-v", dest="show", action="store_true", help="show what is misread")
    parser.add_argument("--folds", type=int, default=0, help="train so often on the other authors")
    parser.add_argument("--keep", type=Path, help="folder of the folds' weights")
    options = parser.parse_args()
    if not options.folds:
        report(options.names or LISTS, show=options.show)
        return
    with tempfile.TemporaryDirectory() as folder:
        cross_validate(options.folds, options.keep or Path(folder), options.show)


if __name__ == "__main__":
    main()
