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


def test_glasses_are_laid_on_around_the_eyes_and_nowhere_else(session, kit):
    bare, worn = (picture(session, kit, {"pose": 4, "glasses": a}) for a in (0, 70))
    change = (worn - bare).abs().mean(1)[0]
    side = change.shape[-1]
    row, column = (torch.arange(side).add(0.5).div(side) for _ in range(2))
    near = ((row - 0.5).abs() < 0.13)[:, None] & ((column - 0.5).abs() < 0.28)[None]
    assert change[near].mean() > 0.001 and change[~near].max() == 0
    for x in (0.375, 0.625):  # what is between the lids stays the person's
        assert change[int(0.47 * side), int(x * side)] == 0


def test_glasses_grow_with_the_amount_and_with_the_head_that_turns(session, kit):
    pictures = {a: picture(session, kit, {"glasses": a}) for a in (0, 1e-3, 30, 60)}
    changes = {a: (p - pictures[0]).abs().mean() for a, p in pictures.items()}
    assert changes[1e-3] < 1e-3 * changes[60]
    assert changes[1e-3] < changes[30] < changes[60]
    turned = picture(session, kit, {"glasses": 60, "pose": 8}) - picture(session, kit, {"pose": 8})
    assert (turned - (pictures[60] - pictures[0])).abs().mean() > 1e-4


def test_glasses_and_another_carried_edit_add_up(session, kit):
    none, glasses, blond, both = (
        picture(session, kit, edits)
        for edits in ({}, {"glasses": 70}, {"hair_blond": 60}, {"glasses": 70, "hair_blond": 60})
    )
    torch.testing.assert_close(both - blond, glasses - none, atol=1e-4, rtol=1e-3)
