"""Pivotal tuning on a small generator: equations 3 to 7, stopping, keeping the best, repeating."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from pti_core.inversion.losses import PhotographLoss, View, high_pass, visibility
from pti_core.inversion.optimisers import Muon, orthogonalise
from pti_core.inversion.paper_tuning import DELTA_DTYPE, TuningConfig, pivotal_tune, steps_for
from tests.conftest import SIDE, make_lively_generator

PLAIN = TuningConfig(
    steps=60, learning_rate=1e-2, lpips_views=(View(SIDE),), locality_samples=0, locality_size=SIDE
)
FAST = dataclasses.replace(
    PLAIN,
    muon_rate=2e-2,
    final_rate=0.0,
    lambda_l2=8.0,
    lambda_coarse=10.0,
    lambda_masked=0.3,
    lambda_periodic=100.0,
    lpips_in_turn=(View(SIDE, 32), View(48)),
)


@pytest.fixture(scope="module")
def generator():
    return make_lively_generator()


@pytest.fixture(scope="module")
def targets():
    random = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 3, 6, 6, generator=random) * 2 - 1
    return F.interpolate(coarse, size=SIDE, mode="bicubic").clamp(-1, 1)


@pytest.fixture(scope="module")
def pivots(generator):
    return generator.sample_w(2, seed=4)


def error(generator, pivot, delta, target):
    return F.mse_loss(generator.render(pivot, delta.overrides(generator)), target).item()


@pytest.mark.slow
@pytest.mark.parametrize("config", [PLAIN, FAST], ids=["adam", "muon"])
def test_the_picture_at_the_pivot_becomes_the_photograph(generator, lpips, targets, pivots, config):
    before = {name: value.clone() for name, value in generator.synthesis.state_dict().items()}
    result = pivotal_tune(generator, targets[:1], pivots[:1], lpips, config)
    untuned = F.mse_loss(generator.render(pivots[:1]), targets[:1]).item()
    assert error(generator, pivots[:1], result.delta, targets[:1]) < 0.5 * untuned
    assert result.stopped == "steps" and result.steps == 60
    assert all(torch.equal(before[k], v) for k, v in generator.synthesis.state_dict().items())
    assert all(value.dtype == DELTA_DTYPE for value in result.delta.tensors.values())


@pytest.mark.slow
def test_the_fast_method_without_its_terms_is_the_papers(generator, lpips, targets, pivots):
    paper = dataclasses.replace(PLAIN, steps=6, locality_samples=1, locality_size=SIDE)
    unused = dataclasses.replace(paper, muon_momentum=0.5)  # Muon is off: it changes nothing
    assert paper.is_paper_method and not unused.is_paper_method and not FAST.is_paper_method
    by_paper, by_fast = (
        pivotal_tune(generator, targets, pivots, lpips, config, seed=3)
        for config in (paper, unused)
    )
    assert by_paper.losses == by_fast.losses and "locality" in by_paper.losses
    for name, difference in by_paper.delta.tensors.items():
        assert torch.equal(difference, by_fast.delta.tensors[name])


@pytest.mark.slow
def test_weights_of_coarse_maps_stay_where_asked(generator, lpips, targets, pivots):
    config = dataclasses.replace(FAST, tuned_from=16)
    result = pivotal_tune(generator, targets[:1], pivots[:1], lpips, config)
    untuned = F.mse_loss(generator.render(pivots[:1]), targets[:1]).item()
    assert error(generator, pivots[:1], result.delta, targets[:1]) < 0.7 * untuned
    sides = {generator.side_of(name) for name in result.delta.tensors}
    assert sides == {16, 32, 64}
    everything = pivotal_tune(generator, targets[:1], pivots[:1], lpips, FAST).delta.tensors
    assert {4, 8} <= {generator.side_of(name) for name in everything}


@pytest.mark.slow
def test_edits_keep_their_size(generator, lpips, targets, pivots):
    edits = generator.sample_w(4, seed=9) - generator.sample_w(4, seed=10)
    target, pivot = targets[:1], pivots[:1]

    def lost(delta):
        """Mean share of an edit's change (from the pivot) that the tuned generator lacks."""
        tuned, shares = delta.overrides(generator), []
        for edit in edits:
            base = generator.render(pivot + edit) - generator.render(pivot)
            own = generator.render(pivot + edit, tuned) - generator.render(pivot, tuned)
            shares.append((F.mse_loss(own, base) / base.square().mean()).item())
        return sum(shares) / len(shares)

    # At the gentler rates of real tuning: random weights run away around the pivot at high ones.
    gentle = {"learning_rate": 1e-3, "muon_rate": 6e-3}
    plain = dataclasses.replace(FAST, edits_size=SIDE, edits_every=2, **gentle)
    held = dataclasses.replace(plain, lambda_edits=0.03)
    without = pivotal_tune(generator, target, pivot, lpips, plain, edits=edits).delta
    with_term = pivotal_tune(generator, target, pivot, lpips, held, edits=edits).delta
    assert lost(with_term) < 0.8 * lost(without)
    again = pivotal_tune(generator, target, pivot, lpips, held, edits=edits).delta
    assert all(torch.equal(again.tensors[k], v) for k, v in with_term.tensors.items())


