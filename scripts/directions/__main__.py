"""python -m scripts.directions: sample faces, measure them, fit, disentangle, calibrate, write.

Every stage resumes: pictures and what networks say of them are kept in `--cache`. From nothing it
renders some 3,600 faces; with what is read off each that is 0.7 seconds of one core a face.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections import defaultdict
from functools import partial
from pathlib import Path

import numpy as np
import torch

from pti_core.editing.directions import DATA, Direction, load_directions, save_directions
from pti_core.generators.ganspace_sefa import ganspace, sefa
from pti_core.session.session import Session
from scripts.directions import fit, library, looks, people
from scripts.directions.calibrate import Calibration, read_all
from scripts.directions.direction_table import RECIPES
from scripts.directions.faces import Album, Tools, sampled
from scripts.directions.sheet import contact_sheet, leakage_picture
from scripts.directions.tagging import sheets
from service.malloc_tuning import tune_malloc

IMAGES = Path("docs/images")
#: Of the sheets and the matrix: what is over this part of the wanted effect is a leak.
LEAK = 0.35

_log = logging.getLogger("directions")


def make(tools: Tools, arguments: argparse.Namespace) -> None:
    """Rebuild the library, and say how it compares with what was there."""
    cache, jobs = arguments.cache, arguments.jobs
    faces = library.sample(tools, cache, jobs)
    first = library.vectors(faces)
    mended = library.mend(faces, first, library.probes(tools, cache, faces, first, jobs))
    found = library.calibrations(tools, cache, faces, mended, jobs)
    made, kept = [], []
    for name, calibration in found.items():
        direction = library.direction(tools, faces, mended[name], calibration)
        if direction is None:
            _log.info("%s: nothing of it holds, it is left out", name)
            continue
        made.append(direction)
        kept.append(calibration)
        _log.info("%s: %g to %g %s", name, direction.low, direction.high, direction.unit)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    compare_with_shipped(made)
    save_directions(made, arguments.out)
    leaks(faces, made, kept)


def leaks(faces: library.Sampled, made: list[Direction], kept: list[Calibration]) -> None:
    """Draw the leakage matrix, and list the pairs over `LEAK`."""
    matrix = library.leakage(faces, kept, [d.curve for d in made])
    names = [d.name for d in made]
    IMAGES.mkdir(parents=True, exist_ok=True)
    leakage_picture(names, matrix, LEAK, IMAGES / "leakage.png")
    for y, x in np.argwhere(np.abs(matrix) > LEAK):
        if y != x:
            _log.info("moving %s moves %s by %.2f", names[y], names[x], matrix[y, x])


def compare_with_shipped(made: list[Direction]) -> None:
    """Say the cosine of each vector with the shipped one of its name."""
    shipped = load_directions()
    cosines = {d.name: float(d.vector @ shipped[d.name].vector) for d in made if d.name in shipped}
    _log.info("cosines with the shipped: %s", json.dumps(cosines))


def compare(tools: Tools, arguments: argparse.Namespace) -> None:
    """Print held-out correlations of ridge normals and InterFaceGAN's SVM boundaries."""
    faces = library.sample(tools, arguments.cache, arguments.jobs)
    for recipe in (r for r in RECIPES if r.name in ("age", "smile", "pose")):
        w, values = library.chosen(faces, recipe)
        for penalty in (0.03, 0.1, 0.3, 1.0, 3.0):
            score = fit.held_out(partial(fit.ridge_normal, penalty=penalty), w, values)
            print(f"{recipe.name:8} ridge, penalty {penalty:<5} {score:.3f}")
        for share in (0.2, 0.35, 0.5):
            for penalty in (0.001, 0.01):
                way = partial(fit.svm_boundary, share=share, penalty=penalty)
                score = fit.held_out(way, w, values)
                print(f"{recipe.name:8} SVM, {share:.0%} a side, C {penalty:<5} {score:.3f}")


def compare_looks(tools: Tools, arguments: argparse.Namespace) -> None:
    """Print how well tags are read off faces that the readers were not fitted to."""
    readings, tags = library.tagged(arguments.cache)
    for penalty in (0.1, 0.3, 1.0, 3.0):
        scores = looks.held_out(readings, tags, penalty)
        print(penalty, ", ".join(f"{name} {score:.2f}" for name, score in scores.items()))


