"""python -m mappers understand PROMPT | edit SESSION PROMPT --out PICTURE | list"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.arguments import Parser, whole_number
from cli.exit_status import exit_status
from cli.outputs import check_outputs, picture_format, write_picture
from cli.progress_bar import StepDisplay, stop_on_interrupt

if TYPE_CHECKING:
    from mappers.prompts import Understanding

WAYS = ("auto", "mapper", "attributes", "global", "optimise")


def understand(arguments: argparse.Namespace) -> int:
    """What a prompt asks, as JSON; status 2 with a sentence where nothing was understood."""
    from cli.download_progress import Report
    from mappers import prompts
    from mappers.edits import what_is_known
    from mappers.prompts.reader import fetch_reader

    with Report() as report:
        fetch_reader(report)
    session = None
    if arguments.session is not None:
        from pti_core.session.session import Session

        session = Session.open(arguments.session)
    found = prompts.understand(arguments.prompt, what_is_known(session))
    answer: Any = as_plain(found)
    print(json.dumps(answer if arguments.rest else answer["parts"], indent=2, ensure_ascii=False))
    if found.rest:
        print(found.sentence(), file=sys.stderr)
    return 2 if found.rest and not found.parts else 0


def as_plain(found: Understanding) -> dict[str, Any]:
    """What was understood, and what was not with the nearest known things, as plain values."""
    return {
        "prompt": found.prompt,
        "parts": [asdict(part) for part in found.parts],
        "rest": [{**asdict(one), "nearest": list(one.nearest)} for one in found.rest],
    }


def edit(arguments: argparse.Namespace) -> int:
    """Do what a prompt asks to a session, and write the picture."""
    picture_format(arguments.out)
    outputs = {"--out": arguments.out, "--save": arguments.save}
    check_outputs(outputs, [arguments.session])

    from checkpoints.network_loaders import load_edit_models
    from cli.download_progress import Report
    from mappers.edits import (
        ATTRIBUTES,
        GLOBAL,
        OPTIMISE,
        Means,
        edited,
        entry_of,
        notes_of,
        plan,
        what_is_known,
    )
    from mappers.prompts.reader import fetch_reader
    from pti_core.rendering import paste_back, render
    from pti_core.session.session import Session

    session = Session.open(arguments.session)
    if arguments.way not in (GLOBAL, OPTIMISE):  # those take the prompt as it is
        with Report() as report:
            fetch_reader(report)
    wanted = plan(arguments.prompt, what_is_known(session), arguments.way, arguments.strength)
    with Report() as report:
        models = load_edit_models(session.generator_name, report)
        session.check_generator(models.generator)
        means = Means(progress=report)
        others = [part for part in wanted.parts if part.way != ATTRIBUTES]
        with stop_on_interrupt() as asked, StepDisplay() as display:

            def on_step(step: Any) -> bool:
                display(step)
                return not asked.is_set()

            entries = [
                entry_of(part, session, models, means, wanted.edits, arguments.seed, on_step)
                for part in others
            ]
    result = edited(session, wanted.edits, entries)
    show = paste_back if arguments.paste else render
    write_picture(arguments.out, show(result, models))
    if arguments.save is not None:
        result.save(arguments.save)
    done = ", ".join(f"{part.label} ({part.way} {part.amount:+.3g})" for part in wanted.parts)
    print(f"{arguments.out}: {done}")
    if note := notes_of(wanted.parts):
        print(note)
    if wanted.left:
        print(wanted.left, file=sys.stderr)
    return 0


def list_mappers(arguments: argparse.Namespace) -> int:
    """Every mapper: published ones, and those that were trained here."""
    from mappers.styleclip.published import MAPPERS, installed, trained

    here = installed()
    for one in MAPPERS.values():
        state = "here" if one.name in here else f"python -m checkpoints fetch {one.asset}"
        print(f"{one.name:20}{one.label:20}{state}")
    for one in trained().values():
        print(f"{one.name:20}{one.label:20}trained here")
    return 0


def _strength(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number, as 0.5 is") from None


def _parser() -> Parser:
    parser = Parser(prog="python -m mappers", description="Edits that are asked for in words.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    reading = commands.add_parser("understand", help="what a prompt asks, as JSON; nothing is done")
    reading.add_argument("prompt", metavar="PROMPT")
    reading.add_argument(
        "--session", type=Path, metavar="S.safetensors", help="whose person's ranges hold"
    )
    reading.add_argument(
        "--rest", action="store_true", help="an object that also holds what was not understood"
    )
    reading.set_defaults(run=understand)
    editing = commands.add_parser("edit", help="session and prompt to edited picture")
    editing.set_defaults(run=edit)
    add = editing.add_argument
    add("session", type=Path, metavar="S.safetensors")
    add("prompt", metavar="PROMPT")
    add("--out", type=Path, required=True, metavar="P.png", help="the picture to write")
    add("--way", choices=WAYS, default="auto", help="default: auto, as the prompt is understood")
    add("--paste", action="store_true", help="put the face back into the photograph")
    add("--strength", type=_strength, metavar="X", help="factor on what is done (default: 1)")
    add("--seed", type=whole_number, default=0, metavar="N", help="of the optimisation")
    add("--save", type=Path, metavar="S2.safetensors", help="write the edited session there too")
    listing = commands.add_parser("list", help="the mappers, and which are here")
    listing.set_defaults(run=list_mappers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parsed = _parser().parse_args(arguments)
    return exit_status(lambda: parsed.run(parsed))


if __name__ == "__main__":
    sys.exit(main())
