"""Previews of heads that turn: the render is moved (`pti_core.editing.head_turn`), and with it what
the photograph has over it on the face; hair and scene stay.

Faces are aligned, so where a face is on a preview is known without masks. Pictures are float32
(1, 3, S, S); moves are (2,), x and y in pixels of S.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from pti_core.editing.image_ops import ease, remap, smoothstep

# Of an aligned face, and of its head: centre and half axes, as shares of the side, and how soft the
# ellipse is, as a share of it. By eye on the benchmark's nine photographs.
_FACE = (0.5, 0.56, 0.27, 0.36, 0.45)
_HEAD = (0.5, 0.52, 0.42, 0.56, 0.35)
#: Share of the side that is movement in full: then the scene around the head stays as it was.
_MOVED = 0.016


def placed(picture: Tensor, by: np.ndarray) -> Tensor:
    """A picture, moved; its border is continued."""
    if not by.any():
        return picture
    side = picture.shape[-1]
    return _remapped(picture, np.broadcast_to(-by, (side, side, 2)))


def carried(picture: Tensor, at: np.ndarray, by: np.ndarray) -> Tensor:
    """A picture whose face, moved by `at` already, is moved by `by`, and nothing else."""
    if not by.any():
        return picture
    return _remapped(picture, -by * _ellipse(_FACE, picture.shape[-1], at + by)[..., None])


def beside_still(picture: Tensor, start: Tensor, by: np.ndarray) -> Tensor:
    """A picture that shows a start where no head is, as far as the head was moved by `by`."""
    side = picture.shape[-1]
    moving = ease(float(np.hypot(*by)) / (_MOVED * side))
    if moving == 0:
        return picture
    head = torch.from_numpy(1 - moving * (1 - _ellipse(_HEAD, side))).to(picture)
    return start + head * (picture - start)


def _remapped(picture: Tensor, flow: np.ndarray) -> Tensor:
    image = picture[0].permute(1, 2, 0).float().cpu().numpy()
    found = remap(np.ascontiguousarray(image), flow, cv2.INTER_LINEAR)
    return torch.from_numpy(found).permute(2, 0, 1)[None].to(picture)


def _ellipse(
    form: tuple[float, float, float, float, float], side: int, by: np.ndarray | float = 0.0
) -> np.ndarray:
    """1 inside, 0 outside, (side, side) float32."""
    x, y, across, down, soft = form
    places = (np.arange(side, dtype=np.float32) + 0.5) / side
    dx, dy = np.broadcast_to(np.asarray(by, dtype=np.float32) / side, 2)
    far = np.hypot((places[None] - x - dx) / across, (places[:, None] - y - dy) / down)
    return smoothstep((1 - far) / soft + 0.5).astype(np.float32)