@pytest.mark.slow
def test_several_photographs_share_one_generator(generator, lpips, targets, pivots):
    config = dataclasses.replace(PLAIN, steps=160)
    result = pivotal_tune(generator, targets, pivots, lpips, config)
    for i in range(2):
        untuned = F.mse_loss(generator.render(pivots[i : i + 1]), targets[i : i + 1]).item()
        shared = error(generator, pivots[i : i + 1], result.delta, targets[i : i + 1])
        assert shared < 0.6 * untuned


@pytest.mark.slow
def test_the_losses_told_are_those_of_the_kept_weights(generator, lpips, targets, pivots):
    result = pivotal_tune(generator, targets[:1], pivots[:1], lpips, PLAIN)
    kept = error(generator, pivots[:1], result.delta, targets[:1])
    assert result.losses["mse"] == pytest.approx(kept, rel=0.02)  # half precision in between


@pytest.mark.slow
def test_a_late_spike_is_not_what_is_kept(generator, lpips, targets, pivots):
    wild = dataclasses.replace(PLAIN, steps=30, learning_rate=0.1)
    losses = []
    result = pivotal_tune(
        generator, targets[:1], pivots[:1], lpips, wild, on_step=lambda s: losses.append(s.losses)
    )
    assert losses[-1]["loss"] > min(step["loss"] for step in losses)
    assert result.losses["loss"] == min(step["loss"] for step in losses)


@pytest.mark.slow
def test_locality_keeps_the_rest_of_w(generator, lpips, targets, pivots):
    elsewhere = generator.sample_w(8, seed=9)

    def drift(samples):
        config = dataclasses.replace(
            PLAIN, steps=40, locality_samples=samples, lambda_locality=1.0, locality_alpha=30.0
        )
        delta = pivotal_tune(generator, targets[:1], pivots[:1], lpips, config).delta
        tuned = generator.render(elsewhere, delta.overrides(generator))
        return F.mse_loss(tuned, generator.render(elsewhere)).item()

    assert drift(1) < 0.8 * drift(0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lpips_threshold": 1e9}, "threshold"),
        ({"learning_rate": 0.0, "plateau_steps": 4}, "plateau"),
    ],
)
def test_it_stops_early(generator, lpips, targets, pivots, change, reason):
    config = dataclasses.replace(PLAIN, **change)
    result = pivotal_tune(generator, targets[:1], pivots[:1], lpips, config)
    assert result.stopped == reason and result.steps < 20


def test_a_person_stops_it_and_keeps_what_is_reached(generator, lpips, targets, pivots):
    steps = []

    def on_step(step):
        steps.append(step)
        return len(steps) < 8

    result = pivotal_tune(generator, targets[:1], pivots[:1], lpips, PLAIN, on_step=on_step)
    untuned = F.mse_loss(generator.render(pivots[:1]), targets[:1]).item()
    assert result.stopped == "person" and result.steps == 8 == len(steps)
    assert error(generator, pivots[:1], result.delta, targets[:1]) < untuned
    assert steps[0].picture is not None and steps[0].stage == "tune"


@pytest.mark.slow
@pytest.mark.parametrize("config", [PLAIN, FAST], ids=["adam", "muon"])
def test_the_same_seed_repeats_it(generator, lpips, targets, pivots, config):
    config = dataclasses.replace(config, steps=5, locality_samples=1)
    first, again = (
        pivotal_tune(generator, targets[:1], pivots[:1], lpips, config, seed=3).delta.tensors
        for _ in range(2)
    )
    assert all(torch.equal(first[name], again[name]) for name in first)


@pytest.mark.slow
def test_it_goes_on_from_where_it_stopped(generator, lpips, targets, pivots):
    short = dataclasses.replace(PLAIN, steps=15)
    first = pivotal_tune(generator, targets[:1], pivots[:1], lpips, short)
    further = pivotal_tune(generator, targets[:1], pivots[:1], lpips, PLAIN, start=first.delta)
    assert further.losses["loss"] < first.losses["loss"]


