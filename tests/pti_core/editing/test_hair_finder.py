"""Where the hair of the head is: the network that comes with the program."""

from __future__ import annotations

import pytest
import torch

from checkpoints.factory import load_edit_kit
from pti_core.editing.hair_finder import DATA, HairFinder, load_hair_finder
from pti_core.errors import CheckpointError
from pti_core.faces.regions import luminance, zone
from pti_core.models import EditKit
from pti_core.networks.lpips import area


@pytest.fixture(scope="module")
def kit() -> EditKit:
    return load_edit_kit("mobile")


@pytest.fixture(scope="module")
def codes(kit) -> torch.Tensor:
    """Of faces that it was not trained on, nearer to the mean than most."""
    generator = kit.generator
    return generator.w_mean + 0.7 * (generator.sample_w(6, seed=9) - generator.w_mean)


@torch.inference_mode()
def faces(kit, codes: torch.Tensor, direction: str = "", amount: float = 0, layers: int = 0):
    """Pictures (N, 3, 256, 256) of codes that have gone along a direction from a layer on."""
    ws = codes[:, None].repeat(1, kit.generator.num_ws, 1)
    if direction:
        ws[:, layers:] += kit.directions[direction].step(amount).to(ws)
    return torch.cat([area(kit.generator.render(w[None]), 256) for w in ws])


def test_what_it_finds_changes_with_the_hairs_colour_and_the_rest_does_not(kit, codes):
    hair = area(kit.hair.find(faces(kit, codes)), 128)
    dark, blond = (luminance(faces(kit, codes, f"hair_{c}", 100, 4)) for c in ("dark", "blond"))
    change = area((blond - dark).abs(), 128)
    assert (hair.mean((1, 2, 3)) > 0.05).all()
    inside, outside = ((change * where).sum() / where.sum() for where in (hair, 1 - hair))
    assert inside > 2.5 * outside


def test_a_face_is_not_hair(kit, codes):
    hair = kit.hair.find(faces(kit, codes))
    assert (hair * zone(hair, (0.5, 0.6, 0.12, 0.15))).max() < 0.1


def test_there_is_less_of_it_on_balder_heads(kit, codes):
    full, bald = (kit.hair.find(faces(kit, codes, "bald", a)).mean((1, 2, 3)) for a in (-60, 100))
    assert (bald < full).all() and bald.mean() < 0.7 * full.mean()


def test_the_same_whatever_the_size(kit, codes):
    small = faces(kit, codes[:1])
    large = torch.nn.functional.interpolate(small, scale_factor=4, mode="nearest")
    torch.testing.assert_close(kit.hair.find(large), kit.hair.find(small), atol=1e-3, rtol=0)
    tiny = kit.hair.find(area(small, 64))
    assert tiny.shape == (1, 1, 128, 128)
    assert (tiny - kit.hair.find(small)).abs().mean() < 0.1


def test_a_damaged_file_is_said_to_be_so(tmp_path):
    file = tmp_path / "hair.safetensors"
    file.write_bytes(DATA.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"hair\.safetensors is damaged"):
        load_hair_finder(file)


def test_it_is_not_trained_further():
    finder = load_hair_finder()
    assert isinstance(finder, HairFinder) and not finder.training
    assert not any(parameter.requires_grad for parameter in finder.parameters())
