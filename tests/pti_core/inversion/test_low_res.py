"""Small pictures from the middle of a network, and what is learned about a generator beforehand."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from pti_core.errors import CheckpointError
from pti_core.inversion.latent_prior import LatentPrior, load_latent_prior, save_latent_prior
from pti_core.inversion.losses import View
from pti_core.inversion.low_res import SIDE, LowResRenderer, mid_activations, recover_head
from pti_core.inversion.paper_tuning import TuningConfig, pivotal_tune
from pti_core.inversion.projector import ProjectionConfig, project
from pti_core.networks.lpips import area
from tests.conftest import make_lively_generator

TUNING = TuningConfig(
    steps=8,
    low_res_share=0.5,
    correct_every=2,
    learning_rate=5e-4,
    lambda_l2=80.0,
    lpips_views=(),
    lpips_in_turn=(View(256),),
    locality_samples=0,
)


@pytest.fixture(scope="module")
def generator():
    return make_lively_generator(channels=64, side=512)


def codes(generator, count, seed):
    """Far from each other: the small mapping's own lie close together."""
    random = torch.Generator().manual_seed(seed)
    return generator.w_avg + torch.randn(count, 512, generator=random)


@pytest.fixture(scope="module")
def head(generator):
    w = codes(generator, 9, seed=2)
    return recover_head(mid_activations(generator, one) for one in w.split(1))


@pytest.fixture(scope="module")
def target(generator):
    """Not in W: a turned picture of a code, so that only tuning reaches it."""
    return generator.render(codes(generator, 1, seed=6)).flip(2).clamp(-1, 1)


def true(generator, w):
    return area(generator.render(w), SIDE)


def test_a_corrected_picture_is_true_there_and_nearly_so_along_what_it_was_fitted_to(generator):
    w, other = codes(generator, 2, seed=7).split(1)
    coarse = LowResRenderer(
        generator, recover_head(mid_activations(generator, one) for one in (w, other))
    )
    coarse.correct(w)
    torch.testing.assert_close(coarse.picture(w), true(generator, w), atol=1e-5, rtol=0)
    near = w + 0.6 * (other - w)
    still = F.mse_loss(true(generator, w), true(generator, near))
    assert F.mse_loss(coarse.picture(near), true(generator, near)) < 0.8 * still
    # The same from a full picture that is there already.
    given = LowResRenderer(generator, coarse.head)
    given.match(*mid_activations(generator, w))
    torch.testing.assert_close(given.picture(near), coarse.picture(near))


@pytest.mark.slow
def test_projection_begins_on_small_pictures_and_approaches(generator, lpips, head):
    target = generator.render(codes(generator, 1, seed=9))
    latent_prior = LatentPrior(torch.eye(512), head)
    config = ProjectionConfig(
        steps=24, learning_rate=0.05, axes=True, optimise_noise=False, w_noise=0.0
    )
    shown = []
    found = project(
        generator,
        target,
        lpips,
        dataclasses.replace(config, low_res_share=0.5, picture_every=1),
        on_step=lambda step: shown.append(step.picture),
        latent_prior=latent_prior,
    )
    start, end = (
        lpips(true(generator, w), area(target, SIDE)).item()
        for w in (generator.w_avg[None], found.w)
    )
    assert end < 0.5 * start and len(shown) == 24
    whole = project(generator, target, lpips, config, latent_prior=latent_prior)
    assert not torch.equal(whole.w, found.w)


@pytest.mark.slow
def test_along_learned_axes_a_start_is_where_it_was(generator, lpips, head):
    random = torch.Generator().manual_seed(3)
    axes = torch.eye(512) + 0.02 * torch.randn(512, 512, generator=random)
    config = ProjectionConfig(steps=0, axes=True, optimise_noise=False)
    wanted = generator.sample_w(1, seed=4)
    target = generator.render(wanted)
    found = project(
        generator, target, lpips, config, start=wanted, latent_prior=LatentPrior(axes, head)
    ).w
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=0)


@pytest.mark.slow
def test_the_prior_keeps_codes_near_to_where_faces_are(generator, lpips, head, target):
    random = torch.Generator().manual_seed(3)
    axes = 3 * torch.randn(512, 512, generator=random) / 512**0.5
    config = ProjectionConfig(
        steps=12, learning_rate=0.2, axes=True, optimise_noise=False, w_noise=0.0
    )
    far, near = (
        project(
            generator,
            target,
            lpips,
            dataclasses.replace(config, lambda_prior=weight),
            latent_prior=LatentPrior(axes, head),
        ).w
        - generator.w_avg
        for weight in (0.0, 1e-3)
    )
    assert near.norm() < 0.8 * far.norm()


