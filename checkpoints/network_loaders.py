"""From a name to a network that is ready to use: fetch, verify, construct.

Networks that not every task needs (identity, attributes) are imported when they are asked for.
"""

from __future__ import annotations

import difflib
import logging
from typing import TYPE_CHECKING

from checkpoints.fetch import Progress, Store, default_cache, fetch
from checkpoints.own_generator import Subject, is_own, load_own, refuse_encoder, subject_of
from pti_core.errors import CheckpointError, UserError

if TYPE_CHECKING:
    import torch

    from pti_core.editing.directions import Direction
    from pti_core.faces.attributes import AttributeMeter
    from pti_core.faces.detect import FaceFinder
    from pti_core.faces.identity import Identity
    from pti_core.generators.base import Generator
    from pti_core.models import EditModels, TuningModels
    from pti_core.networks.e4e import E4E
    from pti_core.networks.face_parsing import FaceParser
    from pti_core.networks.lpips import LPIPS

_log = logging.getLogger(__name__)

#: Generators that `load_generator` knows; a session names its own by one of these.
GENERATORS = ("mobile", "stylegan2-ffhq", "stylegan2-ffhq-nvidia")


def load_generator(name: str = "mobile", progress: Progress | None = None) -> Generator:
    """The frozen generator of that name, on the CPU.

    Raises:
        CheckpointError: an unknown name, or a file that cannot be fetched or read.
    """
    if is_own(name):
        return load_own(name)
    if name not in GENERATORS:
        near = difflib.get_close_matches(name, GENERATORS, n=1) or GENERATORS
        raise CheckpointError(f"There is no generator named {name!r}; use {near[0]}.")
    if name != "mobile":
        from checkpoints.stylegan2 import load_stylegan2

        return load_stylegan2(fetch(name, progress), default_cache() / "converted", name=name)
    from pti_core.generators.mobile_files import load_mobile

    return load_mobile(
        fetch("mobile-mapping.xml", progress),
        fetch("mobile-synthesis.xml", progress),
        fetch("mobile-mapping.bin", progress),
        fetch("mobile-synthesis.bin", progress),
        name,
    )


def load_perceptual(exact_border: bool = False, progress: Progress | None = None) -> LPIPS:
    """The perceptual distance; `exact_border` takes the published, slower path, for reports."""
    from pti_core.networks.lpips import load_lpips

    return load_lpips(fetch("stlpips-alex", progress), exact_border)


def load_face_finder(progress: Progress | None = None) -> FaceFinder:
    """The face detector with 68 landmarks."""
    from pti_core.faces.detect import FaceFinder

    return FaceFinder(fetch("landmarks-68", progress))


def load_identity(
    finder: FaceFinder | None = None, progress: Progress | None = None, store: Store | None = None
) -> Identity:
    """What tells whether two crops show one person; `finder` is shared if given.

    ArcFace, the paper's, where its weights are here already; else dlib's, which is fetched.
    """
    from pti_core.faces.identity import IdentityModel

    store = store or Store.from_environment()
    if store.find("arcface-irse50") is not None:
        from checkpoints.safe_pickle import read_torch
        from pti_core.faces.arcface_identity import ArcFaceIdentity

        try:
            return ArcFaceIdentity(read_torch(store.fetch("arcface-irse50", progress)))
        except CheckpointError as error:
            _log.warning("dlib measures identity in place of ArcFace: %s", error)
    path = store.fetch("face-recognition", progress)
    return IdentityModel(path, finder or load_face_finder(progress))


def load_encoder(progress: Progress | None = None) -> E4E:
    """e4e: a picture to W+ of StyleGAN2-FFHQ in one pass."""
    from checkpoints.safe_pickle import read_torch
    from pti_core.networks.e4e import e4e_from_checkpoint

    return e4e_from_checkpoint(read_torch(fetch("e4e-ffhq", progress)))


