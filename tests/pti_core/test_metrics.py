"""Distances are 0 for the same picture and right where they can be worked out."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance
from pytorch_msssim import ms_ssim

from checkpoints.fetch import fetch
from pti_core.faces.align import align
from pti_core.faces.detect import FaceFinder
from pti_core.faces.identity import IdentityModel
from pti_core.faces.images import open_photograph, to_tensor
from pti_core.metrics import ms_ssim_distance, mse

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ("astronaut", "biden", "obama")


@pytest.fixture(scope="module")
def finder():
    return FaceFinder(fetch("landmarks-68"))


@pytest.fixture(scope="module")
def identity(finder):
    return IdentityModel(fetch("face-recognition"), finder)


@pytest.fixture(scope="module")
def crops(finder):
    photos = [open_photograph(EXAMPLES / f"{name}.jpg") for name in NAMES]
    return dict(
        zip(NAMES, (align(p, finder.landmarks(p), size=512)[0] for p in photos), strict=True)
    )


def test_mse_is_per_picture():
    a = torch.zeros(2, 3, 8, 8)
    b = torch.stack([torch.full((3, 8, 8), 0.5), torch.full((3, 8, 8), -1.0)])
    assert torch.allclose(mse(a, b), torch.tensor([0.25, 1.0]))
    assert torch.equal(mse(b, b), torch.zeros(2))


def test_ms_ssim_distance_grows_with_the_damage(crops):
    clean = to_tensor(crops["obama"])
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    worse = [float(ms_ssim_distance(clean, clean + noise * level)) for level in (0, 0.05, 0.2, 0.6)]
    assert worse[0] == pytest.approx(0, abs=1e-5)
    assert worse == sorted(worse) and worse[-1] < 1
    both = ms_ssim_distance(torch.cat([clean, clean]), torch.cat([clean, clean + noise * 0.2]))
    assert both.shape == (2,) and float(both[1]) == pytest.approx(worse[2], abs=1e-4)


def test_ms_ssim_of_two_flat_pictures_is_the_luminance_term_alone():
    """Variances are 0, so only (2ab + c) / (a² + b² + c) of the coarsest scale is left."""
    a, b = torch.full((1, 3, 192, 192), -0.5), torch.full((1, 3, 192, 192), 0.5)
    c = (0.01 * 2) ** 2
    luminance = (2 * 0.5 * 1.5 + c) / (0.5**2 + 1.5**2 + c)  # of values shifted to 0..2
    assert float(ms_ssim_distance(a, b)) == pytest.approx(1 - luminance**0.1333, abs=1e-3)


def test_ms_ssim_is_that_of_the_same_pictures_in_bytes(crops):
    """The range -1..1 is a range of 2: on 0..255, with a range of 255, it is the same number."""
    a, b = to_tensor(crops["obama"]), to_tensor(crops["biden"])
    a, b = a * 0.05, a * 0.05 + b * 0.05  # little contrast, where the range matters most
    of_bytes = ms_ssim((a + 1) * 127.5, (b + 1) * 127.5, data_range=255)
    assert float(ms_ssim_distance(a, b)) == pytest.approx(float(1 - of_bytes), abs=1e-4)
    assert float(of_bytes) < 0.995


def test_ms_ssim_refuses_pictures_too_small_for_five_scales():
    with pytest.raises(ValueError, match="161"):
        ms_ssim_distance(torch.zeros(1, 3, 160, 160), torch.zeros(1, 3, 160, 160))


def test_embedding_is_128_numbers_and_repeats(identity, crops):
    first, again = (identity.embedding(crops["obama"]) for _ in range(2))
    assert first.shape == (128,) and np.array_equal(first, again)
    assert identity.distance(crops["obama"], crops["obama"]) == 0


@pytest.mark.slow
def test_one_person_is_near_and_others_are_far(identity, crops):
    for name in NAMES:
        own = identity.embedding(crops[name])
        mirrored = crops[name].transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        darker = ImageEnhance.Brightness(crops[name]).enhance(0.7)
        assert identity.distance(own, mirrored) < 0.5 * identity.same_person
        assert identity.distance(own, darker) < 0.5 * identity.same_person
        for other in NAMES:
            if other != name:
                assert identity.distance(own, crops[other]) > identity.same_person


def test_embedding_does_not_depend_on_resolution(identity, crops):
    small = crops["biden"].resize((256, 256), Image.Resampling.BOX)
    assert identity.distance(crops["biden"], small) < 0.1


def test_a_crop_in_which_no_face_is_detected_still_has_an_embedding(identity, finder):
    nothing = Image.new("RGB", (512, 512), "grey")
    assert finder.box(nothing) is None
    assert np.isfinite(identity.embedding(nothing)).all()
