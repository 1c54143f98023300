"""Session and edits to image: the aligned face, or the photograph with the edit in it.

The road of an edit: latent code, tuned generator, the photograph's detail and background, what the
base generator adds (teeth, beard, hair) and glasses, light and colours of the scene.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pti_core.editing import base_edits
from pti_core.editing.base_renderer import Shown
from pti_core.editing.beard import without_leak
from pti_core.editing.closed_eyes import OPEN_EYES, with_base_lids
from pti_core.editing.edit_state import Edits
from pti_core.editing.face_tone import MAKEUP, with_makeup, with_own_eyes_and_teeth
from pti_core.editing.glasses import GLASSES
from pti_core.editing.image_ops import ease, luma, picture_of, px, tensor_of
from pti_core.editing.open_mouth import with_base_teeth
from pti_core.editing.outlines import with_outline_kept
from pti_core.editing.parsing import Parsing
from pti_core.editing.photo_detail import (
    Composite,
    Kept,
    compose,
    hair_moved,
    masks_of,
    unedited,
    with_change,
    with_scene_tone,
)
from pti_core.editing.rendered_edit import Rendering
from pti_core.editing.wrinkles import with_fewer_wrinkles
from pti_core.faces.images import to_image
from pti_core.models import EditModels
from pti_core.networks.lpips import area
from pti_core.rendering.edit_code import checked, edit_weights, is_composited, state_of
from pti_core.rendering.edit_renders import EditRenders
from pti_core.session.session import Session

#: Edits whose purpose is another tone of the skin: elsewhere it is kept.
_SKIN_TONE = frozenset(("skin_tone", "skin_red"))
#: Edits that change the hair's tone but not its shape.
_HAIR_TONE = frozenset(("age",))
#: Edits that are meant to change the outline of a face, or turn it.
_OUTLINE = frozenset(("face_width", "cheeks", "chin", "gender", "pose", "pitch"))
#: Share of the range of one of them from which it is not kept at all.
_OUTLINE_EDITED = 0.25
#: Edits of what is seen through glasses: the eyes, and more than these.
_EYES = frozenset((OPEN_EYES,))
_LENSES = frozenset((GLASSES, "brow_raise", "eyebrows")) | _SKIN_TONE
#: Moves of a head, in pixels at 1024, from which hair comes into view beside it, and all of it:
#: a turn by one degree, and by four.
_TURNED = (5.0, 20.0)
#: Edits that may darken the lower face.
_BEARDED = frozenset(("age", "gender", "skin_tone", "skin_red"))


@torch.inference_mode()
def picture(session: Session, models: EditModels, edits: Edits = None) -> Tensor:
    """The edited photograph's aligned crop (1, 3, R, R), in [-1, 1], of a session.

    A session that was tuned, or is to be, is composited with its photograph if there is a face
    parser: without edits the result is the photograph. Others give the generator's bare render.

    Args:
        edits: amounts by direction name, or all of an `EditState`; None takes the session's own.

    Raises:
        EditError: an unknown direction or an amount out of range.
        SessionError: the session was made for another generator.
    """
    edit = EditRenders.of(session, models, edits)
    if not edit.composited:
        return edit.tuned(edit.own)
    return tensor_of(_composite(edit).image).to(models.generator.w_avg)


@torch.inference_mode()
def composite(session: Session, models: EditModels, edits: Edits = None) -> Composite | None:
    """As `picture`, with the maps for pasting; None for sessions that are not composited."""
    edit = EditRenders.of(session, models, edits)
    return _composite(edit) if edit.composited else None


@torch.inference_mode()
def render_bare(session: Session, models: EditModels, edits: Edits = None) -> Image.Image:
    """The tuned generator's own render (R x R), without the photograph's detail."""
    edit = EditRenders.of(session, models, edits, share=1.0)
    return to_image(models.generator.render(edit.code(edit.own), edit.overrides, exact=True))


def _composite(edit: EditRenders) -> Composite:
    layers, keep_background = edit.layers(), edit.state.keep_background
    active = {name: amount for name, amount in edit.own.items() if amount}
    shipped = edit.models.directions
    scene = [name for name in active if name in shipped and shipped[name].group == "scene"]
    painted = {name: amount for name, amount in active.items() if name not in scene}
    shape = {name: amount for name, amount in painted.items() if name not in MAKEUP}
    if not shape and not edit.state.stack and keep_background:
        found, masks = unedited(layers), layers.photo_parsing
    else:
        found, masks = _composed(edit, shape)
    image = _retouched(edit, found, masks, shape, painted)
    if image is not found.image:
        found = with_change(found, image)
    if scene:
        change = edit.placed(active) - edit.placed(painted)
        found = with_scene_tone(found, change)
    return found


def _composed(edit: EditRenders, shape: Mapping[str, float]) -> tuple[Composite, Parsing]:
    """The tuned render of some edits, composited with the photograph, and what that shows."""
    layers, keep_background = edit.layers(), edit.state.keep_background
    shown, by_text = edit.shown(shape), bool(edit.state.stack)
    if keep_background and not by_text:
        shown = with_outline_kept(shown, layers.render_parsing, _outline_share(edit, shape))
    low, high = _TURNED
    new_hair = by_text and hair_moved(layers.render_parsing, shown.parsing)
    kept = Kept(
        skin_tone=not by_text and _SKIN_TONE.isdisjoint(shape),
        skin_light=not by_text and _HAIR_TONE.isdisjoint(shape),
        hair_tone=not by_text and _HAIR_TONE.isdisjoint(shape),
        hair_shape=not new_hair,
        hairline=1 - ease((np.hypot(*edit.move) / px(1.0, len(layers.photo)) - low) / (high - low)),
        glasses=not by_text and _LENSES.isdisjoint(shape),
        eyes=_EYES.isdisjoint(shape),
        background=keep_background,
    )
    found = compose(layers, shown.image, shown.parsing, kept)
    own = new_hair or not keep_background
    return found, shown.parsing if own else masks_of(layers, found, shown.parsing)


def _outline_share(edit: EditRenders, shape: Mapping[str, float]) -> float:
    """How far a face's outline is kept, 1 to 0; no jump where an edit of it begins.

    What own directions do is not known: they may turn a head or widen a face.
    """
    base, shipped = edit.base(), edit.models.directions
    moving = [name for name in shape if name in _OUTLINE or name not in shipped]
    begun = [base.share(name, shape[name]) for name in moving]
    return 1 - ease(max(begun, default=0.0) / _OUTLINE_EDITED)


def _retouched(
    edit: EditRenders,
    found: Composite,
    masks: Parsing,
    shape: Mapping[str, float],
    painted: Mapping[str, float],
) -> np.ndarray:
    """A composite with eyes and teeth in their colours, make-up, and what the base adds."""
    layers, image = edit.layers(), found.image
    if shape and not edit.state.stack:
        base, pivot = edit.base(), edit.code({})
        image = with_base_teeth(image, masks, layers.photo_parsing, base, pivot, shape)
        if shape.get(OPEN_EYES, 0.0) < 0:
            eyes = layers.photo_parsing.warped(found.flow)  # where they were open
            image = with_base_lids(image, eyes, base, pivot, shape)
        image = with_own_eyes_and_teeth(image, masks, layers.photo, layers.photo_parsing)
        if _BEARDED.isdisjoint(shape):
            photo = Shown(layers.photo, layers.photo_parsing)
            image = without_leak(image, masks, photo, found.flow)
    if (years := shape.get("age", 0.0)) < 0:
        image = with_fewer_wrinkles(image, masks, -years)
    names = MAKEUP.intersection(painted)
    if names:
        change = edit.placed(painted) - edit.placed(shape)
        image = with_makeup(image, change, masks, names)
    if extras := base_edits.possible(layers.photo_parsing, edit.extras):
        shown, extras = Shown(image, masks), replace(extras, cast=layers.cast)
        image = base_edits.carry(shown, layers.plate, edit.base(), edit.code(shape), extras)
    if layers.monochrome and edit.extras.hair_color is None and image is not found.image:
        image = np.repeat(luma(image)[..., None], 3, -1)
    return image


def notes(session: Session, models: EditModels, edits: Edits) -> list[str]:
    """What of some edits cannot be done on this photograph: sentences for the person, or none."""
    state = state_of(session, edits)
    if not base_edits.split(state.amounts)[1] and state.hair_color is None:
        return []
    edit = EditRenders.of(session, models, state)
    if not edit.composited:
        return []
    return base_edits.notes(edit.layers().photo_parsing, edit.extras)


def calibration_images(
    session: Session, models: EditModels, side: int, person: int | None = None
) -> tuple[Callable[[Tensor], Image.Image], Image.Image]:
    """What edits are fitted to a person by: images of at most `side`, in the weights of edits.

    Returns:
        What renders the pivot with a step (w_dim,) added to it, and the person unedited: the
        photograph where edits are bare renders. A composite without edits is the photograph, so
        there edits are compared with the unedited render.
    """
    generator = models.generator
    overrides = edit_weights(session, models, person)
    pivot = session.pivot(person).to(generator.w_avg)
    side = min(side, generator.resolution)

    @torch.inference_mode()
    def render_step(step: Tensor) -> Image.Image:
        return to_image(area(generator.render(pivot + step.to(pivot), overrides), side))

    if is_composited(session, models):
        return render_step, render_step(torch.zeros(generator.w_dim))
    return render_step, session.crop(person).resize((side, side), Image.Resampling.BOX)


@torch.inference_mode()
def render_edit(session: Session, models: EditModels, edits: Edits = None) -> Rendering:
    """`picture` as an 8-bit RGB image, which can be put into the photograph.

    Without edits it is the photograph, and no network runs for it.
    """
    if (found := render_unedited(session, models, edits)) is not None:
        return found
    edit = EditRenders.of(session, models, edits)
    if not edit.composited:
        return Rendering(to_image(edit.tuned(edit.own)))
    composed = _composite(edit)
    crop = Image.fromarray(edit.layers().photo.astype(np.uint8))
    return Rendering(picture_of(composed.image), (composed, crop))


def render_unedited(session: Session, models: EditModels, edits: Edits = None) -> Rendering | None:
    """The photograph where nothing is edited and it is what is shown then; else None. Quick: no
    network runs. Raises as `picture` does."""
    state = state_of(session, edits)
    amounts = checked(session, models, state)
    edited = any(amounts.values()) or state.stack or state.hair_color is not None
    if edited or not state.keep_background or not is_composited(session, models):
        return None
    session.check_generator(models.generator)
    return Rendering(session.crop(state.person), unedited=True)


@torch.inference_mode()
def prepare(session: Session, models: EditModels) -> None:
    """Compute what the first edit of the session's person would wait for: its photograph's layers.

    Two seconds and a half on two cores, less than one of that where another draft of the photograph
    had its layers; later edits have them at hand.
    """
    edit = EditRenders.of(session, models, {})
    if edit.composited:
        edit.layers()


def render(session: Session, models: EditModels, edits: Edits = None) -> Image.Image:
    """`picture` as an 8-bit RGB image (R x R)."""
    return render_edit(session, models, edits).face


def paste_back(session: Session, models: EditModels, edits: Edits = None) -> Image.Image:
    """The edit in its photograph, at the photograph's own resolution."""
    person = session.at(state_of(session, edits).person)
    found = render_edit(session, models, edits)
    return found.in_photo(session.photograph(person), session.alignments[person])
