"""Soft masks of an aligned face: the parser's classes, in groups that exchange no detail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from pti_core.editing.image_ops import remap_by, resize, smoothstep
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
#: Parts of groups, for masks of single things; residuals do not tell them apart.
_PARTS: Mapping[str, tuple[str, ...]] = {
    "hat": ("hat",),
    "ears": ("ear_left", "ear_right"),
    "nose": ("nose",),
}


@dataclass(frozen=True, eq=False)
class Parsing:
    """Soft class groups of an image.

    Attributes:
        groups: (G, S, S) float32, the probabilities of `_GROUPS`, in their order.
        parts: (P, S, S) float32, the same of `_PARTS`.
    """

    groups: np.ndarray
    parts: np.ndarray

    @classmethod
    def of(cls, probabilities: np.ndarray, side: int = FLOW_SIDE) -> Parsing:
        """From class probabilities (19, 512, 512), `pti_core.networks.face_parsing`."""

        def masks(classes: Mapping[str, tuple[str, ...]]) -> np.ndarray:
            rows = (probabilities[[CLASSES.index(n) for n in names]] for names in classes.values())
            return np.stack([resize(row.sum(0), side) for row in rows])

        return cls(masks(_GROUPS), masks(_PARTS))

    @property
    def side(self) -> int:
        """S."""
        return self.groups.shape[-1]

    def group(self, name: str) -> np.ndarray:
        """Probability (S, S) of one group, or of a part of one."""
        if name in _PARTS:
            return self.parts[list(_PARTS).index(name)]
        return self.groups[list(_GROUPS).index(name)]

    def total(self, names: Iterable[str]) -> np.ndarray:
        """Probability (S, S) of several groups together."""
        return np.sum([self.group(name) for name in names], axis=0)

    @cached_property
    def head(self) -> np.ndarray:
        """Share (S, S) of the head: what edits move."""
        scene = self.group("background") + self.group("cloth") + self.group("neck")
        return smoothstep((0.8 - scene) / 0.6)

    @cached_property
    def figure(self) -> np.ndarray:
        """Share (S, S) of head and neck, which bends with it. Clothes belong to the scene."""
        return smoothstep((0.8 - self.group("background") - self.group("cloth")) / 0.6)

    def warped(self, flow: np.ndarray) -> Parsing:
        """The masks carried by a flow (S, S, 2)."""
        return self.each(remap_by(flow, cv2.INTER_LINEAR))

    def each(self, change: Callable[[np.ndarray], np.ndarray]) -> Parsing:
        """The masks (S, S), changed one by one."""
        return Parsing(*(np.stack([*map(change, masks)]) for masks in (self.groups, self.parts)))

    def mixed(self, other: Parsing, share: np.ndarray) -> Parsing:
        """These masks, and the other's where a share (S, S) is one."""
        return Parsing(
            self.groups + share * (other.groups - self.groups),
            self.parts + share * (other.parts - self.parts),
        )
