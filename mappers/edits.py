"""Doing what a prompt asks: from an understood prompt to a picture of a session, each way.

Ways: attributes (directions, as the sliders move them), a latent mapper, a global direction, latent
optimisation. The last three need weights that may not be here; they become entries of the session's
stack (`pti_core.editing.text_edit`), so that they add up with the sliders and are saved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from PIL import Image

from mappers.prompts import ATTRIBUTES, MAPPER, Known, Part, understand
from mappers.prompts.reader import find_reader
from mappers.styleclip.published import MAPPERS, installed, load_published, trained
from pti_core.editing import text_edit as stack
from pti_core.editing.controls import controls_of
from pti_core.editing.directions import load_directions
from pti_core.editing.text_edit import MAX_ENTRIES, StackEntry
from pti_core.errors import UserError
from pti_core.models import EditModels
from pti_core.progress import OnStep
from pti_core.rendering import edit_weights
from pti_core.session.session import Session

if TYPE_CHECKING:
    from checkpoints.fetch import Progress, Store
    from mappers.styleclip.clip import Clip
    from mappers.styleclip.optimisation import OptimisationConfig

GLOBAL, OPTIMISE, AUTO = "global", "optimise", "auto"
#: What --way and the page offer.
WAYS = (AUTO, MAPPER, ATTRIBUTES, GLOBAL, OPTIMISE)
#: Seconds until the picture, on two cores at 1024 (measured, but for the last two, which are
#: reckoned from the cost of a step: a picture, its gradient and CLIP's).
SECONDS: Mapping[str, float] = {ATTRIBUTES: 1, MAPPER: 2, GLOBAL: 3, OPTIMISE: 600}


class NotUnderstoodError(UserError):
    """The prompt asks for nothing that can be done here."""


@dataclass(frozen=True)
class Plan:
    """What will be done for a prompt: the edits of the sliders, the ways with entries to make."""

    prompt: str
    edits: Mapping[str, float]
    parts: tuple[Part, ...]
    left: str = ""


def what_is_known(session: Session | None = None, store: Store | None = None) -> Known:
    """What can be asked for on this machine, in the ranges of a session's person."""
    shipped = load_directions()
    own_ranges = session.directions(shipped) if session is not None else shipped
    own = trained()
    return Known(
        controls={control.name: control for control in controls_of(own_ranges.values())},
        usual={control.name: control for control in controls_of(shipped.values())},
        trained=own,
        here=frozenset([*installed(store), *own]),
        reader=find_reader(),
        measure=measure_of(session) if session is not None else None,
    )


def measure_of(session: Session) -> Callable[[], Mapping[str, float]]:
    """What measures the photograph's age (years), yaw and pitch (degrees), once and when asked.

    It gives nothing where the networks cannot be had, or find no face.
    """

    @cache
    def measure() -> Mapping[str, float]:
        from checkpoints.network_loaders import load_attribute_meter

        with suppress(UserError):
            crop = Image.open(BytesIO(session.crops[session.at(None)])).convert("RGB")
            return load_attribute_meter().measure(crop, ("age", "yaw", "pitch"))
        return {}

    return measure


def plan(prompt: str, known: Known, way: str = AUTO, strength: float | None = None) -> Plan:
    """What is to be done for a prompt.

    Args:
        way: one of `WAYS`. "auto" takes mappers and attributes, as the prompt was understood; the
            others take that way alone. Global directions and optimisation take the prompt as it is.
        strength: factor on all amounts; 1 as understood.

    Raises:
        NotUnderstoodError: nothing is to be done; the sentence says why and what is near.
        UserError: an unknown way, or a strength that is no number in range.
    """
    if way not in WAYS:
        raise UserError(f"There is no way named {way!r}; use one of {', '.join(WAYS)}.")
    factor = 1.0 if strength is None else strength
    if not stack.LOW <= factor <= stack.HIGH:
        raise UserError(f"The strength is a number from {stack.LOW:g} to {stack.HIGH:g}.")
    if not prompt.strip():
        raise NotUnderstoodError("The prompt is empty: say what to change, as in “older”.")
    if way in (GLOBAL, OPTIMISE):
        part = Part(way, way, factor, "strength", 1.0, prompt.strip(), prompt.strip())
        return Plan(prompt, {}, (part,))
    found = understand(prompt, _restricted(known, way))
    if not found.parts:
        raise NotUnderstoodError(found.sentence() or "The prompt asks to leave all as it is.")
    parts = [replace(part, amount=_scaled(part, factor, known)) for part in found.parts]
    edits = {part.name: part.amount for part in parts if part.way == ATTRIBUTES}
    return Plan(prompt, edits, tuple(parts), found.sentence())


#: What may not be there to be taken away, in words.
_TAKEN_AWAY: Mapping[str, str] = {"beard": "beard", "moustache": "moustache", "glasses": "glasses"}


def notes_of(parts: Sequence[Part]) -> str:
    """What a person should know of the parts before the picture: nothing here says whether there
    is a beard in the photograph, so that nothing happens where there is none is said beforehand."""
    notes = list(dict.fromkeys(part.note for part in parts if part.note))
    gone = [
        _TAKEN_AWAY[part.name]
        for part in parts
        if part.way == ATTRIBUTES and part.amount < 0 and part.name in _TAKEN_AWAY
    ]
    if gone:
        either = " or ".join(gone)
        notes.append(f"Takes off only what is there: a face without {either} hardly changes.")
    return " ".join(notes)


