"""`python -m pti_core invert PHOTO...`: photographs to a session.

Heavy modules are imported inside the command, so that mistakes are answered at once.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.arguments import GENERATORS, METHODS, PIVOTS, PRESETS, square, whole_number
from cli.outputs import check_outputs, picture_format, write_picture
from cli.progress_bar import StepDisplay, stop_on_interrupt
from pti_core.errors import NoFaceError, PhotographError, UserError
from pti_core.session.atomic_write import write_atomically
from service.malloc_tuning import tune_malloc

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from pti_core.faces.detect import FaceFinder
    from pti_core.progress import Step


#: Endings of the files that are taken of a folder.
PHOTOGRAPH_ENDINGS = frozenset(
    {*(".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".avif", ".bmp", ".tif", ".tiff")}
)


def invert(arguments: argparse.Namespace) -> int:
    """Photograph to session, or a session to a better one."""
    if bool(arguments.photos) == bool(arguments.resume):
        raise UserError("Give photographs, or --resume and a session to go on with.")
    outputs = {"--out": arguments.out, "--report": arguments.report, "--picture": arguments.picture}
    paths = expanded(arguments.photos)
    check_outputs(outputs, paths)
    if arguments.picture is not None:
        picture_format(arguments.picture)
    tune_malloc()
    photos_by_path = opened(paths)

    from checkpoints.factory import load_tuning_models
    from checkpoints.select_generator import choose_generator
    from cli.download_progress import Report
    from pti_core.faces.framing import WHOLE
    from pti_core.personalisation import personalise, refine
    from pti_core.rendering import render
    from pti_core.session.session import Session

    begun = Session.open(arguments.resume) if arguments.resume else None
    encoder = "e4e" in (arguments.method, arguments.pivot if arguments.method == "pti" else "")
    with Report() as report_download:
        wanted = begun.generator_name if begun else arguments.generator
        choice = choose_generator(wanted, progress=report_download)
        if encoder and choice.name == "mobile":
            raise UserError(f"{choice.why} e4e's pivots are codes of StyleGAN2: use the pivot w.")
        models = load_tuning_models(choice.generator, progress=report_download, encoder=encoder)
    marked = arguments.square or ([WHOLE] * len(photos_by_path) if arguments.aligned else [])
    photos = with_faces(photos_by_path, None if marked else models.faces)
    with stop_on_interrupt() as asked, StepDisplay() as display:

        def on_step(step: Step) -> bool:
            if not display.began:  # not before: a mistake is answered with its sentence alone
                print(choice.why, file=sys.stderr, flush=True)
            display(step)
            return not asked.is_set()

        if begun is not None:
            session, report = refine(begun, models, arguments.preset, arguments.seed, on_step)
        else:
            session, report = personalise(
                photos,
                models,
                arguments.preset,
                arguments.method,
                arguments.seed,
                on_step,
                arguments.pivot,
                marked or arguments.face or (),
                _code(arguments.code),
            )
    session.save(arguments.out)
    if arguments.report is not None:
        text = json.dumps(report, indent=2, allow_nan=False)
        write_atomically(arguments.report, f"{text}\n".encode())
    if arguments.picture is not None:
        write_picture(arguments.picture, render(session, models))
    print(f"{arguments.out}: {_summary(report)}")
    return 0


def _code(path: Path | None) -> Tensor | None:
    """The first latent code of a file; None without one."""
    from checkpoints.latent_codes import read_codes

    return None if path is None else read_codes(path)[0].w


def with_faces(photos: Mapping[Path, Image.Image], faces: FaceFinder | None) -> list[Image.Image]:
    """Those in which a face is found. Of several, one without is named and left out.

    Raises:
        NoFaceError: the only one, or all of them, show none.
    """
    found = []
    for path, photo in photos.items():
        try:
            if len(photos) > 1 and faces is not None:  # a single one says so itself
                faces.landmarks(photo)
        except NoFaceError as error:
            print(f"{path} is left out: {error}", file=sys.stderr)
            continue
        found.append(photo)
    if photos and not found:
        raise NoFaceError("No face was found in any of the photographs; name others.")
    return found


def expanded(paths: Sequence[Path]) -> list[Path]:
    """The photographs that arguments name: files, patterns that no shell expanded, and folders,
    of which every file with the ending of a picture is taken, by name.

    Raises:
        UserError: a folder or a pattern holds none.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            own = sorted(one for one in path.iterdir() if one.suffix.lower() in PHOTOGRAPH_ENDINGS)
        elif any(mark in path.name for mark in "*?[") and not path.exists():
            own = sorted(path.parent.glob(path.name))
        else:
            own = [path]
        if not own:
            raise UserError(f"There is no photograph in {path}; name one, or another folder.")
        found += own
    return list(dict.fromkeys(found))


def opened(paths: Sequence[Path]) -> dict[Path, Image.Image]:
    """The photographs by their paths. Of several, one that cannot be opened is named on the
    terminal and left out. Notes on the files go there, too.

    Raises:
        PhotographError: the only one, or all of them, cannot be opened.
    """
    from pti_core.faces.images import read_photograph

    photos = {}
    for path in paths:
        try:
            photo = read_photograph(path)
        except PhotographError as error:
            if len(paths) == 1:
                raise
            print(f"{path} is left out: {error}", file=sys.stderr)
            continue
        if photo.note:
            print(f"{path}: {photo.note}", file=sys.stderr)
        photos[path] = photo.image
    if paths and not photos:
        raise PhotographError("None of the photographs can be opened; name others.")
    return photos


def _summary(report: dict[str, Any]) -> str:
    names = {"mse": "mse", "lpips": "lpips", "identity_distance": "identity distance"}
    parts = [f"{report['steps']} steps in {report['seconds']:.0f} s"]
    if report["stopped"] == "person":
        parts[0] += ", stopped by you"
    parts += [f"{word} {report[key]:.4f}" for key, word in names.items() if report[key] is not None]
    return ", ".join(parts)


def add_invert(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=invert)
    add = parser.add_argument
    add(
        "photos",
        nargs="*",
        type=Path,
        metavar="PHOTO",
        help="usually one; several, or those of a folder, share a generator",
    )
    add("--resume", type=Path, metavar="S.safetensors", help="tune a session further instead")
    add("--out", type=Path, required=True, metavar="S.safetensors", help="the session to write")
    add("--preset", choices=PRESETS, default="fast", help="default: fast")
    add(
        "--generator",
        default="auto",
        metavar="|".join((*GENERATORS, "FILE")),
        help="auto: stylegan2 on a GPU; FILE: a StyleGAN2 of your own (.pkl, .pt)",
    )
    add("--method", choices=METHODS, default="pti", help="all others do not tune (default: pti)")
    add("--pivot", choices=PIVOTS, default="w", help="what pti tunes around (default: w)")
    add(
        "--face",
        type=whole_number,
        action="append",
        metavar="I",
        help="which face of a photograph, as `faces` lists them; once for each (default: 0)",
    )
    add(
        "--square",
        type=square,
        action="append",
        metavar="LEFT,TOP,SIDE",
        help="pixels to use in place of a face that is found; once for each photograph",
    )
    add("--aligned", action="store_true", help="the photographs are aligned faces already")
    add("--code", type=Path, metavar="FILE", help="a latent code to tune around (.pt, .npy, .npz)")
    add("--seed", type=whole_number, default=0, metavar="N", help="default: 0")
    add("--report", type=Path, metavar="R.json", help="write seconds, steps and metrics there")
    add("--picture", type=Path, metavar="P.png", help="write the reconstruction there")
