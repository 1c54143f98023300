"""StyleGAN2: against the reference's golden output, and against its equations written plainly."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call

from pti_core.errors import CheckpointError
from pti_core.generators.convert import from_nvidia, from_rosinality
from pti_core.generators.stylegan2 import StyleGAN2
from tests.helpers.fill import error, filled, golden
from tests.helpers.layouts import as_nvidia, rosinality_state

#: Asked of a port, in standard deviations of the output.
CLOSE = 1e-4


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return rosinality_state()


@pytest.fixture(scope="module")
def generator(state: dict[str, Tensor]) -> StyleGAN2:
    return build(state)


def build(state: dict[str, Tensor]) -> StyleGAN2:
    config, weights = from_rosinality(state)
    return StyleGAN2(config, weights, name="small", fingerprint="0" * 64)


def codes(generator: StyleGAN2, count: int = 1) -> Tensor:
    shape = (count, generator.num_ws, generator.w_dim)
    return torch.randn(shape, generator=torch.Generator().manual_seed(5))


# The equations, one picture at a time, as plainly as they can be written (Karras et al. 2020).


def plain_upsample(x: Tensor) -> Tensor:
    """Zeros between the pixels, then the 4x4 filter, for (C, H, W)."""
    c, h, w = x.shape
    spread = x.new_zeros(c, 2 * h, 2 * w)
    spread[:, ::2, ::2] = x
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4
    padded = F.pad(spread, (2, 1, 2, 1))
    result = torch.zeros_like(spread)
    for i in range(4):
        for j in range(4):
            result += taps[i] * taps[j] * padded[:, i : i + 2 * h, j : j + 2 * w]
    return result


def plain_conv(x: Tensor, weight: Tensor, up: bool) -> Tensor:
    if not up:
        return F.conv2d(x[None], weight, padding=1)[0]
    # The filter commutes with the convolution, so the picture can be upsampled first; a margin
    # keeps what the convolution lets run over the border before the filter.
    wide = plain_upsample(F.pad(x, (3, 3, 3, 3)))
    return F.conv2d(wide[None], weight.flip(2, 3), padding=1)[0][:, 6:-6, 6:-6]


def plain_picture(state: dict[str, Tensor], ws: Tensor) -> Tensor:
    """ws (num_ws, w_dim) to a picture (3, R, R), straight from rosinality's tensors."""

    def style(name: str, w: Tensor) -> Tensor:
        matrix, bias = state[f"{name}.modulation.weight"], state[f"{name}.modulation.bias"]
        return matrix @ w / len(w) ** 0.5 + bias

    def styled(x: Tensor, name: str, w: Tensor, noise: Tensor, up: bool) -> Tensor:
        weight = state[f"{name}.conv.weight"][0] * style(f"{name}.conv", w)[None, :, None, None]
        weight = weight / weight.square().sum((1, 2, 3), keepdim=True).sqrt()
        x = plain_conv(x, weight, up) + state[f"{name}.noise.weight"] * noise[0]
        x = x + state[f"{name}.activate.bias"][:, None, None]
        return 2**0.5 * torch.where(x > 0, x, 0.2 * x)

    def to_rgb(x: Tensor, name: str, w: Tensor) -> Tensor:
        weight = state[f"{name}.conv.weight"][0, :, :, 0, 0] * style(f"{name}.conv", w)
        rgb = torch.einsum("oc,chw->ohw", weight / len(x) ** 0.5, x)
        return rgb + state[f"{name}.bias"][0]

    noises = [state[f"noises.noise_{i}"] for i in range(len(ws) - 1)]
    x = styled(state["input.input"][0], "conv1", ws[0], noises[0][0], up=False)
    image = to_rgb(x, "to_rgb1", ws[1])
    for i in range(len(ws) // 2 - 1):
        x = styled(x, f"convs.{2 * i}", ws[2 * i + 1], noises[2 * i + 1][0], up=True)
        x = styled(x, f"convs.{2 * i + 1}", ws[2 * i + 2], noises[2 * i + 2][0], up=False)
        image = plain_upsample(image) + to_rgb(x, f"to_rgbs.{i}", ws[2 * i + 3])
    return image


def test_picture_follows_the_equations(state: dict[str, Tensor], generator: StyleGAN2) -> None:
    ws = codes(generator)
    assert generator.resolution == 32 and generator.num_ws == 8
    assert error(generator.synthesis(ws)[0], plain_picture(state, ws[0])) < CLOSE


def test_gradients_follow_the_equations(state: dict[str, Tensor]) -> None:
    leaves = {k: v.clone().requires_grad_() for k, v in state.items() if not k.endswith("kernel")}
    generator = build(state)
    ws = codes(generator)
    ours_ws, plain_ws = (ws.clone().requires_grad_() for _ in range(2))
    generator.synthesis.requires_grad_(True)
    generator.synthesis(ours_ws).square().mean().backward()
    plain_picture(leaves, plain_ws[0]).square().mean().backward()
    own = dict(generator.synthesis.named_parameters())
    assert error(ours_ws.grad, plain_ws.grad) < CLOSE
    for ours, theirs in (
        ("b16.conv0.weight", "convs.2.conv.weight"),
        ("b16.conv0.bias", "convs.2.activate.bias"),
        ("b32.torgb.weight", "to_rgbs.2.conv.weight"),
        ("b8.conv1.affine.weight", "convs.1.conv.modulation.weight"),
        ("b4.const", "input.input"),
    ):
        wanted = leaves[theirs].grad
        assert error(own[ours].grad.reshape(wanted.shape), wanted) < CLOSE, ours
    strength = leaves["convs.2.noise.weight"].grad
    torch.testing.assert_close(own["b16.conv0.noise_strength"].grad, strength[0], rtol=1e-3, atol=0)


def test_mapping_follows_the_equations(state: dict[str, Tensor], generator: StyleGAN2) -> None:
    z = codes(generator, 2)[:, 0]
    x = z / z.square().mean(1, keepdim=True).sqrt()
    for i in range(1, 9):
        x = x @ (0.01 / 4 * state[f"style.{i}.weight"]).T + 0.01 * state[f"style.{i}.bias"]
        x = 2**0.5 * torch.where(x > 0, x, 0.2 * x)
    assert error(generator.mapping(z), x) < CLOSE


def test_both_layouts_make_the_same_picture(state: dict[str, Tensor], generator: StyleGAN2) -> None:
    config, weights = from_nvidia(as_nvidia(state))
    other = StyleGAN2(config, weights, name="nvidia", fingerprint="0" * 64)
    ws = codes(generator)
    assert torch.equal(other.synthesis(ws), generator.synthesis(ws))
    assert torch.equal(other.w_avg, generator.w_avg)


def test_several_pictures_equal_each_alone(generator: StyleGAN2) -> None:
    ws = codes(generator, 3)
    together = generator.synthesis(ws)
    for i in range(3):
        assert error(together[i : i + 1], generator.synthesis(ws[i : i + 1])) < CLOSE


def test_mean_of_w_comes_from_the_checkpoint_where_it_has_one(state: dict[str, Tensor]) -> None:
    average = torch.arange(16.0)
    for given in (average, average[None], average.expand(8, 16)):
        config, weights = from_rosinality(state, given)
        generator = StyleGAN2(config, weights, name="x", fingerprint="")
        assert torch.equal(generator.w_avg, average)
    config, weights = from_nvidia({**as_nvidia(state), "mapping.w_avg": average})
    assert torch.equal(weights["w_mean"], average)


# StyleSpace.


def test_styles_have_names_and_make_the_picture(generator: StyleGAN2) -> None:
    ws = codes(generator)
    styles = generator.synthesis.styles(ws)
    assert list(styles)[:4] == ["b4.conv1", "b4.torgb", "b8.conv0", "b8.conv1"]
    assert {k: v.shape[1] for k, v in styles.items() if k.startswith("b16")} == {
        "b16.conv0": 10,
        "b16.conv1": 8,
        "b16.torgb": 8,
    }
    assert torch.equal(generator.synthesis.from_styles(styles), generator.synthesis(ws))


def test_from_a_stem_the_picture_is_the_same(generator: StyleGAN2) -> None:
    w = generator.sample_w(1, seed=3)
    stem = generator.stem(w, 8)
    assert stem.maps.shape[-1] == 8 and stem.picture is not None
    assert torch.equal(generator.render(w, stem=stem), generator.render(w))


def test_one_style_channel_changes_the_picture(generator: StyleGAN2) -> None:
    styles = generator.synthesis.styles(codes(generator))
    before = generator.synthesis.from_styles(styles)
    styles["b8.torgb"] = styles["b8.torgb"] + torch.eye(10)[3] * 5
    assert error(generator.synthesis.from_styles(styles), before) > 0.01


def test_a_level_shared_by_two_layers(generator: StyleGAN2) -> None:
    ws = codes(generator)
    moved = ws.clone()
    moved[:, 3] += 1
    a, b = generator.synthesis.styles(ws), generator.synthesis.styles(moved)
    assert [k for k in a if not torch.equal(a[k], b[k])] == ["b8.torgb", "b16.conv0"]


def test_wrong_shape_of_ws_is_named(generator: StyleGAN2) -> None:
    with pytest.raises(ValueError, match=r"\(1, 8, 3\).*\(N, 8, 16\)"):
        generator.synthesis(torch.zeros(1, 8, 3))


# Replaced tensors, less memory, fewer bits.


def test_stored_noise_can_be_replaced(generator: StyleGAN2) -> None:
    ws, names = codes(generator), generator.noise_names()
    assert names[0] == "b4.conv1.noise" and len(names) == 7
    base = generator.render(ws)
    assert error(generator.render(ws, {names[-1]: torch.zeros(1, 1, 32, 32)}), base) > 0.001
    assert torch.equal(generator.render(ws), base)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_recomputing_gives_the_same_gradients(generator: StyleGAN2, dtype: torch.dtype) -> None:
    """Also where the weights are replaced, as in tuning: recomputed with the same replacements."""
    base = dict(generator.synthesis.named_parameters())
    gradients = []
    for checkpoint in (False, True):
        ws = codes(generator).requires_grad_()
        tuned = {k: (v + 0.1).requires_grad_() for k, v in base.items()}
        options = {"checkpoint": checkpoint, "dtype": dtype}
        picture = functional_call(generator.synthesis, tuned, (ws,), options)
        picture.square().mean().backward()
        gradients.append([ws.grad, *(t.grad for t in tuned.values())])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(recomputed, plain)


def test_sixteen_bits_make_visibly_the_same_picture() -> None:
    generator = build(rosinality_state((16, 16, 16, 16, 12, 8)))  # 128: two blocks in 16 bits
    ws = codes(generator)
    full, half = (generator.synthesis(ws, dtype=d) for d in (torch.float32, torch.bfloat16))
    assert half.dtype == torch.float32
    assert not torch.equal(half, full)
    assert (half - full).square().mean().sqrt() < 0.01 * full.std()


def test_clamped_activations_and_their_gradients(state: dict[str, Tensor]) -> None:
    """NVIDIA's `conv_clamp`, tight enough that it bites, against the plain operations."""
    config, weights = from_nvidia(
        as_nvidia(state), {"synthesis_kwargs": {"conv_clamp": 0.5, "num_fp16_res": 4}}
    )
    generator = StyleGAN2(config, weights, name="clamped", fingerprint="")
    layer = generator.synthesis.b4.conv1
    plain = codes(generator).requires_grad_()
    styles = generator.synthesis.styles(plain)
    weight = layer.weight * styles["b4.conv1"][0, :, None, None]
    weight = weight / weight.square().sum((1, 2, 3), keepdim=True).sqrt()
    x = F.conv2d(generator.synthesis.b4.const[None], weight, padding=1)
    x = x + layer.noise * layer.noise_strength + layer.bias[:, None, None]
    x = (F.leaky_relu(x, 0.2) * 2**0.5).clamp(-0.5 * 2**0.5, 0.5 * 2**0.5)
    rgb = generator.synthesis.b4.torgb
    mixed = rgb.weight[:, :, 0, 0] * styles["b4.torgb"][0] / 12**0.5
    image = (torch.einsum("oc,chw->ohw", mixed, x[0]) + rgb.bias[:, None, None]).clamp(-0.5, 0.5)

    config4, weights4 = from_nvidia(
        {k: v for k, v in as_nvidia(state).items() if k.startswith(("mapping", "synthesis.b4."))},
        {"synthesis_kwargs": {"conv_clamp": 0.5}},
    )
    only4 = StyleGAN2(config4, weights4, name="4x4", fingerprint="").synthesis
    ours = codes(generator)[:, :2].requires_grad_()
    picture = only4(ours)
    assert error(picture[0], image) < CLOSE and (x.abs() > 0.7).any() and x.abs().max() < 0.708
    picture.square().sum().backward()
    image.square().sum().backward()
    assert error(ours.grad, plain.grad[:, :2]) < CLOSE


# Refusals.


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s.pop("convs.3.conv.weight"), "lack 'synthesis.b16.conv1.weight'"),
        (lambda s: s.update(extra=torch.zeros(1)), "unknown tensor, 'extra'"),
        (lambda s: s.update({"to_rgbs.99.bias": torch.zeros(3)}), "unknown tensor"),
        (lambda s: s.update({"conv1.activate.bias": torch.zeros(5)}), "is not of"),
        (lambda s: s.update({"input.input": s["input.input"] * torch.nan}), "no number"),
        (lambda s: s.update({"convs.0.conv.blur.kernel": torch.ones(4, 4)}), "low-pass filter"),
        (lambda s: s.update({"input.input": "text"}), "no tensor"),
        (lambda s: s.clear(), "no StyleGAN2 generator"),
    ],
)
def test_rosinality_weights_that_do_not_fit(state: dict[str, Tensor], change, sentence) -> None:
    broken = dict(state)
    change(broken)
    with pytest.raises(CheckpointError, match=sentence):
        from_rosinality(broken)


