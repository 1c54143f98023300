"""A StyleGAN2 of one's own: any `.pkl` or `.pt` from 256 to 1024 pixels, of faces or not.

It is named by the hash of its file ("own-" and twelve digits) and never taken for FFHQ. What it
draws is looked at once and kept beside the converted weights: the converted file also opens the
sessions that were made with it, when the original is gone.
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from checkpoints.fetch import Progress, default_cache
from checkpoints.hash_cache import write_text
from checkpoints.identify import identify, refused_because
from checkpoints.stylegan2 import convert_cached, open_converted
from pti_core.errors import CheckpointError, UserError

if TYPE_CHECKING:
    from pti_core.generators.base import Generator
    from pti_core.generators.stylegan2 import StyleGAN2

#: How names of own generators begin; the hash's first digits follow.
PREFIX, DIGITS = "own-", 12
_NAME = re.compile(rf"{PREFIX}[0-9a-f]{{{DIGITS}}}")
#: W is FFHQ's if its mean is that near (cosine) to the embedded generator's, which has FFHQ's.
LEAST_W_COSINE = 0.99
#: Pictures that are looked at, and how many have to show a face for a generator of faces.
LOOKED_AT, LEAST_FACES, TRUNCATION = 4, 3, 0.7


class Subject(StrEnum):
    """What a generator draws. FFHQ: faces, with FFHQ's own W, so all sliders hold. FACES: faces of
    another training. OTHER: anything else."""

    FFHQ = "ffhq"
    FACES = "faces"
    OTHER = "other"


def is_own(name: str) -> bool:
    """Whether a generator's name is one that this module gives."""
    return _NAME.fullmatch(name) is not None


def find_own(path: Path) -> str:
    """Convert a file if need be; the name by which `load_own` opens it.

    Raises:
        CheckpointError: it is no StyleGAN2, of another size, or damaged; the sentence says what it
            seems to be.
    """
    from pti_core.generators.stylegan2 import SUPPORTED_RESOLUTIONS  # with torch

    if not path.is_file():
        raise CheckpointError(f"There is no file {path}; give the path of a StyleGAN2 generator.")
    seen = identify(path)
    if seen.kind not in ("stylegan2", "e4e"):
        raise CheckpointError(refused_because(path, seen, "a StyleGAN2 generator (.pkl or .pt)"))
    del seen  # it holds the whole file
    converted = convert_cached(path, default_cache() / "converted")
    name = PREFIX + converted.stem[:DIGITS]
    generator = open_converted(converted, name)
    if generator.resolution not in SUPPORTED_RESOLUTIONS:
        raise CheckpointError(
            f"{path.name} is a StyleGAN2 of {generator.resolution} pixels; use one of "
            f"{', '.join(map(str, SUPPORTED_RESOLUTIONS))}."
        )
    return name


def load_own(name: str) -> StyleGAN2:
    """The generator of a name that `find_own` gave, on the CPU.

    Raises:
        CheckpointError: its converted weights are not on this machine.
    """
    folder = default_cache() / "converted"
    found = sorted(folder.glob(f"{name.removeprefix(PREFIX)}*.safetensors"))
    if not is_own(name) or not found:
        raise CheckpointError(
            f"The generator {name} is not on this machine; give its file with --generator."
        )
    return open_converted(found[0], name)


def subject_of(generator: Generator, progress: Progress | None = None) -> Subject:
    """What the generator draws: looked at once, then read from the cache."""
    note = default_cache() / "converted" / f"{generator.fingerprint}.subject"
    try:
        return Subject(note.read_text("utf-8").strip())
    except (OSError, ValueError):
        found = _look(generator, progress)
    try:
        write_text(note, found.value)
    except OSError:
        return found  # it is looked at again next time
    return found


def _look(generator: Generator, progress: Progress | None) -> Subject:
    from checkpoints.network_loaders import load_face_finder, load_generator
    from pti_core.faces.images import to_image

    if generator.w_dim == 512:
        embedded = load_generator("mobile", progress)
        mean, ffhq = (one.w_statistics()[0] for one in (generator, embedded))
        near = torch.nn.functional.cosine_similarity(mean, ffhq, dim=0)
        if float(near) >= LEAST_W_COSINE and generator.num_ws == embedded.num_ws:
            return Subject.FFHQ
    finder, faces = load_face_finder(progress), 0
    with torch.inference_mode():
        for w in generator.sample_w(LOOKED_AT, 1, TRUNCATION).split(1):
            image = to_image(generator.render(w, exact=True))
            faces += finder.box(image) is not None
    return Subject.FACES if faces >= LEAST_FACES else Subject.OTHER


def describe_own(generator: Generator, subject: Subject) -> str:
    """Which generator it is and what it can do, for the person at the screen."""
    said = {
        Subject.FFHQ: "it has FFHQ's W, so every slider works.",
        Subject.FACES: "it draws faces; its sliders are SeFa's.",
        Subject.OTHER: (
            "it draws no faces: the crop is a square that you draw, sliders are SeFa's, and what "
            "needs a face (likeness, hair colour, background, text) is off."
        ),
    }
    which = f"StyleGAN2 of your own, {generator.resolution} pixels, sha256 "
    return f"{which}{generator.fingerprint[:DIGITS]}: {said[subject]}"


def refuse_encoder(name: str) -> None:
    """Raises UserError: e4e's codes are FFHQ's."""
    if is_own(name):
        raise UserError("e4e's pivots are codes of StyleGAN2-FFHQ; use the pivot w.")
