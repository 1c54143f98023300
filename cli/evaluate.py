"""`python -m pti_core evaluate`: from its arguments to a folder with the report.

Like the other commands it imports what is heavy only when its arguments have been found right.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from cli.arguments import (
    EXPERIMENTS,
    GENERATORS,
    METHODS,
    PRESETS,
    positive,
    several_of,
    weight,
    whole_number,
)
from evaluation.photographs import find_photographs
from pti_core.errors import UserError
from pti_core.session.atomic_write import check_writable
from service.malloc_tuning import tune_malloc

if TYPE_CHECKING:
    from tqdm import tqdm

    from pti_core.models import TuningModels
    from pti_core.progress import Step

#: Without a terminal a line is printed at every job, and within one at most every so many seconds.
SECONDS_BETWEEN_LINES = 30.0


def evaluate(arguments: argparse.Namespace) -> int:
    """Runs it; returns the exit status. Raises UserError for what the arguments ask in vain."""
    tune_malloc()
    photos = find_photographs(arguments.photos, arguments.limit)
    known = find_photographs([arguments.same_person]) if arguments.same_person else []
    notes = _read(arguments.notes)
    _check_out(arguments.out)

    from evaluation.bench import ABLATION, Bench, Settings
    from evaluation.figures import check_matplotlib
    from evaluation.runner import Evaluation, Plan
    from pti_core.personalisation import find_preset

    check_matplotlib()
    show = _names(arguments.show)
    plan = Plan(photos, arguments.experiments, known, show, _command(arguments), notes)
    models = _load(arguments)
    methods = arguments.methods or default_methods(models)
    settings = Settings(
        preset=find_preset(arguments.preset),
        methods=methods,
        seed=arguments.seed,
        projection_steps=arguments.projection_steps,
        ablation=ABLATION if arguments.preset == "fast" else None,
        ablation_steps=arguments.ablation_steps,
        identities=arguments.identities,
        locality_weight=arguments.locality_weight,
        drift_samples=arguments.drift_samples,
        people=arguments.people,
    )
    with Display() as display:
        bench = Bench(models, settings, arguments.out / "work", display.step)
        try:
            results = Evaluation(bench, plan, arguments.out, display.job).run()
        except KeyboardInterrupt:
            display.close()
            print("Interrupted; the same command goes on from here.", file=sys.stderr)
            return 130
    for name, reason in results["skipped"].items():
        print(f"{name} was left out: {reason}", file=sys.stderr)
    print(f"{arguments.out / 'report.html'}: {len(results['photographs'])} photographs")
    return 0


def default_methods(models: TuningModels) -> tuple[str, ...]:
    """Every method that this generator has, in the paper's order: e4e's codes are StyleGAN2's."""
    from evaluation.tables import NAMES

    return tuple(method for method in NAMES if method != "e4e" or models.encoder is not None)


class Display:
    """The jobs as one bar on a terminal, as lines when piped. A context manager."""

    def __init__(self) -> None:
        self._bar: tqdm[NoReturn] | None = None
        self._label, self._spoken = "", 0.0

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def job(self, index: int, total: int, label: str) -> None:
        """A job begins: number `index`, from 1, of `total`."""
        self._label, self._spoken = label, time.monotonic()
        if not sys.stderr.isatty():
            print(f"[{index}/{total}] {label}", file=sys.stderr, flush=True)
            return
        if self._bar is None or self._bar.total != total or index == 1:
            self.close()
            from tqdm import tqdm

            self._bar = tqdm(total=total, dynamic_ncols=True)
        self._bar.set_description_str(label)
        self._bar.update(index - 1 - self._bar.n)

    def step(self, step: Step) -> None:
        """An optimisation step inside a job: an `OnStep`."""
        told = f"{step.stage} {step.index}/{step.total}"
        if self._bar is not None:
            self._bar.set_postfix_str(told)
        elif time.monotonic() - self._spoken >= SECONDS_BETWEEN_LINES:
            self._spoken = time.monotonic()
            print(f"    {told}", file=sys.stderr, flush=True)