@pytest.mark.parametrize(
    "options",
    [
        {"c_dim": 10},
        {"synthesis_kwargs": {"architecture": "resnet"}},
        {"synthesis_kwargs": {"conv_clamp": "256"}},
    ],
)
def test_nvidia_networks_of_another_kind(state: dict[str, Tensor], options) -> None:
    with pytest.raises(CheckpointError, match=r"another kind|no positive number"):
        from_nvidia(as_nvidia(state), options)


# Golden outputs of the reference implementations.


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["rosinality", "nvidia"])
def test_golden_picture_at_1024(layout: str) -> None:
    wanted, shapes = golden(f"stylegan2-{layout}-1024")
    convert = {"rosinality": from_rosinality, "nvidia": from_nvidia}[layout]
    config, weights = convert(filled(shapes))
    generator = StyleGAN2(config, weights, name=layout, fingerprint="")
    with torch.no_grad():
        picture = generator.synthesis(wanted["ws"])
        assert error(generator.mapping(wanted["z"]), wanted["w"]) < CLOSE
        half = generator.synthesis(wanted["ws"], dtype=torch.bfloat16)
    small = F.interpolate(picture, size=128, mode="area")
    assert error(small, wanted["image_area128"]) < CLOSE
    assert error(picture[:, :, 400:496, 400:496], wanted["image_crop"]) < CLOSE
    assert (half - picture).square().mean().sqrt() < 0.01 * picture.std()
