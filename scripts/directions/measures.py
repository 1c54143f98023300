"""Every measure of a face: what networks say, what tags were read, colours, shapes, mixtures."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pti_core.faces.attributes import NAMES as METER
from scripts.directions.colours import NAMES as COLOURS
from scripts.directions.colours import colours
from scripts.directions.faces import Album, Readings
from scripts.directions.looks import Looks
from scripts.directions.shapes import NAMES as SHAPES
from scripts.directions.shapes import shapes


@dataclass(frozen=True)
class Mixture:
    """A weighted sum of measures, each in standard deviations over the sampled faces."""

    name: str
    parts: tuple[tuple[str, float], ...]


#: Measures that no single number is. What reads as old is more than one network's guess; a beard
#: darkens the chin, but so does a shadow; made-up eyes and lips are darker, lips redder; blond
#: is light and yellow.
MIXTURES = (
    Mixture("ageing", (("age", 1.0), ("stage", 0.7), ("wrinkles", 0.5), ("look_hair_grey", 0.3))),
    Mixture("beard", (("look_beard", 1.0), ("chin_dark", 0.4))),
    Mixture("moustache", (("look_moustache", 1.0), ("stubble", 0.4))),
    Mixture("glasses", (("look_glasses", 1.0), ("bridge", 0.4))),
    Mixture("makeup", (("look_makeup", 1.0), ("lip_red", 0.3), ("lid_dark", 0.3))),
    Mixture("lipstick", (("lip_red", 1.0), ("lip_colour", 0.3))),
    Mixture("hair_grey", (("look_hair_grey", 1.0), ("hair_colour", -0.4))),
    Mixture("blond", (("hair_light", 1.0), ("hair_yellow", 1.0))),
)


#: A probability of gender beyond this or its complement is as sure as the network gets; the log of
#: the odds, `femininity`, still moves where the probability no longer does.
_SURE = 1e-4


@dataclass(frozen=True)
class Face:
    """What is known of one picture: whether it shows a face, its plain measures, who it is."""

    found: bool
    plain: dict[str, float]
    embedding: np.ndarray


class Measurer:
    """Measures the pictures of albums, and keeps that by name, as long as nothing changed.

    `kept` is a file of JSON lines; what was measured by other code or from other tags is not taken.
    """

    def __init__(self, looks: Looks, kept: Path) -> None:
        self.looks = looks
        self._path = kept.with_name(f"{kept.stem}-{_digest()}.jsonl")
        self._known: dict[str, Face] = {}
        if self._path.exists():
            for line in self._path.read_text().splitlines():
                row = json.loads(line)
                self._known[row["name"]] = Face(
                    row["found"], row["plain"], np.array(row["embedding"])
                )

    def face(self, album: Album, name: str) -> Face:
        """What is known of a picture that was read."""
        key = f"{album.folder.name}/{name}"
        if key not in self._known:
            picture, readings = album.kept(name)
            plain = plain_measures(picture, readings, self.looks)
            face = Face(bool(readings.found), plain, readings.embedding)
            self._known[key] = face
            row = {"name": key, "found": face.found, "plain": plain}
            row["embedding"] = face.embedding.tolist()
            with self._path.open("a") as out:
                out.write(json.dumps(row) + "\n")
        return self._known[key]


def _digest() -> str:
    """A name for the code that measures, and for the tags."""
    folder = Path(__file__).parent
    files = ("colours.py", "shapes.py", "looks.py", "faces.py", "tags.csv")
    return hashlib.sha256(b"".join((folder / n).read_bytes() for n in files)).hexdigest()[:8]


@dataclass(frozen=True)
class Table:
    """Measured faces: their seeds, each measure (N,) by name, identity descriptors (N, 128)."""

    seeds: list[int]
    measures: dict[str, np.ndarray]
    embeddings: np.ndarray


@dataclass(frozen=True)
class Gauge:
    """Turns pictures and what was read off them into measures; fitted to the sampled faces.

    measurer: measures pictures. means, spreads: of each measure that is mixed, over the sampled
    faces.
    """

    measurer: Measurer
    means: Mapping[str, float]
    spreads: Mapping[str, float]

    @property
    def names(self) -> tuple[str, ...]:
        """All measures, in their order."""
        return (*plain_names(self.measurer.looks), *(m.name for m in MIXTURES), "femininity")

    def measure(self, album: Album, name: str) -> dict[str, float]:
        """Every measure of a picture that was read; nan where it shows no face."""
        face = self.measurer.face(album, name)
        values = {**face.plain, **self.mixed(face.plain)}
        return values if face.found else dict.fromkeys(values, float("nan"))

    def mixed(self, plain: Mapping[str, float]) -> dict[str, float]:
        """The mixtures of a face's other measures, and the femininity."""
        share = min(max(plain["gender"], _SURE), 1 - _SURE)
        return {
            **{m.name: sum(w * self._standard(n, plain[n]) for n, w in m.parts) for m in MIXTURES},
            "femininity": math.log(share / (1 - share)),
        }

    def _standard(self, name: str, value: float) -> float:
        return (value - self.means[name]) / self.spreads[name]


def plain_names(looks: Looks) -> tuple[str, ...]:
    """The names of `plain_measures`."""
    return (*METER, *COLOURS, *SHAPES, *(tag_measure(name) for name in looks.weights))


def tag_measure(tag: str) -> str:
    """What the reading of a tag is called: like the tag, unless a mixture has that name."""
    return f"look_{tag}" if tag in {m.name for m in MIXTURES} else tag


def plain_measures(picture: Image.Image, readings: Readings, looks: Looks) -> dict[str, float]:
    """What is measured on a face without knowing others."""
    meter = dict(zip(METER, readings.meter.tolist(), strict=True))
    return {
        **meter,
        **colours(np.asarray(picture), readings.landmarks),
        **shapes(readings.landmarks, meter["yaw"], meter["roll"]),
        **{tag_measure(name): value for name, value in looks.read(readings).items()},
    }


def gauged(measurer: Measurer, rows: Sequence[Mapping[str, float]]) -> Gauge:
    """The gauge whose mixtures are standardised on sampled faces, of which `rows` has measures."""
    mixed = {name for mixture in MIXTURES for name, _ in mixture.parts}
    values = {name: np.array([row[name] for row in rows]) for name in mixed}
    return Gauge(
        measurer,
        {name: float(v.mean()) for name, v in values.items()},
        {name: float(v.std()) for name, v in values.items()},
    )
