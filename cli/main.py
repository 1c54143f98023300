"""python -m pti_core invert PHOTO... | edit SESSION | open FILE | export SESSION | ...

Heavy modules are imported inside the commands, so that `--help` and mistakes are answered at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from cli.arguments import Parser
from cli.directions import list_directions
from cli.edit import add_edit
from cli.evaluate import add_evaluate
from cli.exit_status import exit_status
from cli.faces import add_faces
from cli.field_files import add_export, add_open
from cli.invert import add_invert


def _parser() -> Parser:
    parser = Parser(
        prog="python -m pti_core",
        description="Personalise a face generator to a photograph, and edit the photograph by it.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_invert(commands.add_parser("invert", help="photograph to session (a minute or more)"))
    add_edit(commands.add_parser("edit", help="session to edited picture (seconds)"))
    add_open(commands.add_parser("open", help="a latent code or an export to a session"))
    add_export(commands.add_parser("export", help="pivot and tuned generator for other programs"))
    add_evaluate(commands.add_parser("evaluate", help="the paper's experiments (hours)"))
    add_faces(commands.add_parser("faces", help="the faces in a photograph, for invert --face"))
    listing = commands.add_parser("directions", help="what can be edited, in which units")
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(run=list_directions)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parsed = _parser().parse_args(arguments)
    return exit_status(lambda: parsed.run(parsed))
