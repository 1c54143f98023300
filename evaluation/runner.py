"""Runs an evaluation job by job and writes its results and report; what is finished is kept."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation import experiments, figures, pivot_choice, same_person
from evaluation.bench import Bench
from evaluation.photographs import Photo
from evaluation.report import build, to_html, to_markdown
from evaluation.tables import claims
from pti_core.ai_mark import XMP
from pti_core.errors import UserError
from pti_core.report import plain_settings, versions
from pti_core.session.atomic_write import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: What `--experiments` may name.
EXPERIMENTS = ("tables", "turning", "multi", "locality", "alpha", "pivots", "same-person")
#: Photographs in the figures of reconstructions, and in those with a row a method.
MOST_ROWS, MOST_PHOTOS = 9, 3
#: Of the figures, in a report: a grid of five pictures is some 1300 pixels wide.
DPI, QUALITY = 150, 85

#: Told before every job: its number from 1, how many there are, and what it is.
Tell = Callable[[int, int, str], None]


@dataclass
class Plan:
    """What is to be evaluated.

    Attributes:
        photos: all photographs. same_person: several of one person, for that experiment.
        experiments: of `EXPERIMENTS`; None: all.
        show: names of photographs whose faces may be in the report; None: all. The experiments on
            few people take theirs from these.
        command: how to repeat it.
        notes: paragraphs that the report carries, as on why something does not hold.
    """

    photos: list[Photo]
    experiments: tuple[str, ...] | None = None
    same_person: list[Photo] = field(default_factory=list)
    show: frozenset[str] | None = None
    command: str = ""
    notes: str = ""

    def shown(self, photos: Sequence[Photo]) -> list[Photo]:
        return [photo for photo in photos if self.show is None or photo.name in self.show]


class Evaluation:
    """One run of a plan.

    Args:
        bench: networks, settings and workbook.
        plan: what to do.
        out: folder of `results.json`, `report.md`, `report.html` and `figures/`.
        tell: told of every job.
    """

    def __init__(self, bench: Bench, plan: Plan, out: Path, tell: Tell | None = None):
        self.bench, self.plan, self.out = bench, plan, out
        self._tell = tell or (lambda index, total, label: None)
        self.results: dict[str, Any] = {
            "command": plan.command,
            "notes": plan.notes,
            "made": _made(bench),
            "photographs": [],
            "skipped": {},
            "rows": [],
            "experiments": {},
            "figures": {},
            "claims": [],
        }

    def run(self) -> dict[str, Any]:
        """All jobs, then the report. Returns what `results.json` holds.

        Raises:
            UserError: not one of the photographs can be used.
        """
        usable = self._usable(self.plan.photos)
        known = self._usable(self.plan.same_person)
        if self.plan.photos and not usable:
            raise UserError(
                f"None of the {len(self.plan.photos)} files can be used: "
                f"{next(iter(self.results['skipped'].values()))}"
            )
        self.results["photographs"] = [photo.name for photo in usable]
        jobs = self._jobs(usable, known)
        for index, (label, run) in enumerate(jobs):
            self._tell(index + 1, len(jobs), label)
            run()
            self._write_results()
        self._write_report()
        return self.results

    def _usable(self, photos: Sequence[Photo]) -> list[Photo]:
        usable = []
        for index, photo in enumerate(photos):
            self._tell(index + 1, len(photos), f"{photo.name}: finding the face")
            trouble = self.bench.trouble(photo)
            if trouble is None:
                usable.append(photo)
            else:
                self.results["skipped"][photo.path.name] = trouble
        return usable

    def _jobs(
        self, usable: list[Photo], known: list[Photo]
    ) -> list[tuple[str, Callable[[], None]]]:
        """Labels and jobs, in the order of their worth: the tables first."""
        jobs: list[tuple[str, Callable[[], None]]] = []
        shown = self.plan.shown(usable)
        wanted = EXPERIMENTS if self.plan.experiments is None else self.plan.experiments
        if "tables" in wanted:
            for photo in usable:
                for method in self.bench.settings.methods:
                    jobs.append((f"{photo.name}, {method}", self._row(photo, method)))
        several: dict[str, tuple[Callable[..., dict[str, Any]], list[Photo]]] = {
            "turning": (experiments.turning, usable),
            "multi": (experiments.multi_identity, shown),
            "locality": (experiments.locality, usable),
            "alpha": (experiments.alpha_sweep, shown),
            "pivots": (pivot_choice.pivots, shown),
            "same-person": (same_person.same_person, known),
        }
        for name, (function, photos) in several.items():
            if name in wanted:
                jobs.append((name, self._experiment(name, function, photos)))
        jobs.append(("figures", lambda: self._draw(shown, usable)))
        return jobs

    def _row(self, photo: Photo, method: str) -> Callable[[], None]:
        def run() -> None:
            self.results["rows"].append(self.bench.row(photo, method))

        return run

    def _experiment(
        self, name: str, function: Callable[..., dict[str, Any]], photos: list[Photo]
    ) -> Callable[[], None]:
        def run() -> None:
            self.results["experiments"][name] = function(self.bench, photos)

        return run

    def _draw(self, shown: list[Photo], usable: list[Photo]) -> None:
        """Every figure that the results allow. Those of locality show nobody of the photographs."""
        done = {
            name for name, result in self.results["experiments"].items() if "left_out" not in result
        }
        draw: dict[str, Callable[[], figures.Drawn]] = {}
        if self.results["rows"] and shown:
            draw["reconstructions"] = lambda: figures.reconstructions(self.bench, shown[:MOST_ROWS])
            draw["edits"] = lambda: figures.edits(self.bench, shown[:MOST_PHOTOS])
            draw["sequential"] = lambda: figures.sequential(self.bench, shown[:MOST_PHOTOS])
        if "multi" in done:
            draw["multi-identity"] = lambda: figures.multi_identity(self.bench, shown)
        if "locality" in done:
            draw["locality"] = lambda: figures.locality(self.bench, usable)
            draw["drift"] = lambda: figures.drift_by_identity(self.bench, usable)
        if "alpha" in done:
            draw["alpha"] = lambda: figures.alpha_sweep(self.bench, shown)
        if "pivots" in done:
            draw["pivots"] = lambda: figures.pivots(self.bench, shown)
        for name, make in draw.items():
            figure, _ = make()
            self._save(figure, name)

    def _save(self, figure: Figure, name: str) -> None:
        folder = self.out / "figures"
        folder.mkdir(exist_ok=True)
        stream = io.BytesIO()
        settings = {"quality": QUALITY, "optimize": True, "xmp": XMP.encode()}
        figure.savefig(stream, format="jpg", dpi=DPI, pil_kwargs=settings)
        write_atomically(folder / f"{name}.jpg", stream.getvalue())
        self.results["figures"][name] = f"figures/{name}.jpg"

    def _write_results(self) -> None:
        found = claims(self.results["rows"], self.results["experiments"].get("locality"))
        self.results["claims"] = [
            {"claim": c.text, "holds": c.holds, "figures": c.figures} for c in found
        ]
        text = json.dumps(self.results, indent=1, allow_nan=False)
        write_atomically(self.out / "results.json", f"{text}\n".encode())

    def _write_report(self) -> None:
        blocks = build(self.results)
        write_atomically(self.out / "report.md", to_markdown(blocks).encode())
        write_atomically(self.out / "report.html", to_html(blocks, self.out).encode())


def _made(bench: Bench) -> dict[str, Any]:
    """How the figures were made, as JSON values."""
    models, settings = bench.models, bench.settings
    return {
        "generator": models.generator.name,
        "fingerprint": models.generator.fingerprint,
        "resolution": models.generator.resolution,
        "about": models.about,
        "lpips": models.lpips_report.name,
        "identity": models.identity.name if models.identity else None,
        "same_person": models.identity.same_person if models.identity else None,
        "settings": plain_settings(settings),
        "versions": versions(),
    }
