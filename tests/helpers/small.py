"""A face finder, presets and a toolkit: a small generator is personalised in a moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from PIL import Image

from pti_core.editing.directions import Direction
from pti_core.errors import NoFaceError
from pti_core.faces.detect import Box
from pti_core.generators.base import Generator
from pti_core.inversion.losses import View
from pti_core.inversion.paper_tuning import TuningConfig
from pti_core.inversion.presets import Preset
from pti_core.inversion.projector import ProjectionConfig
from pti_core.models import TuningModels
from pti_core.networks.lpips import LPIPS

#: As quick as can be, and one that does not end by itself within a test.
#: Without drafts: what a test sees once there is something to edit does not change behind it.
SHORT = Preset(
    "short",
    ProjectionConfig(steps=4, lpips_size=64, optimise_noise=False, picture_every=1),
    TuningConfig(
        steps=4, lpips_views=(View(64),), locality_samples=0, picture_every=1, drafts_at=()
    ),
)
ENDLESS = replace(SHORT, name="endless", projection=replace(SHORT.projection, steps=100_000))


class MiddleFace:
    """Finds a face in the middle of every picture that is not all of one colour."""

    def landmarks(self, image: Image.Image) -> np.ndarray:
        array = np.asarray(image)
        if array.min() == array.max():
            raise NoFaceError("No face was found; choose a photograph that shows one.")
        points = np.zeros((68, 2))
        points[36:42], points[42:48] = (-0.2, 0), (0.2, 0)
        points[48:68, 1] = 0.4
        points[48, 0], points[54, 0] = -0.15, 0.15
        return points * min(image.size) / 2 + np.array(image.size) / 2

    def all_landmarks(self, image: Image.Image) -> list[np.ndarray]:
        return [self.landmarks(image)]

    def landmarks_in_square(self, image: Image.Image, square: Box) -> np.ndarray | None:
        return None


def small_tuning_models(
    generator: Generator,
    lpips: LPIPS,
    directions: Mapping[str, Direction],
    faces: MiddleFace | None = None,
) -> TuningModels:
    """What personalises with a small generator, finding faces as `MiddleFace` does."""
    return TuningModels(
        generator=generator,
        directions=directions,
        lpips=lpips,
        lpips_report=lpips,
        faces=faces or MiddleFace(),
    )
