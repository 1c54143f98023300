"""What every generator promises to threads, copies and devices."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor

from pti_core.generators.base import Generator
from tests.conftest import make_lively_generator


@pytest.fixture
def own_generator() -> Generator:
    return make_lively_generator()


def tuned_weights(generator: Generator) -> dict[str, Tensor]:
    return {n: p.detach() + 0.3 for n, p in generator.synthesis.named_parameters()}


def test_the_base_is_rendered_and_copied_while_another_thread_renders_tuned_weights(own_generator):
    w, weights = own_generator.sample_w(1, seed=3), tuned_weights(own_generator)
    wanted, tuned = (copy.deepcopy(own_generator).render(w, o) for o in (None, weights))
    seen: list[Tensor] = []

    def meanwhile() -> list[Tensor]:
        stem = own_generator.stem(w, 8)
        copied = copy.deepcopy(own_generator)
        return [own_generator.render(w), own_generator.render(w, stem=stem), copied.render(w)]

    def hook(*_: Any) -> None:
        if not seen:
            seen.append(wanted)  # once
            with ThreadPoolExecutor(1) as pool:
                seen.extend(pool.submit(meanwhile).result())

    own_generator.synthesis.layers[0].register_forward_pre_hook(hook)
    during = own_generator.render(w, weights)
    assert len(seen) == 4 and all(torch.equal(picture, wanted) for picture in seen)
    assert torch.equal(during, tuned) and not torch.equal(tuned, wanted)
    assert torch.equal(own_generator.render(w), wanted)


def test_a_picture_in_inference_mode_leaves_gradients_to_later_ones(own_generator):
    w = own_generator.sample_w(1, seed=3)
    with torch.inference_mode():
        own_generator.render(w)
    weights = {n: t.requires_grad_() for n, t in tuned_weights(own_generator).items()}
    own_generator.render(w, weights).square().mean().backward()
    assert all(weight.grad is not None for weight in weights.values())


def test_a_generator_that_has_rendered_is_converted_and_pickled(own_generator):
    w = own_generator.sample_w(1, seed=3)
    wanted = own_generator.render(w)
    again = pickle.loads(pickle.dumps(own_generator))
    assert torch.equal(again.render(w), wanted)
    double = own_generator.double().render(w.double())
    assert double.dtype == torch.float64
    torch.testing.assert_close(double.float(), wanted)
