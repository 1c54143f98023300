"""Session and edits to image: the aligned face, or the photograph with the edit in it."""

from pti_core.rendering.edit_code import (
    EDIT_SHARE,
    checked,
    edit_weights,
    edited,
    is_composited,
)
from pti_core.rendering.images import (
    calibration_images,
    composite,
    notes,
    paste_back,
    picture,
    prepare,
    render,
    render_bare,
    render_edit,
    render_unedited,
)

__all__ = [
    "EDIT_SHARE",
    "calibration_images",
    "checked",
    "composite",
    "edit_weights",
    "edited",
    "is_composited",
    "notes",
    "paste_back",
    "picture",
    "prepare",
    "render",
    "render_bare",
    "render_edit",
    "render_unedited",
]
