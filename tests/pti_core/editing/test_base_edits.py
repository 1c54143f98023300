"""What the base generator adds, with a base generator of drawn faces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from pti_core.editing.base_edits import ADDED, Extras, carry, notes, possible, split
from pti_core.editing.base_renderer import BaseRenderer, Shown
from pti_core.editing.beard import without_leak
from pti_core.editing.directions import load_directions
from pti_core.editing.hair_color import HARDLY_ANY_HAIR, HairColor
from pti_core.editing.parsing import Parsing
from tests.helpers.drawn_face import BACKGROUND, HAIR, MOUTH, SIDE, SKIN, ellipse, face, parse

DIRECTIONS = load_directions()
W = torch.zeros(1, 512)
Drawn = tuple[np.ndarray, dict[str, np.ndarray]]
BLACK = (20.0, 18.0, 22.0)


def base(draw: Callable[[Callable[[str], float]], Drawn]) -> BaseRenderer:
    """A base generator: `draw` gets how far w is along a direction."""

    def drawn(w: torch.Tensor) -> Drawn:
        return draw(lambda name: float(w[0] @ DIRECTIONS[name].vector))

    return BaseRenderer(lambda w: drawn(w)[0], lambda w: parse(drawn(w)[1]), W[0], 18, DIRECTIONS)


def plain(along: Callable[[str], float]) -> Drawn:
    return face()


def carried(drawn: Drawn, renderer: BaseRenderer, color: HairColor | None = None, **edits: float):
    image, masks = drawn
    plate = np.broadcast_to(np.array(BACKGROUND, dtype=np.float32), image.shape)
    return carry(Shown(image, parse(masks)), plate, renderer, W, Extras(edits, color))


def at(image: np.ndarray, x: float, y: float) -> np.ndarray:
    return image[round(y) - 2 : round(y) + 3, round(x) - 2 : round(x) + 3].mean((0, 1))


def near(colour: np.ndarray, other: tuple[float, float, float], limit: float = 25) -> bool:
    return float(np.abs(colour - np.array(other)).max()) < limit


def test_every_added_edit_is_a_direction_and_the_rest_is_the_tuned_generators() -> None:
    assert DIRECTIONS.keys() >= ADDED
    own, added = split({"age": 5, "glasses": 50, "beard": -3, "fringe": 0, "bald": 20})
    assert own == {"age": 5, "fringe": 0} and added == {"glasses": 50, "beard": -3, "bald": 20}
    assert split({"glasses": -20}) == ({"glasses": -20}, {})


def test_without_edits_the_image_is_returned() -> None:
    assert np.array_equal(carried(face(), base(plain)), face()[0])


def test_a_hair_colour_needs_no_slider_of_hair() -> None:
    """A generator of one's own has none."""
    bare = replace(base(plain), directions={})
    pink = HairColor("#ff69b4", 1.0)
    changed = carried(face(), bare, pink)
    assert np.array_equal(changed, carried(face(), base(plain), pink))
    assert not np.array_equal(changed, face()[0])


# ---------------------------------------------------------------------------------------- style


def fringed(along: Callable[[str], float]) -> Drawn:
    return face(hair=(150.0, 120.0, 60.0), hair_line=98 if along("fringe") > 0.5 else 75)


def test_a_fringe_is_hair_in_the_photographs_colour_on_the_forehead_alone() -> None:
    image = face()[0]
    found = carried(face(), base(fringed), fringe=100)
    assert near(at(image, 128, 88), SKIN) and near(at(found, 128, 88), HAIR)
    assert np.array_equal(found[130:], image[130:])
    little = carried(face(), base(fringed), fringe=1)
    assert np.abs(little - image).mean() < 0.05 * np.abs(found - image).mean()


def test_a_fringe_does_not_reach_the_jaw() -> None:
    """The base's hair that comes with a fringe beside the mouth is left out."""

    def drawn(along: Callable[[str], float]) -> Drawn:
        image, masks = fringed(along)
        if along("fringe") < 0.5:
            return image, masks
        lock = np.zeros_like(masks["hair"])
        lock[165:215, 85:105] = 1.0
        image = image + lock[..., None] * (np.array(BLACK, dtype=np.float32) - image)
        masks = {
            **masks,
            "hair": np.maximum(masks["hair"], lock),
            "skin": masks["skin"] * (1 - lock),
        }
        return image.astype(np.float32), masks

    found = carried(face(), base(drawn), fringe=100)
    assert near(at(found, 128, 88), HAIR)
    assert np.array_equal(found[170:], face()[0][170:])


