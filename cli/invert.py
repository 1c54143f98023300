"""`python -m pti_core invert PHOTO...`: photographs to a session.

Heavy modules are imported inside the command, so that mistakes are answered at once.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.arguments import GENERATORS, METHODS, PIVOTS, PRESETS, square, whole_number
from cli.outputs import check_outputs, picture_format, write_picture
from cli.photographs import asked_for, open_all, with_faces
from cli.progress_bar import StepDisplay, stop_on_interrupt
from pti_core.errors import UserError
from pti_core.session.atomic_write import write_atomically
from service.malloc_tuning import tune_malloc

if TYPE_CHECKING:
    from torch import Tensor

    from pti_core.models import TuningModels
    from pti_core.progress import Step
    from pti_core.session.session import Session


def invert(arguments: argparse.Namespace) -> int:
    """Photograph to session, or a session to a better one."""
    if bool(arguments.photos) == bool(arguments.resume):
        raise UserError("Give photographs, or --resume and a session to go on with.")
    outputs = {"--out": arguments.out, "--report": arguments.report, "--picture": arguments.picture}
    asked = asked_for(
        arguments.photos, arguments.face or (), arguments.square or (), arguments.aligned
    )
    check_outputs(outputs, [one.path for one in asked])
    if arguments.picture is not None:
        picture_format(arguments.picture)
    tune_malloc()
    opened = open_all(asked)

    from checkpoints.network_loaders import load_tuning_models
    from checkpoints.select_generator import choose_generator
    from cli.download_progress import Report
    from pti_core.personalisation import personalise, refine
    from pti_core.session.session import Session
    from service.machine_turns import in_turn

    begun = Session.open(arguments.resume) if arguments.resume else None
    encoder = "e4e" in (arguments.method, arguments.pivot if arguments.method == "pti" else "")
    with Report() as report_download:
        wanted = begun.generator_name if begun else arguments.generator
        choice = choose_generator(wanted, progress=report_download)
        if encoder and choice.name == "mobile":
            raise UserError(f"{choice.why} e4e's pivots are codes of StyleGAN2: use the pivot w.")
        models = load_tuning_models(choice.generator, progress=report_download, encoder=encoder)
    photos = with_faces(opened, models.faces)
    with stop_on_interrupt() as interrupted, StepDisplay() as display:

        def on_step(step: Step) -> bool:
            if not display.began:  # not before: a mistake is answered with its sentence alone
                print(choice.why, file=sys.stderr, flush=True)
            display(step)
            return not interrupted.is_set()

        with in_turn(on_step) as stepped:
            if begun is not None:
                session, report = refine(begun, models, arguments.preset, arguments.seed, stepped)
            else:
                session, report = personalise(
                    [photo.image for photo in photos],
                    models,
                    arguments.preset,
                    arguments.method,
                    arguments.seed,
                    stepped,
                    arguments.pivot,
                    [photo.where for photo in photos],
                    _code(arguments.code),
                )
    _write(arguments, session, report, models)
    return 0


def _write(
    arguments: argparse.Namespace, session: Session, report: dict[str, Any], models: TuningModels
) -> None:
    from pti_core.rendering import render

    session.save(arguments.out)
    if arguments.report is not None:
        text = json.dumps(report, indent=2, allow_nan=False)
        write_atomically(arguments.report, f"{text}\n".encode())
    if arguments.picture is not None:
        write_picture(arguments.picture, render(session, models))
    print(f"{arguments.out}: {_summary(report)}")


def _code(path: Path | None) -> Tensor | None:
    """The first latent code of a file; None without one."""
    from checkpoints.latent_codes import read_codes

    return None if path is None else read_codes(path)[0].w


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
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--face",
        type=whole_number,
        action="append",
        metavar="I",
        help="which face of a photograph, as `faces` lists them; once for each (default: 0)",
    )
    which.add_argument(
        "--square",
        type=square,
        action="append",
        metavar="LEFT,TOP,SIDE",
        help="where a head is, in pixels as `faces` counts them; once for each photograph",
    )
    which.add_argument(
        "--aligned", action="store_true", help="the photographs are aligned faces already"
    )
    add("--code", type=Path, metavar="FILE", help="a latent code to tune around (.pt, .npy, .npz)")
    add("--seed", type=whole_number, default=0, metavar="N", help="default: 0")
    add("--report", type=Path, metavar="R.json", help="write seconds, steps and metrics there")
    add("--picture", type=Path, metavar="P.png", help="write the reconstruction there")
