"""python -m benchmarks.edits PHOTOS --out DIR: how good edited photographs are.

Each photograph is personalised (or its session opened, if DIR/sessions has it), edited by each edit
at the ends of the person's range, and measured: sharp, kept and mouth (`pti_core.editing.quality`),
dlib distance at the end and at two thirds of the range, what the edit achieved in its own unit, and
seconds. Writes results.json, table.md and a contact sheet for each photograph, 512 pixels a tile.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw

from benchmarks.personalise import machine
from evaluation.photographs import find_photographs
from pti_core.editing.head_turn import move_of
from pti_core.editing.quality import measure_detail, measure_kept, measure_mouth
from pti_core.faces.images import to_image, to_tensor
from pti_core.models import TuningModels
from pti_core.personalisation import personalise
from pti_core.rendering import edit_weights, edited, render
from pti_core.session.session import Session

#: Edits and the ends of their ranges that are measured.
EDITS = (
    *(("smile", 1), ("smile", -1), ("mouth_open", 1), ("eyes_open", -1)),
    *(("age", 1), ("age", -1), ("pose", 1), ("pose", -1), ("face_width", 1)),
    *(("glasses", 1), ("fringe", 1), ("hair_blond", 1), ("beard", 1)),
)
#: At two thirds of their upper ends, all together.
TOGETHER = ("smile", "pose", "age")
#: Edits whose effect on the tuned generator is compared with that on its base.
COMPARED = ("pose", "smile", "age")
TILE = 512


class EditBench:
    """One person's session, its photograph, and what measures edits of it."""

    def __init__(self, session: Session, models: TuningModels) -> None:
        self.session, self.models = session, models
        self.photo = np.asarray(session.crop())
        self.before = self._parse(self.photo)
        self.detail = measure_detail(self.photo, self.before)
        self.unedited = render(session, models, {})
        self.mouth = measure_mouth(self._parse(np.asarray(self.unedited)))
        self.directions = session.directions(models.directions)
        assert models.identity is not None and models.meter is not None
        self.identity, self.meter = models.identity, models.meter
        self.own = self.identity.embedding(session.crop())

    def _parse(self, image: np.ndarray) -> np.ndarray:
        assert self.models.parser is not None
        with torch.inference_mode():
            return self.models.parser(to_tensor(Image.fromarray(image)))[0].numpy()

    def amount(self, name: str, end: int, share: float = 1.0) -> float:
        direction = self.directions[name]
        return share * (direction.high if end > 0 else direction.low)

    def distance(self, image: Image.Image) -> float:
        return float(self.identity.distance(self.own, image))

    def measure(self, name: str, end: int) -> tuple[dict[str, Any], Image.Image]:
        """Figures of one edit at the end of its range, and its image."""
        amount = self.amount(name, end)
        began = time.perf_counter()
        image = render(self.session, self.models, {name: amount})
        seconds = time.perf_counter() - began
        array = np.asarray(image)
        after = self._parse(array)
        mild = render(self.session, self.models, {name: self.amount(name, end, 2 / 3)})
        row = {
            "edit": name,
            "amount": amount,
            "sharp": measure_detail(array, after) / self.detail,
            "kept": measure_kept(array, self.photo, after, self.before),
            "mouth": measure_mouth(after) / self.mouth,
            "dlib": self.distance(image),
            "dlib_two_thirds": self.distance(mild),
            "achieved": self.achieved(name, image),
            "seconds": seconds,
        }
        return row, image

    def achieved(self, name: str, image: Image.Image) -> float | None:
        """What the edit did in its own unit, by the product's meter; None where that has none."""
        direction = self.directions[name]
        measure = direction.made.get("measure")
        if not measure:
            return None
        found = [self.meter.measure(one, [str(measure)])[measure] for one in (self.unedited, image)]
        return (found[1] - found[0]) / float(direction.made.get("scale", 1.0))

    def together(self) -> tuple[dict[str, float], Image.Image]:
        edits = {name: self.amount(name, 1, 2 / 3) for name in TOGETHER}
        image = render(self.session, self.models, edits)
        return {"dlib": self.distance(image)}, image

    @torch.inference_mode()
    def effect_of_base(self, name: str) -> float:
        """Effect of one step in W on the weights that edits are rendered with, over that on their
        base at the pivot."""
        generator, direction = self.models.generator, self.directions[name]
        tuned = edit_weights(self.session, self.models)
        measure = str(direction.made["measure"])
        ends = (direction.low, direction.high)
        steps = [edited(self.session, self.models, {name: end}) for end in ends]

        def effect(weights: Mapping[str, torch.Tensor]) -> float:
            images = [to_image(generator.render(w, dict(weights), exact=True)) for w in steps]
            low, high = (self.meter.measure(image, [measure])[measure] for image in images)
            return high - low

        return effect(tuned) / effect({})

    def skin_drift(self, image: Image.Image, amounts: Mapping[str, float]) -> float:
        """Change of the cheeks' median L* (CIELAB, 0 to 100)."""
        import cv2

        def cheeks(picture: Image.Image, x: int = 0, y: int = 0) -> float:
            lab = cv2.cvtColor(np.asarray(picture), cv2.COLOR_RGB2LAB)[..., 0] * (100 / 255)
            side = len(lab)
            rows = slice(int(0.54 * side) + y, int(0.61 * side) + y)
            sides = (int(at * side) + x for at in (0.305, 0.615))
            parts = [lab[rows, left : left + int(0.08 * side)] for left in sides]
            return float(np.median(np.concatenate([part.ravel() for part in parts])))

        return cheeks(image, *move_of(amounts, self.directions, image.width)) - cheeks(
            Image.fromarray(self.photo)
        )


