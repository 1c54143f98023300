"""What pivotal tuning compares between a rendered picture and its photograph (equation 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from pti_core.networks.lpips import LPIPS, area

#: Side of the picture that the coarse squared error compares: colours and large shapes.
COARSE_SIZE = 64
#: Contrast (root mean square, of a picture in [-1, 1]) under which a detail in the photograph hides
#: nothing. Chosen by looking: a pattern of 0.01 is visible on skin, one of 0.02 is not in hair.
VISIBLE_CONTRAST = 0.02
#: Side of the window in which visible detail is compared at each step.
MASKED_WINDOW = 512
#: Period in pixels of the regular textures that tuning leaves (those of 8 and 4 are in it too), and
#: how many periods are averaged in each direction: enough to tell a pattern from chance.
PERIOD, PERIODS = 16, 4


#: Where the face is in a crop that is aligned as FFHQ (brows to chin, ear to ear): shares of its
#: side, from and to, down and across.
FACE_PLACE = (0.2, 0.9), (0.15, 0.85)


@dataclass(frozen=True)
class View:
    """What LPIPS sees: the picture reduced to `size`, and of that a random `window` (0: all), or
    only the place of the face (`FACE_PLACE`)."""

    size: int
    window: int = 0
    face: bool = False

    @property
    def side(self) -> int:
        """Side of what LPIPS sees."""
        low, high = FACE_PLACE[0]
        return self.window or (round((high - low) * self.size) if self.face else self.size)


class PhotographLoss:
    """The terms of the loss for one photograph, with everything about it computed once.

    Args:
        target: (1, 3, R, R) in [-1, 1].
        lpips: perceptual network.
        always: views compared at every step; their mean is the term "lpips".
        in_turn: views of which every step compares one more, in turn: the term "lpips_detail".
        late: stand in for those in the last steps.
        face_weight: by how much squared error weighs more at the place of the face (1 + it) than
            around it (1 - it).
    """

    def __init__(
        self,
        target: Tensor,
        lpips: LPIPS,
        always: Sequence[View],
        in_turn: Sequence[View] = (),
        late: Sequence[View] = (),
        face_weight: float = 0.0,
    ):
        side = target.shape[-1]
        self.target, self.lpips = target, lpips
        self.always, self.in_turn, self.late = (
            [_fitting(view, side) for view in views] for views in (always, in_turn, late)
        )
        views = {*self.always, *self.in_turn, *self.late}
        self.reduced = {view.size: area(target, view.size) for view in views}
        self.features = {
            view: lpips.features(_seen(self.reduced[view.size], view))
            for view in views
            if not view.window
        }
        self.weight = _face_map(side, face_weight).to(target) if face_weight else None
        self.coarse = area(target, min(COARSE_SIZE, side))

    @cached_property
    def visibility(self) -> Tensor:
        """Of the photograph's places; only `masked_error` asks for it."""
        return visibility(self.target)

    def squared_error(self, picture: Tensor) -> Tensor:
        """Mean squared error, weighed where there is a `face_weight`."""
        if self.weight is None:
            return F.mse_loss(picture, self.target)
        return ((picture - self.target).square() * self.weight).mean()

    def coarse_error(self, picture: Tensor) -> Tensor:
        """Squared error of the pictures reduced to `COARSE_SIZE`."""
        return F.mse_loss(area(picture, self.coarse.shape[-1]), self.coarse)

    def perceptual(self, picture: Tensor, random: torch.Generator) -> Tensor:
        """Mean LPIPS over the views that are always compared."""
        if not self.always:
            return picture.new_zeros(())
        return torch.stack([self._view(picture, view, random) for view in self.always]).mean()

    def detail(
        self, picture: Tensor, index: int, random: torch.Generator, late: bool = False
    ) -> Tensor:
        """LPIPS of the view whose turn it is at step `index`."""
        views = self.late if late and self.late else self.in_turn
        if not views:
            return picture.new_zeros(())
        return self._view(picture, views[index % len(views)], random)

    def masked_error(self, picture: Tensor, random: torch.Generator) -> Tensor:
        """Squared error of the fine detail, weighed by how visible it is at each place.

        Contrast masking (Legge & Foley 1980): on plain skin a faint regular texture shows, in hair
        it does not. LPIPS and squared error both let such textures pass for hundreds of steps. One
        random window of `MASKED_WINDOW` is looked at: the filters cost as much as a forward pass.
        """
        window = _random_window(picture.shape[-1], MASKED_WINDOW, random)
        detail = high_pass(picture[window] - self.target[window])
        return (detail.square() * self.visibility[window]).mean()

    def periodic_error(self, picture: Tensor, random: torch.Generator) -> Tensor:
        """Squared error of what repeats every `PERIOD` pixels inside a tile of `PERIODS` of them.

        The error is averaged over the periods of a tile: what is there by chance goes, a grid
        that the upsampling layers print on the picture stays. The tiles lie anywhere.
        """
        tile = PERIOD * PERIODS
        side = picture.shape[-1]
        tiles = (side - 1) // tile
        if not tiles:
            return picture.new_zeros(())
        top, left = torch.randint(0, side - tiles * tile + 1, (2,), generator=random).tolist()
        error = (picture - self.target)[..., top : top + tiles * tile, left : left + tiles * tile]
        folded = error.reshape(-1, tiles, PERIODS, PERIOD, tiles, PERIODS, PERIOD).mean((2, 5))
        return (folded - folded.mean((2, 4), keepdim=True)).square().mean()

    def _view(self, picture: Tensor, view: View, random: torch.Generator) -> Tensor:
        seen = area(picture, view.size)
        if not view.window:
            features = self.lpips.features(_seen(seen, view))
            return self.lpips.compare(features, self.features[view]).sum()
        window = _random_window(view.size, view.window, random)
        return self.lpips(seen[window], self.reduced[view.size][window]).sum()


