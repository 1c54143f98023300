"""What a photograph's loss compares: all of the picture, or the face first."""

from __future__ import annotations

import pytest
import torch

from pti_core.inversion.losses import FACE_PLACE, PhotographLoss, View

SIDE = 64
CORNER = (..., slice(0, 8), slice(0, 8))
MIDDLE = (..., slice(28, 36), slice(28, 36))


def spotted(where: tuple) -> torch.Tensor:
    picture = torch.zeros(1, 3, SIDE, SIDE)
    picture[where] = 1.0
    return picture


def test_squared_error_weighs_the_face_more_than_what_is_around_it(lpips) -> None:
    plain, first = (
        PhotographLoss(torch.zeros(1, 3, SIDE, SIDE), lpips, (), face_weight=weight)
        for weight in (0.0, 0.5)
    )
    corner, middle = (spotted(where) for where in (CORNER, MIDDLE))
    assert plain.squared_error(corner).item() == pytest.approx(plain.squared_error(middle).item())
    assert first.squared_error(middle).item() == pytest.approx(
        3 * first.squared_error(corner).item()
    )
    # Of an error that is everywhere about as much as before: rates need not change with it.
    error = torch.ones(1, 3, SIDE, SIDE)
    assert first.squared_error(error).item() == pytest.approx(1.0, abs=0.05)


def test_a_view_of_the_face_sees_nothing_around_it(lpips) -> None:
    target = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    whole, face = (
        PhotographLoss(target, lpips, (), (View(SIDE, face=seen),)) for seen in (False, True)
    )
    for where, is_seen in ((CORNER, False), (MIDDLE, True)):
        picture = target.clone()
        picture[where] = -picture[where]
        random = torch.Generator().manual_seed(0)
        assert whole.detail(picture, 0, random).item() > 1e-4
        assert (face.detail(picture, 0, random).item() > 1e-4) == is_seen


def test_the_side_of_a_view_is_that_of_what_it_compares() -> None:
    (low, high), _ = FACE_PLACE
    assert View(256).side == 256
    assert View(512, 256).side == 256
    assert View(256, face=True).side == round(256 * (high - low))
