"""Faces are found, aligned as FFHQ does, and go back to where they came from."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from checkpoints.fetch import fetch
from pti_core.errors import NoFaceError
from pti_core.faces.align import Alignment, align, crop
from pti_core.faces.detect import FaceFinder, face_box
from pti_core.faces.framing import frame, square_box
from pti_core.faces.images import open_photograph
from pti_core.faces.paste import paste

EXAMPLES = Path(__file__).parents[3] / "examples"
NAMES = ("astronaut", "biden", "obama")
SHARED = Path(os.environ.get("PTI_SHARED", "../shared")) / "photos"


@pytest.fixture(scope="module")
def finder():
    return FaceFinder(fetch("landmarks-68"))


@pytest.fixture(scope="module")
def photos():
    return {name: open_photograph(EXAMPLES / f"{name}.jpg") for name in NAMES}


@pytest.fixture(scope="module")
def landmarks(finder, photos):
    return {name: finder.landmarks(photo) for name, photo in photos.items()}


@pytest.fixture(scope="module")
def aligned(photos, landmarks):
    return {name: align(photos[name], landmarks[name]) for name in NAMES}


def eye_distance(points):
    return np.hypot(*(points[42:48].mean(axis=0) - points[36:42].mean(axis=0)))


def error(points, expected):
    """Mean distance of landmarks, relative to the distance between the eyes."""
    return np.hypot(*(points - expected).T).mean() / eye_distance(expected)


def psnr(a, b, where=None):
    difference = np.asarray(a, float) - np.asarray(b, float)
    if where is not None:
        difference = difference[where]
    return 10 * np.log10(255**2 / max(np.mean(difference**2), 1e-9))


def drawn_face(eyes=(470.0, 420.0, 550.0, 430.0), mouth=(480.0, 520.0, 540.0, 524.0)):
    """Landmarks of which the recipe reads only eyes and mouth corners."""
    points = np.zeros((68, 2))
    points[36:42], points[42:48] = eyes[:2], eyes[2:]
    points[48], points[54] = mouth[:2], mouth[2:]
    return points


def texture(width, height, seed=0, blur=1.5):
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise).filter(ImageFilter.GaussianBlur(blur))


# -- finding ---------------------------------------------------------------------------------------


def test_landmarks_lie_on_the_face(landmarks):
    """Where eyes and mouth are was checked by eye on enlargements of the three examples."""
    expected = {  # left eye, right eye, middle of the mouth
        "astronaut": ((203, 102), (247, 104), (223, 145)),
        "obama": ((400, 194), (494, 193), (446, 298)),
        "biden": ((249, 150), (303, 163), (268, 218)),
    }
    for name, (left, right, mouth) in expected.items():
        points = landmarks[name]
        assert points.shape == (68, 2) and points.dtype == np.float64
        found = (points[36:42].mean(axis=0), points[42:48].mean(axis=0), points[48:60].mean(axis=0))
        for at, place in zip(found, (left, right, mouth), strict=True):
            assert np.hypot(*(at - place)) < 0.08 * eye_distance(points), (name, at, place)


@pytest.mark.slow
@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_a_photograph_on_its_side_or_head_has_the_same_landmarks(
    finder, photos, landmarks, name, turns
):
    array = np.rot90(np.asarray(photos[name]), turns)
    found = finder.landmarks(Image.fromarray(np.ascontiguousarray(array)))
    width, height = photos[name].size
    x, y = landmarks[name].T
    expected = {1: (y, width - 1 - x), 2: (width - 1 - x, height - 1 - y), 3: (height - 1 - y, x)}
    assert error(found, np.stack(expected[turns], axis=1)) < 0.01


@pytest.mark.parametrize("degrees", [-30, 15, 30])
@pytest.mark.parametrize("name", NAMES)
def test_a_tilted_head_has_the_same_landmarks(finder, photos, landmarks, name, degrees):
    photo = photos[name]
    found = finder.landmarks(photo.rotate(degrees, Image.Resampling.BICUBIC, expand=True))
    a = np.radians(degrees)
    turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    middle = (np.array(photo.size) - 1) / 2
    size = photo.rotate(degrees, expand=True).size
    expected = (landmarks[name] - middle) @ turn.T + (np.array(size) - 1) / 2
    assert error(found, expected) < 0.08


@pytest.mark.parametrize("margin", [0.3, 0.1, 0.0])
@pytest.mark.parametrize("name", NAMES)
def test_a_face_that_fills_the_picture_is_found(finder, photos, landmarks, name, margin):
    low, high = landmarks[name].min(axis=0), landmarks[name].max(axis=0)
    left, top = (low - margin * (high - low)).astype(int)
    right, bottom = (high + margin * (high - low)).astype(int)
    found = finder.landmarks(photos[name].crop((left, top, right, bottom)))
    assert error(found + np.array([left, top]), landmarks[name]) < 0.08


def test_landmarks_do_not_depend_on_resolution(finder, photos, landmarks):
    for factor in (0.4, 2.5):
        size = [round(side * factor) for side in photos["obama"].size]
        found = finder.landmarks(photos["obama"].resize(size, Image.Resampling.LANCZOS))
        assert error((found + 0.5) / factor - 0.5, landmarks["obama"]) < 0.03


def test_a_small_face_in_a_large_photograph_is_found(finder, photos):
    scene = Image.new("RGB", (5000, 3000), (90, 120, 90))
    scene.paste(photos["astronaut"].resize((900, 900)), (3000, 1000))
    found = finder.landmarks(scene).mean(axis=0)
    assert 3300 < found[0] < 3500 and 1100 < found[1] < 1400


def test_a_face_of_48_pixels_is_found(finder, photos, landmarks):
    """From ear to ear, in a photograph of which it is a small part."""
    wide = np.ptp(landmarks["obama"][:17, 0])
    side = [round(length * 48 / wide) for length in photos["obama"].size]
    scene = texture(640, 480, blur=8)
    scene.paste(photos["obama"].resize(side, Image.Resampling.LANCZOS), (300, 200))
    expected = landmarks["obama"] * 48 / wide + np.array([300, 200])
    assert error(finder.landmarks(scene), expected) < 0.15


@pytest.mark.parametrize("edge", ["left", "right", "top"])
def test_a_face_at_the_border_is_found(finder, photos, landmarks, edge):
    """Cut so that the face touches the border of the photograph."""
    points, photo = landmarks["obama"], photos["obama"]
    (left, top), (right, _) = points.min(axis=0), points.max(axis=0)
    box = {
        "left": (left, 0, photo.width, photo.height),
        "right": (0, 0, right, photo.height),
        "top": (0, top, photo.width, photo.height),
    }[edge]
    box = tuple(round(float(side)) for side in box)
    assert error(finder.landmarks(photo.crop(box)) + np.array(box[:2]), points) < 0.12


def test_of_several_faces_the_largest_is_taken(finder, photos, landmarks):
    small = photos["astronaut"].resize((300, 300))
    for x_small, x_large in ((0, 320), (840, 0)):
        both = Image.new("RGB", (1160, 1024), "grey")
        both.paste(small, (x_small, 0))
        both.paste(photos["obama"], (x_large, 0))
        assert error(finder.landmarks(both) - np.array([x_large, 0]), landmarks["obama"]) < 0.02


SHARED_PHOTOS = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the shared photographs are not on this machine"
)


@pytest.fixture(scope="module")
def two_people():
    """Side by side: a face that is sure, and a bearded one of which the detector is not."""
    both = Image.new("RGB", (1800, 900))
    for x, name in ((0, "watson"), (900, "tyrion")):
        both.paste(open_photograph(SHARED / f"{name}.jpg").resize((900, 900)), (x, 0))
    return both


@SHARED_PHOTOS
@pytest.mark.parametrize("width", [800, 1200, 1800])
def test_a_face_beside_another_is_found_though_it_is_not_sure(finder, two_people, width):
    small = two_people.resize((width, width // 2), Image.Resampling.LANCZOS)
    boxes = [face_box(points) for points in finder.all_landmarks(small)]
    assert len(boxes) == 2
    assert boxes[0][2] < width / 2 < boxes[1][0]


def test_what_is_no_face_is_not_listed_beside_one(finder, photos):
    """The detector sees a faint face in the astronaut's suit."""
    for name in NAMES:
        assert len(finder.all_landmarks(photos[name])) == 1, name


