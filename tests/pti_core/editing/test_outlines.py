"""Outlines of heads that stay where they were."""

from __future__ import annotations

import numpy as np

from pti_core.editing.base_renderer import Shown
from pti_core.editing.outlines import with_outline_kept
from pti_core.editing.parsing import Parsing
from tests.pti_core.editing.test_photo_detail import CENTRE, RADIUS, disc, parse, render

SKIN, MOUTH = 1, 5  # of `Parsing.groups`


def smaller(radius: float) -> Shown:
    """A face whose outline has receded to some radius, before a bright scene."""
    image = render(background=250)
    image[disc(CENTRE, radius) < 0.5] = 250
    return Shown(image, parse(radius=radius))


def test_a_head_covers_what_it_did() -> None:
    """With less of a smile the jaw receded: between it and the collar was a smear."""
    unedited, edited = parse(), smaller(RADIUS - 9)
    kept = with_outline_kept(edited, unedited)
    bare = [float(np.maximum(unedited.head - x.parsing.head, 0).sum()) for x in (edited, kept)]
    assert bare[1] < 0.2 * bare[0]
    rim = (disc(CENTRE, RADIUS - 4) > 0.5) & (disc(CENTRE, RADIUS - 8) < 0.5)
    assert edited.image[rim].min() == 250  # scene
    assert np.abs(kept.image[rim] - np.array((190, 150, 130))).mean() < 12


def test_its_mouth_stays_where_it_is() -> None:
    """Drawn out with the jaw, a mouth smiled again."""
    edited, place = smaller(RADIUS - 9), disc((CENTRE[0], CENTRE[1] + 34), 8)
    edited.image[place > 0.5] = (90, 20, 20)

    def shown(named: np.ndarray) -> np.ndarray:
        groups = edited.parsing.groups.copy()
        groups[SKIN] -= named
        groups[MOUTH] += named
        kept = with_outline_kept(
            Shown(edited.image, Parsing(groups, edited.parsing.parts)), parse()
        )
        return np.abs(kept.image - edited.image)[place > 0.5]

    assert shown(0 * place).mean() > 5
    assert shown(place).mean() < 1


def test_a_head_that_grows_or_stays_is_left_alone() -> None:
    for radius in (RADIUS, RADIUS + 8):
        edited = Shown(render(), parse(radius=radius))
        assert with_outline_kept(edited, parse()) is edited


def test_it_does_so_by_a_share() -> None:
    """So that nothing jumps where an edit of the outline joins."""
    unedited, edited = parse(), smaller(RADIUS - 9)
    kept = [with_outline_kept(edited, unedited, share).parsing for share in (0.0, 0.5, 1.0)]
    bare = [float(np.maximum(unedited.head - one.head, 0).sum()) for one in kept]
    assert bare[0] > 1.2 * bare[1] > 1.2**2 * bare[2]
    assert with_outline_kept(edited, unedited, 0.0) is edited
