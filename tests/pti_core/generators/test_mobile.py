"""The embedded generator: parity with the reference, gradients, hostile files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from checkpoints.network_loaders import load_generator
from pti_core.errors import CheckpointError
from pti_core.generators.mobile import depthwise_modulated, inverse_haar
from pti_core.generators.mobile_files import read_ir
from tests.conftest import SIDE, make_generator, make_lively_generator

SHARED = Path(os.environ.get("PTI_SHARED", "../shared"))
GOLDEN = SHARED / "golden" / "mobilestylegan-ffhq-1024.safetensors"


@pytest.mark.slow
@pytest.mark.skipif(not GOLDEN.exists(), reason="the golden files of ../shared are not here")
def test_the_real_generator_agrees_with_the_reference():
    generator, golden = load_generator("mobile"), load_file(GOLDEN)
    w = generator.mapping(golden["z"])
    torch.testing.assert_close(w, golden["w"], atol=2e-5, rtol=0)
    for start, tolerance in ((golden["w"], 5e-5), (w, 2e-4)):
        picture = generator.render(start)
        small = F.interpolate(picture, size=128, mode="area")
        crop = picture[:, :, 400:496, 400:496]
        torch.testing.assert_close(small, golden["image_area128"], atol=tolerance, rtol=0)
        torch.testing.assert_close(crop, golden["image_crop"], atol=tolerance, rtol=0)


@pytest.mark.slow
def test_the_real_generator_has_the_published_mean_and_shape():
    generator = load_generator("mobile")
    assert (generator.resolution, generator.num_ws, generator.w_dim) == (1024, 18, 512)
    assert len(generator.noise_names()) == 15
    # Another ten thousand samples have the same mean to the error of a mean.
    other = generator.sample_w(10_000, seed=1).mean(0)
    assert (other - generator.w_avg).norm() < 0.05 * generator.w_std


def test_gradients_reach_w_noise_and_weights(generator):
    w = generator.sample_w(1, seed=0).requires_grad_(True)
    tensors = {
        name: value.detach().clone().requires_grad_(True)
        for name, value in [
            *generator.synthesis.named_parameters(),
            *generator.synthesis.named_buffers(),
        ]
    }
    generator.render(w, tensors).square().mean().backward()
    for name, tensor in [("w", w), *tensors.items()]:
        assert tensor.grad is not None and tensor.grad.abs().sum() > 0, name


@pytest.mark.slow
def test_the_gradient_of_a_weight_is_that_of_a_finite_difference():
    generator = make_generator(seed=3).double()
    w = generator.w_avg[None]
    name = "layers.1.conv2.pointwise"
    weight = dict(generator.synthesis.named_parameters())[name].detach()
    step = torch.zeros_like(weight)
    step[3, 5] = 1e-5

    def loss(value):
        return generator.render(w, {name: value}).square().mean()

    free = weight.clone().requires_grad_(True)
    loss(free).backward()
    numeric = (loss(weight + step) - loss(weight - step)) / 2e-5
    torch.testing.assert_close(free.grad[3, 5].squeeze(), numeric, rtol=1e-5, atol=1e-10)


def test_one_picture_and_a_batch_are_the_same(generator):
    w = generator.sample_w(3, seed=5)
    together = generator.render(w)
    alone = torch.cat([generator.render(one[None]) for one in w])
    assert together.shape == (3, 3, SIDE, SIDE)
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_replacing_weights_leaves_the_base_alone(generator):
    w = generator.sample_w(1, seed=5)
    before = generator.render(w)
    name = "head.bias"
    changed = generator.render(w, {name: torch.ones(12)})
    assert not torch.equal(changed, before)
    assert torch.equal(generator.render(w), before)


def test_ws_of_another_shape_is_refused(generator):
    with pytest.raises(ValueError, match="shape"):
        generator.render(torch.zeros(1, 5, 512))


def test_inverse_haar_is_orthogonal_and_places_the_bands():
    x = torch.randn(2, 12, 4, 4)
    assert torch.allclose(inverse_haar(x).square().sum(), x.square().sum(), rtol=1e-5)
    ll, lh, hl, hh = x[:1, 0::3][:, :, 0, 0][0]
    a, b, p, q = ll + lh, ll - lh, hl + hh, hl - hh
    cell = 0.5 * torch.stack([torch.stack([a + p, a - p]), torch.stack([b + q, b - q])])
    torch.testing.assert_close(inverse_haar(x)[0, 0, :2, :2], cell)


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_the_gradient_of_inverse_haar_is_that_of_finite_differences(order):
    x = torch.randn(2, 8, 3, 5, dtype=torch.float64).contiguous(memory_format=order)
    assert torch.autograd.gradcheck(inverse_haar, x.requires_grad_(True))
    assert inverse_haar(x).is_contiguous(memory_format=order)


@pytest.mark.slow
def test_maps_in_bfloat16_give_the_same_picture_and_gradients():
    generator = make_lively_generator()
    w = generator.sample_w(1, seed=4)
    name = "layers.2.conv1.pointwise"
    weight = dict(generator.synthesis.named_parameters())[name].detach()
    seen = []
    for dtype in (torch.float32, torch.bfloat16):
        generator.options = {"dtype": dtype}
        free = weight.clone().requires_grad_(True)
        picture = generator.render(w, {name: free})
        picture.square().mean().backward()
        assert picture.dtype == free.grad.dtype == torch.float32
        seen.append((picture.detach(), free.grad))
    (exact, gradient), (narrow, other) = seen
    # Eight bits of mantissa, a dozen layers.
    assert (exact - narrow).square().mean() < 1e-3 * exact.var()
    assert F.cosine_similarity(gradient.flatten(), other.flatten(), dim=0) > 0.99


def test_folding_the_style_into_the_weights_changes_nothing():
    x, style, weight = torch.randn(1, 8, 6, 6), torch.randn(1, 8), torch.randn(8, 1, 3, 3)
    plain = F.conv2d(x * style[:, :, None, None], weight, padding=1, groups=8)
    torch.testing.assert_close(depthwise_modulated(x, style, weight), plain)


@pytest.mark.parametrize(
    "layer",
    [
        '<data element_type="f32" shape="4" offset="0" size="16"/>',  # past the end
        '<data element_type="f32" shape="2" offset="-8" size="8"/>',
        '<data element_type="f32" shape="3" offset="0" size="8"/>',  # shape and size disagree
    ],
)
def test_a_description_that_points_outside_its_weights_is_refused(tmp_path, layer):
    xml = tmp_path / "net.xml"
    xml.write_text(f'<net><layers><layer name="a" type="Const">{layer}</layer></layers></net>')
    xml.with_suffix(".bin").write_bytes(bytes(8))
    with pytest.raises(CheckpointError, match="outside"):
        read_ir(xml, xml.with_suffix(".bin"))


def test_a_description_that_is_no_xml_is_refused(tmp_path):
    xml = tmp_path / "net.xml"
    xml.write_text("no xml")
    xml.with_suffix(".bin").write_bytes(bytes(8))
    with pytest.raises(CheckpointError, match="fetch it again"):
        read_ir(xml, xml.with_suffix(".bin"))
