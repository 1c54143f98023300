"""From a name to a network that is ready to use: fetch, verify, construct.

Networks that not every task needs (identity, attributes) are imported when they are asked for.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from checkpoints.store import Progress, default_cache, fetch
from pti_core.errors import CheckpointError

if TYPE_CHECKING:
    from pti_core.attributes import AttributeMeter
    from pti_core.faces import FaceFinder
    from pti_core.generators.base import Generator
    from pti_core.metrics import IdentityModel
    from pti_core.perceptual import LPIPS
    from pti_core.pipeline import EditKit, Toolkit

#: Generators that `load_generator` knows; a session names its own by one of these.
GENERATORS = ("mobile", "stylegan2-ffhq", "stylegan2-ffhq-nvidia")


def load_generator(name: str = "mobile", progress: Progress | None = None) -> Generator:
    """The frozen generator of that name, on the CPU.

    Raises:
        CheckpointError: an unknown name, or a file that cannot be fetched or read.
    """
    if name not in GENERATORS:
        near = difflib.get_close_matches(name, GENERATORS, n=1) or GENERATORS
        raise CheckpointError(f"There is no generator named {name!r}; use {near[0]}.")
    if name != "mobile":
        from checkpoints.stylegan2 import load_stylegan2

        return load_stylegan2(fetch(name, progress), default_cache() / "converted", name=name)
    from pti_core.generators.mobile import load_mobile

    return load_mobile(
        fetch("mobile-mapping.xml", progress),
        fetch("mobile-synthesis.xml", progress),
        fetch("mobile-mapping.bin", progress),
        fetch("mobile-synthesis.bin", progress),
        name,
    )


def load_perceptual(exact_border: bool = False, progress: Progress | None = None) -> LPIPS:
    """The perceptual distance; `exact_border` takes the published, slower path, for reports."""
    from pti_core.perceptual import load_lpips

    return load_lpips(fetch("stlpips-alex", progress), exact_border)


def load_face_finder(progress: Progress | None = None) -> FaceFinder:
    """The face detector with 68 landmarks."""
    from pti_core.faces import FaceFinder

    return FaceFinder(fetch("landmarks-68", progress))


def load_identity(
    finder: FaceFinder | None = None, progress: Progress | None = None
) -> IdentityModel:
    """The network that tells whether two crops show one person; `finder` is shared if given."""
    from pti_core.metrics import IdentityModel

    path = fetch("face-recognition", progress)
    return IdentityModel(path, finder or load_face_finder(progress))


def load_attribute_meter(
    finder: FaceFinder | None = None, progress: Progress | None = None
) -> AttributeMeter:
    """What measures age, pose and expression; `finder` is shared if given."""
    from pti_core.attributes import AttributeMeter

    age, gender = fetch("age-v1", progress), fetch("gender-v1", progress)
    return AttributeMeter(finder or load_face_finder(progress), age, gender)


def load_edit_kit(generator: str = "mobile", progress: Progress | None = None) -> EditKit:
    """What showing and editing sessions needs; a quarter of `load_toolkit`'s download."""
    from pti_core.directions import load_directions
    from pti_core.pipeline import EditKit

    return EditKit(generator=load_generator(generator, progress), directions=load_directions())


def load_toolkit(
    generator: str = "mobile", identity: bool = True, progress: Progress | None = None
) -> Toolkit:
    """Everything that a personalisation needs; without `identity` reports lack its distance."""
    from pti_core.directions import load_directions
    from pti_core.pipeline import Toolkit

    finder = load_face_finder(progress)
    return Toolkit(
        generator=load_generator(generator, progress),
        lpips=load_perceptual(progress=progress),
        lpips_report=load_perceptual(exact_border=True, progress=progress),
        faces=finder,
        identity=load_identity(finder, progress) if identity else None,
        directions=load_directions(),
    )
