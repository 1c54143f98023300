"""From session to image: the photograph stays where nothing was asked for."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch

from pti_core.editing.edit_state import EditState
from pti_core.editing.photo_layers import PhotoLayers
from pti_core.faces.align import Alignment
from pti_core.faces.images import to_image
from pti_core.generators.base import Generator
from pti_core.models import EditModels
from pti_core.networks.face_parsing import FaceParser
from pti_core.rendering import (
    EDIT_SHARE,
    calibration_images,
    composite,
    paste_back,
    prepare,
    render,
    render_bare,
    render_edit,
)
from tests.pti_core.session.test_session import make_session, with_stack


@pytest.fixture(scope="module")
def parser() -> FaceParser:
    """The real network with random weights: some parsing, of no meaning."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return FaceParser()


@pytest.fixture
def models(generator, directions, parser) -> EditModels:
    return EditModels(generator=generator, directions=directions, parser=parser)


@pytest.fixture
def session(generator, make_picture):
    return make_session(generator, make_picture, people=2)


def test_unedited_is_the_photograph_at_any_size(session, models) -> None:
    whole = session.alignments[0]
    small = session.photograph().resize((75, 60))
    half = Alignment(tuple((x / 2, y / 2) for x, y in whole.quad), small.size)
    assert np.array_equal(render_edit(session, models, {}).in_photo(small, half), small)


@pytest.mark.parametrize("person", [0, 1])
def test_unedited_is_the_photograph(session, models, person) -> None:
    state = EditState(person=person)
    assert np.array_equal(render(session, models, state), session.crop(person))
    assert np.array_equal(paste_back(session, models, state), session.photograph(person))


@pytest.mark.slow
def test_no_network_runs_without_an_edit_and_few_once_it_is_prepared(
    session, models, parser
) -> None:
    parsed: list[int] = []
    hook = parser.register_forward_hook(lambda *_: parsed.append(1))
    try:
        render(session, models, {})
        assert not parsed
        prepare(session, models)
        assert len(parsed) == 2  # the photograph and its unedited render
        render(session, models, {"age": 12.0})
        assert len(parsed) == 3
        render(session, models, EditState(keep_background=False))
    finally:
        hook.remove()


def test_edits_use_a_share_of_the_tuned_weights(session, models) -> None:
    """What the weights learned of one picture ghosts in others; bare renders are of all of it."""
    side, generator = models.generator.resolution, models.generator
    shared, unedited = calibration_images(session, models, side)
    bare = replace(models, parser=None)
    whole, photograph = calibration_images(session, bare, side)
    zero, step = torch.zeros(generator.w_dim), models.directions["age"].step(5.0)
    for images, share in ((shared, EDIT_SHARE), (whole, 1.0)):
        weights = session.overrides(generator, share=share)
        for one in (zero, step):
            wanted = generator.render(session.pivot() + one, weights)
            assert np.array_equal(images(one), to_image(wanted))
    assert np.array_equal(unedited, shared(zero)) and np.array_equal(photograph, session.crop())
    assert np.array_equal(render_bare(session, models, {"age": 5.0}), whole(step))
    assert not np.array_equal(shared(step), whole(step))


def test_the_bare_render_is_the_generators(session, models) -> None:
    bare = render_bare(session, models, {})
    assert not np.array_equal(bare, session.crop())
    assert np.array_equal(bare, render(session, replace(models, parser=None), {}))


def test_without_tuning_the_render_is_bare(session, models) -> None:
    from pti_core.inversion.paper_tuning import TunedDelta

    inverted = replace(session, delta=TunedDelta({}))
    assert composite(inverted, models, {}) is None
    assert np.array_equal(render(inverted, models, {}), render_bare(inverted, models, {}))


@pytest.mark.slow
def test_the_same_edit_twice_is_the_same_image(
    session, models, generator, directions, parser
) -> None:
    edits = {"age": 12.0, "smile": -1.0}
    first, again = render(session, models, edits), render(session, models, edits)
    fresh = render(
        session, EditModels(generator=generator, directions=directions, parser=parser), edits
    )
    assert np.array_equal(first, again) and np.array_equal(first, fresh)


def test_a_text_edit_is_rendered_once(session, models, monkeypatch) -> None:
    """Its weights are no session's, so that its images are not kept."""
    edited, rendered = with_stack(session, models.generator), []
    prepare(edited, models)
    run = Generator.render

    def count(*args, **kwargs):
        rendered.append(1)
        return run(*args, **kwargs)

    monkeypatch.setattr(Generator, "render", count)
    render(edited, models, EditState(stack=tuple(edited.stack)))
    assert len(rendered) == 1


def test_outlines_are_not_kept_under_own_directions(session, models, monkeypatch) -> None:
    """Which may turn a head or widen a face, whatever their names."""
    from pti_core.rendering import images

    kept: list[float] = []
    run = images.with_outline_kept

    def note(edited, unedited, share):
        kept.append(share)
        return run(edited, unedited, share)

    monkeypatch.setattr(images, "with_outline_kept", note)
    age = models.directions["age"]
    turned = replace(session, own={"turn": replace(age, name="turn", unit="degrees")})
    for name in ("age", "turn"):
        render(turned, models, {name: age.high})
    assert kept == [1.0, 0.0]


class Thing:
    """Whose layers they are, or what stands for them."""

    maps = None


def test_layers_are_made_once_for_each_person(session, models) -> None:
    owner = session.delta
    layers = models.layers.get(owner, 0, Thing)
    assert models.layers.get(owner, 0, Thing) is layers
    assert models.layers.get(owner, 1, Thing) is not layers
    assert models.layers.get(owner, 0, Thing) is layers


@pytest.mark.slow
def test_layers_go_with_their_session(generator, make_picture, models) -> None:
    session = make_session(generator, make_picture)
    prepare(session, models)
    kept = weakref.ref(models.layers.get(session.delta, 0, Thing))
    assert isinstance(kept(), PhotoLayers)
    del session
    gc.collect()
    assert kept() is None


def test_layers_of_twenty_are_kept_and_the_one_used_longest_ago_goes(models) -> None:
    owners = [Thing() for _ in range(21)]

    def asked(owner: Thing) -> weakref.ref:
        return weakref.ref(models.layers.get(owner, 0, Thing))

    kept = [asked(owner) for owner in owners[:20]]
    assert all(one() is not None for one in kept)
    asked(owners[0])
    kept.append(asked(owners[20]))
    gc.collect()
    assert [one() is not None for one in kept] == [True, False, *[True] * 19]
