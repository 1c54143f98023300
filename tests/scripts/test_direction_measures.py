"""What the scripts measure on faces: colours, shapes, tags read off, ranges found."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scripts.directions import library, looks, tagging
from scripts.directions.calibrate import Calibration, Strips, unit_step
from scripts.directions.colours import NAMES as COLOURS
from scripts.directions.colours import colours
from scripts.directions.direction_table import GUARDED, RECIPES, Recipe
from scripts.directions.faces import Readings, place_name
from scripts.directions.measures import MIXTURES, plain_names
from scripts.directions.shapes import NAMES as SHAPES
from scripts.directions.shapes import shapes


def landmarks(side: int = 256) -> np.ndarray:
    """68 points of a plain frontal face in a crop of this side."""
    points = np.zeros((68, 2))
    angles = np.linspace(np.pi, 0, 17)
    points[:17] = np.stack([0.5 + 0.28 * np.cos(angles), 0.5 + 0.33 * np.sin(angles)], 1)
    points[17:22] = [(0.28 + 0.04 * i, 0.38) for i in range(5)]
    points[22:27] = [(0.56 + 0.04 * i, 0.38) for i in range(5)]
    points[27:31] = [(0.5, 0.46 + 0.05 * i) for i in range(4)]
    points[31:36] = [(0.44 + 0.03 * i, 0.64) for i in range(5)]
    for first, centre in ((36, 0.37), (42, 0.63)):
        x = [-0.06, -0.03, 0.03, 0.06, 0.03, -0.03]
        y = [0, -0.02, -0.02, 0, 0.02, 0.02]
        points[first : first + 6] = [(centre + a, 0.46 + b) for a, b in zip(x, y, strict=True)]
    for first, count, wide, high in ((48, 12, 0.12, 0.05), (60, 8, 0.09, 0.015)):
        turn = np.pi + np.arange(count) * 2 * np.pi / count
        points[first : first + count] = np.stack(
            [0.5 + wide * np.cos(turn), 0.74 + high * np.sin(turn)], 1
        )
    return points * side


def face(side: int = 256) -> np.ndarray:
    return np.full((side, side, 3), 170, np.uint8)


def paint(picture: np.ndarray, box: tuple[float, float, float, float], colour) -> np.ndarray:
    painted, side = picture.copy(), len(picture)
    left, top, right, bottom = (round(edge * side) for edge in box)
    painted[top:bottom, left:right] = colour
    return painted


@pytest.mark.parametrize(
    "name, box, colour",
    [
        ("chin_dark", (0.35, 0.8, 0.65, 0.85), 40),
        ("stubble", (0.4, 0.65, 0.6, 0.7), 40),
        ("lip_red", (0.35, 0.68, 0.65, 0.8), (200, 40, 60)),
        ("lid_dark", (0.28, 0.39, 0.74, 0.45), 60),
        ("brow_dark", (0.28, 0.37, 0.45, 0.39), 20),
        ("hair_red", (0.2, 0.0, 0.8, 0.12), (180, 60, 40)),
        ("background_light", (0.0, 0.0, 0.1, 0.3), 250),
        ("background_yellow", (0.0, 0.0, 0.1, 0.3), (200, 190, 60)),
        ("light_side", (0.6, 0.55, 0.9, 0.75), 220),
        ("bridge", (0.4, 0.45, 0.6, 0.47), 20),
        ("gaze", (0.39, 0.44, 0.43, 0.48), 20),
    ],
)
def test_a_colour_measure_rises_with_what_it_measures(name, box, colour):
    plain = colours(face(), landmarks())
    assert plain.keys() == set(COLOURS)
    assert colours(paint(face(), box, colour), landmarks())[name] > plain[name]


def test_shapes_are_of_the_face_not_of_the_picture():
    points = landmarks()
    plain = shapes(points, 0.0, 0.0)
    assert plain.keys() == set(SHAPES)
    for other in (shapes(points * 2, 0.0, 0.0), shapes(points + 30, 0.0, 0.0)):
        assert other == pytest.approx(plain)
    tilt = np.radians(10)
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    assert shapes(points @ turn.T, 0.0, 10.0) == pytest.approx(plain)


@pytest.mark.parametrize(
    "name, rows, by",
    [
        ("nose_width", [35], (0.02, 0)),
        ("chin_length", range(6, 11), (0, 0.02)),
        ("brow_height", range(17, 27), (0, -0.02)),
        ("brow_tilt", [20, 21, 22, 23], (0, -0.02)),
        ("lip_full", [49, 50, 51, 52, 53], (0, -0.01)),
        ("face_width", [14, 15, 16], (0.02, 0)),
    ],
)
def test_a_shape_rises_with_what_it_measures(name, rows, by):
    moved = landmarks()
    moved[list(rows)] += np.array(by) * 256
    assert shapes(moved, 0.0, 0.0)[name] > shapes(landmarks(), 0.0, 0.0)[name]


def readings(features: np.ndarray) -> Readings:
    return Readings(np.array(True), np.zeros(8), landmarks(), np.zeros(128), features)


def test_tags_are_read_off_features_of_faces_not_seen():
    rng = np.random.default_rng(0)
    plant = rng.standard_normal(40)
    rows = [readings(rng.standard_normal((2, 40)).astype(np.float16)) for _ in range(120)]
    seen = np.array([row.features.mean(0) @ plant for row in rows])
    tags = {"fringe": np.where(np.arange(120) % 5 == 0, np.nan, (seen > 0).astype(float))}
    assert looks.held_out(rows, tags)["fringe"] > 0.6
    read = looks.fit_looks(rows[:100], {"fringe": tags["fringe"][:100]})
    new = [read.read(row)["fringe"] for row in rows[100:]]
    assert np.corrcoef(new, seen[100:])[0, 1] > 0.6


def test_the_tags_in_the_tree_are_whole():
    seeds, tags = tagging.read_tags()
    assert len(set(seeds)) == len(seeds) >= 500
    assert set(seeds) <= set(library.FIT_SEEDS)
    for name, values in tags.items():
        given = values[~np.isnan(values)]
        assert set(given) <= {0.0, 1.0, 2.0, 3.0} and (given > 0).sum() >= 20, name


def test_every_recipe_names_measures_that_there_are():
    looked = looks.Looks(dict.fromkeys(tagging.read_tags()[1], np.zeros(1)), {})
    names = {*plain_names(looked), *(m.name for m in MIXTURES), "femininity"}
    assert set(GUARDED) <= names
    for recipe in RECIPES:
        assert {recipe.measure, recipe.target, *recipe.kin} <= names, recipe.name
        assert recipe.measure not in library.guarded(recipe)
    assert len({recipe.name for recipe in RECIPES}) == len(RECIPES)


def calibration(effect, far_by, **options) -> Calibration:
    """Ten faces alike, with this effect and identity distance for steps of -2 to 2."""
    lengths = np.arange(-2.0, 3.0)
    values = np.tile([effect(length) for length in lengths], (10, 1))
    far = np.tile([far_by(abs(length)) for length in lengths], (10, 1))
    recipe = Recipe("x", "X", "face", "age", **options)
    return Calibration(recipe, Strips(lengths, {"age": values}, far), spread=2.0)


def test_amounts_in_units_do_what_they_say():
    found = calibration(lambda x: 40 + 5 * x, lambda x: 0, scale=1.0, wanted=(-8, 20))
    wanted = [(-8, -1.6), (-4, -0.8), (0, 0), (5, 1), (10, 2)]
    assert np.allclose(found.curve(), wanted)


def test_percent_reach_to_the_end_and_rise_evenly():
    curve = calibration(lambda x: x + 0.2 * x * abs(x), lambda x: 0).curve()
    assert [amount for amount, _ in curve] == [-100, -50, 0, 50, 100]
    assert curve[-1][1] == pytest.approx(2) and 1 < curve[3][1] < 2


def test_a_range_ends_where_the_person_does():
    found = calibration(lambda x: x, lambda x: 0.3 * x, scale=1.0, step=0.01, distance=0.4)
    assert found.curve()[-1][0] == pytest.approx(1.33)


def test_a_range_ends_where_the_measure_stands_still():
    found = calibration(lambda x: min(x, 1.0), lambda x: 0, scale=1.0, step=0.1)
    assert found.curve()[-1] == pytest.approx((1, 1))
    assert calibration(lambda x: max(x, 0.0), lambda x: 0).curve() == []
    assert calibration(lambda x: max(x, 0.0), lambda x: 0, one_sided=True).curve()[0][0] == -100


def test_mending_takes_out_measured_leaks():
    recipes = {recipe.name: recipe for recipe in RECIPES}
    rng = np.random.default_rng(1)
    basis = np.linalg.qr(rng.standard_normal((512, len(RECIPES))))[0].T
    made = dict(zip(recipes, basis.copy(), strict=True))
    names = sorted({recipe.measure for recipe in RECIPES} | set(GUARDED))
    effect = {name: np.zeros(512) for name in names}
    for name, recipe in recipes.items():
        effect[recipe.measure] += recipe.sign * made[name]
    effect["age"] = effect["age"] + 0.5 * made["smile"]  # a smile that ages

    def moved(vectors):
        rows = {}
        for name, vector in vectors.items():
            values = {n: np.array([[-e @ vector, 0, e @ vector]]) for n, e in effect.items()}
            rows[name] = Strips(np.array([-1.0, 0.0, 1.0]), values, np.zeros((1, 3)))
        return rows

    class Faces:
        class gauge:
            pass

        def spread(self, name):
            return 1.0

    faces = Faces()
    faces.gauge.names = tuple(names)
    before = moved(made)
    after = moved(library.mend(faces, made, before))

    def leak(rows):
        return abs(rows["smile"].measures["age"][0, 2] / rows["smile"].measures["smile"][0, 2])

    assert leak(before) == pytest.approx(0.5) and leak(after) < 0.2


def test_a_step_of_some_layers_has_its_own_name():
    vector = np.eye(8)[0]
    whole, part = unit_step(vector, None, 18), unit_step(vector, (8, 18), 18)
    assert whole.shape == (8,) and part.shape == (18, 8) and not part[:8].any()
    names = {place_name(3, 0.7, step) for step in (whole, part, 2 * whole, torch.zeros(8))}
    assert len(names) == 4