def _restricted(known: Known, way: str) -> Known:
    if way == ATTRIBUTES:
        return replace(known, mappers=frozenset(), trained={}, here=frozenset())
    if way == MAPPER:  # as if every mapper were here, and nothing else
        return replace(known, controls={}, here=frozenset([*MAPPERS, *known.trained]))
    return known


def _scaled(part: Part, factor: float, known: Known) -> float:
    amount = part.amount * factor
    if part.way != ATTRIBUTES:
        return min(max(amount, stack.LOW), stack.HIGH)
    low, high = known.controls[part.name].bounds
    return round(min(max(amount, low), high), 9)


@dataclass(frozen=True, eq=False)
class Means:
    """What the ways beyond attributes need, loaded when they are first used.

    clip, relevance_path, progress: None takes what the machine has.
    """

    clip: Clip | None = None
    relevance_path: Path | None = None
    progress: Progress | None = None
    config: OptimisationConfig | None = None

    def load_clip(self) -> Clip:
        from mappers.styleclip.clip import load_clip

        return self.clip or load_clip(self.progress)


def entry_of(
    part: Part,
    session: Session,
    models: EditModels,
    means: Means | None = None,
    edits: Mapping[str, float] | None = None,
    seed: int = 0,
    on_step: OnStep | None = None,
) -> StackEntry:
    """The stack's entry of a part that is no attribute.

    Args:
        edits: where optimisation begins, beside the session's stack.

    Raises:
        CheckpointError: weights that cannot be had. UserError: a way that cannot be gone here.
    """
    means = means or Means()
    if part.way == MAPPER:
        return _mapped(part, session, models, means)
    if part.way == GLOBAL:
        return _globally(part, models, means)
    return _optimised(part, session, models, means, edits or {}, seed, on_step)


@torch.inference_mode()
def _mapped(part: Part, session: Session, models: EditModels, means: Means) -> StackEntry:
    """Section 5: w + 0.1 * amount * M(w), M at the pivot."""
    from mappers.styleclip.latent_mapper import STRENGTH

    generator = models.generator
    if generator.num_ws != 18:
        raise UserError("Mappers move 18 codes; this generator takes another number of them.")
    mapper = load_published(part.name, means.progress)
    ws = generator.broadcast(session.pivot().to(generator.w_avg)).cpu()
    step = STRENGTH * mapper(ws)[0]
    return StackEntry(part.label, MAPPER, part.amount, step.clone())


def _globally(part: Part, models: EditModels, means: Means) -> StackEntry:
    """Section 6, at alpha = 4 times the amount."""
    from mappers.styleclip.global_directions import ALPHA, default_path, load_relevance

    path = means.relevance_path or default_path(models.generator.name)
    if not path.exists():
        raise UserError(
            "Global directions were not built for this generator: python -m "
            f"mappers.global_directions build --generator {models.generator.name} does it."
        )
    found = load_relevance(path)
    if found.fingerprint != models.generator.fingerprint:
        raise UserError(f"{path} is of another generator; build it anew.")
    step = found.step(means.load_clip(), part.said)
    styles = {name: ALPHA * values for name, values in step.items()}
    return StackEntry(part.label, GLOBAL, part.amount, None, styles)


def _optimised(
    part: Part,
    session: Session,
    models: EditModels,
    means: Means,
    edits: Mapping[str, float],
    seed: int,
    on_step: OnStep | None,
) -> StackEntry:
    """Section 4, in W for the embedded generator, whose W+ breaks faces, else in W+."""
    from mappers.styleclip.losses import load_identity_loss
    from mappers.styleclip.optimisation import OptimisationConfig, optimise
    from pti_core.editing import directions
    from pti_core.editing.text_edit import moved, restyled

    generator = models.generator
    clip = means.load_clip().to(generator.w_avg.device)
    w = session.pivot().to(generator.w_avg)
    w = directions.apply(w, edits, session.directions(models.directions), models.generator.num_ws)
    w = moved(w, session.stack, generator)
    overrides = restyled(edit_weights(session, models), session.stack, generator)
    space = "w" if generator.name == "mobile" else "w+"
    config = means.config or OptimisationConfig(space=space)
    identity = load_identity_loss(means.progress)[0]
    found = optimise(generator, w, clip, part.said, identity, config, overrides, seed, on_step)
    return StackEntry(part.label, OPTIMISE, part.amount, found.step)


def edited(session: Session, edits: Mapping[str, float], entries: Sequence[StackEntry]) -> Session:
    """The session with a plan's edits and entries: sequential editing (Roich et al., figure 8).

    Raises:
        UserError: more text edits than a session holds.
    """
    if len(session.stack) + len(entries) > MAX_ENTRIES:
        raise UserError(f"A session holds {MAX_ENTRIES} text edits; take some away first.")
    return replace(session, edits={**session.edits, **edits}, stack=[*session.stack, *entries])
