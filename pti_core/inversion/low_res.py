"""Low-resolution pictures from the middle of a synthesis network, at a third of the cost.

The features of side `MIDDLE` contain the picture of twice that side, but the export has no toRGB
layer there. That head is recovered by ridge regression, as a linear map from changes of the
features to changes of the picture. Its error varies little around one latent, so a full picture
every few steps is enough to correct it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from pti_core.generators.base import MIDDLE, Generator, PartialForward
from pti_core.networks.lpips import area

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
    """Maps (N, C, S, S) through a head (12, C): a picture (N, 3, 2S, 2S), float32, up to an
    additive constant."""
    return F.pixel_shuffle(F.conv2d(maps.float(), head[:, :, None, None]), 2)


@torch.no_grad()
def mid_activations(
    generator: Generator,
    w: Tensor,
    overrides: Mapping[str, Tensor] | None = None,
    stem: PartialForward | None = None,
) -> tuple[Tensor, Tensor]:
    """Of one latent: the features (1, C, MIDDLE, MIDDLE) and the picture (1, 3, R, R), float32.

    Args: `generator` has a middle; the others as in `Generator.render`.
    """
    middle = generator.stem(w, MIDDLE, overrides, stem)
    return middle.maps.float(), generator.render(w, overrides, stem=middle).float()


def columns(maps: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
    """The result of `mid_activations` as columns for `Ridge`: (C, places), (12, places)."""
    small = area(picture, SIDE).clamp(-1, 1)
    return maps[0].flatten(1), F.pixel_unshuffle(small, 2)[0].flatten(1)


@torch.no_grad()
def recover_head(seen: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """The head (12, C) that predicts best how pictures differ from that of one latent.

    seen: of that latent, then of at least one more: what `mid_activations` gives, or the same with
    the picture reduced to no less than `SIDE`.
    """
    found, first = Ridge(), None
    for maps, pixels in (columns(*one) for one in seen):
        if first is None:
            first = maps, pixels
        else:
            found.add(maps - first[0], pixels - first[1])
    return found.head()


class LowResRenderer:
    """Pictures (1, 3, SIDE, SIDE) through a head, accurate near the latent last corrected at.

    Args:
        generator: one whose `middle` is not None.
        head: (12, C).
    """

    def __init__(self, generator: Generator, head: Tensor):
        self.generator, self.head = generator, head
        self._error: Tensor | None = None

    def picture(
        self,
        w: Tensor,
        overrides: Mapping[str, Tensor] | None = None,
        stem: PartialForward | None = None,
    ) -> Tensor:
        """With gradients to `w` and to what is `overrides`; args as in `Generator.render`."""
        maps = self.generator.middle(w, overrides, stem)
        assert maps is not None
        seen = show(self.head, maps)
        return seen if self._error is None else seen + self._error

    @torch.no_grad()
    def correct(
        self,
        w: Tensor,
        overrides: Mapping[str, Tensor] | None = None,
        stem: PartialForward | None = None,
    ) -> None:
        """Add the head's error here to every picture from now on; args as in `picture`."""
        self.match(*mid_activations(self.generator, w, overrides, stem))

    @torch.no_grad()
    def match(self, maps: Tensor, full: Tensor) -> None:
        """`correct`, given the features and the full picture."""
        self._error = area(full.float(), SIDE) - show(self.head, maps)
