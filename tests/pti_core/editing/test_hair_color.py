"""Hair in any colour, on a drawn face."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pti_core.editing.hair_color import (
    SLIDERS,
    HairColor,
    dyed,
    enough_hair,
    light_cast,
    lightness,
    oklab,
    tints,
)
from pti_core.editing.mattes import hair_matte
from pti_core.errors import EditError
from tests.helpers.drawn_face import HAIR, SIDE, SKIN, ellipse, face, parse

COLOURS = ("#ff69b4", "#3f9b4b", "#27408b", "#7d3cb5", "#d9b785", "#8a3a1c", "#14100f", "#c3c5cb")
ENDS = dict.fromkeys(SLIDERS, (-100.0, 100.0))


def colour(image: np.ndarray, name: str, strength: float = 1.0) -> np.ndarray:
    return dyed(
        image, hair_matte(image, parse(face()[1])), tints(HairColor(name, strength), {}, {})
    )


def slid(image: np.ndarray, **amounts: float) -> np.ndarray:
    return dyed(image, hair_matte(image, parse(face()[1])), tints(None, amounts, ENDS))


INSIDE = (slice(30, 60), slice(90, 166))


@pytest.mark.parametrize("name", COLOURS)
def test_hair_gets_the_colour_and_nothing_else_changes(name: str) -> None:
    image, masks = face()
    found = colour(image, name)
    wanted, got = HairColor(name).oklab, oklab(np.median(found[INSIDE], axis=(0, 1)))
    assert np.abs(got - wanted).max() < 0.06
    away = np.ones((SIDE, SIDE), dtype=bool)
    away[:95] = False
    assert np.array_equal(found[away], image[away])  # face, brows, ears, clothes
    scene = (masks["hair"] + masks["skin"] == 0) & (ellipse(128, 105, 100, 105) == 0)
    assert np.abs(found - image)[scene].max() < 1


@pytest.mark.parametrize("name", COLOURS)
def test_the_hairline_has_no_rim(name: str) -> None:
    """Across the hairline colours pass from hair to skin without going beyond either."""
    image, _ = face(strands=0)
    column = colour(image, name)[60:95, 128]
    ends = np.stack([column[0], np.array(SKIN)])
    assert (column >= ends.min(0) - 10).all() and (column <= ends.max(0) + 10).all()


def test_hair_that_becomes_lighter_keeps_darker_roots() -> None:
    """Without them pale hair ends at the forehead like a wig."""
    image, masks = face(strands=0)
    skin, hair = parse(masks).group("skin"), hair_matte(image, parse(masks))
    root, inner = (slice(72, 80), slice(110, 146)), (slice(30, 50), slice(110, 146))

    def light(color: str, rooted: bool, where: tuple[slice, slice]) -> float:
        chosen = tints(HairColor(color), {}, {})
        return float(dyed(image, hair, chosen, skin if rooted else None)[where].mean())

    assert light("#e3c384", True, root) < 0.85 * light("#e3c384", False, root)
    assert light("#e3c384", True, inner) == light("#e3c384", False, inner)
    assert light("#14100f", True, root) == light("#14100f", False, root)


def test_skin_that_a_matte_takes_for_hair_is_not_lightened() -> None:
    """At a hairline that was too wide skin became grey fog when dark hair was made blond."""
    image, masks = face(strands=0)
    skin, hair = parse(masks).group("skin"), hair_matte(image, parse(masks))
    bright = np.clip(1.35 * image, 0, 255).astype(np.float32)
    wide = np.maximum(hair, 0.6 * ((np.arange(SIDE) < 96)[:, None] & (masks["skin"] > 0.5)))
    found = dyed(bright, wide.astype(np.float32), tints(None, {"hair_blond": 100.0}, ENDS), skin)
    forehead = np.s_[88:94, 112:144]
    assert found[forehead].mean() < bright[forehead].mean() + 4


def test_strands_stay_in_their_order() -> None:
    image, _ = face()
    for name in COLOURS:
        light, before = (lightness(x[INSIDE]).mean(0) for x in (colour(image, name), image))
        assert np.corrcoef(light, before)[0, 1] > 0.9


@pytest.mark.parametrize("name", ["#d9b785", "#c3c5cb", "#ff69b4"])
def test_dark_hair_with_light_strands_is_not_flat_in_a_pale_colour(name: str) -> None:
    """Contrast stays: strands are lighter than shadows by a third of the power, none is white."""
    image, masks = face(strands=0)
    stripes = np.where(np.arange(SIDE) % 8 < 4, 0.5, 1.7)[None, :, None]
    hair = masks["hair"][..., None]
    image = (image + hair * (image * stripes - image)).astype(np.float32)
    found = colour(image, name)
    shadow, strand = (np.quantile(lightness(found[INSIDE]), q) for q in (0.2, 0.8))
    before = np.divide(*(np.quantile(lightness(image[INSIDE]), q) for q in (0.8, 0.2)))
    assert np.log(strand / shadow) > 0.33 * np.log(before)
    assert np.quantile(lightness(found[INSIDE]), 0.95) < 0.95


def test_strength_goes_from_none_to_all() -> None:
    image, _ = face()
    none, faint, half, full = (colour(image, "#ff69b4", s) for s in (0, 0.02, 0.5, 1))
    assert np.abs(none - image).max() < 0.5
    changes = [np.abs(x - image).mean() for x in (faint, half, full)]
    assert changes[0] < 0.1 * changes[1] and changes[1] < changes[2]


def test_sliders_only_go_their_way() -> None:
    def light(x: np.ndarray) -> float:
        return float(lightness(x[INSIDE]).mean())

    dark, pale = (face(hair)[0] for hair in ((25.0, 20.0, 18.0), (230.0, 225.0, 220.0)))
    assert light(slid(dark, hair_blond=100)) > light(dark) + 0.3
    assert light(slid(pale, hair_dark=100)) < light(pale) - 0.3
    assert light(slid(pale, hair_dark=-100)) > light(pale) - 0.03
    assert light(slid(dark, hair_blond=-100)) < light(dark) + 0.03
    red = slid(face()[0], hair_red=100)[INSIDE].mean((0, 1))
    assert red[0] > 1.5 * red[2]
    grey = slid(face()[0], hair_grey=100)[INSIDE].mean((0, 1))
    assert np.ptp(grey) < 12 and grey.mean() > 120


def test_white_hair_made_blond_is_platinum() -> None:
    """As light as it was, the whole blond is a yellow glow."""
    white, _ = face(hair=(238.0, 236.0, 234.0))
    fair, _ = face(hair=(150.0, 125.0, 95.0))
    glow, blond = (
        oklab(np.median(slid(x, hair_blond=100)[INSIDE], axis=(0, 1))) for x in (white, fair)
    )
    assert glow[0] > 0.9 and np.hypot(*glow[1:]) < 0.75 * np.hypot(*blond[1:])


def test_an_ear_that_the_parser_takes_for_hair_stays() -> None:
    image, masks = face()
    ear = ellipse(64, 100, 10, 10)
    masks["hair"] = np.maximum(masks["hair"], ellipse(60, 100, 24, 40))
    image = image + ellipse(60, 100, 24, 40)[..., None] * (np.array(HAIR) - image)
    image = image + ear[..., None] * (np.array(SKIN) - image)
    image = image.astype(np.float32)
    matte = hair_matte(image, parse(masks))
    assert matte[100, 64] < 0.1 and matte[50, 128] > 0.95


def test_hair_under_a_hat_is_not_coloured() -> None:
    image, masks = face()
    masks["hat"] = masks["hair"] * (np.arange(SIDE)[:, None] < 50)
    matte = hair_matte(image, parse(masks))
    assert matte[25, 128] < 0.05 and matte[62, 128] > 0.8
    masks["hat"] = masks["hair"]
    assert not enough_hair(hair_matte(image, parse(masks)))


@pytest.mark.parametrize(
    "wrong",
    [("pink",), ("#12345",), (7,), ("#ff69b4", 1.5), ("#ff69b4", float("nan")), ("#ff69b4", 1, 1)],
)
def test_what_is_no_colour_is_refused(wrong: Any) -> None:
    with pytest.raises(EditError):
        HairColor(*wrong)


def test_a_colour_is_plain_values_and_back() -> None:
    one = HairColor("FF69B4", 0.5, True)
    assert one.color == "#ff69b4" and HairColor(**one.to_dict()) == one


def test_gaps_between_strands_stay_dark_in_blond_hair() -> None:
    """A pale colour on dark hair has depth: gaps keep at least their share of the light."""
    image, masks = face(strands=0)
    gaps = np.where(np.arange(SIDE) % 8 < 3, 0.4, 1.0)[None, :, None]
    hair = masks["hair"][..., None]
    image = (image + hair * (image * gaps - image)).astype(np.float32)
    ratios = []
    for one in (image, slid(image, hair_blond=100.0)):
        columns = lightness(one[INSIDE]).mean(0)
        ratios.append(np.quantile(columns, 0.05) / np.quantile(columns, 0.6))
    assert ratios[1] < ratios[0] + 0.12


def test_strands_in_a_bright_lock_stay_strands() -> None:
    """A lock far above the median goes where the curve is flat; its strands still differ."""
    image, masks = face(strands=0)
    fine = np.where(np.arange(SIDE) % 4 < 2, 0.9, 1.1)[None, :, None]
    lock = np.where(np.arange(SIDE) < 128, 1.0, 4.0)[None, :, None]
    hair = masks["hair"][..., None]
    image = (image * (1 + hair * (fine * lock - 1))).astype(np.float32)
    inside = slice(40, 55), slice(140, 160)
    spread = []
    for one in (image, slid(image, hair_blond=100.0)):
        columns = lightness(one[inside]).mean(0)
        spread.append(columns.std() / columns.mean())
    assert spread[1] > 0.5 * spread[0]


def test_hair_has_the_cast_of_the_light() -> None:
    """Blond hair beside skin in warm light is warm; a colour given as a value is that value."""
    image, _ = face()
    skin = parse(face()[1]).group("skin")
    warm = np.clip(image * np.array([1.05, 1.0, 0.7]), 0, 255).astype(np.float32)
    casts = [light_cast(one, skin) for one in (warm, image)]
    assert casts[0] > casts[1] + 0.01
    assert light_cast(image, np.zeros_like(skin)) == 0
    blond = [tints(None, {"hair_blond": 100.0}, ENDS, cast)[0].target for cast in (0.03, 0.0)]
    assert blond[0][2] > blond[1][2] + 0.02
    assert blond[0][1] > blond[1][1]  # warm, not olive
    pink = HairColor("#ff69b4")
    assert np.array_equal(tints(pink, {}, ENDS, 0.03)[0].target, pink.oklab)
