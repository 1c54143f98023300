"""python -m benchmarks.large_photo S.safetensors...: edits of a portrait larger than the crop.

The session's photograph is enlarged until the aligned crop has `SIDE` pixels in it, and gets a fine
texture that the 1024-pixel crop cannot hold. Each edit is put into it at its own resolution.
Written are `sharp` there (`pti_core.editing.quality`, at the photograph's resolution), and how many
pixels differ from the photograph outside the crop, and inside it where the edit changes nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from pti_core.editing.quality import HEAD, mean_detail
from pti_core.faces.align import Alignment, crop
from pti_core.faces.images import to_tensor
from pti_core.models import EditModels
from pti_core.networks.face_parsing import CLASSES
from pti_core.rendering import render_edit
from pti_core.session.person import encode_crop, encode_photograph
from pti_core.session.session import Session

#: Side of the crop in the enlarged photograph; a face takes about two thirds of it.
SIDE = 3200
#: Standard deviation of the added texture in levels, and of its Gaussian in pixels: skin's grain.
TEXTURE, GRAIN = 4.0, 0.8
EDITS = {"smile": 0.8, "age": 0.8, "pose": 0.8, "mouth_open": 0.8}  # of the range's upper end


def enlarge(session: Session) -> tuple[Session, Image.Image]:
    """The session with its photograph enlarged, and that photograph."""
    person = session.people[session.person]
    scale = SIDE / person.alignment.side
    small = session.photograph()
    size = (round(small.width * scale), round(small.height * scale))
    pixels: Any = np.asarray(small.resize(size, Image.Resampling.LANCZOS), np.float32)
    noise = np.random.default_rng(0).standard_normal((*pixels.shape[:2], 1)).astype(np.float32)
    grain: Any = cv2.GaussianBlur(noise, (0, 0), GRAIN)[..., None]
    pixels = pixels + TEXTURE * grain / grain.std()
    photo = Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))
    # A square stays one: both axes are enlarged alike, up to the rounding of the size.
    ratio = float(np.divide(size, small.size).mean())
    quad = tuple((ratio * x, ratio * y) for x, y in person.alignment.quad)
    alignment = Alignment(quad, photo.size)
    aligned = crop(photo, alignment)
    person = replace(
        person, alignment=alignment, crop=encode_crop(aligned), photograph=encode_photograph(photo)
    )
    people = [*session.people]
    people[session.person] = person
    return replace(session, people=people), photo


def head_of(
    image: Image.Image, models: EditModels, alignment: Alignment, size: tuple[int, int]
) -> np.ndarray:
    """Where the head of an aligned image lies in the photograph: (H, W) of booleans."""
    assert models.parser is not None
    with torch.inference_mode():
        found = models.parser(to_tensor(image))[0]
    mask = found[[CLASSES.index(name) for name in HEAD]].sum(0).numpy()
    corners = np.array(alignment.quad[:3], np.float32)
    square = np.array([[0, 0], [0, len(mask)], [len(mask), len(mask)]], np.float32)
    affine = cv2.getAffineTransform(square, corners)
    return cv2.warpAffine(mask, affine, size) > 0.5


def main(arguments: Sequence[str] | None = None) -> None:
    from checkpoints.network_loaders import load_edit_models

    parser = argparse.ArgumentParser(prog="python -m benchmarks.large_photo", description=__doc__)
    parser.add_argument("sessions", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, help="folder for the pictures")
    parsed = parser.parse_args(arguments)
    for path in parsed.sessions:
        session = Session.open(path)
        models = load_edit_models(session.generator_name)
        session, photo = enlarge(session)
        alignment = session.people[session.person].alignment
        own = mean_detail(np.asarray(photo), head_of(session.crop(), models, alignment, photo.size))
        quad = np.zeros((photo.height, photo.width), np.uint8)
        cv2.fillPoly(quad, [np.rint(alignment.quad).astype(np.int32)], 1)
        inside = cv2.dilate(quad, np.ones((9, 9), np.uint8)) > 0
        ranges = session.directions(models.directions)
        for name, share in EDITS.items():
            found = render_edit(session, models, {name: share * ranges[name].high})
            image = found.in_photo(photo, alignment)
            head = head_of(found.face, models, alignment, photo.size)
            sharp = mean_detail(np.asarray(image), head) / own
            changed = (np.asarray(image) != np.asarray(photo)).any(-1)
            print(
                f"{path.stem} {photo.width} x {photo.height} {name}: sharp {sharp:.2f}, "
                f"{int((changed & ~inside).sum())} pixels changed outside the crop, "
                f"{changed[inside].mean():.0%} inside",
                flush=True,
            )
            if parsed.out is not None:
                image.save(parsed.out / f"{path.stem}-{name}.png")


if __name__ == "__main__":
    main()
