"""The perceptual network: its published form, its faster form, and what a distance must do."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from checkpoints.fetch import fetch
from checkpoints.network_loaders import load_perceptual
from pti_core.errors import CheckpointError
from pti_core.networks.lpips import area, load_lpips


def published(state, x):
    """The published network's feature maps, written out plainly."""
    kernel = torch.tensor([1.0, 2.0, 1.0])
    kernel = (kernel[:, None] * kernel / 16)[None, None]

    def blur_pool(x):
        padded = F.pad(x, (2, 2, 2, 2), mode="reflect")
        return F.conv2d(padded, kernel.expand(x.shape[1], 1, 3, 3), stride=2, groups=x.shape[1])

    def conv(x, name, padding):
        weight, bias = state[f"net.{name}.weight"], state[f"net.{name}.bias"]
        return F.conv2d(x, weight, bias, padding=padding)

    x = (x - state["scaling_layer.shift"]) / state["scaling_layer.scale"]
    maps = [blur_pool(conv(x, "slice1.0", 2)).relu()]
    maps.append(conv(blur_pool(F.max_pool2d(maps[-1], 3, 1)), "slice2.5", 2).relu())
    maps.append(conv(blur_pool(F.max_pool2d(maps[-1], 3, 1)), "slice3.9", 1).relu())
    maps.append(conv(maps[-1], "slice4.11", 1).relu())
    maps.append(conv(maps[-1], "slice5.13", 1).relu())
    return [m / (m.square().sum(1, keepdim=True).sqrt() + 1e-10) for m in maps]


@pytest.fixture(scope="module")
def pictures():
    random = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 3, 12, 12, generator=random) * 2 - 1
    return F.interpolate(coarse, size=(97, 90), mode="bicubic").clamp(-1, 1)


def test_the_report_network_is_the_published_one(pictures):
    state = torch.load(fetch("stlpips-alex"), map_location="cpu", weights_only=True)
    a, b = pictures[:1], pictures[1:]
    wanted = sum(
        F.conv2d((x - y).square(), state[f"lin{i}.model.1.weight"]).mean()
        for i, (x, y) in enumerate(zip(published(state, a), published(state, b), strict=True))
    )
    found = load_perceptual(exact_border=True)(a, b)
    torch.testing.assert_close(found, wanted[None], rtol=1e-4, atol=1e-6)


def test_the_fast_network_differs_at_the_border_only(pictures):
    fast, exact = load_perceptual().features(pictures), load_perceptual(True).features(pictures)
    assert [m.shape for m in fast] == [m.shape for m in exact]
    torch.testing.assert_close(
        fast[0][..., 1:-1, 1:-1], exact[0][..., 1:-1, 1:-1], rtol=1e-3, atol=1e-5
    )
    assert not torch.allclose(fast[0], exact[0], rtol=1e-3, atol=1e-5)


def test_a_distance_is_zero_for_the_same_and_grows_with_blur(pictures):
    lpips = load_perceptual()
    sharp = pictures[:1]
    blurred = [F.avg_pool2d(F.pad(sharp, (k,) * 4, "reflect"), 2 * k + 1, 1) for k in (1, 3, 6)]
    distances = [lpips(sharp, picture).item() for picture in blurred]
    assert lpips(sharp, sharp).item() == 0
    assert 0 < distances[0] < distances[1] < distances[2]


def test_a_file_with_something_else_is_refused(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({"scaling_layer.shift": torch.zeros(1, 3, 1, 1)}, path)
    with pytest.raises(CheckpointError, match="fetch it again"):
        load_lpips(path)


def test_area_averages_blocks():
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert area(x, 2).flatten().tolist() == [2.5, 4.5, 10.5, 12.5]
    assert area(x, 4) is x