@pytest.mark.slow
@SHARED_PHOTOS
def test_the_face_in_a_drawn_square_is_aligned_as_any_other(finder, two_people):
    left, top, right, bottom = face_box(finder.all_landmarks(two_people)[1])
    for square in ((1000, 100, 700), (1100, 200, 550), (950, 50, 800)):
        found = finder.landmarks_in_square(two_people, square_box(square))
        assert found is not None
        assert np.abs(np.array(face_box(found)) - (left, top, right, bottom)).max() < 60
        crop, alignment = frame(finder, two_people, square, 256)
        assert crop.size == (256, 256) and alignment.side != square[2]


def test_a_square_without_a_face_of_its_size_is_cut_as_it_was_drawn(finder, photos):
    for square in ((0, 0, 100), (300, 60, 180)):  # a wall; a face that is off its middle
        assert finder.landmarks_in_square(photos["obama"], square_box(square)) is None
        _, alignment = frame(finder, photos["obama"], square, 64)
        assert alignment.side == square[2]


@pytest.mark.slow
def test_no_face_is_one_sentence(finder, photos):
    nothing = [
        Image.new("RGB", (500, 400), "grey"),
        texture(500, 400, blur=0),
        photos["obama"].crop((0, 450, 820, 1024)),  # a suit and hands
    ]
    for picture in nothing:
        with pytest.raises(NoFaceError, match=r"^No face was found .*\.$"):
            finder.landmarks(picture)


