"""The projector on a small generator: it finds planted codes, repeats itself, can be stopped."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from pti_core.inversion.projector import ProjectionConfig, learning_rate_ramp, project
from tests.conftest import SIDE, make_lively_generator

QUICK = ProjectionConfig(steps=40, learning_rate=0.1, lpips_size=SIDE, optimise_noise=False)


@pytest.fixture(scope="module")
def generator():
    return make_lively_generator()


@pytest.fixture(scope="module")
def planted(generator):
    """A code that is far from the mean: the small mapping's own codes lie close together."""
    random = torch.Generator().manual_seed(11)
    return generator.w_avg[None] + torch.randn(1, 512, generator=random)


@pytest.mark.slow
def test_a_planted_code_is_approached(generator, lpips, planted):
    target = generator.render(planted)
    found = project(generator, target, lpips, QUICK)
    start, end = (
        lpips(generator.render(w), target).item() for w in (generator.w_avg[None], found.w)
    )
    assert end < 0.3 * start
    assert found.steps == 40 and found.noise == {} and found.w.shape == (1, 512)


@pytest.mark.slow
def test_along_the_axes_of_w_a_face_is_found_as_well_and_stays_a_likely_one(generator, lpips):
    wanted = generator.sample_w(1, seed=3)
    target = generator.render(wanted)
    config = dataclasses.replace(QUICK, axes=True, betas=(0.8, 0.95), w_noise=0.0)
    found = project(generator, target, lpips, config, start=generator.sample_w(1, seed=4))
    start = lpips(generator.render(generator.sample_w(1, seed=4)), target).item()
    assert lpips(generator.render(found.w), target).item() < 0.3 * start
    # No step at all gives back where it started, whatever the axes.
    still = dataclasses.replace(config, steps=0)
    where = project(generator, target, lpips, still, start=wanted).w
    torch.testing.assert_close(where, wanted, atol=1e-3, rtol=0)


@pytest.mark.slow
def test_w_plus_has_a_code_for_each_layer_and_comes_nearer(generator, lpips):
    random = torch.Generator().manual_seed(0)
    target = torch.rand(1, 3, SIDE, SIDE, generator=random) * 2 - 1
    config = ProjectionConfig(
        space="w+", steps=40, learning_rate=0.1, lpips_size=SIDE, optimise_noise=False
    )
    plus, plain = (
        project(generator, target, lpips, config),
        project(generator, target, lpips, QUICK),
    )
    assert plus.w.shape == (1, generator.num_ws, 512)
    assert plus.losses["lpips"] < plain.losses["lpips"]


def test_noise_maps_are_found_stay_noise_and_serve_the_picture(generator, lpips, planted):
    target = generator.render(planted)
    config = ProjectionConfig(steps=12, learning_rate=0.1, lpips_size=SIDE, optimise_noise=True)
    found = project(generator, target, lpips, config)
    buffers = dict(generator.synthesis.named_buffers())
    assert list(found.noise) == generator.noise_names()
    for name, noise in found.noise.items():
        assert noise.shape == buffers[name].shape
        assert abs(noise.mean()) < 1e-5
        # Unit variance times the strength that is in the stored map.
        torch.testing.assert_close(
            noise.square().mean().sqrt(), buffers[name].std(), rtol=1e-4, atol=0
        )
    assert not torch.equal(generator.render(found.w, found.noise), generator.render(found.w))


@pytest.mark.slow
def test_the_noise_regulariser_keeps_neighbours_uncorrelated(generator, lpips, planted):
    target = generator.render(planted)

    def correlation(weight):
        config = ProjectionConfig(steps=30, learning_rate=0.1, lpips_size=SIDE, lambda_noise=weight)
        noise = project(generator, target, lpips, config).noise
        fine = noise[generator.noise_names()[-1]]
        return ((fine * fine.roll(1, 3)).mean() / fine.square().mean()).abs().item()

    assert correlation(1e5) < 0.5 * correlation(0.0)


def test_the_same_seed_repeats_it_and_another_does_not(generator, lpips, planted):
    target = generator.render(planted)
    config = ProjectionConfig(steps=6, learning_rate=0.1, lpips_size=SIDE)
    first, again, other = (
        project(generator, target, lpips, config, seed=seed) for seed in (1, 1, 2)
    )
    assert torch.equal(first.w, again.w)
    assert all(torch.equal(first.noise[name], again.noise[name]) for name in first.noise)
    assert not torch.equal(first.w, other.w)


def test_every_step_is_told_and_false_stops(generator, lpips, planted):
    steps = []

    def on_step(step):
        steps.append(step)
        return step.index < 5

    found = project(generator, generator.render(planted), lpips, QUICK, on_step=on_step)
    assert [step.index for step in steps] == [1, 2, 3, 4, 5] and found.steps == 5
    assert {step.stage for step in steps} == {"invert"} and steps[0].total == 40
    assert steps[0].picture is not None and not steps[0].picture.requires_grad


def test_a_start_is_where_it_begins(generator, lpips, planted):
    target = generator.render(planted)
    config = ProjectionConfig(steps=1, lpips_size=SIDE, optimise_noise=False)
    found = project(generator, target, lpips, config, start=planted)
    torch.testing.assert_close(found.w, planted, atol=1e-2, rtol=0)


def test_a_w_plus_start_in_w_is_refused(generator, lpips, planted):
    with pytest.raises(ValueError, match="w\\+"):
        project(
            generator, generator.render(planted), lpips, QUICK, start=generator.broadcast(planted)
        )


def test_the_rate_ramps_as_published():
    assert learning_rate_ramp(0.0, 0.05, 0.25) == 0
    assert learning_rate_ramp(0.025, 0.05, 0.25) == pytest.approx(0.5)
    assert learning_rate_ramp(0.5, 0.05, 0.25) == 1
    assert learning_rate_ramp(0.875, 0.05, 0.25) == pytest.approx(0.5)
