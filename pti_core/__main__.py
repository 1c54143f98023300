"""python -m pti_core invert PHOTO... | edit SESSION | directions | evaluate PHOTOS

Heavy modules are imported inside the commands, so that `--help` and mistakes are answered at once.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from pti_core.command import exit_status
from pti_core.errors import UserError
from pti_core.files import check_writable, write_atomically
from pti_core.memory import keep_memory

if TYPE_CHECKING:
    from PIL import Image
    from tqdm import tqdm

    from pti_core.directions import Direction
    from pti_core.progress import Step

PRESETS, METHODS, PIVOTS = ("fast", "paper"), ("pti", "w", "w+", "e4e"), ("w", "w+", "e4e")
GENERATORS = ("auto", "stylegan2", "mobile")
EXPERIMENTS = ("tables", "turning", "multi", "locality", "alpha", "pivots", "same-person")
#: Suffix of a picture's file to Pillow's name of the format and its settings.
PICTURE_FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"quality": 95}),
}
STAGE_LABELS = {
    "invert": "Inverting",
    "tune": "Tuning",
    "fit edits": "Fitting the edits",
    "measure": "Comparing",
}
SECONDS_BETWEEN_LINES = 5.0  # in a log: often enough to see that it moves, no flood


def invert(arguments: argparse.Namespace) -> int:
    """Photograph to session, or a session to a better one."""
    if bool(arguments.photos) == bool(arguments.resume):
        raise UserError("Give photographs, or --resume and a session to go on with.")
    outputs = {"--out": arguments.out, "--report": arguments.report, "--picture": arguments.picture}
    check_outputs(outputs, arguments.photos)
    if arguments.picture is not None:
        picture_format(arguments.picture)
    keep_memory()

    photos = [_opened(path) for path in arguments.photos]

    from checkpoints.__main__ import Report
    from checkpoints.choice import choose_generator
    from checkpoints.load import load_toolkit
    from pti_core.pipeline import personalise, refine, render
    from pti_core.session import Session

    begun = Session.open(arguments.resume) if arguments.resume else None
    encoder = "e4e" in (arguments.method, arguments.pivot if arguments.method == "pti" else "")
    with Report() as report_download:
        wanted = begun.generator_name if begun else arguments.generator
        choice = choose_generator(wanted, progress=report_download)
        if encoder and choice.name == "mobile":
            raise UserError(f"{choice.why} e4e's pivots are codes of StyleGAN2: use the pivot w.")
        kit = load_toolkit(choice.generator, progress=report_download, encoder=encoder)
    with stop_on_interrupt() as asked, StepDisplay() as display:

        def on_step(step: Step) -> bool:
            if not display.began:  # not before: a mistake is answered with its sentence alone
                print(choice.why, file=sys.stderr, flush=True)
            display(step)
            return not asked.is_set()

        if begun is not None:
            session, report = refine(begun, kit, arguments.preset, arguments.seed, on_step)
        else:
            session, report = personalise(
                photos,
                kit,
                arguments.preset,
                arguments.method,
                arguments.seed,
                on_step,
                arguments.pivot,
            )
    session.save(arguments.out)
    if arguments.report is not None:
        text = json.dumps(report, indent=2, allow_nan=False)
        write_atomically(arguments.report, f"{text}\n".encode())
    if arguments.picture is not None:
        write_picture(arguments.picture, render(session, kit))
    print(f"{arguments.out}: {_summary(report)}")
    return 0


def _opened(path: Path) -> Image.Image:
    """A photograph; what the person should know of its file goes to the terminal."""
    from pti_core.pictures import read_photograph

    opened = read_photograph(path)
    if opened.note:
        print(f"{path}: {opened.note}", file=sys.stderr)
    return opened.image


def edit(arguments: argparse.Namespace) -> int:
    """Session to edited picture."""
    picture_format(arguments.out)
    check_outputs({"--out": arguments.out}, [arguments.session])
    keep_memory()

    from checkpoints.__main__ import Report
    from checkpoints.load import load_edit_kit
    from pti_core import directions
    from pti_core.pipeline import paste_back, render
    from pti_core.session import Session

    session = Session.open(arguments.session)
    if arguments.person is not None and arguments.person >= len(session.crops):
        raise UserError(f"The session holds {len(session.crops)} photograph(s), counted from 0.")
    edits = {**session.edits, **dict(arguments.set)}
    # Before the generator is fetched: a wrong name or amount.
    own = session.directions(directions.load_directions(), arguments.person)
    directions.apply(session.pivots, edits, own)
    with Report() as report_download:
        kit = load_edit_kit(session.generator_name, report_download)
    show = paste_back if arguments.paste else render
    write_picture(arguments.out, show(session, kit, edits, arguments.person, session.stack))
    changes = ", ".join(f"{name} {amount:+g}" for name, amount in edits.items())
    print(f"{arguments.out}: {changes or 'no edits'}")
    return 0


def list_directions(arguments: argparse.Namespace) -> int:
    """What can be edited, in which units, how far, and how it was made."""
    from pti_core.directions import load_directions

    found = load_directions().values()
    if arguments.json:
        keys = ("name", "label", "group", "unit", "low", "high", "curve", "layers", "made")
        print(json.dumps([{key: getattr(d, key) for key in keys} for d in found], indent=2))
        return 0
    for direction in found:
        _show_direction(direction)
    print("How each was made, and what was measured on it, in full: --json.")
    return 0


def _show_direction(direction: Direction) -> None:
    made = direction.made
    span = f"{direction.low:+g} to {direction.high:+g} {direction.unit}"
    print(f"{direction.name:16}{span:28}{direction.group:12}{direction.label}")
    print(f"    fitted to {made.get('fitted_to')}, measured by {made.get('measured_by')}")
    rows = made.get("calibration", [])
    far = " and ".join(f"{row['identity_distance']:.2f}" for row in (*rows[:1], *rows[-1:]))
    samples, found = made.get("samples"), made.get("held_out_correlation")
    print(f"    {samples} faces, held-out correlation {found}; identity distance {far} at the ends")


def evaluate(arguments: argparse.Namespace) -> int:
    """The paper's experiments on a folder of photographs, with a report."""
    keep_memory()
    from pti_core.evaluation.command import evaluate as run

    return run(arguments)


