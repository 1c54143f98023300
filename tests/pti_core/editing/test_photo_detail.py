"""The photograph's detail and background on edits, on drawn faces."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pti_core.editing.neck import neck_behind, neck_color
from pti_core.editing.parsing import Parsing
from pti_core.editing.photo_detail import Composite, Kept, compose, with_change, with_scene_tone
from pti_core.editing.photo_layers import PhotoLayers, without_splinters
from pti_core.networks.face_parsing import CLASSES

SIDE, AT = 256, 256
CENTRE, RADIUS = (128, 140), 60
HAIR, JEWELS = 7, 8  # of `Parsing.groups`


def disc(centre: tuple[float, float], radius: float) -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    distance = np.hypot(x - centre[0], y - centre[1])
    return np.clip(radius + 0.5 - distance, 0, 1).astype(np.float32)


def parse(centre: tuple[float, float] = CENTRE, radius: float = RADIUS) -> Parsing:
    """A head of skin with a cap of hair, before a background."""
    skin = disc(centre, radius)
    hair = skin * (np.arange(SIDE)[:, None] < centre[1] - 0.5 * radius)
    probabilities = np.zeros((len(CLASSES), SIDE, SIDE), dtype=np.float32)
    probabilities[CLASSES.index("skin")] = skin - hair
    probabilities[CLASSES.index("hair")] = hair
    probabilities[0] = 1 - skin
    return Parsing.of(probabilities, AT)


def render(centre: tuple[float, float] = CENTRE, background: float = 60.0) -> np.ndarray:
    """A soft face with two eyes and a mouth, as a generator would render it."""
    image = np.full((SIDE, SIDE, 3), background, dtype=np.float32)
    head = disc(centre, RADIUS)[..., None]
    image = image * (1 - head) + head * np.array([190, 150, 130], dtype=np.float32)
    x, y = centre
    for at, size, colour in (
        ((x - 22, y - 8), 8, 40),
        ((x + 22, y - 8), 8, 40),
        ((x, y + 30), 12, 90),
    ):
        spot = disc(at, size)[..., None]
        image = image * (1 - spot) + spot * colour
    return cv2.GaussianBlur(image, (0, 0), 1.5)


def texture(seed: int, amplitude: float) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((SIDE, SIDE, 1)).astype(np.float32)
    return amplitude * cv2.GaussianBlur(noise, (0, 0), 0.8)[..., None]


@pytest.fixture
def photo() -> np.ndarray:
    """The rendered face with pores, before a background of stripes."""
    stripes = np.where(np.arange(SIDE)[None, :, None] // 8 % 2, 90.0, 30.0).astype(np.float32)
    head = disc(CENTRE, RADIUS)[..., None]
    image = head * (render() + texture(0, 25)) + (1 - head) * np.broadcast_to(
        stripes, (SIDE, SIDE, 3)
    )
    return np.rint(np.clip(image, 0, 255)).astype(np.uint8)


@pytest.fixture
def layers(photo: np.ndarray) -> PhotoLayers:
    return PhotoLayers.of(photo, render(), parse(), parse())


def detail(image: np.ndarray) -> np.ndarray:
    light = image.mean(-1)
    return light - cv2.GaussianBlur(light, (0, 0), 2)


def test_unedited_is_the_photograph(layers: PhotoLayers, photo: np.ndarray) -> None:
    found = compose(layers, render(), parse())
    assert np.abs(np.rint(found.image) - photo).max() == 0
    assert np.allclose(found.share, 1) and not found.flow.any()


def test_background_stays_when_the_render_redraws_it(
    layers: PhotoLayers, photo: np.ndarray
) -> None:
    found = compose(layers, render(background=200), parse())
    outside = cv2.erode(1 - disc(CENTRE, RADIUS), np.ones((13, 13))) > 0
    assert np.abs(found.image - photo)[outside].max() < 0.5
    redrawn = compose(layers, render(background=200), parse(), Kept(background=False))
    assert np.abs(redrawn.image - photo)[outside].mean() > 50


def test_detail_moves_with_the_face(layers: PhotoLayers, photo: np.ndarray) -> None:
    moved = (CENTRE[0] + 5, CENTRE[1])
    found = compose(layers, render(moved), parse(moved))
    inside = disc(moved, RADIUS * 0.5) > 0.5
    expected = np.roll(detail(photo.astype(np.float32)), 5, axis=1)
    correlation = np.corrcoef(detail(found.image)[inside], expected[inside])[0, 1]
    unmoved = np.corrcoef(detail(found.image)[inside], detail(photo.astype(np.float32))[inside])[
        0, 1
    ]
    assert correlation > 0.6 > 0.3 > unmoved


def test_a_pattern_of_the_tuned_weights_is_not_shown() -> None:
    # It is in both renders and stays in its place while the face moves: they do not cancel.
    y, x = np.mgrid[:SIDE, :SIDE]
    grid = np.where((x + y) % 2, 1.5, -1.5).astype(np.float32)[..., None]
    moved = (CENTRE[0] + 5, CENTRE[1])
    inside = disc(moved, RADIUS * 0.5) > 0.5

    def shown(pattern: np.ndarray) -> np.ndarray:
        own = PhotoLayers.of(render(), render() + pattern, parse(), parse())
        return compose(own, render(moved) + pattern, parse(moved)).image

    left = detail(shown(grid) - shown(0 * grid))[inside]
    assert np.abs(left).mean() < 0.3 * 1.5


def with_neck(parsing: Parsing, centre: float | None) -> Parsing:
    """A neck under the head, 48 pixels wide at `centre`; none where that is None."""
    groups = parsing.groups.copy()
    if centre is not None:
        place = np.zeros(groups.shape[1:], dtype=np.float32)
        place[196:250, round(centre) - 24 : round(centre) + 24] = 1
        place *= groups[0]  # behind the head
        groups[0] -= place
        groups[2] += place
    return Parsing(groups, parsing.parts)


@pytest.mark.slow
@pytest.mark.parametrize("edited_neck", [None, 140.0])
def test_the_neck_stays_where_the_edited_render_has_none(photo: np.ndarray, edited_neck) -> None:
    """Beside a collar the plate knows nothing of collars: it would be a hole in the shirt."""
    parsing = with_neck(parse(), 128)
    photo[parsing.group("neck") > 0.5] = (170, 120, 100)
    layers = PhotoLayers.of(photo, render(), parsing, parsing)
    moved = (CENTRE[0] + 5, CENTRE[1])
    found = compose(layers, render(moved), with_neck(parse(moved), edited_neck))
    low = np.s_[204:226, 110:146]
    assert np.abs(found.image - photo)[low].mean() < 4


def with_ear(parsing: Parsing, height: float) -> Parsing:
    """An ear right of the head, from row 120 down."""
    groups, parts = parsing.groups.copy(), parsing.parts.copy()
    ear = np.zeros(groups.shape[1:], dtype=np.float32)
    ear[120 : round(120 + height), 180:202] = 1
    ear *= groups[0]
    groups[0] -= ear
    groups[1] += ear
    parts[1] += ear
    return Parsing(groups, parts)


def test_an_ear_is_the_photographs_own(photo: np.ndarray) -> None:
    """Of a longer one that the edited render has, a lobe would hang in the scene."""
    own, longer = with_ear(parse(), 34), with_ear(parse(), 41)
    lobe = (longer.group("ears") > 0.5) & (own.group("ears") < 0.5)
    photo[own.group("ears") > 0.5] = (190, 120, 110)
    before, after = render(), render()
    before[own.group("ears") > 0.5] = after[longer.group("ears") > 0.5] = (190, 150, 130)
    found = compose(PhotoLayers.of(photo, before, own, own), after, longer)
    assert np.abs(found.image - photo)[lobe].mean() < 40  # 87 with the edited render's
    inner = cv2.erode(own.group("ears"), np.ones((5, 5))) > 0.9
    assert np.abs(found.image - photo)[inner].mean() < 6


def test_a_head_that_only_the_render_has_is_not_shown(photo: np.ndarray) -> None:
    """As of a pivot that is hardly projected: beside the person hung somebody else's ear."""
    own, wrong = parse(), with_ear(parse(), 34)
    ear = cv2.erode(wrong.group("ears") - own.group("ears"), np.ones((5, 5))) > 0.9
    before = render()
    before[wrong.group("ears") > 0.5] = (190, 150, 130)
    after = before + 6 * np.float32(own.head)[..., None]
    found = compose(PhotoLayers.of(photo, before, own, wrong), after, wrong)
    assert np.abs(found.image - photo)[ear].mean() < 3