def bench_photo(
    name: str, session: Session, models: TuningModels, out: Path, edits: Sequence[tuple[str, int]]
) -> dict[str, Any]:
    """All figures of one photograph; its contact sheet is written."""
    bench = EditBench(session, models)
    tiles = [("photograph", Image.fromarray(bench.photo))]
    rows = []
    for edit, end in edits:
        row, image = bench.measure(edit, end)
        row["skin_drift"] = bench.skin_drift(image, {edit: row["amount"]})
        rows.append(row)
        tiles.append((f"{edit} {row['amount']:+.3g}", image))
        print(f"{name} {_line(row)}", flush=True)
    together, image = bench.together()
    tiles.append((" + ".join(TOGETHER), image))
    difference = np.abs(np.asarray(bench.unedited).astype(int) - bench.photo.astype(int))
    sheet(tiles).save(out / f"{name}.jpg", quality=88)
    return {
        "photograph": name,
        "unedited_difference": int(difference.max()),
        "edits": rows,
        "together": together,
        "of_base": {one: bench.effect_of_base(one) for one in COMPARED},
    }


def sheet(tiles: Sequence[tuple[str, Image.Image]], columns: int = 5) -> Image.Image:
    """Images with captions, `TILE` pixels each, in rows."""
    rows = -(-len(tiles) // columns)
    whole = Image.new("RGB", (columns * TILE, rows * TILE), "white")
    draw = ImageDraw.Draw(whole)
    for i, (caption, image) in enumerate(tiles):
        at = (i % columns * TILE, i // columns * TILE)
        whole.paste(image.resize((TILE, TILE), Image.Resampling.LANCZOS), at)
        draw.text((at[0] + 8, at[1] + 6), caption, "white", stroke_width=2, stroke_fill="black")
    return whole


def table(results: Sequence[Mapping[str, Any]]) -> str:
    """Means by edit, and over all edits and photographs, in Markdown."""
    rows = [row for result in results for row in result["edits"]]
    names = ("sharp", "kept", "mouth", "dlib_two_thirds", "dlib", "skin_drift", "seconds")
    lines = [f"| edit | {' | '.join(names)} | achieved |", "|---" * (len(names) + 2) + "|"]

    def mean(chosen: Sequence[Mapping[str, Any]], name: str) -> float:
        values = [abs(row[name]) for row in chosen if row[name] is not None]
        return float(np.mean(values)) if values else float("nan")

    keys = dict.fromkeys((row["edit"], row["amount"] > 0) for row in rows)
    for edit, up in keys:
        chosen = [row for row in rows if row["edit"] == edit and (row["amount"] > 0) == up]
        cells = [f"{mean(chosen, name):.3f}" for name in (*names, "achieved")]
        lines.append(f"| {edit} {'+' if up else '-'} | {' | '.join(cells)} |")
    cells = [f"{mean(rows, name):.3f}" for name in names]
    lines.append(f"| **all** | {' | '.join(cells)} | |")
    worst = min(rows, key=lambda row: row["sharp"])
    together = np.mean([result["together"]["dlib"] for result in results])
    base = {n: np.mean([result["of_base"][n] for result in results]) for n in COMPARED}
    lines += [
        "",
        f"Least sharp: {worst['sharp']:.2f} ({worst['edit']} {worst['amount']:+.3g}). "
        f"{', '.join(TOGETHER)} together at two thirds: dlib {together:.3f}. "
        f"Effect of the same step, tuned over base: "
        f"{', '.join(f'{name} {value:.2f}' for name, value in base.items())}. "
        f"Unedited: {max(r['unedited_difference'] for r in results)} levels of difference.",
    ]
    return "\n".join(lines) + "\n"


def _line(row: Mapping[str, Any]) -> str:
    figures = {key: value for key, value in row.items() if isinstance(value, float)}
    return f"{row['edit']}: " + " ".join(f"{key} {value:.3f}" for key, value in figures.items())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.edits", description=__doc__)
    add = parser.add_argument
    add("photos", type=Path, nargs="+", help="photographs, or folders of them")
    add("--out", type=Path, required=True, help="folder of the results")
    add("--preset", default="fast")
    add("--edits", help="names of edits, comma-separated; all by default")
    add("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    from checkpoints.network_loaders import load_tuning_models

    models = load_tuning_models("mobile")
    sessions = arguments.out / "sessions"
    sessions.mkdir(parents=True, exist_ok=True)
    wanted = arguments.edits.split(",") if arguments.edits else [name for name, _ in EDITS]
    edits = [(name, end) for name, end in EDITS if name in wanted]
    results = []
    for photo in find_photographs(arguments.photos):
        file = sessions / f"{photo.name}.safetensors"
        if file.exists():
            session = Session.open(file, models.generator)
        else:
            session, _ = personalise(photo.path, models, arguments.preset)
            session.save(file)
        results.append(bench_photo(photo.name, session, models, arguments.out, edits))
        (arguments.out / "results.json").write_text(json.dumps(results, indent=1))
    text = f"{machine()}, preset {arguments.preset}\n\n{table(results)}"
    (arguments.out / "table.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
