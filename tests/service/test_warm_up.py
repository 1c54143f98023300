"""What is done once, before the first person waits, leaves everything as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from pti_core.models import TuningModels
from service.warm_up import warm_up
from tests.conftest import make_lively_generator


@pytest.mark.slow
def test_the_networks_are_the_same_afterwards(models: TuningModels) -> None:
    w = models.generator.sample_w(1, seed=5)
    before = models.generator.render(w)
    warm_up(models)
    assert torch.equal(models.generator.render(w), before)
    assert all(parameter.grad is None for parameter in models.generator.parameters())


@pytest.mark.slow
def test_with_small_pictures_too(models: TuningModels) -> None:
    lively = make_lively_generator(channels=64, side=512)
    assert lively.has_middle
    warm_up(replace(models, generator=lively))