def _face_place(side: int) -> tuple:
    """Index of `FACE_PLACE` in pictures of that side."""
    return (..., *(slice(round(low * side), round(high * side)) for low, high in FACE_PLACE))


def _face_map(side: int, more: float) -> Tensor:
    weight = torch.full((1, 1, side, side), 1 - more)
    weight[_face_place(side)] = 1 + more
    return weight


def _seen(picture: Tensor, view: View) -> Tensor:
    """What a view without a random window sees of a picture of its size."""
    return picture[_face_place(view.size)] if view.face else picture


def _random_window(side: int, wanted: int, random: torch.Generator) -> tuple:
    """Index of a square anywhere in pictures of that side, whole if they are smaller."""
    size = min(side, wanted)
    top, left = torch.randint(0, side - size + 1, (2,), generator=random).tolist()
    return (..., slice(top, top + size), slice(left, left + size))


def high_pass(x: Tensor, width: int = 9) -> Tensor:
    """x (N, C, H, W) less its mean over a square of `width` pixels, mirrored at the border."""
    return x - _box(x, width)


def contrast(x: Tensor) -> float:
    """How much fine detail a picture (1, 3, R, R) in [-1, 1] has: the contrast (root mean square)
    of what its surroundings do not show. 0.02 on an even portrait, 0.08 on freckles and grain."""
    return float(high_pass(x).square().mean().sqrt())


def visibility(target: Tensor) -> Tensor:
    """Weight (N, 1, H, W) of an error in fine detail at each place of `target`.

    `c / (e + c)^2` with e the photograph's own energy of detail around that place and c that of
    `VISIBLE_CONTRAST`: an error of that contrast weighs one on plain ground.
    """
    energy = _box(high_pass(target).square().mean(1, keepdim=True), 17)
    least = VISIBLE_CONTRAST**2
    return least / (energy + least) ** 2


def _box(x: Tensor, width: int) -> Tensor:
    x = F.pad(x, (width // 2,) * 4, mode="reflect")
    return F.avg_pool2d(F.avg_pool2d(x, (width, 1), 1), (1, width), 1)


def _fitting(view: View, side: int) -> View:
    """The view for a generator whose pictures are smaller than the view asks for."""
    size = min(view.size, side)
    return replace(view, size=size, window=min(view.window, size))
