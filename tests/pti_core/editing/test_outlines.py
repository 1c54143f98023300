"""Outlines of heads that stay where they were."""

from __future__ import annotations

import numpy as np

from pti_core.editing.base_renderer import Shown
from pti_core.editing.outlines import with_outline_kept
from tests.pti_core.editing.test_photo_detail import CENTRE, RADIUS, disc, parse, render


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


def test_its_features_stay_where_they_are() -> None:
    edited = smaller(RADIUS - 9)
    kept = with_outline_kept(edited, parse())
    for x, y in ((106, 132), (150, 132), (128, 170)):
        place = np.s_[y - 4 : y + 5, x - 4 : x + 5]
        assert np.abs(kept.image[place] - edited.image[place]).mean() < 12


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