def bald(parsing: Parsing, stubble: float = 0.0) -> Parsing:
    """Its hair as skin, but for a share of stubble."""
    groups = parsing.groups.copy()
    groups[1] += (1 - stubble) * groups[HAIR]
    groups[HAIR] *= stubble
    return Parsing(groups, parsing.parts)


def test_stubble_on_a_turned_bald_head_is_no_hair_of_the_photographs(photo: np.ndarray) -> None:
    """The rim of the skull was half scene."""
    bright = render(background=157)  # as skin: nothing to follow
    wide = RADIUS + 14
    layers = PhotoLayers.of(photo, bright, bald(parse()), bald(parse()))
    found = compose(layers, bright, bald(parse(radius=wide), 0.65))
    rim = (disc(CENTRE, wide - 4) > 0.5) & (disc(CENTRE, RADIUS + 2) < 0.5)
    rim &= np.arange(SIDE)[:, None] < CENTRE[1] - 0.5 * wide
    assert np.abs(found.image[rim].mean() - 157) < 12  # stripes are 30 and 90


def with_hair(parsing: Parsing, reach: float) -> Parsing:
    """Hair right of the face as well, to `reach` pixels from the head's middle."""
    groups = parsing.groups.copy()
    side = disc((CENTRE[0] + 4, CENTRE[1] - 20), reach)
    side *= np.arange(SIDE)[None] > CENTRE[0] + 30
    side *= groups[0]
    groups[0] -= side
    groups[HAIR] += side
    return Parsing(groups, parsing.parts)