# -------------------------------------------------------------------------------------- progress


class StepDisplay:
    """Optimisation steps as a bar a stage on a terminal, now and then as a line when piped.

    A context manager whose instance is an `OnStep`.
    """

    def __init__(self) -> None:
        self._bar: tqdm[NoReturn] | None = None
        self._stage = ""
        self._spoken = 0.0

    @property
    def began(self) -> bool:
        return bool(self._stage)

    def __enter__(self) -> StepDisplay:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def __call__(self, step: Step) -> None:
        label = STAGE_LABELS.get(step.stage, step.stage)
        # Several photographs are inverted one after the other: the count starts again.
        begins = step.stage != self._stage or step.index == 1
        if begins:
            self._close()
            self._stage = step.stage
        losses = ", ".join(f"{name} {value:.4f}" for name, value in step.losses.items())
        if sys.stderr.isatty():
            self._draw(label, step, losses)
        elif begins or step.index == step.total or self._silent():
            self._spoken = time.monotonic()
            counted = f" {step.index}/{step.total}: {losses}" if losses else ""
            print(f"{label}{counted}", file=sys.stderr, flush=True)

    def _silent(self) -> bool:
        return time.monotonic() - self._spoken >= SECONDS_BETWEEN_LINES

    def _draw(self, label: str, step: Step, losses: str) -> None:
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(desc=label, total=step.total, dynamic_ncols=True)
        self._bar.set_postfix_str(losses, refresh=False)
        self._bar.update(step.index - self._bar.n)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


@contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """The first Ctrl-C sets the event, so that what is reached is kept; the second one raises."""
    asked = threading.Event()

    def handle(_signal: int, _frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        print("\nStopping; what is reached is kept (Ctrl-C again: not).", file=sys.stderr)

    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, previous)


def _summary(report: dict[str, Any]) -> str:
    names = {"mse": "mse", "lpips": "lpips", "identity_distance": "identity distance"}
    parts = [f"{report['steps']} steps in {report['seconds']:.0f} s"]
    if report["stopped"] == "person":
        parts[0] += ", stopped by you"
    parts += [f"{word} {report[key]:.4f}" for key, word in names.items() if report[key] is not None]
    return ", ".join(parts)


# ----------------------------------------------------------------------------------------- files


def check_outputs(outputs: dict[str, Path | None], inputs: Sequence[Path]) -> None:
    """Find out before the work that every output can be written, and overwrites no input."""
    named = {option: path for option, path in outputs.items() if path is not None}
    taken = {path.resolve(): str(path) for path in inputs}
    for option, path in named.items():
        if path.resolve() in taken:
            raise UserError(f"{option} would overwrite {taken[path.resolve()]}; name another file.")
        taken[path.resolve()] = str(path)
        check_writable(path)


