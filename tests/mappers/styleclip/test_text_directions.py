"""Global directions and latent optimisation, end to end with a small CLIP that knows colours.

The typed word moves the measured thing: "a red face" makes pictures redder, "a blue face" less.
"""

from __future__ import annotations

import pytest
import torch

from mappers.styleclip.clip import Clip, tokenize
from mappers.styleclip.global_directions import build, load_relevance, style_biases
from mappers.styleclip.losses import augmented, perceptual_loss
from mappers.styleclip.optimisation import OptimisationConfig, optimise
from pti_core.editing.text_edit import StackEntry, moved, restyled
from pti_core.errors import UserError
from tests.conftest import make_lively_generator
from tests.helpers.layouts import rosinality_state
from tests.helpers.small_clip import SIDE, pictures, redness, trained_state
from tests.pti_core.generators.test_stylegan2 import build as build_stylegan2

#: The networks that these tests share take seconds to be made.
pytestmark = pytest.mark.slow

RED, BLUE = "a red face", "a blue face"


@pytest.fixture(scope="module")
def clip() -> Clip:
    return Clip(trained_state())


@pytest.fixture(scope="module")
def lively():
    return make_lively_generator()


@pytest.fixture(scope="module")
def relevance(lively, clip, tmp_path_factory):
    path = tmp_path_factory.mktemp("global") / "small.safetensors"
    return build(lively, clip, path, images=2)


def shown(generator, w, styles=None):
    return generator.render(w, restyled({}, [styles] if styles else [], generator))


def test_the_small_clip_knows_its_colours(clip):
    random = torch.Generator().manual_seed(5)
    seen, kinds = pictures(64, random)
    nearness = clip.image(seen * 2 - 1) @ clip.text([RED, BLUE, "a green face", "a face"]).T
    assert (nearness.argmax(1) == kinds).float().mean() > 0.85
    assert clip.side == SIDE and tokenize([RED]).shape == (1, 77)


@pytest.mark.parametrize(("word", "sense"), [(RED, 1), (BLUE, -1)])
def test_a_global_direction_moves_what_the_word_names(lively, clip, relevance, word, sense):
    step = relevance.step(clip, word, beta=0.05)
    before = redness(shown(lively, lively.sample_w(4, seed=9)))
    for amount in (2.0, 6.0):
        entry = StackEntry(word, "global", amount, None, step)
        after = redness(shown(lively, lively.sample_w(4, seed=9), entry))
        assert (sense * (after - before) > 0).all()
        before = after  # further with more of it


def test_beta_says_how_many_channels_move(clip, relevance):
    counts = [relevance.moved(relevance.step(clip, RED, beta=b)) for b in (0.0, 0.2, 0.4)]
    assert counts[0] > counts[1] > counts[2] > 0
    assert counts[0] <= relevance.channels
    with pytest.raises(UserError, match="smaller beta"):
        relevance.step(clip, RED, beta=0.999)


@pytest.mark.slow
def test_building_can_be_interrupted_and_goes_on(lively, clip, relevance, tmp_path):
    path = tmp_path / "part.safetensors"

    def stop(done: int, total: int) -> None:
        if done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(lively, clip, path, images=2, on_channel=stop)
    assert load_relevance(path).done == 20
    seen: list[int] = []
    whole = build(lively, clip, path, images=2, on_channel=lambda done, total: seen.append(done))
    assert seen[0] == 21 and seen[-1] == whole.channels == whole.done
    for name, rows in relevance.effects.items():
        assert torch.allclose(load_relevance(path).effects[name], rows, atol=1e-5)
    with pytest.raises(UserError, match="another generator, number of images"):
        build(lively, clip, path, images=3)


def test_styles_of_both_generators(lively):
    stylegan2 = build_stylegan2(rosinality_state((8, 8, 6)))
    for generator in (lively, stylegan2):
        own = dict(generator.synthesis.named_parameters())
        w = generator.sample_w(2, seed=0)
        for name, style in style_biases(generator).items():
            assert style(w).shape == (2, len(own[name]))
        assert not any(
            "torgb" in name or name.startswith("head") for name in style_biases(generator)
        )


def test_a_step_of_a_style_is_a_step_of_its_bias(lively):
    name, style = list(style_biases(lively).items())[-1]
    own = dict(lively.synthesis.named_parameters())[name]
    w, step = lively.sample_w(1, seed=2), torch.linspace(-1, 1, len(own))
    before = style(w)
    held = own.detach().clone()
    with torch.no_grad():
        own += step
    try:
        assert torch.allclose(style(w), before + step, atol=1e-6)
        direct = lively.render(w)
    finally:
        with torch.no_grad():
            own.copy_(held)
    assert torch.allclose(
        shown(lively, w, StackEntry("", "global", 1.0, None, {name: step})), direct
    )


@pytest.mark.parametrize("space", ["w", "w+"])
def test_optimisation_moves_what_the_word_names(lively, clip, space):
    w = lively.sample_w(1, seed=4)
    config = OptimisationConfig(space=space, steps=25, lambda_l2=1e-4, copies=2)
    found = optimise(lively, w, clip, RED, None, config)
    assert found.step.shape == ((1 if space == "w" else lively.num_ws), 512)
    after = lively.render(moved(w, [StackEntry(RED, "optimise", 1.0, found.step)], lively))
    assert redness(after) > redness(lively.render(w))
    again = optimise(lively, w, clip, RED, None, config)
    assert torch.equal(again.step, found.step) and found.stopped == "steps"


def test_the_identity_loss_holds_the_face(lively, clip, lpips):
    w, distance = lively.sample_w(1, seed=4), perceptual_loss(lpips)
    original = lively.render(w)
    gone = []
    for weight in (0.0, 300.0):
        config = OptimisationConfig(steps=15, lambda_l2=0.0, lambda_id=weight, copies=1)
        found = optimise(lively, w, clip, RED, distance, config)
        edited = lively.render(moved(w, [StackEntry(RED, "optimise", 1.0, found.step)], lively))
        gone.append(float(distance(edited, original)))
    assert gone[1] < 0.7 * gone[0]


def test_the_distance_term_holds_the_code(lively, clip):
    lengths = []
    for weight in (0.0, 0.1):
        config = OptimisationConfig(steps=10, lambda_l2=weight, copies=1)
        lengths.append(optimise(lively, lively.sample_w(1, 4), clip, RED, None, config).step.norm())
    assert lengths[1] < lengths[0]


def test_optimisation_can_be_watched_and_stopped_and_ends_in_time(lively, clip):
    steps = []

    def watch(step) -> bool:
        steps.append(step)
        return len(steps) < 4

    w = lively.sample_w(1, seed=4)
    found = optimise(lively, w, clip, RED, None, OptimisationConfig(steps=50), on_step=watch)
    assert found.steps == 4 and found.stopped == "person"
    assert steps[0].picture is not None and steps[0].total == 50 and "clip" in steps[0].losses
    bounded = optimise(lively, w, clip, RED, None, OptimisationConfig(steps=500, seconds=0.0))
    assert bounded.steps == 1 and bounded.stopped == "time"


def test_augmented_copies_differ_and_repeat():
    picture = torch.rand(1, 3, 32, 32)
    first, again = (augmented(picture, torch.Generator().manual_seed(3)) for _ in range(2))
    other = augmented(picture, torch.Generator().manual_seed(4))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert first.shape == picture.shape and first.min() >= 0 and first.max() <= 1