def test_hair_that_comes_into_view_is_filled_with_hair(photo: np.ndarray) -> None:
    """As above the ear of a head that turns: the flow of the face says nothing of hair."""
    moved = (CENTRE[0] + 14, CENTRE[1])
    before, after = with_hair(parse(), 62), with_hair(parse(moved), 80)
    brown = np.array((60, 40, 30), dtype=np.float32)
    photo[before.group("hair") > 0.5] = brown
    soft, turned = render(), render(moved)
    soft[before.group("hair") > 0.5] = turned[after.group("hair") > 0.5] = brown
    layers = PhotoLayers.of(photo, soft, before, before)
    found = compose(layers, turned, after, Kept(hairline=0.0))
    new = cv2.erode(after.group("hair"), np.ones((9, 9))) - cv2.dilate(
        before.group("hair"), np.ones((9, 9))
    )
    assert (new > 0.5).sum() > 100
    assert np.abs(found.image[new > 0.5].mean(0) - brown).max() < 12


def test_an_edited_render_puts_no_hair_on_a_bald_forehead(photo: np.ndarray) -> None:
    """Younger, a patch of hair stood there, with a hard edge."""
    before = with_hair(parse(), 62)
    hairy = Parsing(before.groups.copy(), before.parts)
    patch = disc((CENTRE[0], CENTRE[1] - 30), 14)
    hairy.groups[1] -= hairy.groups[1] * patch
    hairy.groups[HAIR] = np.maximum(hairy.groups[HAIR], patch)
    edited = render()
    edited[patch > 0.5] = (60, 40, 30)
    found = compose(PhotoLayers.of(photo, render(), before, before), edited, hairy)
    inner = disc((CENTRE[0], CENTRE[1] - 26), 8) > 0.5
    assert np.abs(found.image - photo)[inner].mean() < 2


