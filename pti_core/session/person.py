"""One person of a session: a photograph, where the face lies in it, its pivot and its ranges."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

from PIL import Image
from torch import Tensor

from pti_core.editing.directions import Curve
from pti_core.errors import SessionError
from pti_core.faces.align import Alignment
from pti_core.session import file_format

# At 95 without colour subsampling a photograph differs from its original by less than its noise:
# pasting shows the original's pixels around the face within one or two levels.
PHOTOGRAPH_QUALITY = 95
#: Room in a session's file for the weights and all else beside the pictures (StyleGAN2's take 30
#: MB), and for one crop (1024 x 1024 pixels as PNG).
WEIGHTS_BYTES, CROP_BYTES = 60 * 2**20, 3 * 2**20


@dataclass(eq=False)
class PersonState:
    """One photograph and what its inversion found.

    The tensors are kept on the CPU, contiguous, float32, as in the file.

    Attributes:
        photograph: encoded photograph (JPEG, upright, without metadata).
        crop: encoded aligned crop (PNG, lossless, at the generator's resolution).
        alignment: where the crop lies in the photograph.
        pivot: (w_dim,) or (num_ws, w_dim).
        noise: noise buffer of `synthesis` to the map that replaces it where this photograph was
            projected; only those that differ.
        curves: direction name to its curve for this person (`pti_core.editing.calibration`);
            empty where they were not fitted.
    """

    photograph: bytes
    crop: bytes
    alignment: Alignment
    pivot: Tensor
    noise: dict[str, Tensor] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pivot = plain(self.pivot).float()
        self.noise = {name: plain(tensor).float() for name, tensor in self.noise.items()}


def plain(tensor: Tensor) -> Tensor:
    """The tensor detached, on the CPU, contiguous; itself if it is so."""
    if tensor.requires_grad:
        tensor = tensor.detach()
    return tensor.cpu().contiguous()


def encode_photograph(image: Image.Image, among: int = 1) -> bytes:
    """An RGB photograph as a session keeps it: JPEG without metadata, at its own resolution.

    One that would take more than its share of the file is encoded more coarsely.

    Args:
        among: how many photographs the session holds.

    Raises:
        SessionError: it would take too much all the same.
    """
    share = (file_format.MAX_FILE - WEIGHTS_BYTES) // among - CROP_BYTES
    bound = min(share, file_format.MAX_PICTURE_BYTES)
    for quality, subsampling in ((PHOTOGRAPH_QUALITY, 0), (90, 2), (80, 2), (70, 2)):
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=quality, subsampling=subsampling)
        if stream.tell() <= bound:
            return stream.getvalue()
    raise SessionError(
        "The photographs are too large to be kept in one session file; use fewer of them, or "
        "smaller ones."
    )


def encode_crop(image: Image.Image) -> bytes:
    """An aligned crop as a session keeps it: PNG, so that resuming and metrics are exact."""
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()