# -- aligning --------------------------------------------------------------------------------------


def test_the_quad_is_ffhqs():
    """Worked by hand: eyes (0,0) and (100,0), mouth 90 below; half side max(200, 162) = 200."""
    points = drawn_face((450.0, 400.0, 550.0, 400.0), (470.0, 490.0, 530.0, 490.0))
    _, alignment = align(texture(1000, 1000), points, size=64)
    # centre (500, 400 + 9); x along the eyes
    corners = [(300, 209), (300, 609), (700, 609), (700, 209)]
    assert np.allclose(alignment.quad, corners)


def test_the_quad_follows_a_long_face():
    points = drawn_face((450.0, 400.0, 550.0, 400.0), (470.0, 560.0, 530.0, 560.0))
    _, alignment = align(texture(1000, 1000), points, size=64)
    assert alignment.side == pytest.approx(2 * 1.8 * 160)


def test_eyes_and_mouth_of_a_crop_are_where_ffhq_has_them(finder, aligned):
    for name in NAMES:
        points = finder.landmarks(aligned[name][0])
        eyes = (points[36:42].mean(axis=0) + points[42:48].mean(axis=0)) / 2
        mouth = (points[48] + points[54]) / 2
        assert aligned[name][0].size == (1024, 1024)
        assert abs(eyes[0] - 512) < 40 and 430 < eyes[1] < 510, name
        assert abs(mouth[0] - 512) < 40 and 670 < mouth[1] < 780, name


def test_every_crop_pixel_comes_from_where_the_quad_says():
    """A picture whose colours are its coordinates, cut without padding."""
    y, x = np.mgrid[:1000, :1000]
    photo = Image.fromarray(np.stack([x / 4, y / 4, 0 * x], axis=2).astype(np.uint8))
    face, alignment = align(photo, drawn_face(), size=256)
    down = np.subtract(alignment.quad[1], alignment.quad[0]) / 256
    across = np.subtract(alignment.quad[3], alignment.quad[0]) / 256
    i, j = np.mgrid[4:252, 4:252]
    expected = alignment.quad[0] + (j + 0.5)[..., None] * across + (i + 0.5)[..., None] * down
    found = np.asarray(face, float)[4:252, 4:252, :2] * 4
    # The colours are floored to steps of 4 pixels: half a step of bias, one of error.
    assert np.abs(found - (expected - 1.5)).max() < 4.5
    assert np.abs((found - (expected - 1.5)).mean(axis=(0, 1))).max() < 0.5