def name_components(tools: Tools, arguments: argparse.Namespace) -> None:
    """Print which measures the first components found without labels go with."""
    faces = library.sample(tools, arguments.cache, arguments.jobs)
    found = {"GANSpace": ganspace(tools.generator, 12).vectors}
    for name, sides in (("coarse", (4, 8)), ("middle", (16, 32)), ("fine", (64, 512))):
        found[f"SeFa, {name}"] = sefa(tools.generator, 4, sides=sides).vectors
    for kind, vectors in found.items():
        for i, vector in enumerate(vectors.numpy()):
            scores = {
                name: fit.explained(vector, faces.w, values)
                for name, values in faces.table.measures.items()
            }
            first = sorted(scores.items(), key=lambda item: -abs(item[1]))[:5]
            print(f"{kind} {i}:", ", ".join(f"{name} {score:+.2f}" for name, score in first))


def draw_sheets(tools: Tools, arguments: argparse.Namespace) -> None:
    """Write a contact sheet of the shipped directions for each group."""
    groups: dict[str, list[Direction]] = defaultdict(list)
    for direction in load_directions().values():
        groups[direction.group].append(direction)
    for group, directions in groups.items():
        page = contact_sheet(tools, directions, library.CHECK_PSI)
        page.save(IMAGES / f"edits-{group}.jpg", quality=82)


def draw_tag_sheets(tools: Tools, arguments: argparse.Namespace) -> None:
    """Write sheets of the sampled faces, to be tagged."""
    album = sampled(arguments.cache, library.FIT_PSI)
    sheets(album.folder, library.FIT_SEEDS, arguments.cache / "sheets")


def check(tools: Tools, arguments: argparse.Namespace) -> None:
    """Print, as a table, what the shipped directions do to people who were not seen before."""
    shipped = list(load_directions().values())
    faces = library.sample(tools, arguments.cache, arguments.jobs)
    folder = arguments.cache / ("sessions" if arguments.sessions else "people")
    album = Album(folder)
    if arguments.sessions:
        torch.set_num_threads(arguments.jobs)  # one process renders all
        paths = sorted(arguments.sessions.glob("*.safetensors"))
        sessions = {path.stem: Session.open(path, tools.generator) for path in paths}
        found = {d: people.session_check(album, faces.gauge, tools, sessions, d) for d in shipped}
        print(f"{len(sessions)} sessions\n")
    else:
        photographs = sorted(arguments.photographs.glob("*.[jp][pn]g"))
        crowd = people.everybody(tools, photographs, folder)
        read_all(folder, people.moved(crowd, shipped), arguments.jobs)
        found = {d: people.check(album, faces.gauge, crowd, d) for d in shipped}
        print(f"{len(photographs)} photographs, {len(people.SEEDS)} seeds\n")
    one_sided = {recipe.name for recipe in RECIPES if recipe.one_sided}
    print("| edit | range | rises in | upwards in | distance | error |\n|---|---|---|---|---|---|")
    for d, seen in found.items():
        error = "" if d.unit == "%" else f"{seen.error():.1f} {d.unit}"
        note = " (one-sided)" if d.name in one_sided else ""
        print(
            f"| `{d.name}`{note} | {d.low:g} to {d.high:g} {d.unit} | {seen.monotonic():.0%} "
            f"| {seen.monotonic(upwards=True):.0%} | {seen.distance():.2f} | {error} |"
        )


STAGES = {
    "make": make,
    "compare": compare,
    "looks": compare_looks,
    "check": check,
    "components": name_components,
    "sheet": draw_sheets,
    "tags": draw_tag_sheets,
}


def main() -> None:
    tune_malloc()
    arguments = _arguments()
    torch.set_num_threads(1)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    STAGES[arguments.stage](Tools.fetched(), arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.directions", description=__doc__)
    parser.add_argument(
        "stage",
        nargs="?",
        default="make",
        choices=STAGES,
        help="make the directions' file and the leakage matrix; compare ways to fit; see how well "
        "tags are read; check the shipped directions on people; draw the contact sheets; draw "
        "sheets of numbered faces to tag; say what GANSpace's and SeFa's components move",
    )
    parser.add_argument("--out", type=Path, default=DATA, help="the file to write")
    parser.add_argument(
        "--cache", type=Path, default=Path.home() / ".cache" / "pti-studio" / "directions"
    )
    parser.add_argument(
        "--photographs", type=Path, default=Path("../shared/photos"), help="of `check`: a folder"
    )
    parser.add_argument(
        "--sessions", type=Path, help="of `check`: a folder of sessions, in place of photographs"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes that render")
    return parser.parse_args()


if __name__ == "__main__":
    main()
