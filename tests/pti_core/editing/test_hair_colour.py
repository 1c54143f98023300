"""Hair in the colours of another picture's hair."""

from __future__ import annotations

import pytest
import torch

from pti_core.editing.hair_colour import recoloured, sharpened

SIDE = 512
BROWN, BLOND = (-0.5, -0.65, -0.75), (0.5, 0.3, -0.1)


def head(colour: tuple[float, float, float], strands: float, seed: int = 0) -> torch.Tensor:
    """Hair all over, lighter to the right, with strands of some contrast."""
    light = torch.linspace(-0.15, 0.15, SIDE)[None, None, None, :]
    noise = torch.randn(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))
    return torch.tensor(colour)[None, :, None, None] + light + strands * noise


EVERYWHERE = torch.ones(1, 1, 64, 64)


def test_hair_takes_the_examples_colours_and_keeps_its_own_strands():
    own, example = head(BROWN, 0.05), head(BLOND, 0.05, seed=1)
    dyed = recoloured(own, EVERYWHERE, example, EVERYWHERE)
    torch.testing.assert_close(dyed.mean((0, 2, 3)), torch.tensor(BLOND), atol=0.03, rtol=0)
    strands, before = dyed - head(BLOND, 0), own - head(BROWN, 0)
    assert torch.corrcoef(torch.stack([strands.flatten(), before.flatten()]))[0, 1] > 0.95
    left, right = dyed[..., : SIDE // 4].mean(), dyed[..., -SIDE // 4 :].mean()
    assert right - left == pytest.approx(0.225, abs=0.05)


def test_light_strands_get_the_colour_of_the_examples_light_strands():
    example = head(BLOND, 0)
    example[:, 2] -= torch.linspace(-0.2, 0.2, SIDE)  # the lighter, the yellower
    dyed = recoloured(head(BROWN, 0), EVERYWHERE, example, EVERYWHERE)
    torch.testing.assert_close(dyed, example, atol=0.03, rtol=0)


def test_strands_get_the_examples_contrast_within_bounds():
    own = head(BROWN, 0.04)
    flat, rich = (
        recoloured(own, EVERYWHERE, head(BLOND, strands), EVERYWHERE) for strands in (0.02, 0.06)
    )
    assert (rich - head(BLOND, 0)).std() > 1.2 * (flat - head(BLOND, 0)).std()
    wild = recoloured(own, EVERYWHERE, head(BLOND, 0.5), EVERYWHERE)
    assert (wild - head(BLOND, 0)).abs().mean() < 0.5


@pytest.mark.parametrize("bald", ["own", "example"])
def test_without_hair_in_both_nothing_happens(bald):
    own, none = head(BROWN, 0.05), torch.zeros_like(EVERYWHERE)
    masks = (none, EVERYWHERE) if bald == "own" else (EVERYWHERE, none)
    assert torch.equal(recoloured(own, masks[0], head(BLOND, 0.05), masks[1]), own)


def test_a_rough_weight_follows_the_pictures_edges():
    picture = torch.full((1, 3, SIDE, SIDE), 0.8)
    picture[..., : SIDE // 2] = -0.8
    rough = torch.zeros(1, 1, 128, 128)
    rough[..., :63] = 1  # a cell short of the edge
    found = sharpened(rough, picture)
    assert found.shape == (1, 1, SIDE, SIDE)
    middle = found[0, 0, SIDE // 2]
    assert middle[SIDE // 2 - 10] > 0.7 and middle[SIDE // 2 + 10] < 0.1
    assert middle[: SIDE // 4].min() > 0.95 and middle[-SIDE // 4 :].max() < 0.05


def test_small_pictures_are_coloured_as_well():
    own, example = (head(colour, 0.02)[..., ::4, ::4] for colour in (BROWN, BLOND))
    dyed = recoloured(own, EVERYWHERE, example, EVERYWHERE)
    torch.testing.assert_close(dyed.mean((0, 2, 3)), torch.tensor(BLOND), atol=0.03, rtol=0)