def load_attribute_meter(
    finder: FaceFinder | None = None, progress: Progress | None = None
) -> AttributeMeter:
    """What measures age, pose and expression; `finder` is shared if given."""
    import torch

    from pti_core.faces.attributes import AttributeMeter

    age, gender = fetch("age-v1", progress), fetch("gender-v1", progress)
    threads = torch.get_num_threads()
    return AttributeMeter(finder or load_face_finder(progress), age, gender, threads)


def load_face_parser(progress: Progress | None = None) -> FaceParser:
    """What names hair, skin, features, clothes and background."""
    from checkpoints.safe_pickle import read_torch
    from pti_core.networks.face_parsing import face_parser_from_weights

    return face_parser_from_weights(read_torch(fetch("face-parsing", progress)))


def load_edit_models(
    generator: str | Generator = "mobile",
    progress: Progress | None = None,
    device: torch.device | None = None,
) -> EditModels:
    """What showing and editing sessions needs; a quarter of `load_tuning_models`'s download.

    generator: a name, or one that is loaded and placed.
    """
    from pti_core.models import EditModels
    from pti_core.networks.devices import pick_device

    found = generator
    if isinstance(found, str):
        found = load_generator(found, progress).place(device or pick_device())
    subject = _subject(found, progress)
    parser = None
    if subject is not Subject.OTHER:
        parser = load_face_parser(progress).to(found.w_avg.device)
    return EditModels(generator=found, directions=_directions(found, subject), parser=parser)


def load_tuning_models(
    generator: str | Generator = "mobile",
    identity: bool = True,
    progress: Progress | None = None,
    encoder: bool = False,
    parser: FaceParser | None = None,
) -> TuningModels:
    """Everything that a personalisation needs, on the generator's device. For generators of other
    things than faces, without what looks at faces.

    Args:
        generator: a name (it then runs on the CPU), or one that is loaded and placed.
        identity: without it reports lack that distance.
        encoder: with e4e, for its pivots.
        parser: one that is loaded already.

    Raises:
        CheckpointError: a file that cannot be fetched or read.
        UserError: e4e is asked for beside a generator that it was not made for.
    """
    import torch

    from pti_core.inversion.latent_prior import load_latent_prior
    from pti_core.models import TuningModels

    found = generator
    if isinstance(found, str):
        found = load_generator(found, progress).place(torch.device("cpu"))
    if encoder:  # said before a gigabyte is fetched
        _check_encoder(found.name)
    device, subject = found.w_avg.device, _subject(found, progress)
    faces = subject is not Subject.OTHER
    finder = load_face_finder(progress) if faces else None
    return TuningModels(
        generator=found,
        lpips=load_perceptual(progress=progress).to(device),
        lpips_report=load_perceptual(exact_border=True, progress=progress).to(device),
        faces=finder,
        identity=load_identity(finder, progress) if identity and faces else None,
        meter=load_attribute_meter(finder, progress) if faces else None,
        directions=_directions(found, subject),
        encoder=load_encoder(progress).to(device) if encoder else None,
        latent_prior=load_latent_prior(found),
        parser=(parser or load_face_parser(progress)).to(device) if faces else None,
    )


def _check_encoder(name: str) -> None:
    if name == "mobile":
        raise UserError(
            "e4e's pivots are codes of StyleGAN2, and the embedded generator takes others; "
            "use StyleGAN2, or the pivot w."
        )
    refuse_encoder(name)


def _subject(generator: Generator, progress: Progress | None) -> Subject:
    """What it draws; the published ones draw FFHQ's faces."""
    return subject_of(generator, progress) if is_own(generator.name) else Subject.FFHQ


def _directions(generator: Generator, subject: Subject) -> dict[str, Direction]:
    """The shipped directions for FFHQ's W; SeFa's for any other."""
    from pti_core.editing.directions import load_directions
    from pti_core.editing.own_directions import sefa_directions

    return load_directions() if subject is Subject.FFHQ else sefa_directions(generator)
