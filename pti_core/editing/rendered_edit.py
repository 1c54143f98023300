"""A rendered edit: the aligned crop, and the same edit in the photograph at its own resolution."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from pti_core.editing.image_ops import remap, resize, resize_flow
from pti_core.editing.photo_detail import Composite
from pti_core.faces.align import Alignment
from pti_core.faces.images import Photograph, in_profile
from pti_core.faces.paste import EditMaps, paste, paste_edit


@dataclass(frozen=True, eq=False)
class Rendering:
    """An edit, to be seen as the aligned crop or in the photograph.

    Attributes:
        face: the edited crop (R x R).
        made: how it was made, and of which crop of the photograph; None for a bare render.
        unedited: the face is the photograph's own.
    """

    face: Image.Image
    made: tuple[Composite, Image.Image] | None = None
    unedited: bool = False

    def nbytes(self) -> int:
        """Memory it holds, nearly."""
        images = [self.face]
        total = 0
        if self.made is not None:
            edit, crop = self.made
            images.append(crop)
            total = sum(a.nbytes for a in (edit.image, edit.flow, edit.share, edit.changed))
        return total + sum(3 * image.width * image.height for image in images)

    def in_photo(self, photo: Image.Image, alignment: Alignment) -> Image.Image:
        """The edit in the photograph at the size of `photo`, which `alignment` is for.

        A composited edit is repeated on the photograph's own pixels; a bare render is pasted.
        """
        if self.unedited:
            return photo
        if self.made is None:
            return paste(photo, self.face, alignment)
        return paste_edit(photo, _edit_maps(*self.made), alignment)

    def in_file(self, photo: Photograph, alignment: Alignment) -> Image.Image:
        """The edit in a photograph as its file has it: its size, opacity and colour profile.

        alignment: of the photograph at any size.
        """
        image = self.in_photo(photo.image, alignment.scaled(photo.image.size))
        image = in_profile(image, photo.icc_profile)
        if photo.alpha is not None:
            image = image.copy()
            image.putalpha(photo.alpha)
        return image


def _edit_maps(edit: Composite, crop: Image.Image) -> EditMaps:
    side = len(edit.image)
    flow = resize_flow(edit.flow, side)
    photo = remap(np.asarray(crop, dtype=np.float32), flow, cv2.INTER_CUBIC)
    share = resize(edit.share, side)
    return EditMaps(
        base=edit.image - share[..., None] * photo,
        share=share,
        flow=flow,
        changed=resize(edit.changed, side),
    )
