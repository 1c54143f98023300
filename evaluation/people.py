"""People for the ablations: photographs at their pivots, and generated ones to fill up a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from evaluation.bench import Bench
from evaluation.photographs import Photo, find_photographs
from pti_core.faces.images import to_image, to_tensor
from pti_core.generators.base import Generator
from pti_core.inversion.projector import project
from pti_core.session.atomic_write import write_atomically
from pti_core.session.person import encode_crop

#: Generated people mix two random faces at this share of the layers: the first gives the shape of
#: the head, the second colours and texture. Such a code lies outside of W, so like a photograph it
#: has no exact pivot, and tuning has something to do.
MIXED_FROM = 0.4
#: Truncation of both, as photographs' pivots lie nearer to the mean than random codes.
TRUNCATION = 0.7

#: The generated person of `one_person`: seed, and by picture what of their directions' ranges edits
#: take; the last picture is held out.
PERSON = 2000
LOOKS: tuple[dict[str, float], ...] = (
    {},
    {"pose": 0.7, "light_side": 0.6},
    {"smile": -0.8, "exposure": 0.5},
    {"pose": -0.5, "smile": 0.6, "light_side": -0.5},
)


@dataclass(frozen=True)
class People:
    """N people with pivots in W.

    Attributes:
        names: of each. crops: each aligned, at the generator's resolution.
        pivots: (N, w_dim). noise: one dict a person, as `Projection.noise`.
    """

    names: list[str]
    crops: list[Image.Image]
    pivots: Tensor
    noise: list[dict[str, Tensor]]

    def targets(self) -> Tensor:
        """The crops as (N, 3, R, R) in [-1, 1]."""
        return torch.cat([to_tensor(crop) for crop in self.crops]).to(self.pivots.device)


def gather(bench: Bench, photos: list[Photo], count: int) -> People:
    """`count` people: photographs first, by the method w; generated ones fill up the number."""
    found: list[tuple[str, Image.Image, Tensor, dict[str, Tensor]]] = []
    for photo in photos[:count]:
        session = bench.session(photo, "w")
        noise = {n: t.to(bench.models.generator.w_avg) for n, t in session.noise[0].items()}
        found.append((photo.name, session.crop(), session.pivots, noise))
    for index in range(count - len(found)):
        found.append(_generated(bench, index))
    names, crops, pivots, noises = zip(*found, strict=True)
    together = torch.cat(pivots).to(bench.models.generator.w_avg)
    return People(list(names), list(crops), together, list(noises))


def generated_face(generator: Generator, seed: int, step: Tensor | None = None) -> Image.Image:
    """A picture of nobody, from a code outside of W (`MIXED_FROM`); step (w_dim,): added to it."""
    w = generator.sample_w(2, seed, TRUNCATION)
    mixed = round(MIXED_FROM * generator.num_ws)
    ws = generator.broadcast(w[:1]).clone()
    ws[:, mixed:] = w[1]
    if step is not None:
        ws = ws + step.to(ws)
    with torch.inference_mode():
        return to_image(generator.render(ws, exact=True))


def one_person(bench: Bench) -> list[Photo]:
    """Pictures of one generated person in several poses, lights and moods, as files."""
    folder = bench.work.folder / "one person"
    folder.mkdir(exist_ok=True)
    directions, paths = bench.models.directions, []
    for index, look in enumerate(LOOKS):
        step = torch.zeros(bench.models.generator.w_dim)
        for name, share in look.items():
            if name in directions:
                end = directions[name].high if share > 0 else -directions[name].low
                step = step + directions[name].step(share * end)
        path = folder / f"{index}.png"
        if not path.exists():
            picture = generated_face(bench.models.generator, PERSON, step)
            write_atomically(path, encode_crop(picture))
        paths.append(path)
    found = find_photographs(paths)
    return [photo for photo in found if bench.trouble(photo) is None]


def _generated(bench: Bench, index: int) -> tuple[str, Image.Image, Tensor, dict[str, Tensor]]:
    """A generated person, projected to W as a photograph is."""
    models, seed = (
        bench.models,
        1000 + index,
    )  # far from the seeds of drift and of the direction's faces
    crop, preset = generated_face(models.generator, seed), bench.preset_of("w")

    def find() -> dict[str, Tensor]:
        target = to_tensor(crop).to(models.generator.w_avg)
        found = project(
            models.generator,
            target,
            models.lpips,
            preset.projection,
            bench.settings.seed,
            bench.on_step,
        )
        return {"w": found.w, **{f"noise.{name}": value for name, value in found.noise.items()}}

    inputs: dict[str, Any] = bench.inputs([], generated=seed, projection=preset.projection)
    kept = bench.work.tensors(f"generated {index}", inputs, find)
    to = models.generator.w_avg
    noise = {n.removeprefix("noise."): t.to(to) for n, t in kept.items() if n != "w"}
    return f"generated {index}", crop, kept["w"].to(to), noise
