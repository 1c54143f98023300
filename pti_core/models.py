"""The bundles of networks that personalisation (`TuningModels`) and editing (`EditModels`) need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pti_core.editing.directions import Direction
from pti_core.editing.render_cache import LayerCache, RenderCache
from pti_core.faces.attributes import AttributeMeter
from pti_core.faces.detect import FaceFinder
from pti_core.faces.identity import Identity
from pti_core.generators.base import Generator
from pti_core.inversion.latent_prior import LatentPrior
from pti_core.networks.e4e import E4E
from pti_core.networks.face_parsing import FaceParser
from pti_core.networks.lpips import LPIPS


@dataclass(frozen=True, eq=False, kw_only=True)
class EditModels:
    """What showing and editing a session needs; shared by all sessions. Only `render_cache` and
    `layers` change.

    Attributes:
        generator: the base that sessions are differences from.
        directions: by name, what edits move.
        about: which generator it is and why, for the person at the screen.
        render_cache: what carried edits were made of.
        parser: names what each pixel shows; without it edits are the generator's bare renders.
        layers: what compositing needs of the photographs of recent sessions.
    """

    generator: Generator
    directions: Mapping[str, Direction]
    about: str = ""
    render_cache: RenderCache = field(default_factory=RenderCache)
    parser: FaceParser | None = None
    layers: LayerCache = field(default_factory=LayerCache)


@dataclass(frozen=True, eq=False, kw_only=True)
class TuningModels(EditModels):
    """What a personalisation needs.

    Attributes:
        lpips: the perceptual distance that is optimised. lpips_report: the one reports quote, the
            published network with exact borders.
        faces: what finds faces; None for generators of other things, whose crops are squares.
        identity: what compares persons; without it reports lack `identity_distance`.
        meter: what measures attributes; without it edits are not fitted to the person.
        encoder: gives W+ pivots in one pass (e4e); only those pivots need it.
        latent_prior: shortens projections; there is some of the embedded generator.
    """

    lpips: LPIPS
    lpips_report: LPIPS
    faces: FaceFinder | None
    identity: Identity | None = None
    meter: AttributeMeter | None = None
    encoder: E4E | None = None
    latent_prior: LatentPrior | None = None