def picture_format(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        return PICTURE_FORMATS[path.suffix.lower()]
    except KeyError:
        endings = ", ".join(PICTURE_FORMATS)
        raise UserError(f"{path} is no name of a picture; end it in one of {endings}.") from None


def write_picture(path: Path, image: Image.Image) -> None:
    encoding, settings = picture_format(path)
    stream = io.BytesIO()
    image.save(stream, encoding, **settings)
    write_atomically(path, stream.getvalue())


# ------------------------------------------------------------------------------------- arguments


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the usage in front of it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{message[:1].upper()}{message[1:]}; see {self.prog} --help.\n")


def _setting(text: str) -> tuple[str, float]:
    name, equals, amount = text.partition("=")
    try:
        number = float(amount)
    except ValueError:
        number = math.nan
    if not (name and equals and math.isfinite(number)):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=AMOUNT, as in age=+10")
    return name, number


def whole_number(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number < 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 2^32 - 1")
    return number


def _positive(text: str) -> int:
    number = whole_number(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return number


def _weight(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number over nought")
    return number


def _several_of(choices: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """The type of an option that takes some of the choices, separated by commas."""

    def read(text: str) -> tuple[str, ...]:
        named = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
        wrong = [name for name in named if name not in choices]
        if wrong or not named:
            raise argparse.ArgumentTypeError(
                f"{text!r} is not some of {', '.join(choices)}, separated by commas"
            )
        return named

    return read


def _parser() -> Parser:
    parser = Parser(
        prog="python -m pti_core",
        description="Personalise a face generator to a photograph, and edit the photograph by it.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_invert(commands.add_parser("invert", help="photograph to session (a minute or more)"))
    _add_edit(commands.add_parser("edit", help="session to edited picture (seconds)"))
    _add_evaluate(commands.add_parser("evaluate", help="the paper's experiments (hours)"))
    listing = commands.add_parser("directions", help="what can be edited, in which units")
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(run=list_directions)
    return parser


def _add_invert(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=invert)
    add = parser.add_argument
    add(
        "photos",
        nargs="*",
        type=Path,
        metavar="PHOTO",
        help="usually one; several share a generator",
    )
    add("--resume", type=Path, metavar="S.safetensors", help="tune a session further instead")
    add("--out", type=Path, required=True, metavar="S.safetensors", help="the session to write")
    add("--preset", choices=PRESETS, default="fast", help="default: fast")
    add("--generator", choices=GENERATORS, default="auto", help="auto: stylegan2 on a GPU")
    add("--method", choices=METHODS, default="pti", help="all others do not tune (default: pti)")
    add("--pivot", choices=PIVOTS, default="w", help="what pti tunes around (default: w)")
    add("--seed", type=whole_number, default=0, metavar="N", help="default: 0")
    add("--report", type=Path, metavar="R.json", help="write seconds, steps and metrics there")
    add("--picture", type=Path, metavar="P.png", help="write the reconstruction there")


def _add_edit(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=edit)
    add = parser.add_argument
    add("session", type=Path, metavar="S.safetensors")
    add("--out", type=Path, required=True, metavar="P.png", help="the picture to write")
    add(
        "--set",
        type=_setting,
        action="append",
        default=[],
        metavar="NAME=AMOUNT",
        help="as in age=+10; may be given several times",
    )
    add("--paste", action="store_true", help="put the face back into the photograph")
    add(
        "--person",
        type=whole_number,
        metavar="I",
        help="which of the session's photographs, from 0; default: the one that it shows",
    )


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=evaluate)
    add = parser.add_argument
    add("photos", nargs="+", type=Path, metavar="PHOTOS", help="folders or files of photographs")
    add("--out", type=Path, required=True, metavar="DIR", help="the report; goes on where it was")
    methods = _several_of(METHODS)
    add("--methods", type=methods, metavar="w,w+,e4e,pti", help="default: all that can be had")
    experiments, named = _several_of(EXPERIMENTS), ",".join(EXPERIMENTS)
    add("--experiments", type=experiments, metavar="E,E", help=f"of {named}; default: all")
    add(
        "--same-person",
        type=Path,
        metavar="FOLDER",
        help="photographs of one person, the last held out; default: generated pictures",
    )
    add("--generator", choices=GENERATORS, default="auto", help="auto: stylegan2 on a GPU")
    add("--preset", choices=PRESETS, default="fast", help="default: fast")
    add("--limit", type=_positive, metavar="N", help="the first N photographs")
    add("--seed", type=whole_number, default=0, metavar="N", help="default: 0")
    add(
        "--projection-steps", type=_positive, metavar="N", help="of w and w+; default: the preset's"
    )
    add(
        "--ablation-steps",
        type=_positive,
        metavar="N",
        help="of tuning, a photograph, in ablations",
    )
    add("--identities", type=_positive, default=12, metavar="N", help="in the locality ablation")
    add("--locality-weight", type=_weight, metavar="X", help="lambda_R there")
    add(
        "--drift-samples", type=_positive, default=64, metavar="N", help="random codes; default: 64"
    )
    add("--people", type=_positive, default=5, metavar="N", help="of the multi-identity generator")
    add("--notes", type=Path, metavar="FILE", help="text for the report, as why a claim fails")
    names = lambda text: tuple(part.strip() for part in text.split(","))  # noqa: E731
    add(
        "--show",
        type=names,
        metavar="NAME,NAME",
        help="whose faces the report may show; default: all",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parsed = _parser().parse_args(arguments)
    return exit_status(lambda: parsed.run(parsed))


if __name__ == "__main__":
    sys.exit(main())
