"""How many prompts of the lists are understood as listed: python -m tests.mappers.prompts.evaluate

A list is a text file beside this one, of one author: PROMPT => EXPECTATION. An expectation is edits
separated by spaces: NAME+ or NAME- (direction and sense), NAME=AMOUNT (within a step; pose=0: a
head turned to the camera), mapper:NAME (the mapper, or what stands in for it); edits in brackets
may be done or not. `nothing`: nothing may be applied. A `?` at the end: the rest of the prompt must
be named as not understood; `(?)`: it may be.
"""

from __future__ import annotations

import copy
import sys
from dataclasses import replace
from pathlib import Path

from mappers.prompts import Known, Understanding, understand
from mappers.prompts.matcher import find_matcher
from mappers.styleclip.published import MAPPERS
from pti_core.editing.controls import Control, read_controls
from scripts.train_matcher import Training, rows_of

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


def known_of(name: str) -> Known:
    """What a list was written for: every direction and hair colour, or those of the first days.

    No mapper is on this machine.
    """
    controls = {control.name: control for control in read_controls()}
    controls["hair_color"] = Control("hair_color", "Hair colour", "hair", "", 0.0, 1.0)
    if name in ("first", "strangers", "third"):
        controls = {n: c for n, c in controls.items() if n not in LATER}
        controls["age"] = Control("age", "Age", "face", "years", -15.0, 18.0)
        return Known(controls)
    return Known(controls, measure=lambda: MEASURED)


def as_expected(prompt: str, expected: str, known: Known) -> bool:
    return agrees(understand(prompt, known), expected, known)


def agrees(found: Understanding, expected: str, known: Known) -> bool:
    wanted, rest = expected.removesuffix("(?)").rstrip("?").split(), expected.endswith("?")
    either = expected.endswith("(?)")
    if wanted == ["nothing"]:
        return not found.parts
    must = [edit for edit in wanted if not edit.startswith("(")]
    may = {name_of(edit.strip("()")) for edit in wanted if edit.startswith("(")}
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


def main() -> None:
    """-v shows what fails. --first-try: without what was learnt from the list, --strictly: and
    without every word of the lexicon that no other list uses; --grammar: without the matcher."""
    options = {arg for arg in sys.argv[1:] if arg.startswith("-")}
    names = [arg for arg in sys.argv[1:] if arg in LISTS] or LISTS
    matcher = find_matcher()
    training = Training(matcher, {name: HERE / f"{name}.txt" for name in LISTS})
    for name in names:
        known = replace(known_of(name), matcher=matcher)
        if options & {"--first-try", "--strictly"}:
            own = copy.copy(matcher)
            lexicon, classifier = training.left_out([name], "--strictly" in options)
            classifier.confirmed, classifier.alone = (
                matcher.classifier.confirmed,
                matcher.classifier.alone,
            )
            own.classifier = classifier
            known = replace(known, lexicon=lexicon, matcher=own)
        if "--grammar" in options:
            known = replace(known, matcher=None)
        right, total, applied, impossible = evaluate(name, known, "-v" in options)
        harm = f"impossible, applied: {applied} of {impossible}"
        print(f"{name:12} {right:4} of {total:4} {right / total:6.1%}   {harm}")


if __name__ == "__main__":
    main()
