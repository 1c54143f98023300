"""Edits that are carried over from the base generator's picture to the tuned one."""

from __future__ import annotations

import gc
import pickle
import weakref
from dataclasses import replace
from typing import Any

import pytest
import torch

from pti_core.editing.base_edits import CARRIED, carry
from pti_core.editing.base_renderer import BaseRenderer
from pti_core.editing.directions import load_directions
from pti_core.editing.hair import bare_scalp
from pti_core.editing.render_cache import RenderCache
from pti_core.errors import EditError
from pti_core.generators.base import Generator
from pti_core.models import EditKit
from pti_core.rendering import edited, picture
from tests.conftest import make_lively_generator
from tests.pti_core.session.test_session import make_session


@pytest.fixture(scope="module")
def kit() -> EditKit:
    return EditKit(generator=make_lively_generator(), directions=load_directions())


@pytest.fixture(scope="module")
def session(kit, make_picture):
    return replace(make_session(kit.generator, make_picture), edits={}, curves={})


def test_every_carried_edit_is_a_direction(kit):
    assert kit.directions.keys() >= CARRIED


def test_edits_of_shape_move_the_tuned_generator_itself_and_both_add_up(session, kit):
    moved = kit.generator.render(
        edited(session, kit, {"pose": 5}), session.replaced(kit.generator), exact=True
    )
    torch.testing.assert_close(picture(session, kit, {"pose": 5}), moved)
    both = picture(session, kit, {"pose": 5, "beard": 60})
    change, side = (both - moved).abs(), moved.shape[-1]
    assert change[..., 3 * side // 4 :, side // 2].mean() > 0.001
    assert change[..., : side // 3, :].max() == 0  # a beard grows below
    torch.testing.assert_close(picture(session, kit, {"pose": 5, "beard": 0}), moved)


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
    none, glasses, fringe, both = (
        picture(session, kit, edits)
        for edits in ({}, {"glasses": 70}, {"fringe": 60}, {"glasses": 70, "fringe": 60})
    )
    torch.testing.assert_close(both - fringe, glasses - none, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("name", sorted(CARRIED))
@pytest.mark.parametrize("amount", ["lots", float("nan"), 500, -500, None])
def test_wrong_amounts_are_said_to_be_so(session, kit, name, amount):
    with pytest.raises(EditError, match=name):
        picture(session, kit, {name: amount})


SIDE = 256
SKIN, HAIR = torch.tensor([0.6, 0.1, -0.1]), torch.tensor([-0.6, -0.7, -0.75])


def plain(colour: torch.Tensor) -> torch.Tensor:
    return colour[None, :, None, None].expand(1, 3, SIDE, SIDE).clone()


def box(left: float, top: float, right: float, bottom: float) -> Any:
    return (
        ...,
        slice(int(top * SIDE), int(bottom * SIDE)),
        slice(int(left * SIDE), int(right * SIDE)),
    )


def with_hair(picture: torch.Tensor, where: Any) -> torch.Tensor:
    noise = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    hair, found = plain(HAIR) + 0.15 * noise, picture.clone()
    found[where] = hair[where]
    return found


BEARD = box(0.3, 0.63, 0.7, 0.92)
MOUSTACHE = box(0.42, 0.64, 0.58, 0.68)


@pytest.fixture
def clean(kit) -> BaseRenderer:
    """A base generator of which every code shows skin, darker than the photograph's."""
    generator, dark = kit.generator, plain(SKIN * 0.7 - 0.3)
    mean = generator.w_mean
    return BaseRenderer(lambda w: dark, mean, generator.num_ws, kit.directions, mean[None], no_hair)


def no_hair(picture: torch.Tensor) -> torch.Tensor:
    return torch.zeros(1, 1, SIDE // 2, SIDE // 2)


def test_a_beard_gives_way_to_skin_in_the_photographs_own_colour(kit, clean):
    w, bearded = kit.generator.w_mean[None], with_hair(plain(SKIN), BEARD)
    half, shaven = (carry(bearded, clean, w, {"beard": a}) for a in (-50, -100))
    chin = box(0.4, 0.7, 0.6, 0.88)
    torch.testing.assert_close(shaven[chin], plain(SKIN)[chin], atol=0.03, rtol=0)
    between = (bearded[chin] + plain(SKIN)[chin]) / 2
    torch.testing.assert_close(half[chin], between, atol=0.03, rtol=0)
    assert torch.equal(shaven[..., : SIDE // 2, :], bearded[..., : SIDE // 2, :])


def test_a_moustache_goes_without_the_beard(kit, clean):
    bearded = with_hair(plain(SKIN), BEARD)
    found = carry(bearded, clean, kit.generator.w_mean[None], {"moustache": -100})
    torch.testing.assert_close(found[MOUSTACHE].mean(), SKIN.mean(), atol=0.1, rtol=0)
    chin = box(0.3, 0.75, 0.7, 0.92)
    assert torch.equal(found[chin], bearded[chin])


def test_where_there_is_no_beard_nothing_is_taken_off(kit, clean):
    w, hairy = kit.generator.w_mean[None], with_hair(plain(SKIN), box(0, 0, 1, 0.2))
    torch.testing.assert_close(carry(hairy, clean, w, {"beard": -100, "moustache": -100}), hairy)


def test_what_darkens_hair_leaves_darker_hair_as_it_is(kit):
    w, black = kit.generator.w_mean[None], with_hair(plain(SKIN), TOP)
    brown = black.clone()
    brown[TOP] += 0.3
    base = painter(kit, "hair_dark", (brown, brown))
    dyed = carry(black, base, w, {"hair_dark": 90})
    assert (dyed <= black).all()
    assert (dyed[CROWN].mean() - black[CROWN].mean()).abs() < 0.1


def test_a_bald_head_is_told_from_dark_and_from_white_hair():
    head = plain(SKIN) + 0.01 * torch.randn(
        3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)
    )
    top = box(0, 0, 1, 0.23)
    white = head.clone()
    white[top] = 0.9
    assert bare_scalp(head) == 1
    assert bare_scalp(with_hair(head, top)) == 0 == bare_scalp(white)


TOP, CROWN, CHIN = box(0, 0, 1, 0.25), box(0.1, 0.02, 0.9, 0.2), box(0.1, 0.35, 0.9, 0.9)


def hair_on_top(picture: torch.Tensor) -> torch.Tensor:
    """Where pictures are hairy at the top, half their side."""
    found = no_hair(picture)
    rough = picture[TOP].std() > 0.05
    found[..., : SIDE // 8, :] = float(rough)
    return found


def painter(kit, towards: str, pictures) -> BaseRenderer:
    """A base that shows the second picture of codes beyond a step along a direction."""
    vector, sign = kit.directions[towards].vector, -1 if towards == "bald" else 1

    def render(w):
        return pictures[int(sign * float((w[0] - kit.generator.w_mean) @ vector) > 0.5)]

    mean = kit.generator.w_mean
    return BaseRenderer(render, mean, kit.generator.num_ws, kit.directions, mean[None], hair_on_top)


def test_hair_takes_the_colour_of_the_bases_and_nothing_else_changes(kit):
    w, own = kit.generator.w_mean[None], with_hair(plain(SKIN), TOP)
    blond, hair = with_hair(plain(SKIN), TOP), torch.tensor([0.5, 0.3, -0.1])
    blond[TOP] += (hair - HAIR)[None, :, None, None]
    base = painter(kit, "hair_blond", (own, blond))
    dyed, faint = (carry(own, base, w, {"hair_blond": a}) for a in (90, 1))
    torch.testing.assert_close(dyed[CROWN].mean((0, 2, 3)), hair, atol=0.05, rtol=0)
    assert torch.equal(dyed[CHIN], own[CHIN])
    assert (faint - own).abs().max() < 0.1


def test_a_fringe_is_the_bases_in_the_photographs_colour_and_nothing_else_changes(kit):
    w, bare, fringe = kit.generator.w_mean[None], plain(SKIN), with_hair(plain(SKIN), TOP)
    fringe[box(0, 0.35, 1, 1)] = 0.9  # the background changes as well
    blond, hair = bare.clone(), torch.tensor([0.5, 0.3, -0.1])
    blond[TOP] = with_hair(bare, TOP)[TOP] + (hair - HAIR)[None, :, None, None]
    base = painter(kit, "fringe", (bare, fringe))
    for own, colour in ((bare, HAIR), (blond, hair)):
        half, found = (carry(own, base, w, {"fringe": a}) for a in (25, 90))
        torch.testing.assert_close(found[CROWN].mean((0, 2, 3)), colour, atol=0.05, rtol=0)
        assert torch.equal(found[CHIN], own[CHIN])
        assert (half - own).abs().mean() < (found - own).abs().mean()


def test_coloured_hair_on_a_bald_head_comes_with_hair(kit):
    w, bare, hairy = kit.generator.w_mean[None], plain(SKIN), with_hair(plain(SKIN), TOP)
    base = painter(kit, "bald", (bare, hairy))
    grown = carry(bare, base, w, {"hair_blond": 80})
    torch.testing.assert_close(grown[CROWN].mean((0, 2, 3)), HAIR, atol=0.05, rtol=0)
    assert grown[CROWN].std() > 0.5 * hairy[CROWN].std()
    assert torch.equal(grown[CHIN], bare[CHIN])


def test_a_slider_that_moves_an_edit_carried_over_renders_one_picture_more(session, monkeypatch):
    kit = EditKit(generator=make_lively_generator(), directions=load_directions())
    rendered, render = [], Generator.render
    monkeypatch.setattr(
        Generator, "render", lambda *a, **k: (rendered.append(a), render(*a, **k))[1]
    )
    counts, pictures = [], []
    for amount, age in ((30, 0), (60, 0), (60, 0), (60, 5)):
        before = len(rendered)
        pictures.append(picture(session, kit, {"glasses": amount, "age": age}))
        counts.append(len(rendered) - before)
    assert counts == [3, 1, 0, 1]
    alone = EditKit(generator=kit.generator, directions=kit.directions)
    assert torch.equal(pictures[1], picture(session, alone, {"glasses": 60}))
    assert torch.equal(pictures[1], pictures[2])


def test_pictures_are_kept_of_one_session_at_a_time_and_as_long_as_it_is_there():
    class Owner: ...

    one, other = Owner(), Owner()
    lately, w, asked = RenderCache(), torch.zeros(1, 4), []

    def shown(owner, kind="base", code=w):
        return lately.picture(owner, kind, code, lambda w: (asked.append(w), w + 1)[1])

    assert torch.equal(shown(one), shown(one)) and len(asked) == 1
    shown(one, "tuned"), shown(one, code=w + 1)
    assert len(asked) == 3
    shown(other), shown(one)
    assert len(asked) == 5  # the other's took their place
    picture_kept = weakref.ref(shown(one))
    assert picture_kept() is not None
    del one
    gc.collect()
    assert picture_kept() is None


def test_a_kit_goes_to_another_process_without_the_pictures_kept(kit, session):
    shown = picture(session, kit, {"glasses": 60})
    moved = pickle.loads(pickle.dumps(kit))
    assert torch.equal(picture(session, moved, {"glasses": 60}), shown)
    assert len(pickle.dumps(kit.render_cache)) < 200
