"""Small pictures from the middle of a synthesis network, at a third of the price of full ones.

At side `MIDDLE` the hidden maps hold all that a picture of twice that side shows, but the head
that would show it was cut at export. It is recovered by ridge regression, as a linear map of how
the maps change to how the picture changes. What it misses at one code it misses nearly alike
around it, so that a full picture now and then, by which the small ones are corrected, keeps them
true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from pti_core.generators.base import MIDDLE, Generator
from pti_core.perceptual import area

#: Side of these pictures.
SIDE = 2 * MIDDLE
#: Ridge, as a share of a channel's own energy; from 1e-4 to 1e-2 it made no difference.
_RIDGE = 1e-3


class Ridge:
    """Ridge regression of columns (12, N) on columns (C, N) that come in portions.

    A head is its solution (12, C): twelve numbers at a place are two by two pixels of RGB.
    """

    def __init__(self) -> None:
        self.gram = self.cross = torch.zeros((), dtype=torch.float64)

    def add(self, x: Tensor, y: Tensor) -> None:
        self.gram = self.gram.to(x.device) + (x @ x.T).double()
        self.cross = self.cross.to(x.device) + (x @ y.T).double()

    def head(self) -> Tensor:
        energy = self.gram.diagonal()
        ridge = energy * _RIDGE + 1e-12 * energy.mean().clamp_min(1e-12)
        return torch.linalg.solve(self.gram + torch.diag(ridge), self.cross).T.float().contiguous()


def show(head: Tensor, maps: Tensor) -> Tensor:
    """Maps (N, C, S, S) through a head (12, C): a picture (N, 3, 2S, 2S), float32, up to what does
    not change."""
    return F.pixel_shuffle(F.conv2d(maps.float(), head[:, :, None, None]), 2)


def columns(
    generator: Generator,
    w: Tensor,
    replaced: Mapping[str, Tensor] | None = None,
    small: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Of one code: its hidden maps (C, places), and its picture (12, places), in [-1, 1].

    small: the picture (1, 3, SIDE, SIDE), where it is there already.
    """
    maps = generator.middle(w, replaced)
    assert maps is not None
    if small is None:
        small = area(generator.render(w, replaced).float(), SIDE)
    return maps.float()[0].flatten(1), F.pixel_unshuffle(small.clamp(-1, 1), 2)[0].flatten(1)


@torch.no_grad()
def recover_head(
    generator: Generator,
    around: Tensor,
    others: Sequence[Tensor],
    replaced: Mapping[str, Tensor] | None = None,
    pictures: Sequence[Tensor] | None = None,
) -> Tensor:
    """The head (12, C) that shows best how pictures differ from that of one code.

    Args:
        generator: one whose `middle` is not None.
        around: the code, (1, w_dim) or (1, num_ws, w_dim).
        others: at least one more.
        replaced: as of `Generator.render`.
        pictures: of all of these codes, (1, 3, SIDE, SIDE); rendered where they are not given.
    """
    given = list(pictures) if pictures else [None] * (1 + len(others))
    maps, pixels = columns(generator, around, replaced, given[0])
    found = Ridge()
    for other, picture in zip(others, given[1:], strict=True):
        their_maps, their_pixels = columns(generator, other, replaced, picture)
        found.add(their_maps - maps, their_pixels - pixels)
    return found.head()


class CoarsePictures:
    """Pictures (1, 3, SIDE, SIDE) through a head, true around where they were last corrected.

    Args:
        generator: one whose `middle` is not None.
        head: (12, C).
    """

    def __init__(self, generator: Generator, head: Tensor):
        self.generator, self.head = generator, head
        self._missed: Tensor | None = None

    def picture(self, w: Tensor, replaced: Mapping[str, Tensor] | None = None) -> Tensor:
        """With gradients to `w` and to what is `replaced`; args as of `Generator.render`."""
        maps = self.generator.middle(w, replaced)
        assert maps is not None
        seen = show(self.head, maps)
        return seen if self._missed is None else seen + self._missed

    @torch.no_grad()
    def correct(
        self,
        w: Tensor,
        replaced: Mapping[str, Tensor] | None = None,
        full: Tensor | None = None,
    ) -> None:
        """Add what the head misses here to every picture from now on.

        full: the picture of full size, where it is there already: it costs as much as all else.
        """
        self._missed = None
        if full is None:
            full = self.generator.render(w, replaced)
        self._missed = area(full.float(), SIDE) - self.picture(w, replaced)
