"""Edits that are carried over from the base generator's picture to the tuned one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from conftest import make_lively_generator
from test_session import make_session

from pti_core.carrying import CARRIED
from pti_core.directions import load_directions
from pti_core.pipeline import EditKit, edited, picture


@pytest.fixture(scope="module")
def kit() -> EditKit:
    return EditKit(generator=make_lively_generator(), directions=load_directions())


@pytest.fixture(scope="module")
def session(kit, make_picture):
    return replace(make_session(kit.generator, make_picture), edits={}, curves={})


def test_every_carried_edit_is_a_direction(kit):
    assert kit.directions.keys() >= CARRIED


def test_the_bases_change_is_laid_on_the_tuned_picture(session, kit):
    change = picture(session, kit, {"hair_blond": 80}) - picture(session, kit, {})
    base = kit.generator
    wanted = base.render(edited(session, kit, {"hair_blond": 80})) - base.render(
        edited(session, kit, {})
    )
    assert wanted.abs().mean() > 0.001
    torch.testing.assert_close(change, wanted, atol=1e-4, rtol=1e-4)


def test_edits_of_shape_move_the_tuned_generator_itself_and_both_add_up(session, kit):
    moved = kit.generator.render(
        edited(session, kit, {"pose": 5}), session.replaced(kit.generator), exact=True
    )
    torch.testing.assert_close(picture(session, kit, {"pose": 5}), moved)
    both = picture(session, kit, {"pose": 5, "beard": 60})
    assert (both - moved).abs().mean() > 0.001
    torch.testing.assert_close(picture(session, kit, {"pose": 5, "beard": 0}), moved)


def test_what_is_taken_away_is_taken_from_the_tuned_picture(session, kit):
    less = kit.generator.render(
        edited(session, kit, {"beard": -60}), session.replaced(kit.generator), exact=True
    )
    torch.testing.assert_close(picture(session, kit, {"beard": -60}), less)
