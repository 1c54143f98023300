"""Generated faces and what was measured on them, kept by seed so that a run can be resumed.

A face is its seed: w is drawn again from it at any time. Its picture is kept as a JPEG of
`SIDE` pixels, so that a measure thought of later costs no rendering; its measures as one JSON line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from checkpoints.load import (
    load_attribute_meter,
    load_face_finder,
    load_generator,
    load_identity,
)
from pti_core.attributes import NAMES, AttributeMeter
from pti_core.faces import FaceFinder
from pti_core.generators.base import Generator
from pti_core.metrics import IdentityModel
from pti_core.pictures import to_image
from scripts.directions.colours import NAMES as COLOURS
from scripts.directions.colours import colours

#: Pictures are measured at this side: landmarks and the networks' chips need no more, and the
#: identity network's smallest is 512.
SIDE = 512
#: Of the JPEGs. A face is always measured as it is kept, so a resumed run measures the same.
QUALITY = 95
#: Everything that is measured on a face.
MEASURES = (*NAMES, *COLOURS)


@dataclass(frozen=True)
class Tools:
    """What renders and measures. `finder` says whether there is a face at all."""

    generator: Generator
    finder: FaceFinder
    meter: AttributeMeter
    identity: IdentityModel

    @classmethod
    def fetched(cls) -> Tools:
        """The embedded generator and the measuring networks, fetched where they are not yet."""
        finder = load_face_finder()
        return cls(
            load_generator("mobile"),
            finder,
            load_attribute_meter(finder),
            load_identity(finder),
        )

    def draw(self, seed: int, psi: float) -> Tensor:
        """The w (512,) of a seed, truncated by psi (1: as the mapping gives it)."""
        mean = self.generator.w_mean
        return mean + psi * (self.generator.sample_w(1, seed)[0] - mean)

    @torch.no_grad()
    def picture(self, w: Tensor) -> Image.Image:
        """The face of w (512,) or ws (num_ws, 512) at `SIDE` pixels."""
        full = self.generator.render(w[None])
        return to_image(F.interpolate(full, size=(SIDE, SIDE), mode="area"))

    def measure(self, image: Image.Image) -> dict[str, float] | None:
        """Every measure of a picture; None where no face is found."""
        if self.finder.box(image) is None:
            return None
        landmarks = self.finder.landmarks_in_crop(image)
        return {**self.meter.measure(image), **colours(np.asarray(image), landmarks)}


@dataclass(frozen=True)
class Table:
    """Measured faces: their seeds, each measure (N,) by name, identity descriptors (N, 128)."""

    seeds: list[int]
    measures: dict[str, np.ndarray]
    embeddings: np.ndarray


class Album:
    """A folder of measured faces of one truncation: `SEED.jpg` and `measures.jsonl`."""

    def __init__(self, folder: Path, psi: float) -> None:
        self.psi = psi
        self._folder = folder / f"psi-{psi:g}"
        self._folder.mkdir(parents=True, exist_ok=True)

    def fill(self, tools: Tools, seeds: Iterable[int]) -> Iterator[int]:
        """Render and measure what is missing; yields each seed as it is done."""
        known = self._known()
        with (self._folder / "measures.jsonl").open("a") as out:
            for seed in seeds:
                if seed not in known:
                    out.write(json.dumps(self._row(tools, seed)) + "\n")
                    out.flush()
                yield seed

    def table(self, seeds: Iterable[int]) -> Table:
        """What is known of the seeds that show a face."""
        known = self._known()
        rows = [known[seed] for seed in seeds if seed in known and known[seed]["measures"]]
        table = {name: np.array([r["measures"][name] for r in rows]) for name in MEASURES}
        return Table([r["seed"] for r in rows], table, np.array([r["embedding"] for r in rows]))

    def _row(self, tools: Tools, seed: int) -> dict[str, Any]:
        picture = self._picture(tools, seed)
        measures = tools.measure(picture)
        embedding = tools.identity.embedding(picture).round(4).tolist() if measures else None
        return {"seed": seed, "measures": measures, "embedding": embedding}

    def _picture(self, tools: Tools, seed: int) -> Image.Image:
        path = self._folder / f"{seed}.jpg"
        if not path.exists():
            partial = path.with_suffix(".part")
            tools.picture(tools.draw(seed, self.psi)).save(partial, "JPEG", quality=QUALITY)
            partial.replace(path)
        return Image.open(path).convert("RGB")

    def _known(self) -> dict[int, dict[str, Any]]:
        path = self._folder / "measures.jsonl"
        if not path.exists():
            return {}
        known = {}
        for line in path.read_text().splitlines():
            try:
                row = json.loads(line)
            except json.JSONDecodeError:  # the line that an interrupted run was writing
                continue
            if row["measures"] is None or row["measures"].keys() == set(MEASURES):
                known[row["seed"]] = row
        return known
