"""GANSpace and SeFa: components of W found without labels, on generators of both kinds."""

from __future__ import annotations

import pytest
import torch

from pti_core.generators.ganspace_sefa import ganspace, modulations, sefa
from pti_core.generators.stylegan2 import StyleGAN2, StyleGAN2Config
from tests.conftest import make_generator


def make_stylegan2() -> StyleGAN2:
    """A small StyleGAN2 with random weights."""
    config = StyleGAN2Config((16, 16, 8, 8), 512, 2, None)
    from pti_core.generators.stylegan2 import Mapping, Synthesis

    with torch.random.fork_rng():
        torch.manual_seed(4)
        parts = torch.nn.ModuleDict({"mapping": Mapping(config), "synthesis": Synthesis(config)})
    weights = {name: torch.randn_like(tensor) for name, tensor in parts.state_dict().items()}
    return StyleGAN2(config, weights, name="small", fingerprint="0" * 64)


@pytest.fixture(scope="module", params=["mobile", "stylegan2"])
def generator(request):
    return make_generator() if request.param == "mobile" else make_stylegan2()


def test_ganspace_finds_the_directions_in_which_w_varies_most(generator):
    found = ganspace(generator, 20, samples=2000)
    w = generator.sample_w(2000, 0)
    along = (w - w.mean(0)) @ found.vectors.t()
    assert torch.allclose(along.std(0), found.weights, rtol=1e-3)
    assert (found.weights.diff() <= 0).all()
    other = torch.nn.functional.normalize(torch.randn(50, 512), dim=1)
    assert found.weights[0] > ((w - w.mean(0)) @ other.t()).std(0).max()
    assert torch.equal(found.vectors, ganspace(generator, 20, samples=2000).vectors)


@pytest.mark.parametrize("kind", ["ganspace", "sefa"])
def test_components_are_orthonormal(generator, kind):
    found = (
        ganspace(generator, 8, samples=1000) if kind == "ganspace" else sefa(generator, 8)
    ).vectors
    assert found.shape == (8, 512) and found.dtype == torch.float32
    assert torch.allclose(found @ found.t(), torch.eye(8), atol=1e-5)


def test_sefa_changes_the_styles_of_its_layers_most(generator):
    sides = (4, 8)
    found = sefa(generator, 4, sides=sides)
    rows = [
        torch.nn.functional.normalize(weight, dim=1)
        for name, weight in modulations(generator).items()
        if sides[0] <= generator.side_of(name) <= sides[1]
    ]
    styles = torch.cat(rows)
    reached = (styles @ found.vectors.t()).norm(dim=0)
    assert torch.allclose(reached, found.weights, rtol=1e-3)
    other = torch.nn.functional.normalize(torch.randn(50, 512), dim=1)
    assert reached[0] > (styles @ other.t()).norm(dim=0).max()


def test_sefa_of_coarse_and_fine_layers_differ(generator):
    coarse, fine = (sefa(generator, 1, sides=s).vectors[0] for s in ((4, 8), (16, 64)))
    assert abs(float(coarse @ fine)) < 0.9


def test_what_cannot_be_had_is_refused(generator):
    with pytest.raises(ValueError, match="no layer"):
        sefa(generator, 1, sides=(3000, 4000))
    with pytest.raises(ValueError, match="components"):
        sefa(generator, 513)
    with pytest.raises(ValueError, match="components"):
        ganspace(generator, 10, samples=5)