def test_a_fringe_is_one_with_the_hair_above_it() -> None:
    """Locks that stand apart on the forehead are the parser's mistake."""
    lock = ellipse(112, 124, 6, 6)

    def drawn(along: Callable[[str], float]) -> Drawn:
        image, masks = fringed(along)
        if along("fringe") < 0.5:
            return image, masks
        masks = {**masks, "hair": np.maximum(masks["hair"], lock), "skin": masks["skin"] - lock}
        return image + lock[..., None] * (np.array(BLACK, dtype=np.float32) - image), masks

    found = carried(face(), base(drawn), fringe=100)
    assert near(at(found, 128, 88), HAIR) and near(at(found, 112, 124), SKIN, 5)


def test_a_fringe_has_the_colour_of_the_hair_beside_it() -> None:
    """Of all the hair's it was olive under brown hair."""
    image, masks = face()
    right = masks["hair"] * (np.arange(SIDE) > 128)
    image = image + 40 * right[..., None]
    found = carried((image, masks), base(fringed), fringe=100)
    dark, light = at(found, 92, 88).mean(), at(found, 164, 88).mean()
    assert light - dark > 20


def test_new_hair_is_no_sharper_than_the_photographs() -> None:
    """On a soft photograph strands of the base's were needles."""

    def needles(along: Callable[[str], float]) -> Drawn:
        line = 98 if along("fringe") > 0.5 else 75
        return face(hair=(150.0, 120.0, 60.0), hair_line=line, strands=30)

    def roughness(strands: float) -> float:
        found = carried(face(strands=strands), base(needles), fringe=100)
        strip = found[83:92, 100:156].mean(-1)
        return float((strip - cv2.GaussianBlur(strip, (0, 0), 1)).std())

    assert roughness(1) < 0.5 * roughness(30)


@pytest.mark.parametrize(
    ("styles", "least", "most"),
    [
        ({"fringe": 0.01}, 0.3, 0.6),
        ({"hair_length": 1.0}, 0.5, 0.75),
        ({"hair_curly": 1.0}, 0.5, 0.75),
        ({"hair_length": 0.01}, 0.99, 1.01),
    ],
)
def test_hair_styles_come_from_a_face_nearer_to_the_mean(
    styles: dict[str, float], least: float, most: float
) -> None:
    """At some pivots the base shows no fringe and no curls. A little longer is as it was."""
    codes: list[torch.Tensor] = []
    renderer = base(plain)

    def render(w: torch.Tensor) -> np.ndarray:
        codes.append(w)
        return renderer.render(w)

    vectors = torch.stack([direction.vector for direction in DIRECTIONS.values()], 1)
    basis, _ = torch.linalg.qr(vectors)
    far = torch.randn(1, 512, generator=torch.Generator().manual_seed(0))
    far = far - far @ basis @ basis.T  # none of what is kept, nor of the steps
    image, masks = face()
    plate = np.broadcast_to(np.array(BACKGROUND, dtype=np.float32), image.shape)
    ends = {name: share * DIRECTIONS[name].high for name, share in styles.items()}
    carry(Shown(image, parse(masks)), plate, replace(renderer, render=render), far, Extras(ends))
    (found,) = codes
    found = found - found @ basis @ basis.T
    assert least < float(found.norm() / far.norm()) < most


def test_longer_hair_leaves_no_gap_beside_a_face_that_is_narrower_than_on_the_base_image() -> None:
    def longer(along: Callable[[str], float]) -> Drawn:
        image, masks = face()
        if along("hair_length") < 0.5:
            return image, masks
        head = ellipse(128, 130, 88, 95)
        hair = ellipse(128, 140, 118, 118) * (1 - head * (np.arange(SIDE)[:, None] >= 75))
        for mask, colour in ((head, SKIN), (hair, HAIR)):
            image = image + mask[..., None] * (np.array(colour, dtype=np.float32) - image)
        for name in ("ear_left", "ear_right"):
            del masks[name]
        return image.astype(np.float32), {**masks, "skin": head, "hair": hair}

    found = carried(face(), base(longer), hair_length=100)
    for x in (51, 205):  # the base has skin here, and the photograph the scene
        assert near(at(face()[0], x, 165), BACKGROUND) and near(at(found, x, 165), HAIR)
    assert near(at(found, 128, 165), at(face()[0], 128, 165), 5)


def bald(along: Callable[[str], float]) -> Drawn:
    image, masks = face()
    if along("bald") < 0.5:
        return image, masks
    del masks["hair"]
    dimmer = 0.8 * np.array(SKIN, dtype=np.float32)  # the base's skin is darker
    head = masks["skin"][..., None]
    image = np.broadcast_to(np.array(BACKGROUND, dtype=np.float32), image.shape)
    return image + head * (dimmer - image), masks


