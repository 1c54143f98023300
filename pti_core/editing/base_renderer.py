"""The base generator, as one person's edits ask it for images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pti_core.editing.directions import Direction, apply
from pti_core.editing.parsing import Parsing

#: Directions that turn the head, and all that show in a lower face: a code that is drawn towards
#: W's mean keeps what it has of them.
TURNS = ("pose", "pitch")
LOWER_FACE = (*TURNS, "smile", "mouth_open", "gender", "age")


@dataclass(frozen=True, eq=False)
class Shown:
    """An image (R, R, 3) in 0..255, and what its pixels show."""

    image: np.ndarray
    parsing: Parsing


@dataclass(frozen=True)
class BaseRenderer:
    """The base generator, for one person.

    Attributes:
        render: the image (R, R, 3), float32 in 0..255, of w (1, w_dim) or ws (1, num_ws, w_dim).
        parse: the masks of that image.
        mean: (w_dim,) or (1, w_dim), W's. num_ws: how many the generator takes.
        directions: the person's.
    """

    render: Callable[[Tensor], np.ndarray]
    parse: Callable[[Tensor], Parsing]
    mean: Tensor
    num_ws: int
    directions: Mapping[str, Direction]

    def show(self, w: Tensor) -> Shown:
        return Shown(self.render(w), self.parse(w))

    def share(self, name: str, amount: float) -> float:
        """An amount as a share of its end of the range, 0 to 1."""
        direction = self.directions[name]
        return min(amount / (direction.high if amount > 0 else direction.low), 1.0)

    def moved(self, w: Tensor, edits: Mapping[str, float]) -> Tensor:
        return apply(w, edits, self.directions, self.num_ws)

    def lowered(self, w: Tensor, shares: Mapping[str, float]) -> Tensor:
        """w, by shares of the way to the lower ends of directions, where they are known."""
        known = self.directions
        return self.moved(w, {n: s * known[n].low for n, s in shares.items() if n in known})

    def drawn_in(self, w: Tensor, share: float, kept: Iterable[str]) -> Tensor:
        """w, nearer to the mean but along the directions that are `kept`."""
        away = w - self.mean
        along = self._along(away, kept)
        return self.mean + along + share * (away - along)

    def without(self, w: Tensor, names: Iterable[str]) -> Tensor:
        """w, as far along these directions as the mean is."""
        return w - self._along(w - self.mean, names)

    def _along(self, away: Tensor, names: Iterable[str]) -> Tensor:
        vectors = [self.directions[name].vector for name in names if name in self.directions]
        if not vectors:
            return torch.zeros_like(away)
        basis, _ = torch.linalg.qr(torch.stack(vectors, 1).to(away))
        return away @ basis @ basis.T
