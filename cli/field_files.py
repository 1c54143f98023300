"""`python -m pti_core open FILE` and `export SESSION`: the field's files in and out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cli.arguments import GENERATORS
from cli.outputs import check_outputs
from pti_core.session.atomic_write import write_atomically

if TYPE_CHECKING:
    from pti_core.models import EditModels
    from pti_core.session.session import Session


def open_file(arguments: argparse.Namespace) -> int:
    """A latent code or an exported generator to a session without a photograph."""
    check_outputs({"--out": arguments.out}, [arguments.file])

    from checkpoints.latent_codes import read_codes
    from checkpoints.network_loaders import load_generator
    from checkpoints.select_generator import choose_generator
    from cli.download_progress import Report
    from pti_core.session.export import read_export, session_from_export
    from pti_core.session.from_code import session_from_code

    exported = read_export(arguments.file)
    with Report() as report:
        if exported is not None:
            generator = load_generator(exported.generator_name, report)
            session, what = session_from_export(exported, generator), "an exported generator"
        else:
            code = read_codes(arguments.file)[0]
            generator = choose_generator(arguments.generator, "cpu", report).generator
            session = session_from_code(code.w, generator)
            what = f"a code in W+ ({code.levels} levels)" if code.levels else "a code in W"
    session.save(arguments.out)
    print(f"{arguments.out}: {what}, with the generator {generator.name}")
    return 0


def export(arguments: argparse.Namespace) -> int:
    """A session's pivot and tuned generator as one safetensors file."""
    check_outputs({"--out": arguments.out}, [arguments.session])

    from checkpoints.network_loaders import load_generator
    from cli.download_progress import Report
    from pti_core.session.export import export_bytes
    from pti_core.session.session import Session

    session = Session.open(arguments.session)
    with Report() as report:
        generator = load_generator(session.generator_name, report)
    write_atomically(arguments.out, export_bytes(session, generator))
    print(f"{arguments.out}: pivot and tuned weights of {generator.name}")
    return 0


def with_directions(session: Session, models: EditModels, files: list[Path]) -> Session:
    """The session with the directions of files as its own; those in StyleSpace are applied once.

    Raises:
        UserError: a file holds none, or none for this generator.
    """
    import dataclasses

    from checkpoints.direction_files import read_directions
    from service.field_files import own_directions, style_entries

    for file in files:
        found = read_directions(file)
        rows = own_directions(found, models, session)
        stack = [*session.stack, *style_entries(found, models.generator)]
        own = {**session.own, **{row.name: row for row in rows}}
        session = dataclasses.replace(session, own=own, stack=stack)
        if rows:
            print(f"{file}: {', '.join(row.name for row in rows)}")
    return session


def add_open(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=open_file)
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help="a code (.pt, .npy, .npz, .safetensors), an export")
    add("--out", type=Path, required=True, metavar="S.safetensors", help="the session to write")
    add(
        "--generator",
        default="auto",
        metavar="|".join((*GENERATORS, "FILE")),
        help="the one that the code was made for; W+ needs StyleGAN2 (default: auto)",
    )


def add_export(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=export)
    add = parser.add_argument
    add("session", type=Path, metavar="S.safetensors")
    add("--out", type=Path, required=True, metavar="G.safetensors", help="the file to write")
