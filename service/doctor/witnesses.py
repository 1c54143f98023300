"""The networks that come with packages, against which files from elsewhere are tested.

Each is held to its hash when it is fetched, so what they say counts. All are loaded when first
asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor

from pti_core.faces.images import to_image

if TYPE_CHECKING:
    from pti_core.editing.directions import Direction
    from pti_core.faces.attributes import AttributeMeter
    from pti_core.faces.detect import FaceFinder
    from pti_core.generators.base import Generator
    from pti_core.networks.face_parsing import FaceParser

#: Photographs with known content.
EXAMPLES = Path(__file__).parents[2] / "examples"
#: How near to the mean w the generated test faces lie: at 0.7 every one of them is a plain face
#: (truncation, Karras et al. 2019, appendix B).
TRUNCATION = 0.7
#: Side at which pictures are looked at: what landmarks and identity need at least.
SIDE = 512


class Witnesses:
    """The embedded generator and the networks that look at faces."""

    @cached_property
    def generator(self) -> Generator:
        from checkpoints.network_loaders import load_generator

        return load_generator("mobile").place(torch.device("cpu"))

    @cached_property
    def w_statistics(self) -> tuple[Tensor, Tensor]:
        """Mean (512,) of the embedded generator's w and standard deviation (512,)."""
        return self.generator.w_statistics()

    @cached_property
    def finder(self) -> FaceFinder:
        from checkpoints.network_loaders import load_face_finder

        return load_face_finder()

    @cached_property
    def meter(self) -> AttributeMeter:
        from checkpoints.network_loaders import load_attribute_meter

        return load_attribute_meter(self.finder)

    @cached_property
    def parser(self) -> FaceParser:
        from checkpoints.network_loaders import load_face_parser

        return load_face_parser()

    @cached_property
    def directions(self) -> Mapping[str, Direction]:
        from pti_core.editing.directions import load_directions

        return load_directions()

    @cached_property
    def examples(self) -> dict[str, Image.Image]:
        """The shipped photographs' aligned faces (256 x 256), by name."""
        from pti_core.faces.align import align
        from pti_core.faces.images import open_photograph

        found = {}
        for path in sorted(EXAMPLES.glob("*.jpg")):
            image = open_photograph(path)
            found[path.stem], _ = align(image, self.finder.landmarks(image), 256)
        return found

    def latents(self, count: int, seed: int = 0) -> Tensor:
        """w (count, 512) of plain faces, the same for the same seed."""
        return self.generator.sample_w(count, seed, TRUNCATION)

    @torch.inference_mode()
    def faces(self, w: Tensor) -> Tensor:
        """The embedded generator's pictures (N, 3, 1024, 1024) of w or ws (N, 18, 512)."""
        return torch.cat([self.generator.render(one[None], exact=True) for one in w])


def shown(picture: Tensor) -> Image.Image:
    """A picture (1, 3, R, R) as an image of `SIDE` or less."""
    image = to_image(picture)
    return image.resize((SIDE, SIDE), Image.Resampling.BOX) if image.width > SIDE else image


def cosine(a: Tensor, b: Tensor) -> float:
    return float(torch.nn.functional.cosine_similarity(a.flatten(), b.flatten(), dim=0))