@pytest.mark.parametrize("sure", [1.0, 0.6])
def test_hair_of_a_head_that_does_not_move_keeps_its_outline(
    photo: np.ndarray, sure: float
) -> None:
    """With a smile ends of hair dissolved, as the edited render has less of it."""
    long, short = with_hair(parse(), 80), with_hair(parse(), 62)
    hair = long.group("hair") > 0.5
    long.groups[0] += (1 - sure) * hair * long.groups[HAIR]
    long.groups[HAIR] *= np.where(hair, sure, 1)
    photo[hair] = soft = (60, 40, 30)
    before, after = render(), render()
    before[hair] = soft
    after[short.group("hair") > 0.5] = soft
    found = compose(PhotoLayers.of(photo, before, long, long), after, short)
    inner = cv2.erode(hair.astype(np.float32), np.ones((9, 9))) > 0.5
    assert np.abs(found.image - photo)[inner].mean() < 2


def test_an_ear_in_another_light_keeps_its_colour(photo: np.ndarray) -> None:
    """Turned towards the light it glowed orange, as only the render's ear had been in shadow."""
    parsing = with_ear(parse(), 34)
    where = parsing.group("ears") > 0.5
    photo[where] = (190, 150, 130)
    before, after = render(), render()
    before[where], after[where] = (120, 80, 60), (200, 150, 120)
    found = compose(PhotoLayers.of(photo, before, parsing, parsing), after, parsing)
    inner = cv2.erode(parsing.group("ears"), np.ones((5, 5))) > 0.9
    assert np.abs(found.image - photo)[inner].mean() < 6


def test_an_earring_that_only_the_render_has_is_not_shown(photo: np.ndarray) -> None:
    """Older heads grew one: it hung in the scene below the ear."""
    groups, parts = parse().groups.copy(), parse().parts
    ring = disc((194, 164), 5) * groups[0]
    groups[0] -= ring
    groups[JEWELS] += ring
    after = render()
    after[ring > 0.5] = (230, 220, 160)
    layers = PhotoLayers.of(photo, render(), parse(), parse())
    found = compose(layers, after, Parsing(groups, parts))
    assert np.abs(found.image - photo)[ring > 0.5].mean() < 8


@pytest.mark.slow
def test_an_ear_takes_the_skins_new_tone(photo: np.ndarray) -> None:
    parsing = with_ear(parse(), 34)
    ear = cv2.erode(parsing.group("ears"), np.ones((5, 5))) > 0.9
    photo[parsing.group("ears") > 0.5] = (190, 150, 130)
    before = render()
    before[parsing.group("ears") > 0.5] = (190, 150, 130)
    darker = before - 40 * np.float32(parsing.head)[..., None]
    layers = PhotoLayers.of(photo, before, parsing, parsing)
    found = compose(layers, np.clip(darker, 0, 255), parsing, Kept(skin_tone=False))
    assert (photo[ear].mean() - found.image[ear].mean()) > 25


def test_a_narrow_neck_has_its_own_colour(photo: np.ndarray) -> None:
    parsing = with_neck(parse(), 128)
    narrow = parsing.groups.copy()
    narrow[0] += narrow[2]
    narrow[2] = 0
    narrow[2, 200:250, 126:129], narrow[0, 200:250, 126:129] = 1, 0
    skin = np.array((170, 120, 100), dtype=np.float32)
    photo[200:250, 122:133] = skin
    found = neck_color(np.float32(photo), Parsing(narrow, parsing.parts))
    assert np.abs(found[190:210, 126:129].mean((0, 1)) - skin).max() < 40


