"""Previews of heads that turn."""

from __future__ import annotations

import numpy as np
import torch

from service.preview_turn import beside_still, carried, placed

SIDE = 64
BY = np.array([6.0, 0.0], dtype=np.float32)


def noise(seed: int) -> torch.Tensor:
    return torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def test_a_picture_is_moved_as_a_whole() -> None:
    picture = noise(0)
    found = placed(picture, BY)
    torch.testing.assert_close(found[..., 6:], picture[..., :-6])
    assert placed(picture, 0 * BY) is picture


def test_the_face_is_carried_and_nothing_else() -> None:
    """Also where it has been moved already."""
    picture = noise(1)
    for at in (0 * BY, 2 * BY):
        found = carried(picture, at, BY)
        middle = 36 + int(at[0])
        torch.testing.assert_close(
            found[..., 36, middle + 4 : middle + 8], picture[..., 36, middle - 2 : middle + 2]
        )
        for x, y in ((0, 0), (SIDE - 1, 0), (0, SIDE - 1), (SIDE - 1, SIDE - 1)):
            torch.testing.assert_close(found[..., y, x], picture[..., y, x])


def test_the_scene_stays_beside_a_head_that_moves() -> None:
    shot, start = noise(2), noise(3)
    assert beside_still(shot, start, 0 * BY) is shot
    found = beside_still(shot, start, BY)
    torch.testing.assert_close(found[..., 0, 0], start[..., 0, 0])
    torch.testing.assert_close(found[..., 33, 32], shot[..., 33, 32])
