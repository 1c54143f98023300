"""From session to image: the photograph stays where nothing was asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pti_core.faces.align import Alignment
from pti_core.models import EditKit
from pti_core.networks.face_parsing import FaceParser
from pti_core.rendering import composite, paste_back, render, render_bare, render_edit
from tests.pti_core.session.test_session import make_session


@pytest.fixture(scope="module")
def parser() -> FaceParser:
    """The real network with random weights: some parsing, of no meaning."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return FaceParser()


@pytest.fixture
def kit(generator, directions, parser) -> EditKit:
    return EditKit(generator=generator, directions=directions, parser=parser)


@pytest.fixture
def session(generator, make_picture):
    return make_session(generator, make_picture, people=2)


def test_unedited_is_the_photograph_at_any_size(session, kit) -> None:
    whole = session.alignments[0]
    small = session.photograph().resize((75, 60))
    half = Alignment(tuple((x / 2, y / 2) for x, y in whole.quad), small.size)
    assert np.array_equal(render_edit(session, kit, {}).in_photo(small, half), small)


@pytest.mark.parametrize("person", [0, 1])
def test_unedited_is_the_photograph(session, kit, person) -> None:
    assert np.array_equal(render(session, kit, {}, person), session.crop(person))
    assert np.array_equal(paste_back(session, kit, {}, person), session.photograph(person))


def test_the_bare_render_is_the_generators(session, kit) -> None:
    bare = render_bare(session, kit, {})
    assert not np.array_equal(bare, session.crop())
    assert np.array_equal(bare, render(session, replace(kit, parser=None), {}))


def test_without_tuning_the_render_is_bare(session, kit) -> None:
    from pti_core.inversion.pivotal_tuning import TunedDelta

    inverted = replace(session, delta=TunedDelta({}))
    assert composite(inverted, kit, {}) is None
    assert np.array_equal(render(inverted, kit, {}), render_bare(inverted, kit, {}))


def test_the_same_edit_twice_is_the_same_image(session, kit, generator, directions, parser) -> None:
    edits = {"age": 12.0, "smile": -1.0}
    first, again = render(session, kit, edits), render(session, kit, edits)
    fresh = render(
        session, EditKit(generator=generator, directions=directions, parser=parser), edits
    )
    assert np.array_equal(first, again) and np.array_equal(first, fresh)


def test_layers_go_with_their_session(session, kit) -> None:
    calls = []
    owner = session.delta
    layers = kit.layers.get(owner, 0, lambda: calls.append(1))
    assert kit.layers.get(owner, 0, lambda: calls.append(1)) is layers and len(calls) == 1
    kit.layers.get(owner, 1, lambda: calls.append(1))
    assert len(calls) == 2