def test_a_bald_head_shows_skin_of_the_photographs_tone_and_the_scene() -> None:
    found = carried(face(), base(bald), bald=100)
    assert near(at(found, 128, 55), SKIN, 15)
    assert near(at(found, 55, 65), BACKGROUND, 15)  # hair beside the head was here
    assert near(at(face()[0], 55, 65), HAIR)


def test_grown_hair_is_coloured_with_the_rest() -> None:
    found = carried(face(), base(fringed), HairColor("#ff69b4"), fringe=100)
    for y in (40, 88):
        r, g, b = at(found, 128, y)
        assert r > b > g + 20


def test_brows_take_the_colour_if_asked() -> None:
    image = face()[0]
    without, taken = (
        carried(face(), base(plain), HairColor("#ff69b4", brows=brows)) for brows in (False, True)
    )
    assert np.array_equal(at(without, 96, 103), at(image, 96, 103))
    assert np.abs(at(taken, 96, 103) - at(image, 96, 103)).max() > 40
    assert np.array_equal(taken[150:], image[150:])


# --------------------------------------------------------------------------------------- beards


def grain(amplitude: float) -> np.ndarray:
    noise = np.random.default_rng(3).standard_normal((SIDE, SIDE, 1))
    return (amplitude * noise).astype(np.float32)


def lower_face() -> np.ndarray:
    jaw = ellipse(128, 130, 70, 93) * (np.arange(SIDE)[:, None] > 172)
    return (jaw * (1 - ellipse(*MOUTH, 28, 11))).astype(np.float32)[..., None]


def bearded_face(masks_only: bool = False) -> Drawn:
    image, masks = face()
    hairs = np.array((70.0, 50.0, 40.0), dtype=np.float32) + grain(14)
    return np.clip(image + lower_face() * (hairs - image), 0, 255), masks


def bearded(along: Callable[[str], float]) -> Drawn:
    return bearded_face() if along("beard") > 0.3 else face()


CHIN = (128.0, 212.0)


def test_a_beard_grows_on_skin_and_not_on_lips() -> None:
    image = face()[0]
    found = carried(face(), base(bearded), beard=100)
    assert at(found, *CHIN).mean() < 0.6 * at(image, *CHIN).mean()
    assert np.abs(at(found, *MOUTH) - at(image, *MOUTH)).max() < 6
    assert np.array_equal(found[:95], image[:95])
    assert np.abs(found - image)[CHIN_ROWS:, :20].max() == 0


CHIN_ROWS = 170


def test_a_beard_is_hair_on_the_photographs_own_skin() -> None:
    """What the skin shows is seen between the hairs: it is no layer of paint."""
    image, masks = face()
    mole = ellipse(*CHIN, 5, 5)[..., None]
    marked = (image * (1 - 0.2 * mole)).astype(np.float32)
    found, plain = (carried((x, masks), base(bearded), beard=100) for x in (marked, image))
    assert at(found, *CHIN).mean() < 0.9 * at(plain, *CHIN).mean()


def test_a_white_beard_is_hairs_and_no_paint() -> None:
    """The dye that lightens dark hairs took their contrast away: 20 of 255 in the place of 36."""
    found = carried(face(hair=(225.0, 222.0, 220.0)), base(bearded), beard=100)
    chin = found[200:222, 112:144].mean(-1)
    assert (chin - cv2.GaussianBlur(chin, (0, 0), 2)).std() > 28


def test_skin_where_the_photograph_has_scene_is_not_taken_for_a_beard() -> None:
    """A bright scene behind a jaw that turned gave it white spots."""
    image, masks = face()
    scene = 1 - parse(masks).figure[..., None]
    photo = Shown((image + scene * (250 - image)).astype(np.float32), parse(masks))
    flow = np.zeros((SIDE, SIDE, 2), dtype=np.float32)
    flow[:, 150:, 0] = 70  # the right of the face shows what is beside it
    found = without_leak(image, parse(masks), photo, flow)
    assert np.abs(found - image)[190:205, 165:175].max() < 3
    dark = (image - 60 * lower_face()).astype(np.float32)
    assert np.abs(without_leak(dark, parse(masks), photo, 0 * flow) - dark).max() > 20


def test_a_moustache_is_above_the_mouth() -> None:
    image, masks = face()
    found = carried((image, masks), base(lambda along: bearded_face()), moustache=100)
    assert np.abs(found - image)[200:].max() < 2
    assert at(found, 128, 174).mean() < at(image, 128, 174).mean() - 20


