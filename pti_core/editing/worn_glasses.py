"""Glasses that the person wears on the photograph. They do not bend with the face.

Flows are float32 (S, S, 2) in pixels: `after(x) = before(x + flow(x))`. Masks are float32 (S, S) in
0..1. Widths are in pixels at 1024, found by looking at edits of generated faces with glasses.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from pti_core.editing.edit_flow import EditFlow
from pti_core.editing.image_flow import STILL_FLOW, dense_flow, flow_grey, structure_trust
from pti_core.editing.image_ops import (
    blur,
    dilate,
    ease,
    erode,
    length_of,
    luma,
    mixed,
    px,
    remap,
    remap_in,
    resize,
    smoothstep,
    square_around,
)
from pti_core.editing.parsing import Parsing
from pti_core.editing.photo_layers import PhotoLayers

_LEAST = 2e-3  # share of the picture: less is no pair of glasses
_TEMPLE, _HINGE = 12.0, 22.0  # half of a temple's width; how far rims reach beyond lenses
_RIM, _SOFT = 5.0, 2.0  # around them, with their shadow; of the edge
#: Of the parser at temples; around glasses that are taken off, and the softness of that edge.
_UNSURE, _SHADOW, _FADED = 0.05, 10.0, 4.0
#: Middles of the eyes of an aligned (FFHQ) face, and half of what an eye and its lid take, in
#: shares of the side.
_EYES, _EYE = ((0.385, 0.473), (0.615, 0.473)), (0.055, 0.03)
_FIT_SIDE = 128  # at which their movement is found
_WINDOW, _CONTRAST = 6.0, 40.0  # of the deviation of luma; that of a rim
_LEAST_TRUST, _LEAST_PLACES = 0.005, 16  # of a flow that tells it
#: Flow that differs by so much from all of it has half the weight, at first and later.
_ODD, _ROUNDS = (12.0, 4.0), 4


@dataclass(frozen=True, eq=False)
class WornGlasses:
    """Lenses and rims of the photograph, where an edit shows them.

    Attributes:
        flow: (S, S, 2), of all of them in one piece.
        share: (S, S), where they are.
    """

    flow: np.ndarray
    share: np.ndarray

    @classmethod
    def of(cls, layers: PhotoLayers, edit: EditFlow, eyes: bool = True) -> WornGlasses | None:
        """None without glasses on the photograph. eyes: those behind the lenses stay, too.

        A frame is stiff. So where the head turns, it moves by a map of few terms, which is fitted
        to the flow of the face, and once more to the flow that is left after that.
        """
        own = _front(layers.photo_parsing)
        if own.mean() < _LEAST:
            return None
        at = len(own)
        # The edited render may have none: turned, some pivots lose them.
        where = np.maximum(_front(edit.after), remap(own, edit.local, cv2.INTER_LINEAR))
        where = where * _contrast(edit.small)
        flow = _fitted(edit.local, where * structure_trust(edit.small, edit.warped), _ODD[0])
        if flow is None:
            return None
        before = remap(layers.small, flow, cv2.INTER_LINEAR)
        left = dense_flow(flow_grey(edit.small), flow_grey(before))
        trust = structure_trust(edit.small, remap(before, left, cv2.INTER_LINEAR))
        flow = _fitted(flow + left, where * trust, _ODD[1])
        if flow is None:
            return None
        low, high = STILL_FLOW  # an expression moves no glasses, though cheeks may seem to
        mean = float((length_of(flow) * own).sum() / own.sum()) / px(1.0, at)
        flow = flow * np.float32(ease((mean - low) / (high - low)))
        moved = remap(own if eyes else own * _beside_eyes(at), flow, cv2.INTER_LINEAR)
        return cls(flow, smoothstep(blur(dilate(moved, px(_RIM, at)), px(_SOFT, at)) * 2 - 0.3))

    def laid_over(self, image: np.ndarray, photo: np.ndarray) -> np.ndarray:
        """An edited photograph (R, R, 3) with the glasses of the photograph (R, R, 3)."""
        part = square_around(self.share)
        whole, glasses = remap_in(part, photo, self.flow, cv2.INTER_CUBIC)
        image = image.copy()
        image[whole] = mixed(image[whole], glasses, self.share[part])
        return image


def _beside_eyes(at: int) -> np.ndarray:
    """0 where an aligned face has its eyes, (S, S): behind lenses the parser does not tell them."""
    y, x = (np.indices((at, at), dtype=np.float32) + 0.5) / at
    across, down = _EYE
    away = [np.hypot((x - left) / across, (y - top) / down) for left, top in _EYES]
    return smoothstep((np.minimum(*away) - 0.8) / 0.4)


def taken_off(photo: Parsing, after: Parsing) -> np.ndarray:
    """Where an edited head has no glasses where the photograph, warped smoothly, has some, temples
    on hair included, (S, S)."""
    worn = photo.group("glasses")
    at = len(worn)
    if worn.mean() < _LEAST:
        return np.zeros_like(worn)
    gone = (worn > _UNSURE) & (after.group("glasses") < 0.5)
    around = dilate(gone.astype(np.float32), px(_SHADOW, at))
    return smoothstep(blur(around, px(_FADED, at)) * 1.5) * after.head


def _front(parsing: Parsing) -> np.ndarray:
    """Lenses and their rims (S, S), without the temples: these are thin, and turn otherwise."""
    mask = parsing.group("glasses")
    at = len(mask)
    if mask.mean() < _LEAST:
        return np.zeros_like(mask)
    wide = dilate(erode(mask, px(_TEMPLE, at)), px(_TEMPLE + _HINGE, at))
    return np.minimum(mask, wide)


def _contrast(small: np.ndarray) -> np.ndarray:
    """Where an image (S, S, 3) has rims, (S, S): what is behind lenses moves otherwise."""
    light = luma(small)
    width = px(_WINDOW, len(light))
    mean = blur(light, width)
    return np.clip((blur(light * light, width) - np.square(mean)) / _CONTRAST**2, 0.01, 1)


def _fitted(flow: np.ndarray, weight: np.ndarray, most: float) -> np.ndarray | None:
    """The flow (S, S, 2) of few terms that comes nearest to a flow by a weight (S, S), whatever
    single places say (iteratively reweighted least squares); None where too little is known."""
    at, side = len(flow), min(_FIT_SIDE, len(flow))
    weight = resize(np.ascontiguousarray(weight, dtype=np.float32), side)
    rows, columns = np.nonzero(weight > _LEAST_TRUST)
    if len(rows) < _LEAST_PLACES:
        return None
    moved, known = resize(flow, side)[rows, columns], weight[rows, columns]
    places, trust = _places(rows, columns, side), known
    for _ in range(_ROUNDS):
        root = np.sqrt(trust)[:, None]
        terms = np.linalg.lstsq(places * root, moved * root, rcond=None)[0]
        odd = length_of((moved - places @ terms)[:, None].astype(np.float32))[:, 0]
        trust = known / (1 + np.square(odd / px(most, at)))
    rows, columns = np.indices((at, at)).reshape(2, -1)
    everywhere = _places(rows, columns, at)
    return (everywhere @ terms).reshape(at, at, 2).astype(np.float32)


def _places(rows: np.ndarray, columns: np.ndarray, side: int) -> np.ndarray:
    """Places in shares of the side from its middle, as terms (N, 5) of a movement: affine, curved
    across (a frame goes round the face), and nearer to the camera on one side."""
    x, y = ((one + 0.5) / side - 0.5 for one in (columns, rows))
    return np.column_stack([x, y, np.ones_like(x), x * x, x * y])
