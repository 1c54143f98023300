"""CLIP: OpenAI's file as it is published (a TorchScript archive), other layouts, refusals."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from checkpoints.torchscript import is_torchscript, read_torchscript
from mappers.styleclip.clip import CONTEXT, Clip, read_clip, tokenize
from pti_core.errors import CheckpointError
from tests.helpers.small_clip import make_network


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    return make_network(vocabulary=600).eval()


@pytest.fixture(scope="module")
def archive(network, tmp_path_factory) -> Path:
    """As OpenAI's file is made: the network traced, with half-precision weights and settings."""

    class Both(torch.nn.Module):
        def __init__(self, clip: torch.nn.Module) -> None:
            super().__init__()
            for name, part in clip.named_children():
                self.add_module(name, part)
            for name, parameter in clip.named_parameters(recurse=False):
                self.register_parameter(name, parameter)
            self.register_buffer("input_resolution", torch.tensor(32))

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return self.visual(image) * self.logit_scale + self.token_embedding.weight.sum()

    both = Both(network)
    path = tmp_path_factory.mktemp("clip") / "ViT-B-32.pt"
    torch.jit.save(torch.jit.trace(both, torch.zeros(1, 3, 32, 32)), path)
    return path


def test_tokens_are_clips_own():
    tokens = tokenize(["a photo of a cat", "x " * 200])
    assert tokens.shape == (2, CONTEXT)
    # From the published vocabulary: start, "a photo of a cat", end.
    assert tokens[0, :8].tolist() == [49406, 320, 1125, 539, 320, 2368, 49407, 0]
    assert tokens[1, -1] == 49407


def test_an_archive_gives_the_weights_that_were_put_into_it(network, archive):
    assert is_torchscript(archive)
    found = read_clip(archive)
    for name, tensor in network.visual.state_dict().items():
        assert torch.equal(found[f"visual.{name}"], tensor), name
    assert torch.equal(found["token_embedding.weight"], network.token_embedding.weight)


def test_the_networks_agree_and_have_a_gradient(network):
    clip = Clip(dict(network.state_dict()))
    picture = torch.rand(2, 3, 32, 32) * 2 - 1
    picture.requires_grad_(True)
    found = clip.image(picture)
    shown = ((picture * 0.5 + 0.5) - clip.mean) / clip.std
    expected = torch.nn.functional.normalize(network.encode_image(shown))
    assert torch.allclose(found, expected, atol=1e-5)
    found.sum().backward()
    assert picture.grad is not None and picture.grad.abs().sum() > 0


def test_the_hubs_layout_is_the_same_network(network):
    from mappers.styleclip.clip import _from_hub

    own = network.state_dict()
    hub = {
        "text_model.embeddings.position_embedding.weight": own["positional_embedding"],
        "text_model.embeddings.token_embedding.weight": own["token_embedding.weight"],
        "text_projection.weight": own["text_projection"].T,
        "logit_scale": own["logit_scale"],
        "visual_projection.weight": own["visual.proj"].T,
        "vision_model.embeddings.class_embedding": own["visual.class_embedding"],
        "vision_model.embeddings.position_embedding.weight": own["visual.positional_embedding"],
        "vision_model.embeddings.patch_embedding.weight": own["visual.conv1.weight"],
    }
    names = {"ln_1": "layer_norm1", "ln_2": "layer_norm2", "attn.out_proj": "self_attn.out_proj"}
    names |= {"mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"}
    for kind in ("weight", "bias"):
        hub[f"text_model.final_layer_norm.{kind}"] = own[f"ln_final.{kind}"]
        hub[f"vision_model.pre_layrnorm.{kind}"] = own[f"visual.ln_pre.{kind}"]
        hub[f"vision_model.post_layernorm.{kind}"] = own[f"visual.ln_post.{kind}"]
        for ours, theirs in (("", "text_model"), ("visual.", "vision_model")):
            block, layer = f"{ours}transformer.resblocks.0", f"{theirs}.encoder.layers.0"
            hub |= {f"{layer}.{b}.{kind}": own[f"{block}.{a}.{kind}"] for a, b in names.items()}
            for key, part in zip("qkv", own[f"{block}.attn.in_proj_{kind}"].chunk(3), strict=True):
                hub[f"{layer}.self_attn.{key}_proj.{kind}"] = part
    found = _from_hub(hub)
    assert found.keys() == own.keys()
    assert all(torch.equal(found[name], own[name]) for name in own)


def test_what_is_no_clip_is_refused(tmp_path):
    path = tmp_path / "other.pt"
    torch.save({"weight": torch.zeros(3)}, path)
    with pytest.raises(CheckpointError, match="no CLIP network"):
        Clip(read_clip(path))


class _Shell:
    def __reduce__(self):
        return print, ("run!",)


def test_an_archive_that_wants_to_run_something_is_refused(tmp_path, capsys):
    path = tmp_path / "evil.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("evil/data.pkl", pickle.dumps(_Shell(), 2))
        archive.writestr("evil/constants.pkl", b"")
    with pytest.raises(CheckpointError, match="was refused"):
        read_torchscript(path)
    assert "run!" not in capsys.readouterr().out


def test_a_broken_archive_is_refused(archive, tmp_path):
    whole = archive.read_bytes()
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():  # the numbers of every tensor cut to four bytes
            data = old.read(name)
            new.writestr(name, data[:4] if "/data/" in name else data)
    path = tmp_path / "cut.pt"
    path.write_bytes(stream.getvalue())
    with pytest.raises(CheckpointError, match="was refused"):
        read_torchscript(path)
