"""What is done once, before the first person waits, leaves everything as it was."""

from __future__ import annotations

from dataclasses import replace

import torch

from pti_core.models import Toolkit
from service.warm_up import warm_up
from tests.conftest import make_lively_generator


def test_the_networks_are_the_same_afterwards(kit: Toolkit) -> None:
    w = kit.generator.sample_w(1, seed=5)
    before = kit.generator.render(w)
    warm_up(kit)
    assert torch.equal(kit.generator.render(w), before)
    assert all(parameter.grad is None for parameter in kit.generator.parameters())


def test_with_small_pictures_too(kit: Toolkit) -> None:
    lively = make_lively_generator(channels=64, side=512)
    assert lively.has_middle
    warm_up(replace(kit, generator=lively))