def _load(arguments: argparse.Namespace) -> TuningModels:
    from checkpoints.network_loaders import load_tuning_models
    from checkpoints.select_generator import choose_generator
    from cli.download_progress import Report

    with Report() as report_download:
        choice = choose_generator(arguments.generator, progress=report_download)
        wanted = arguments.methods is not None and "e4e" in arguments.methods
        if wanted and choice.name == "mobile":
            raise UserError(f"{choice.why} e4e's codes are StyleGAN2's: leave the method e4e out.")
        encoder = wanted or (arguments.methods is None and choice.name != "mobile")
        models = load_tuning_models(choice.generator, progress=report_download, encoder=encoder)
    print(choice.why, file=sys.stderr, flush=True)
    return dataclasses.replace(models, about=choice.why)


def _read(notes: Path | None) -> str:
    """The notes' text. Raises UserError where they are none."""
    if notes is None:
        return ""
    try:
        return notes.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The notes {notes} cannot be read as text; name another file.") from error


def _check_out(out: Path) -> None:
    """A folder that can be written, made if it is missing."""
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; name a folder for the report.")
    if not out.is_dir():
        check_writable(out)
        out.mkdir()
    check_writable(out / "results.json")


def _names(show: tuple[str, ...] | None) -> frozenset[str] | None:
    return None if show is None else frozenset(show)


def _command(arguments: argparse.Namespace) -> str:
    """The command that repeats it; places on the disk are the reader's own."""
    options: dict[str, object] = {
        "--methods": arguments.methods and ",".join(arguments.methods),
        "--experiments": arguments.experiments and ",".join(arguments.experiments),
        "--same-person": arguments.same_person and "FOLDER",
        "--generator": arguments.generator,
        "--preset": arguments.preset,
        "--limit": arguments.limit,
        "--seed": arguments.seed,
        "--projection-steps": arguments.projection_steps,
        "--ablation-steps": arguments.ablation_steps,
        "--identities": arguments.identities,
        "--locality-weight": arguments.locality_weight,
        "--drift-samples": arguments.drift_samples,
        "--people": arguments.people,
        "--notes": arguments.notes and "NOTES",
        "--show": arguments.show and ",".join(arguments.show),
    }
    told = [f"{name} {value}" for name, value in options.items() if value is not None]
    return " ".join(["python -m pti_core evaluate PHOTOS --out DIR", *told])


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=evaluate)
    add = parser.add_argument
    add("photos", nargs="+", type=Path, metavar="PHOTOS", help="folders or files of photographs")
    add("--out", type=Path, required=True, metavar="DIR", help="the report; goes on where it was")
    methods = several_of(METHODS)
    add("--methods", type=methods, metavar="w,w+,e4e,pti", help="default: all that can be had")
    experiments, named = several_of(EXPERIMENTS), ",".join(EXPERIMENTS)
    add("--experiments", type=experiments, metavar="E,E", help=f"of {named}; default: all")
    add(
        "--same-person",
        type=Path,
        metavar="FOLDER",
        help="photographs of one person, the last held out; default: generated pictures",
    )
    add("--generator", choices=GENERATORS, default="auto", help="auto: stylegan2 on a GPU")
    add("--preset", choices=PRESETS, default="fast", help="default: fast")
    add("--limit", type=positive, metavar="N", help="the first N photographs")
    add("--seed", type=whole_number, default=0, metavar="N", help="default: 0")
    add("--projection-steps", type=positive, metavar="N", help="of w and w+; default: the preset's")
    add(
        "--ablation-steps",
        type=positive,
        metavar="N",
        help="of tuning, a photograph, in ablations",
    )
    add("--identities", type=positive, default=12, metavar="N", help="in the locality ablation")
    add("--locality-weight", type=weight, metavar="X", help="lambda_R there")
    add("--drift-samples", type=positive, default=64, metavar="N", help="random codes; default: 64")
    add("--people", type=positive, default=5, metavar="N", help="of the multi-identity generator")
    add("--notes", type=Path, metavar="FILE", help="text for the report, as why a claim fails")
    names = lambda text: tuple(part.strip() for part in text.split(","))  # noqa: E731
    add(
        "--show",
        type=names,
        metavar="NAME,NAME",
        help="whose faces the report may show; default: all",
    )