@pytest.mark.slow
def test_coarse_steps_of_tuning_lead_to_the_photograph(generator, lpips, target):
    pivot = codes(generator, 1, seed=4)
    sizes = []

    def on_step(step):
        if step.picture is not None:
            sizes.append(step.picture.shape[-1])

    config = dataclasses.replace(TUNING, picture_every=1)
    result = pivotal_tune(generator, target, pivot, lpips, config, on_step=on_step)
    assert sizes == [SIDE] * 4 + [512] * 4
    before, after = (
        F.mse_loss(generator.render(pivot, overrides), target).item()
        for overrides in ({}, result.delta.overrides(generator))
    )
    assert after < 0.8 * before and result.steps == 8
    again = pivotal_tune(generator, target, pivot, lpips, config)
    assert all(torch.equal(result.delta.tensors[n], t) for n, t in again.delta.tensors.items())


@pytest.mark.slow
def test_stopped_among_the_coarse_steps_keeps_what_is_reached(generator, lpips, target):
    pivot = codes(generator, 1, seed=4)
    config = dataclasses.replace(TUNING, steps=20)
    result = pivotal_tune(
        generator, target, pivot, lpips, config, on_step=lambda step: step.index < 8
    )
    assert result.stopped == "person" and result.steps == 8
    tuned = generator.render(pivot, result.delta.overrides(generator))
    assert F.mse_loss(tuned, target) < 0.95 * F.mse_loss(generator.render(pivot), target)


@pytest.mark.slow
def test_two_photographs_and_held_edits_share_the_coarse_steps(generator, lpips, target):
    pivots = codes(generator, 2, seed=4)
    targets = torch.cat([target, target.flip(3)])
    config = dataclasses.replace(TUNING, steps=16, lambda_edits=1e-3, edits_every=2, edits_size=256)
    edits = codes(generator, 2, seed=8) - generator.w_avg
    result = pivotal_tune(generator, targets, pivots, lpips, config, edits=edits)
    overrides = result.delta.overrides(generator)
    for pivot, wanted in zip(pivots.split(1), targets.split(1), strict=True):
        before = F.mse_loss(generator.render(pivot), wanted)
        assert F.mse_loss(generator.render(pivot, overrides), wanted) < 0.8 * before


def test_a_generator_of_small_pictures_takes_full_steps_alone(lpips):
    small = make_lively_generator(side=64)
    assert not small.has_middle
    target = small.render(small.sample_w(1, seed=1))
    config = dataclasses.replace(TUNING, steps=3, lpips_in_turn=(View(64),))
    sizes = []
    pivotal_tune(
        small,
        target,
        small.sample_w(1, seed=2),
        lpips,
        dataclasses.replace(config, picture_every=1),
        on_step=lambda step: sizes.append(step.picture.shape[-1]),
    )
    assert sizes == [64] * 3


@pytest.mark.slow
def test_what_is_learned_is_for_one_generator(generator, head, tmp_path):
    path = tmp_path / "learned.safetensors"
    save_latent_prior(LatentPrior(torch.eye(512), head), generator, {"made": "here"}, path)
    back = load_latent_prior(generator, path)
    assert back is not None and torch.equal(back.head, head)
    assert load_latent_prior(make_lively_generator(channels=16, side=512, seed=5), path) is None
    path.write_bytes(b"nothing")
    with pytest.raises(CheckpointError):
        load_latent_prior(generator, path)


@pytest.mark.slow
def test_what_is_shipped_comes_nearer_in_as_many_steps_most_of_them_small():
    from checkpoints.network_loaders import load_generator, load_perceptual
    from pti_core.inversion.presets import FAST

    generator, lpips = load_generator("mobile").place(torch.device("cpu")), load_perceptual()
    latent_prior = load_latent_prior(generator)
    assert latent_prior is not None and latent_prior.axes.shape == (512, 512)
    target = generator.render(generator.sample_w(1, seed=77))
    config = dataclasses.replace(FAST.projection, steps=18)
    found = project(generator, target, lpips, config, latent_prior=latent_prior)
    plain = project(generator, target, lpips, config)
    ours, others = (
        lpips(area(generator.render(w), 256), area(target, 256)).item() for w in (found.w, plain.w)
    )
    assert ours < others  # though two thirds of its steps saw small pictures only


def test_from_a_stem_the_picture_is_the_same(generator):
    w = codes(generator, 1, seed=7)
    whole = generator.render(w)
    for side in (32, 128):
        stem = generator.stem(w, side)
        assert stem.maps.shape[-1] == side
        torch.testing.assert_close(generator.render(w, stem=stem), whole)
        maps = generator.stem(w, 128, stem=stem).maps
        torch.testing.assert_close(maps, generator.middle(w))
