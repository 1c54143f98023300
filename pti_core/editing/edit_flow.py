"""Where an edit moves the photograph and its unedited render."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from pti_core.editing.ears import ears_in_place, own_ears
from pti_core.editing.image_flow import (
    agreement,
    denoise_flow,
    dense_flow,
    flow_grey,
    rigidity,
    smooth_flow,
    structure_trust,
)
from pti_core.editing.image_ops import remap
from pti_core.editing.neck import neck_behind
from pti_core.editing.parsing import Parsing
from pti_core.editing.photo_layers import PhotoLayers


@dataclass(frozen=True, eq=False)
class EditFlow:
    """Between the unedited render and an edited one, at S pixels, and what it brings where.

    Attributes:
        small: (S, S, 3), the edited render. after: its parsing.
        local: (S, S, 2), the flow of the face. smooth: of the whole head, hair included.
        warped: (S, S, 3), the unedited render, moved by `local`. before: its parsing, so moved.
        photo: the photograph's parsing, moved by `smooth`.
        ears: (S, S), of the photograph, which stay (`own_ears`).
        neck: (S, S), where the neck goes on behind the old jaw (`neck_behind`).
    """

    small: np.ndarray
    after: Parsing
    local: np.ndarray
    smooth: np.ndarray
    warped: np.ndarray
    before: Parsing
    photo: Parsing
    ears: np.ndarray
    neck: np.ndarray

    @classmethod
    def of(cls, layers: PhotoLayers, small: np.ndarray, after: Parsing) -> EditFlow:
        local = dense_flow(flow_grey(small), layers.grey)
        warped = remap(layers.small, local, cv2.INTER_LINEAR)
        local = denoise_flow(local, structure_trust(small, warped))
        warped = remap(layers.small, local, cv2.INTER_LINEAR)
        before = layers.render_parsing.warped(local)
        trust = structure_trust(small, warped) * agreement(before, after) * rigidity(local)
        smooth = smooth_flow(local, trust, layers.photo_parsing, layers.render_parsing, after)
        smooth = ears_in_place(smooth, layers.render_parsing, after)
        photo = layers.photo_parsing.warped(smooth)
        ears, neck = own_ears(photo, after), neck_behind(layers.photo_parsing, after)
        return cls(small, after, local, smooth, warped, before, photo, ears, neck)
