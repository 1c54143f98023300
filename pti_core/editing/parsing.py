"""Soft masks of an aligned face: the parser's classes, in groups that exchange no detail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from pti_core.editing.image_ops import remap, resize, smoothstep
from pti_core.networks.face_parsing import CLASSES

#: Side at which masks, flow and trust are computed: half of 1024 costs a quarter and no quality
#: that can be seen.
FLOW_SIDE = 512
#: Classes whose detail may be exchanged; a residual is not carried from one group to another.
_GROUPS: Mapping[str, tuple[str, ...]] = {
    "background": ("background",),
    "skin": ("skin", "nose", "ear_left", "ear_right"),
    "neck": ("neck",),
    "brows": ("brow_left", "brow_right"),
    "eyes": ("eye_left", "eye_right"),
    "mouth": ("mouth",),
    "lips": ("lip_upper", "lip_lower"),
    "hair": ("hair", "hat"),
    "jewels": ("earring",),
    "cloth": ("cloth", "necklace"),
    "glasses": ("glasses",),
}


@dataclass(frozen=True, eq=False)
class Parsing:
    """Soft class groups of an image.

    Attributes:
        groups: (S, S, G) float32, the probabilities of `_GROUPS`, in their order.
    """

    groups: np.ndarray

    @classmethod
    def of(cls, probabilities: np.ndarray, side: int = FLOW_SIDE) -> Parsing:
        """From class probabilities (19, 512, 512), `pti_core.networks.face_parsing`."""
        rows = [
            probabilities[[CLASSES.index(name) for name in names]].sum(0)
            for names in _GROUPS.values()
        ]
        groups = np.ascontiguousarray(np.stack(rows, -1), dtype=np.float32)
        if groups.shape[0] != side:
            groups = resize(groups, side)
        return cls(groups)

    def group(self, name: str) -> np.ndarray:
        """Probability (S, S) of one group."""
        return self.groups[..., list(_GROUPS).index(name)]

    @property
    def head(self) -> np.ndarray:
        """Share (S, S) of the head: what edits move. Neck and clothes belong to the scene."""
        scene = self.group("background") + self.group("cloth") + self.group("neck")
        return smoothstep((0.8 - scene) / 0.6)

    def warped(self, flow: np.ndarray) -> Parsing:
        """The groups carried by a flow (S, S, 2)."""
        return Parsing(remap(self.groups, flow, cv2.INTER_LINEAR))