def test_the_noise_of_the_pivot_is_used(generator, lpips, targets, pivots):
    noise = {
        name: 3 * dict(generator.synthesis.named_buffers())[name]
        for name in generator.noise_names()
    }
    config = dataclasses.replace(PLAIN, steps=1)
    told = []
    for maps in (None, noise, [noise]):
        pivotal_tune(
            generator, targets[:1], pivots[:1], lpips, config, noise=maps, on_step=told.append
        )
    plain, one, listed = (step.losses["mse"] for step in told)
    assert plain != one and one == listed


def test_targets_without_pivots_are_refused(generator, lpips, targets, pivots):
    with pytest.raises(ValueError, match="pivots"):
        pivotal_tune(generator, targets, pivots[:1], lpips, PLAIN)


def test_orthogonalised_singular_values_are_near_one():
    """Small ones too: a photograph's gradients have them of all sizes."""
    left, right = (
        torch.linalg.qr(torch.randn(side, 20, generator=torch.Generator().manual_seed(side))).Q
        for side in (20, 50)
    )
    matrix = left @ torch.diag(torch.logspace(-2.5, 0, 20)) @ right.T
    for m in (matrix, matrix.T):
        values = torch.linalg.svdvals(orthogonalise(m))
        assert values.min() > 0.6 and values.max() < 1.02
        assert values[:15].min() > 0.98


def test_a_step_of_muon_has_the_size_that_its_rate_says():
    weight = torch.randn(32, 16, 1, 1, requires_grad=True)
    before, size = weight.detach().clone(), weight.detach().square().mean().sqrt()
    optimiser = Muon([weight], lr=0.01)
    weight.grad = torch.randn(32, 16, 1, 1)
    optimiser.step()
    step = (weight.detach() - before).square().mean().sqrt()
    assert step.item() == pytest.approx(0.01 * size.item(), rel=1e-4)


def test_an_error_shows_on_plain_ground_and_not_in_texture(lpips):
    random = torch.Generator().manual_seed(0)
    plain = torch.zeros(1, 3, SIDE, SIDE)
    busy = 0.5 * torch.randn(1, 3, SIDE, SIDE, generator=random)
    pattern = torch.zeros(1, 3, SIDE, SIDE)
    pattern[..., ::4, :] = 0.05
    seen = [
        PhotographLoss(ground, lpips, (), ()).masked_error(ground + pattern, random).item()
        for ground in (plain, busy)
    ]
    assert seen[0] > 50 * seen[1]
    assert visibility(plain).min() > 100 * visibility(busy).max()
    assert high_pass(torch.full((1, 3, SIDE, SIDE), 0.3)).abs().max() < 1e-6


def test_a_grid_is_told_from_noise_of_the_same_strength(lpips):
    random = torch.Generator().manual_seed(0)
    target = torch.zeros(1, 3, 192, 192)
    photograph = PhotographLoss(target, lpips, (), ())
    noise = 0.01 * torch.randn(1, 3, 192, 192, generator=random)
    grid = torch.zeros(1, 3, 192, 192)
    grid[..., ::8, :] = 1
    grid = (grid - grid.mean()) * (0.01 / grid.std())
    found = [photograph.periodic_error(error, random).item() for error in (grid, noise)]
    assert found[0] == pytest.approx(1e-4, rel=0.05)
    assert found[0] > 10 * found[1]
    assert photograph.periodic_error(torch.full((1, 3, 192, 192), 0.3), random).item() < 1e-12


def test_a_photograph_of_more_detail_takes_more_steps(targets):
    grain = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(5))
    config = dataclasses.replace(PLAIN, enough_detail=0.1, most_steps=1.5)
    smooth, half, rough = (targets[:1] * 0.2 + share * grain for share in (0, 0.12, 0.5))
    assert steps_for(config, smooth) == 60
    assert 60 < steps_for(config, half) < 90
    assert steps_for(config, rough) == steps_for(config, torch.cat([smooth, rough])) == 90
    assert steps_for(PLAIN, rough) == 60


def test_views_may_take_turns_with_edits(generator, lpips, targets, pivots):
    edits = generator.sample_w(2, seed=9) - generator.sample_w(2, seed=10)
    config = dataclasses.replace(
        FAST, steps=6, lpips_views=(), views_every=2, lambda_edits=0.1, edits_every=2
    )
    run, told = dataclasses.replace(config, edits_size=SIDE), []
    pivotal_tune(
        generator,
        targets[:1],
        pivots[:1],
        lpips,
        run,
        on_step=lambda step: told.append(step.losses) or True,
        edits=edits,
    )
    assert ["edits" in losses for losses in told] == [True, False] * 3
    seen = [losses["lpips"] for losses in told]
    assert seen[1] > 0 and seen[2] == seen[1] and seen[3] != seen[1]
