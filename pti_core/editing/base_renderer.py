"""The base generator, as one person's edits ask it for pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pti_core.editing.directions import Direction, apply


@dataclass(frozen=True)
class BaseRenderer:
    """The base generator, for one person.

    Attributes:
        render: the picture (1, 3, R, R) of w (1, w_dim) or ws (1, num_ws, w_dim).
        mean: (w_dim,) or (1, w_dim), W's. num_ws: how many the generator takes.
        directions: the person's. turned: w or ws of the edits `TURNS` alone.
        hair: where a picture (1, 3, R, R) has hair of the head, (1, 1, S, S) in [0, 1].
    """

    render: Callable[[Tensor], Tensor]
    mean: Tensor
    num_ws: int
    directions: Mapping[str, Direction]
    turned: Tensor
    hair: Callable[[Tensor], Tensor]

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