def test_a_beard_does_not_darken_one_that_is_there() -> None:
    before = bearded_face()[0]
    found = carried(bearded_face(), base(bearded), beard=100)
    assert at(found, *CHIN).mean() > at(before, *CHIN).mean() - 15


def test_without_a_beard_above_it_the_jaws_shadow_stays_a_shadow() -> None:
    """What hangs over the jaw's edge is the beard, not whatever is dark under a chin."""

    def shaded(along: Callable[[str], float]) -> Drawn:
        image, masks = face()
        return image * (1 - 0.4 * masks["neck"][..., None]), masks

    change = np.abs(carried(face(), base(shaded), beard=100) - face()[0])
    assert change[231:].max() < 6


def long_bearded(along: Callable[[str], float]) -> Drawn:
    """From the ears down to the neck."""
    image, masks = face()
    jaw = ellipse(128, 130, 71, 120) * (np.arange(SIDE)[:, None] > 120)
    jaw = (jaw * (1 - ellipse(*MOUTH, 28, 11)))[..., None]
    hairs = np.array((70.0, 50.0, 40.0), dtype=np.float32) + grain(14)
    return np.clip(image + jaw * (hairs - image), 0, 255).astype(np.float32), masks


def test_a_beard_hangs_over_the_jaw_and_thins_out_towards_the_ears() -> None:
    """Cut off at the jaw's edge it looks painted; whiskers that end at once are bars."""
    found = carried(face(), base(long_bearded), beard=100)
    change = np.abs(found - face()[0]).mean(-1)
    assert change[227:229, 118:138].mean() > 3
    assert change[242:, 118:138].max() < 3
    high, low = change[146:152, 66:72].mean(), change[176:182, 78:84].mean()
    assert high < 0.6 * low and low > 15


def test_a_beard_is_taken_off_and_only_where_one_is() -> None:
    found = carried(bearded_face(), base(bearded), beard=-100)
    assert near(at(found, *CHIN), SKIN, 25)
    half = carried(bearded_face(), base(bearded), beard=-50)
    assert at(bearded_face()[0], *CHIN).mean() < at(half, *CHIN).mean() < at(found, *CHIN).mean()
    assert np.array_equal(carried(face(), base(bearded), beard=-100), face()[0])
    # Dark, but as smooth as skin.
    shadow = (face()[0] + grain(4)) * (1 - 0.4 * lower_face())
    kept = carried((shadow, face()[1]), base(bearded), beard=-100, moustache=-100)
    assert np.abs(kept - shadow).max() < 4


# ---------------------------------------------------------------------------------------- notes


def without(*names: str, **more: np.ndarray) -> Parsing:
    masks = {name: mask for name, mask in face()[1].items() if name not in names}
    return parse({**masks, **more})


@pytest.mark.parametrize(
    ("photo", "extras", "expected"),
    [
        (without(), Extras({"hair_blond": 50}), None),
        (without("hair"), Extras({"hair_blond": 50}), HARDLY_ANY_HAIR),
        (without("hair"), Extras({}, HairColor("#ff69b4")), HARDLY_ANY_HAIR),
        (without("hair"), Extras({"glasses": 50}), None),
        (without(hat=ellipse(128, 50, 80, 30)), Extras({"fringe": 50}), "hat"),
        (without(glasses=ellipse(128, 120, 60, 18)), Extras({"glasses": 50}), "glasses"),
        (without("hair"), Extras({"hair_curly": -50}), HARDLY_ANY_HAIR),
        (without("hair"), Extras({"hair_length": -50}), HARDLY_ANY_HAIR),
        (without("hair"), Extras({"bald": 50}), HARDLY_ANY_HAIR),
        (without("hair"), Extras({"hair_length": 50, "fringe": 50}), None),
        (without(), Extras({"hair_length": -50, "hair_curly": 50}), None),
    ],
)
def test_what_cannot_be_done_is_said(photo: Parsing, extras: Extras, expected: str | None) -> None:
    found = notes(photo, extras)
    assert (found == []) if expected is None else (len(found) == 1 and expected in found[0])


def test_no_second_pair_of_glasses_is_put_on() -> None:
    worn = without(glasses=ellipse(128, 120, 60, 18))
    asked = Extras({"glasses": 50, "fringe": 20})
    assert possible(worn, asked).edits == {"fringe": 20} and possible(without(), asked) == asked
    assert not possible(worn, Extras({"glasses": 50}))


def test_hair_that_is_not_there_is_neither_cut_nor_curled() -> None:
    asked = Extras({"hair_length": -50, "hair_curly": 20, "beard": 1})
    assert possible(without("hair"), asked).edits == {"beard": 1}
    assert possible(without("hair"), Extras({"hair_length": 50})).edits == {"hair_length": 50}
