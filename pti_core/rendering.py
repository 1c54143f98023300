"""Session and edits to image: the aligned face, or the photograph with the face pasted back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from PIL import Image
from torch import Tensor

from pti_core.editing import base_edits
from pti_core.editing import directions as latent_directions
from pti_core.editing.base_renderer import BaseRenderer
from pti_core.editing.text_edit import StackEntry, moved, restyled
from pti_core.faces.images import to_image
from pti_core.faces.paste import paste
from pti_core.models import EditKit
from pti_core.session.session import Session


@torch.inference_mode()
def picture(
    session: Session,
    kit: EditKit,
    edits: Mapping[str, float] | None = None,
    person: int | None = None,
    stack: Sequence[StackEntry] | None = None,
) -> Tensor:
    """The aligned picture (1, 3, R, R), nominally in [-1, 1], of a session.

    Args:
        edits: direction name to amount in its units; None takes the session's own, {} none.
        person: which of the session's photographs; None: the one that it shows.
        stack: text-driven edits; None takes the session's own where `edits` is None, else none.

    Raises:
        EditError: an unknown direction or an amount out of range.
        SessionError: the session was made for another generator.
    """
    replaced = session.replaced(kit.generator, person)
    if stack is None:
        stack = session.stack if edits is None else ()
    edits = session.edits if edits is None else edits
    replaced = restyled(replaced, stack, kit.generator)
    edits = checked(session, kit, edits, person)
    own, carried = base_edits.split(edits) if session.delta.tensors else (edits, {})
    w = edited(session, kit, own, person, stack)
    generator = kit.generator

    def tuned(w: Tensor) -> Tensor:
        return generator.render(w, replaced, exact=True)

    if not carried:
        return tuned(w)
    cached = partial(kit.render_cache.picture, session.delta)
    base = BaseRenderer(
        lambda w: cached("base", w, partial(generator.render, exact=True)),
        generator.w_mean,
        generator.num_ws,
        session.directions(kit.directions, person),
        edited(session, kit, {n: own[n] for n in base_edits.TURNS if n in own}, person, stack),
        kit.hair.find,
    )
    found = tuned(w) if stack else cached("tuned", w, tuned)
    return base_edits.carry(found, base, w, carried)


def checked(
    session: Session, kit: EditKit, edits: Mapping[str, float], person: int | None = None
) -> dict[str, float]:
    """Edits as numbers. Raises EditError, for those that are carried over as for all others."""
    edited(session, kit, edits, person)
    return {name: float(amount) for name, amount in edits.items()}


def edited(
    session: Session,
    kit: EditKit,
    edits: Mapping[str, float],
    person: int | None = None,
    stack: Sequence[StackEntry] = (),
) -> Tensor:
    """A photograph's pivot with edits: w (1, w_dim) or ws (1, num_ws, w_dim). Raises EditError."""
    w = session.pivot(person).to(kit.generator.w_mean)
    own = session.directions(kit.directions, person)
    w = latent_directions.apply(w, edits, own, kit.generator.num_ws)
    return moved(w, stack, kit.generator)


def render(
    session: Session,
    kit: EditKit,
    edits: Mapping[str, float] | None = None,
    person: int | None = None,
    stack: Sequence[StackEntry] | None = None,
) -> Image.Image:
    """`picture` as an 8-bit RGB picture (R x R)."""
    return to_image(picture(session, kit, edits, person, stack))


def paste_back(
    session: Session,
    kit: EditKit,
    edits: Mapping[str, float] | None = None,
    person: int | None = None,
    stack: Sequence[StackEntry] | None = None,
) -> Image.Image:
    """The edited face in its photograph, at the photograph's own resolution."""
    face = render(session, kit, edits, person, stack)
    return paste(session.photograph(person), face, session.alignments[session.at(person)])
