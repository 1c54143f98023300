"""Whether directions do on photographs, and on new faces, what their calibration says.

Nothing here was seen while the directions were made. A photograph is either a pivot of the base
generator, untuned (a person who looks like it, with its pose, light and expression), or a session,
moved over the session's own ranges and compared with the photograph itself, as a visitor sees it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pti_core.editing.directions import Direction, apply
from pti_core.faces.align import align
from pti_core.faces.images import open_photograph, to_tensor
from pti_core.inversion.projector import ProjectionConfig, project
from pti_core.models import EditModels
from pti_core.rendering import render
from pti_core.session.session import Session
from scripts.directions.faces import QUALITY, SIDE, Album, Tools
from scripts.directions.measures import Gauge

#: New faces, truncated as pictures usually are.
SEEDS, PSI = range(400_000, 400_003), 0.7
#: Coarse pivots are enough, since what is looked at is how they move.
PROJECTION = ProjectionConfig(steps=100, learning_rate=0.02, optimise_noise=False)
#: Where each range is looked at, in parts of its ends.
PLACES = (-1.0, 0.0, 1.0)
_START = PLACES.index(0.0)


@dataclass(frozen=True)
class Check:
    """What a direction does to people: over its range, in `PLACES`.

    effects: (people, P), of the measure, in units (percent: in spreads of the sampled faces).
    amounts: (people, P), what was asked for. distances: (people, P), to the unmoved face; of
    sessions, to the photograph.
    """

    amounts: np.ndarray
    effects: np.ndarray
    distances: np.ndarray

    def monotonic(self, upwards: bool = False) -> float:
        """The share of people whose measure rises at every step (or from zero up only)."""
        steps = np.diff(self.effects[:, _START:] if upwards else self.effects, axis=1)
        return float((steps > 0).all(axis=1).mean())

    def distance(self) -> float:
        """The mean distance over the range, without the unmoved place."""
        return float(np.delete(self.distances, _START, axis=1).mean())

    def error(self) -> float:
        """The mean absolute difference of what was measured from what was asked for."""
        return float(np.delete(np.abs(self.effects - self.amounts), _START, axis=1).mean())


def pivots(tools: Tools, photographs: Sequence[Path], folder: Path) -> dict[str, Tensor]:
    """Name of a photograph to its pivot (512,), kept in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for path in photographs:
        kept = folder / f"{path.stem}.pt"
        if not kept.exists():
            image = open_photograph(path)
            face, _ = align(image, tools.finder.landmarks(image), tools.generator.resolution)
            target = to_tensor(face)
            torch.save(project(tools.generator, target, tools.perceptual, PROJECTION).w[0], kept)
        found[path.stem] = torch.load(kept, weights_only=True)
    return found


def everybody(tools: Tools, photographs: Sequence[Path], folder: Path) -> dict[str, Tensor]:
    """The pivots of photographs, and the w of new faces, by name."""
    people = pivots(tools, photographs, folder)
    return {**people, **{str(seed): tools.draw(seed, PSI) for seed in SEEDS}}


def places(direction: Direction) -> list[float]:
    """The amounts of a direction's range."""
    return [place * (-direction.low if place < 0 else direction.high) for place in PLACES]


@dataclass(frozen=True)
class Place:
    """One picture: a person moved along a direction."""

    name: str
    code: Tensor

    def w(self, tools: Tools) -> Tensor:
        return self.code


def moved(people: Mapping[str, Tensor], directions: Sequence[Direction]) -> list[Place]:
    """Everybody, moved by every direction to all `PLACES`."""
    wanted = []
    for person, w in people.items():
        for direction in directions:
            for place, amount in zip(PLACES, places(direction), strict=True):
                code = apply(w[None], {direction.name: amount}, {direction.name: direction})[0]
                wanted.append(Place(_name(person, direction, place), code))
    return wanted


def check(album: Album, gauge: Gauge, people: Mapping[str, Tensor], direction: Direction) -> Check:
    """Measure what `moved` gave, once it was read."""
    measure, scale = direction.made["measured_by"], float(direction.made["scale"])
    values, embeddings = [], []
    for person in people:
        names = [_name(person, direction, place) for place in PLACES]
        values.append([gauge.measure(album, name)[measure] for name in names])
        embeddings.append([gauge.measurer.face(album, name).embedding for name in names])
    changes = np.array(values) - np.array(values)[:, _START, None]
    vectors = np.array(embeddings)
    distances = np.linalg.norm(vectors - vectors[:, _START, None], axis=2)
    asked = np.tile(places(direction), (len(people), 1))
    return Check(asked, changes / scale, distances)


def session_check(
    album: Album, gauge: Gauge, tools: Tools, sessions: Mapping[str, Session], direction: Direction
) -> Check:
    """The same of sessions, over each one's own range, rendered as the page renders them."""
    measure, scale = direction.made["measured_by"], float(direction.made["scale"])
    models = EditModels(generator=tools.generator, directions={direction.name: direction})
    values, distances, asked = [], [], []
    for person, session in sessions.items():
        own = session.directions(models.directions)[direction.name]
        photograph = tools.identity.embedding(session.crop())
        names = []
        for place, amount in zip(PLACES, places(own), strict=True):
            name = _name(f"{person}-{_digest(session)}", own, place)
            edits = {direction.name: amount} if place else {}
            _show(album, tools, name, session, models, edits)
            names.append(name)
        # Measured where an aligned face is, as the page does, found by the detector or not.
        found = [gauge.measurer.face(album, name) for name in names]
        values.append([{**one.plain, **gauge.mixed(one.plain)}[measure] for one in found])
        distances.append([float(np.linalg.norm(photograph - one.embedding)) for one in found])
        asked.append(places(own))
    changes = np.array(values) - np.array(values)[:, _START, None]
    return Check(np.array(asked), changes / scale, np.array(distances))


def _show(
    album: Album,
    tools: Tools,
    name: str,
    session: Session,
    models: EditModels,
    edits: Mapping[str, float],
) -> None:
    """Render a session's picture under a name and read it, unless that is kept."""
    if album.is_read(name):
        return
    image = render(session, models, edits).resize((SIDE, SIDE), Image.Resampling.BOX)
    partial = album.path(name).with_suffix(".part-jpg")
    image.save(partial, "JPEG", quality=QUALITY)
    partial.replace(album.path(name))
    album.read(tools, name, session.pivot()[0])


def _digest(session: Session) -> str:
    return hashlib.sha256(session.to_bytes()).hexdigest()[:10]


def _name(person: str, direction: Direction, place: float) -> str:
    if place == 0:
        return f"{person}-unmoved"
    made = repr((direction.vector.tolist(), direction.curve, direction.layers))
    digest = hashlib.sha256(made.encode()).hexdigest()[:10]
    return f"{person}-{direction.name}-{place:+g}-{digest}"