@pytest.mark.slow
def test_behind_a_jaw_that_turns_away_there_is_neck(photo: np.ndarray) -> None:
    """Not the scene, and not the collar: a wedge of either between jaw and neck looks torn."""
    parsing = with_neck(parse(), 128)
    skin = np.array((170, 120, 100), dtype=np.float32)
    photo[parsing.group("neck") > 0.5] = skin
    bright = render(background=157)
    layers = PhotoLayers.of(photo, bright, parsing, parsing)
    raised = (CENTRE[0], CENTRE[1] - 8)
    found = compose(layers, bright, parse(raised, RADIUS - 6))
    jaw = disc(CENTRE, RADIUS - 2) * (1 - disc(raised, RADIUS - 3)) > 0.5
    jaw[:, :112] = jaw[:, 144:] = jaw[:185] = False
    assert jaw.sum() > 100
    assert np.abs(found.image[jaw].mean(0) - skin).max() < 25


def test_a_neck_goes_on_to_a_jaw_that_has_turned_far() -> None:
    """It ended in a step below the gap between them."""
    photo, after = with_neck(parse(), 128), parse((168, 130))
    found = neck_behind(photo, after)
    assert found[185, 112] > 0.9 and photo.figure[185, 112] > 0.9
    assert found[185, 60] < 0.01  # the photograph's scene
    assert found[110, 112] < 0.01  # beside the eyes


