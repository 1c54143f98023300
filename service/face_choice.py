"""The faces of a photograph, and the one of them that is used."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pti_core.errors import UserError

if TYPE_CHECKING:
    from PIL import Image

    from pti_core.faces.framing import Where
    from service.studio import Studio

#: Of a square that was drawn by hand.
NOTHING_SEEN = (
    "No face is seen in the square. It can be learned as it is, but a whole head is best."
)

Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Found:
    """A face in a photograph.

    Attributes:
        data: the photograph's file.
        crop: the aligned face.
        note: what to know of the file; "" as a rule.
        boxes: of all faces, in the photograph's pixels; first the largest.
    """

    data: bytes
    crop: Image.Image
    note: str
    boxes: list[Box]


def find_face(studio: Studio, photograph: bytes | Path, face: Where = 0) -> Found:
    """What is used of a photograph.

    Args:
        face: its number, as `FaceFinder.all_landmarks` counts; for generators of other things 0,
            the largest square in the middle, a square around a head, or `framing.WHOLE`.

    Raises:
        PhotographError, NoFaceError, UserError: no photograph, no face, none of that number.
    """
    from pti_core.faces.align import align
    from pti_core.faces.detect import face_box
    from pti_core.faces.framing import frame, square_box
    from pti_core.faces.images import read_photograph
    from pti_core.faces.picture_end import picture_end

    data = photograph if isinstance(photograph, bytes) else _read(photograph)
    models = studio.networks.get()
    opened = read_photograph(data)
    kept = data[: picture_end(data)]  # not what telephones append: a film, a second picture
    if models.faces is None or not isinstance(face, int):
        with studio.face_finding:
            crop, alignment = frame(models.faces, opened.image, face, models.generator.resolution)
        if isinstance(face, tuple):
            seen = models.faces is None or not math.isclose(alignment.side, face[2], abs_tol=1e-6)
            note = opened.note if seen else NOTHING_SEEN
            return Found(kept, crop, note, [square_box(face)])
        (left, top), (right, bottom) = alignment.quad[0], alignment.quad[2]
        return Found(kept, crop, opened.note, [(left + 0.5, top + 0.5, right + 0.5, bottom + 0.5)])
    with studio.face_finding:
        found = models.faces.all_landmarks(opened.image)
    if not 0 <= face < len(found):
        raise UserError(f"The photograph shows {len(found)} faces, counted from 0.")
    crop, _ = align(opened.image, found[face], models.generator.resolution)
    return Found(kept, crop, opened.note, [face_box(points) for points in found])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError("The file did not arrive; please choose it again.") from error