def test_beyond_the_photograph_the_crop_is_filled_smoothly():
    photo = texture(600, 600, blur=2)
    points = drawn_face((60.0, 60.0, 160.0, 60.0), (80.0, 150.0, 140.0, 150.0))
    face, alignment = align(photo, points, size=256)
    assert min(alignment.quad[0]) < -80
    pixels = np.asarray(face, float)
    assert pixels.min() > 0  # nothing black
    # The far corner has faded towards one colour; the photograph's part has kept its grain.
    assert pixels[:20, :20].std(axis=(0, 1)).max() < 0.25 * pixels[150:170, 150:170].std()


@pytest.mark.slow
def test_crop_from_the_alignment_alone_is_the_same_crop(photos, aligned):
    for name in NAMES:
        face, alignment = aligned[name]
        again = crop(photos[name], Alignment.from_dict(alignment.to_dict()))
        assert np.array_equal(np.asarray(face), np.asarray(again))


def test_a_crop_of_another_photograph_is_refused(photos, aligned):
    face, alignment = aligned["obama"]
    with pytest.raises(ValueError, match="alignment is for 820 x 1024"):
        crop(photos["biden"], alignment)
    with pytest.raises(ValueError, match="alignment is for 820 x 1024"):
        paste(photos["biden"], face, alignment)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"quad": [[0, 0]] * 4, "photo_size": [100, 100]},
        {"quad": [[0, 0], [0, 50], [50, 50]], "photo_size": [100, 100]},
        {"quad": [[0, 0], [0, 50], [50, 50], [80, 0]], "photo_size": [100, 100]},
        {"quad": [[50, 0], [50, 50], [0, 50], [0, 0]], "photo_size": [100, 100]},  # mirrored
        {"quad": [[0, 0], [0, 50], [50, 50], [float("nan"), 0]], "photo_size": [100, 100]},
        {"quad": [[0, 0], [0, 1e9], [1e9, 1e9], [1e9, 0]], "photo_size": [100, 100]},
        {"quad": [[0, 0], [0, 50], [50, 50], [50, 0]], "photo_size": [0, 100]},
        {"quad": "square", "photo_size": [100, 100]},
        {"quad": [[0, 0], [0, 50], [50, 50], [50, 0]], "photo_size": None},
    ],
)
def test_an_alignment_that_align_cannot_have_made_is_refused(data):
    with pytest.raises(ValueError):
        Alignment.from_dict(data)


# -- pasting ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_unedited_crop_changes_the_photograph_hardly_at_all(photos, aligned, name):
    """What is lost is what FFHQ's bilinear sampling lost; the limits are 1 dB below measured."""
    pasted = paste(photos[name], *aligned[name])
    changed = (np.asarray(pasted) != np.asarray(photos[name])).any(axis=2)
    assert psnr(pasted, photos[name], changed) > {"astronaut": 37, "biden": 37, "obama": 35}[name]


@pytest.mark.parametrize("side", [150, 900, 2600, pytest.param(5200, marks=pytest.mark.slow)])
def test_a_round_trip_does_not_shift_or_blur_at_any_scale(side):
    """Smooth texture, so that only geometry can be wrong. 5200 takes FFHQ's reduction first."""
    photo = texture(300, 300, blur=6).resize((round(side * 1.4),) * 2, Image.Resampling.BICUBIC)
    at = side * np.array([0.7, 0.65])
    points = np.zeros((68, 2))
    points[36:42], points[42:48] = at + side * np.array([[-0.125, -0.02], [0.125, 0.02]])[:, None]
    points[48], points[54] = at + side * np.array([[-0.1, 0.2], [0.06, 0.22]])
    face, alignment = align(photo, points, size=1024)
    assert alignment.side == pytest.approx(side, rel=0.15)
    pasted = paste(photo, face, alignment)
    changed = (np.asarray(pasted) != np.asarray(photo)).any(axis=2)
    assert psnr(pasted, photo, changed) > 45