def test_a_neck_that_the_head_would_squeeze_is_the_renders() -> None:
    """Shadow and strands of the photograph's neck became waves there."""
    moved, parsing = (CENTRE[0] + 26, CENTRE[1]), with_neck(parse(), 128)
    neck = parsing.group("neck") > 0.5
    before, after = render(), render(moved)
    before[neck] = after[with_neck(parse(moved), 128).group("neck") > 0.5] = (170, 130, 110)
    photo = before.copy()
    bands = np.where(np.arange(SIDE)[None] // 4 % 2, 60.0, 250.0)[..., None]
    photo[neck] = np.broadcast_to(bands, photo.shape)[neck]
    layers = PhotoLayers.of(np.uint8(photo), before, parsing, parsing)
    found = compose(layers, after, with_neck(parse(moved), 128))
    below = found.image[197:202, 112:146].mean(-1)
    assert below.std() < 30  # of the bands: 95


def test_a_neck_is_no_wider_than_the_edited_renders() -> None:
    """Beside a turned jaw a flap of the neck's colour lay over the scene."""
    photo = with_neck(parse(), 160)
    after = with_neck(parse((CENTRE[0] - 24, CENTRE[1])), 120)
    behind = neck_behind(photo, after)
    beyond = cv2.dilate(after.figure, np.ones((9, 9))) < 0.1
    assert behind[beyond].max() < 0.05
    without = neck_behind(photo, parse((CENTRE[0] - 24, CENTRE[1])))
    assert without[beyond].max() > 0.9  # where the render has no neck, as far as the hull


def test_no_rim_of_the_scene_is_between_face_and_neck() -> None:
    """The photograph's own outline is half scene; in front of the neck it was a bright line."""
    groups, parts = parse().groups.copy(), parse().parts
    neck = np.zeros((SIDE, SIDE), dtype=np.float32)
    neck[120:250, 72:184] = 1
    neck *= groups[0]
    groups[0] -= neck
    groups[2] += neck
    parsing = Parsing(groups, parts)
    person = cv2.GaussianBlur(parsing.figure, (0, 0), 2.0)[..., None]
    skin = np.array((170, 120, 100), dtype=np.float32)
    photo = np.uint8(240 * (1 - person) + person * skin)
    layers = PhotoLayers.of(photo, render(background=240), parsing, parsing)
    for moved in ((144, 140), (150, 140)):
        found = compose(layers, render(moved, background=240), parse(moved))
        behind = found.image[178:192, 76:118, 1]
        assert (np.abs(behind - skin[1]) > 34).mean() < 0.002, moved


def test_a_face_that_was_moved_far_takes_its_detail_along(layers: PhotoLayers) -> None:
    """As with a head that turns about its neck."""
    to = (CENTRE[0] + 48, CENTRE[1])
    found = compose(layers, render(to), parse(to))
    cheek = np.s_[130:160, int(CENTRE[0]) - 12 : int(CENTRE[0]) + 12]
    there = np.s_[130:160, int(to[0]) - 12 : int(to[0]) + 12]
    pores = np.corrcoef(
        detail(found.image)[there].ravel(), detail(layers.photo.astype(np.float32))[cheek].ravel()
    )[0, 1]
    assert pores > 0.8


def test_a_face_that_moves_keeps_its_tone() -> None:
    """In red light from one side, each place of it differs from what was there before."""

    def lit(centre: tuple[float, float]) -> np.ndarray:
        across = np.clip((np.arange(SIDE) - centre[0]) / RADIUS, -1, 1)[None, :, None]
        red = across * disc(centre, RADIUS)[..., None] * np.array([40, 0, 0])
        return (render(centre) + red).astype(np.float32)

    to = (CENTRE[0] + 24, CENTRE[1])
    layers = PhotoLayers.of(np.uint8(lit(CENTRE)), lit(CENTRE), parse(), parse())
    found = compose(layers, lit(to), parse(to))
    cheeks, there = (
        image[150:165, int(x) - 40 : int(x) + 40].mean((0, 1))
        for image, x in ((layers.photo, CENTRE[0]), (found.image, to[0]))
    )
    np.testing.assert_allclose(cheeks, there, atol=3)


def test_what_a_mistaken_head_reaches_farther_is_not_shown() -> None:
    """An ear of the unedited render's alone stays away; of the edited one's a red line showed."""
    ear = np.zeros((AT, AT), dtype=np.float32)
    ear[60:76, 6:16] = 1
    shares = []
    for mistaken in (ear, np.zeros_like(ear)):
        face = disc((AT / 2, AT / 2), AT / 4)[:AT, :AT].copy()
        face[60:76, 2:5] = 1
        shares.append(without_splinters(face, mistaken))
    assert shares[0][60:76, :16].max() == 0 and shares[1][60:76, 2:5].min() == 1
    np.testing.assert_array_equal(shares[0][:, 20:], shares[1][:, 20:])


def test_nothing_stays_of_skin_that_the_edited_head_has_left(photo: np.ndarray) -> None:
    """As beside a cheek that turns away, where the flow does not follow the outline."""
    bright = render(background=157)  # as skin: nothing to follow
    layers = PhotoLayers.of(photo, bright, parse(), parse())
    narrow = RADIUS - 14
    found = compose(layers, bright, parse(radius=narrow))
    left = (disc(CENTRE, RADIUS - 2) > 0.5) & (disc(CENTRE, narrow + 5) < 0.5)
    left &= np.arange(SIDE)[:, None] > CENTRE[1]  # hair keeps its outline
    assert found.image[left].mean() < 100  # stripes are 30 and 90, skin is 157


def test_the_plate_is_the_photograph_beside_the_head(photo: np.ndarray) -> None:
    """Where it guessed a scene that is seen, a line was drawn round ears."""
    layers = PhotoLayers.of(photo, render(), parse(), parse())
    beside = cv2.dilate(layers.near, np.ones((9, 9))) < 0.01
    beside &= cv2.dilate(layers.near, np.ones((21, 21))) > 0.5
    assert beside.sum() > 500
    np.testing.assert_allclose(layers.plate[beside], photo[beside], atol=0.5)


def test_detail_is_lost_where_the_render_shows_something_else(layers: PhotoLayers) -> None:
    """A mouth that opens over skin takes no pores from it."""
    opened = render()
    spot = disc((128, 170), 16)
    opened = opened * (1 - spot[..., None]) + spot[..., None] * 20
    probabilities = parse().groups.copy()
    names = ["background", "skin", "neck", "brows", "eyes", "mouth"]
    probabilities[names.index("skin")] *= 1 - spot
    probabilities[names.index("mouth")] += spot
    found = compose(layers, opened, Parsing(probabilities, parse().parts))
    inside = cv2.erode(spot, np.ones((7, 7))) > 0.5
    assert np.abs(detail(found.image)[inside]).mean() < 0.35 * np.abs(texture(0, 25)).mean()


def test_hair_is_the_photographs(layers: PhotoLayers, photo: np.ndarray) -> None:
    """The render redraws hair in another pattern; the photograph's hair stays, unless asked for."""
    redrawn = render()
    hair = parse().group("hair") > 0.5
    redrawn[hair] += texture(9, 60)[hair]
    kept = compose(layers, redrawn, parse())
    asked = compose(layers, redrawn, parse(), Kept(hair_shape=False))
    inner = cv2.erode(hair.astype(np.uint8), np.ones((9, 9))) > 0
    assert np.abs(kept.image - photo)[inner].mean() < 3
    assert np.abs(asked.image - photo)[inner].mean() > 6


def test_skin_tone_stays_unless_it_is_asked_for(layers: PhotoLayers) -> None:
    darker = render()
    darker[parse().group("skin") > 0.5] -= 20
    cheek = disc((128, 150), 10) > 0.5
    before = np.median(layers.photo[cheek])
    assert abs(np.median(compose(layers, darker, parse()).image[cheek]) - before) < 3
    changed = compose(layers, darker, parse(), Kept(skin_tone=False))
    assert np.median(changed.image[cheek]) < before - 10


def test_each_cheek_keeps_its_lightness(layers: PhotoLayers) -> None:
    """The median of all skin may stay where one side of a face loses its light."""
    x, y = CENTRE
    darker = render()
    spots = [disc((x + side * 38, y + 10), 16)[..., None] for side in (-1, 1)]
    darker += 24 * cv2.GaussianBlur(spots[1] - spots[0], (0, 0), 6)[..., None]
    found = compose(layers, darker, parse())
    asked = compose(layers, darker, parse(), Kept(skin_tone=False))
    for spot in spots:
        inner = spot[..., 0] > 0.5
        drift, wanted = (abs((f.image - layers.photo)[inner].mean()) for f in (found, asked))
        assert drift < 0.6 * wanted


def test_monochrome_photographs_stay_monochrome(photo: np.ndarray) -> None:
    grey = np.repeat(photo.mean(-1, keepdims=True).round().astype(np.uint8), 3, -1)
    layers = PhotoLayers.of(grey, render(), parse(), parse())
    moved = (CENTRE[0] + 4, CENTRE[1])
    found = compose(layers, render(moved), parse(moved)).image
    assert np.ptp(found, axis=-1).max() < 1e-3


def test_what_covers_the_photograph_hides_its_finer_detail(layers: PhotoLayers) -> None:
    edit = compose(layers, render(), parse())
    painted = edit.image.copy()
    painted[100:120, 100:120] = 255
    found = with_change(edit, painted)
    assert found.share[110, 110] < 0.1 and found.share[200, 128] == pytest.approx(1)


def test_light_changes_the_whole_image_and_keeps_its_detail(layers: PhotoLayers) -> None:
    edit = compose(layers, render(), parse())
    brighter = with_scene_tone(edit, np.full_like(edit.image, 20))
    assert isinstance(brighter, Composite)
    inner = np.s_[40:220, 40:220]
    assert np.mean(brighter.image[inner] - edit.image[inner]) == pytest.approx(20, abs=3)
    assert np.abs(detail(brighter.image)).mean() >= 0.98 * np.abs(detail(edit.image)).mean()
