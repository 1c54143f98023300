"""A session's pivot, weights and edits, as the generator takes them."""

from __future__ import annotations

from torch import Tensor

from pti_core.editing import directions as latent_directions
from pti_core.editing.edit_state import Edits, EditState
from pti_core.editing.text_edit import moved
from pti_core.models import EditModels
from pti_core.session.session import Session

#: Share of the tuned weights' difference that edits are rendered with where the photograph's detail
#: is laid over them. All of it renders the unedited photograph best, but what the weights learned
#: of one picture (lips that hide teeth, a fold) ghosts in others (benchmarks/notes.md).
EDIT_SHARE = 0.7


def is_composited(session: Session, models: EditModels) -> bool:
    """Whether a session's edits are composited with its photograph."""
    return models.parser is not None and bool(session.delta.tensors)


def edit_weights(
    session: Session, models: EditModels, person: int | None = None
) -> dict[str, Tensor]:
    """What `Generator.render` takes to render a person's edits. Raises as `Session.overrides`."""
    return session.overrides(models.generator, person, edit_share(session, models))


def edit_share(session: Session, models: EditModels) -> float:
    """Share of the tuned weights' difference that edits are rendered with."""
    return EDIT_SHARE if is_composited(session, models) else 1.0


def state_of(session: Session, edits: Edits) -> EditState:
    """Edits as a state."""
    if edits is None:
        return session.edit_state
    return edits if isinstance(edits, EditState) else EditState(edits)


def checked(session: Session, models: EditModels, edits: Edits) -> dict[str, float]:
    """Amounts as numbers. Raises EditError, also for those that the base generator adds."""
    edited(session, models, edits)
    return {name: float(amount) for name, amount in state_of(session, edits).amounts.items()}


def edited(session: Session, models: EditModels, edits: Edits) -> Tensor:
    """A photograph's pivot with edits: w (1, w_dim) or ws (1, num_ws, w_dim). Raises EditError."""
    state = state_of(session, edits)
    w = session.pivot(state.person).to(models.generator.w_avg)
    own = session.directions(models.directions, state.person)
    w = latent_directions.apply(w, state.amounts, own, models.generator.num_ws)
    return moved(w, state.stack, models.generator)
