"""Generated faces and what was read off them, kept by name so that a run can be resumed.

A face is its seed: w is drawn again from it at any time. Its picture is kept as a JPEG of `SIDE`
pixels, what the networks say of it as a NumPy archive beside it. What is computed from
both (`scripts.directions.measures`) is kept in a file of its own, as long as that code stays.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from checkpoints.network_loaders import (
    load_attribute_meter,
    load_face_finder,
    load_generator,
    load_identity,
    load_perceptual,
)
from pti_core.faces.attributes import NAMES, AttributeMeter
from pti_core.faces.detect import FaceFinder
from pti_core.faces.identity import Identity
from pti_core.faces.images import to_image, to_tensor
from pti_core.generators.base import Generator
from pti_core.networks.lpips import LPIPS, area

#: Pictures are measured at this side: landmarks and the networks' chips need no more, and the
#: identity network's smallest is 512.
SIDE = 512
#: Of the JPEGs. A face is always measured as it is kept, so a resumed run measures the same.
QUALITY = 95
#: The perceptual network sees pictures of this side; maps of it (the first is 0) are averaged down
#: to so many cells a side. An aligned crop has the same part of a face in the same cell. Of several
#: choices tried on 330 tagged faces, this one read most tags best.
FEATURE_SIDE, FEATURE_CELLS = 256, {0: 4, 1: 4, 2: 8, 4: 8}


@dataclass(frozen=True)
class Readings:
    """What the networks say of one picture of `SIDE` pixels.

    found: whether there is a face. meter: values of `pti_core.faces.attributes.NAMES`, in their
        order.
    landmarks: (68, 2). embedding: (128,), of the identity. features: (2, F), of the picture and of
    its mirror: maps of the perceptual network, averaged over cells.
    """

    found: np.ndarray
    meter: np.ndarray
    landmarks: np.ndarray
    embedding: np.ndarray
    features: np.ndarray

    def save(self, path: Path) -> None:
        partial = path.with_suffix(".part")
        with partial.open("wb") as out:
            np.savez(out, **vars(self))
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> Readings | None:
        """What was kept; None where nothing was, or not to its end."""
        try:
            with np.load(path) as kept:
                return cls(**{name: kept[name] for name in cls.__dataclass_fields__})
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return None


@dataclass(frozen=True)
class Tools:
    """What renders and reads. `finder` says whether there is a face at all."""

    generator: Generator
    finder: FaceFinder
    meter: AttributeMeter
    identity: Identity
    perceptual: LPIPS

    @classmethod
    def fetched(cls) -> Tools:
        """The embedded generator and the measuring networks, fetched where they are not yet."""
        finder = load_face_finder()
        return cls(
            load_generator("mobile"),
            finder,
            load_attribute_meter(finder),
            load_identity(finder),
            load_perceptual(),
        )

    def draw(self, seed: int, psi: float) -> Tensor:
        """The w (512,) of a seed, truncated by psi (1: as the mapping gives it)."""
        mean = self.generator.w_avg
        return mean + psi * (self.generator.sample_w(1, seed)[0] - mean)

    @torch.inference_mode()
    def picture(self, w: Tensor) -> Image.Image:
        """The face of w (512,) or ws (num_ws, 512) at `SIDE` pixels."""
        full = self.generator.render(w[None], exact=True)
        return to_image(F.interpolate(full, size=(SIDE, SIDE), mode="area"))

    def read(self, image: Image.Image) -> Readings:
        """Everything that a network says of a picture."""
        meter = self.meter.measure(image)
        return Readings(
            found=np.array(self.finder.box(image) is not None),
            meter=np.array([meter[name] for name in NAMES]),
            landmarks=self.finder.landmarks_in_crop(image),
            embedding=self.identity.embedding(image),
            features=self._features(image),
        )

    @torch.inference_mode()
    def _features(self, image: Image.Image) -> np.ndarray:
        picture = area(to_tensor(image), FEATURE_SIDE)
        maps = self.perceptual.features(torch.cat([picture, picture.flip(3)]))
        cells = [
            F.adaptive_avg_pool2d(maps[i].float(), count).flatten(1)
            for i, count in FEATURE_CELLS.items()
        ]
        return torch.cat(cells, 1).half().numpy()


class Album:
    """A folder of faces: `NAME.jpg` and, where it was read, `NAME.npz`.

    Several processes may fill one album: each file appears whole, and is the same whoever made it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def picture(self, tools: Tools, name: str, w: Tensor) -> Image.Image:
        """The picture of w under a name, rendered unless it is kept."""
        path = self.path(name)
        if not path.exists():
            partial = path.with_suffix(".part-jpg")
            tools.picture(w).save(partial, "JPEG", quality=QUALITY)
            partial.replace(path)
        return Image.open(path).convert("RGB")

    def read(self, tools: Tools, name: str, w: Tensor) -> Readings:
        """What the networks say of the picture of w, asked unless it is kept."""
        path = self.folder / f"{name}.npz"
        kept = Readings.load(path)
        if kept is None:
            kept = tools.read(self.picture(tools, name, w))
            kept.save(path)
        return kept

    def kept(self, name: str) -> tuple[Image.Image, Readings]:
        """Picture and readings of a name that was read before."""
        readings = Readings.load(self.folder / f"{name}.npz")
        if readings is None:
            raise FileNotFoundError(f"{name} was not read yet")
        return Image.open(self.path(name)).convert("RGB"), readings

    def readings(self, name: str) -> Readings:
        """What was read of a name before."""
        return self.kept(name)[1]

    def is_read(self, name: str) -> bool:
        """Whether a picture of that name was rendered and read."""
        return (self.folder / f"{name}.npz").exists()

    def path(self, name: str) -> Path:
        """Where the picture of a name lies."""
        return self.folder / f"{name}.jpg"


def sampled(album: Path, psi: float) -> Album:
    """The album of faces that are called by their seed, of one truncation."""
    return Album(album / f"psi-{psi:g}")


def place_name(seed: int, psi: float, step: Tensor) -> str:
    """What the face of a seed is called, moved by a step (512,) or (num_ws, 512) of W."""
    if not step.any():
        return str(seed) if psi == 1 else f"{seed}-{psi:g}"
    digest = hashlib.sha256(np.round(step.numpy(), 6).tobytes()).hexdigest()[:12]
    return f"{seed}-{psi:g}-{digest}"
