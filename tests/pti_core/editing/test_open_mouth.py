"""The inside of a mouth that an edit opens, with a base generator of drawn faces."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pti_core.editing.base_renderer import BaseRenderer, Shown
from pti_core.editing.directions import load_directions
from pti_core.editing.open_mouth import with_base_teeth
from tests.helpers.drawn_face import MOUTH, ellipse, face, parse

DIRECTIONS = load_directions()
W = torch.zeros(1, 512)
TEETH, SLAB = 235.0, 120.0


def opened(across: float, down: float, color: float, at: tuple[float, float] = MOUTH) -> Shown:
    """A face with an open mouth, teeth in its upper half and dark below, all times `color`."""
    image, masks = face()
    inside = ellipse(*at, across, down)
    masks["lip_upper"] = ellipse(*at, across + 5, down + 5)
    masks["mouth"] = inside
    rows = np.arange(len(image))[:, None]
    teeth = inside * (rows < at[1])
    image = image + inside[..., None] * (np.float32(30) - image)
    image = image + teeth[..., None] * (np.float32(color) - image)
    return Shown(image.astype(np.float32), parse(masks))


def closed() -> Shown:
    image, masks = face()
    return Shown(image, parse(masks))


def base_of(shown: Shown, asked: list[torch.Tensor] | None = None) -> BaseRenderer:
    """A base generator that shows the same face for every code, and notes which was asked for."""

    def render(w: torch.Tensor) -> np.ndarray:
        if asked is not None:
            asked.append(w)
        return shown.image

    return BaseRenderer(render, lambda w: shown.parsing, W[0], 18, DIRECTIONS)


def toothed(shown: Shown, photo: Shown, base: Shown, **edits: float) -> np.ndarray:
    return with_base_teeth(
        shown.image, shown.parsing, photo.parsing, base_of(base), W, edits or {"smile": 0.5}
    )


def level(image: np.ndarray, x: float, y: float) -> float:
    return float(image[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2].mean())


def test_an_opened_mouth_has_the_teeth_of_the_base() -> None:
    shown, base = opened(20, 10, SLAB), opened(20, 10, TEETH)
    x, y = MOUTH
    found = toothed(shown, closed(), base)
    assert abs(level(found, x, y - 5) - TEETH) < 8 and level(found, x, y + 5) < 60
    outside = shown.parsing.group("mouth") < 1e-4
    assert np.array_equal(found[outside], shown.image[outside])


@pytest.mark.parametrize("size, place", [((26, 8), (124.0, 180.0)), ((15, 13), (134.0, 190.0))])
def test_teeth_are_moved_into_the_opening(
    size: tuple[int, int], place: tuple[float, float]
) -> None:
    found = toothed(opened(20, 10, SLAB), closed(), opened(*size, TEETH, place))
    for x in (MOUTH[0] - 10, MOUTH[0], MOUTH[0] + 10):
        assert level(found, x, MOUTH[1] - 5) > 200
    assert level(found, MOUTH[0], MOUTH[1] + 6) < 80


def test_teeth_are_in_the_light_of_the_face() -> None:
    shown, base = opened(20, 10, SLAB), opened(20, 10, TEETH)
    dim = Shown(0.5 * shown.image, shown.parsing)
    assert level(toothed(dim, closed(), base), MOUTH[0], MOUTH[1] - 5) < 0.6 * TEETH


def test_what_the_photograph_shows_of_a_mouth_stays() -> None:
    shown, base = opened(20, 10, SLAB), opened(20, 10, TEETH)
    assert np.array_equal(toothed(shown, opened(20, 9, SLAB), base), shown.image)
    wider = opened(20, 16, SLAB)
    base = opened(20, 16, TEETH)
    below = Shown(base.image + 60 * base.parsing.group("mouth")[..., None], base.parsing)
    found = toothed(wider, opened(20, 8, SLAB), below)
    x, y = MOUTH
    assert abs(level(found, x, y - 10) - SLAB) < 8  # of the photograph's own height from the top
    assert level(found, x, y + 6) > level(wider.image, x, y + 6) + 40


def test_a_closed_mouth_asks_for_nothing_and_closed_lips_of_the_base_give_nothing() -> None:
    shown, asked = closed(), []
    base = base_of(opened(20, 10, TEETH), asked)
    masks = shown.parsing
    assert np.array_equal(with_base_teeth(shown.image, masks, masks, base, W, {}), shown.image)
    assert not asked
    shown = opened(20, 10, SLAB)
    assert np.array_equal(toothed(shown, closed(), closed()), shown.image)


def test_all_amounts_of_a_drag_ask_for_one_image() -> None:
    shown, asked = opened(20, 10, SLAB), []
    base = base_of(opened(20, 10, TEETH), asked)
    for edits in ({"smile": 0.2}, {"smile": 0.9, "age": 5.0}, {"smile": 0.2, "pose": 4.0}):
        with_base_teeth(shown.image, shown.parsing, closed().parsing, base, W, edits)
    assert torch.equal(asked[0], asked[1]) and not torch.equal(asked[0], asked[2])