@pytest.mark.parametrize("name", NAMES)
def test_outside_of_the_quad_every_pixel_is_the_photographs(photos, aligned, name):
    photo, alignment = photos[name], aligned[name][1]
    pasted = paste(photo, Image.new("RGB", (512, 512), "red"), alignment)
    assert pasted.size == photo.size
    corners = np.array(alignment.quad)
    across, down = corners[3] - corners[0], corners[1] - corners[0]
    y, x = np.mgrid[: photo.height, : photo.width]
    offset = np.stack([x, y], axis=2) - corners[0]
    u, v = offset @ across / alignment.side**2, offset @ down / alignment.side**2
    outside = (u < 0) | (u > 1) | (v < 0) | (v > 1)
    inside = (np.minimum(u, 1 - u) > 0.1) & (np.minimum(v, 1 - v) > 0.1)
    before, after = np.asarray(photo), np.asarray(pasted)
    assert np.array_equal(before[outside], after[outside])
    in_photo = alignment.quad[0][1] > 0  # no padding at the top, or a part stays the photo's
    if in_photo:
        assert (after[inside] == (255, 0, 0)).all()


def test_the_border_is_blended_without_a_step():
    photo = Image.new("RGB", (1000, 1000), "black")
    _, alignment = align(photo, drawn_face(), size=64)
    pasted = np.asarray(paste(photo, Image.new("RGB", (512, 512), "white"), alignment), int)
    # Over 0.08 of 400 pixels the steepest step of a smooth ramp is 1.5 / 32 of the whole.
    assert np.abs(np.diff(pasted[..., 0], axis=0)).max() <= 18
    assert np.abs(np.diff(pasted[..., 0], axis=1)).max() <= 18
    assert pasted.max() == 255


def test_a_narrower_feather_leaves_more_of_the_face():
    photo = Image.new("RGB", (1000, 1000), "black")
    _, alignment = align(photo, drawn_face(), size=64)
    white = Image.new("RGB", (64, 64), "white")
    wide, narrow, none = (
        np.asarray(paste(photo, white, alignment, feather=f)).mean() for f in (0.2, 0.05, 0.0)
    )
    assert wide < narrow < none
    assert none == pytest.approx(255 * alignment.side**2 / 1000**2, rel=0.02)


def test_a_face_partly_outside_of_the_photograph_is_pasted_into_what_there_is():
    photo = Image.new("RGB", (600, 600), "black")
    points = drawn_face((60.0, 60.0, 160.0, 60.0), (80.0, 150.0, 140.0, 150.0))
    _, alignment = align(photo, points, size=64)
    pasted = np.asarray(paste(photo, Image.new("RGB", (256, 256), "white"), alignment))
    assert pasted[150, 150].min() == 255
    # Where the crop held reflected and blurred pixels the photograph's own edge is kept.
    assert pasted[0].max() == 0 and pasted[:, 0].max() == 0
    assert np.abs(np.diff(pasted[..., 0].astype(int), axis=0)).max() < 30


def test_a_fine_pattern_does_not_alias_when_the_face_shrinks():
    """Stripes finer than the photograph's pixels must come out grey."""
    photo = Image.new("RGB", (400, 400), (128, 128, 128))
    points = drawn_face((180.0, 180.0, 220.0, 183.0), (186.0, 215.0, 210.0, 217.0))
    _, alignment = align(photo, points, size=64)
    stripes = np.zeros((1024, 1024, 3), np.uint8)
    stripes[:, ::2] = 255
    stripes[::3] = 128
    pasted = np.asarray(paste(photo, Image.fromarray(stripes), alignment), int)
    assert np.abs(pasted - 128).max() <= 3


def test_the_photograph_given_is_not_changed(photos, aligned):
    before = np.array(photos["obama"])
    paste(photos["obama"], Image.new("RGB", (64, 64), "red"), aligned["obama"][1])
    assert np.array_equal(before, np.asarray(photos["obama"]))


def test_only_square_faces_are_pasted(photos, aligned):
    with pytest.raises(ValueError, match="square"):
        paste(photos["obama"], Image.new("RGB", (64, 32)), aligned["obama"][1])


# -- the shared photographs ------------------------------------------------------------------------


@pytest.mark.slow
@SHARED_PHOTOS
def test_every_shared_photograph_is_found_and_goes_back(finder):
    for path in sorted(SHARED.iterdir()):
        photo = open_photograph(path)
        pasted = paste(photo, *align(photo, finder.landmarks(photo)))
        assert psnr(pasted, photo) > 38, path.name
