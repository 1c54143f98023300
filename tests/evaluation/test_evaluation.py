"""The evaluation with the real face finder and meters, and a generator of 64 pixels."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from checkpoints.network_loaders import load_face_finder
from cli import arguments as choices
from evaluation import experiments, figures, pivot_choice, same_person
from evaluation.bench import Bench, Settings
from evaluation.measures import Drift, measure_editing, render, solve, subject_of
from evaluation.photographs import find_photographs
from evaluation.runner import EXPERIMENTS, Evaluation, Plan
from evaluation.tables import AS_NEAR, PAPER_RECONSTRUCTION, claims, reconstruction_table
from evaluation.workbook import Workbook
from pti_core.ai_mark import DIGITAL_SOURCE_TYPE
from pti_core.editing.directions import load_directions
from pti_core.editing.edit_state import EditState
from pti_core.errors import EditError, UserError
from pti_core.inversion.paper_tuning import TunedDelta
from pti_core.models import TuningModels
from pti_core.rendering import render as render_session
from pti_core.session.session import Session
from tests.cli.test_cli import refusal
from tests.conftest import make_lively_generator
from tests.pti_core.test_personalisation import TINY

EXAMPLES = Path(__file__).parents[2] / "examples"
SETTINGS = Settings(
    preset=TINY, ablation_steps=4, identities=3, alphas=(8.0, 30.0), drift_samples=4, people=2
)


class Colours:
    """Compares pictures by sixteen mean colours: there are no faces here to compare."""

    name, same_person = "colours", 10.0  # of at most 7: no edit is ended by it

    def embedding(self, image: Image.Image) -> np.ndarray:
        return np.asarray(image.resize((4, 4), Image.Resampling.BOX), np.float64).ravel() / 255

    def distance(self, a: Image.Image | np.ndarray, b: Image.Image | np.ndarray) -> float:
        first, second = (x if isinstance(x, np.ndarray) else self.embedding(x) for x in (a, b))
        return float(np.linalg.norm(first - second))


class Tilt:
    """Measures how bright the picture and its halves are, as if that were age, smile and yaw.

    Scaled so that the directions move the small generator's pictures by about as much as faces.
    """

    def measure(self, image: Image.Image, names: Collection[str] = ()) -> dict[str, float]:
        grey = np.asarray(image.convert("L"), np.float64)
        half = grey.shape[1] // 2
        yaw = float(grey[:, :half].mean() - grey[:, half:].mean())
        age, smile = float(grey.mean()), float(grey[half:].mean())
        return {"yaw": 200 * yaw, "age": -600 * age, "smile": -40 * smile}


@pytest.fixture(scope="module")
def models(lpips) -> TuningModels:
    """Real directions and face finder; the generator's pictures are no faces, so what measures
    them is simple (the real meters run in tests/benchmarks/test_quality_gate.py)."""
    finder = load_face_finder()
    return TuningModels(
        generator=make_lively_generator(),
        directions=load_directions(),
        lpips=lpips,
        lpips_report=lpips,
        faces=finder,
        identity=Colours(),
        meter=Tilt(),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two photographs and two files that are none."""
    found = tmp_path_factory.mktemp("photos")
    for name in ("astronaut.jpg", "obama.jpg"):
        shutil.copy(EXAMPLES / name, found / name)
    (found / "broken.jpg").write_bytes((EXAMPLES / "biden.jpg").read_bytes()[:3000])
    (found / "notes.txt").write_text("no picture")
    (found / ".hidden.jpg").write_text("not even looked at")
    return found


# ------------------------------------------------------------------------------------------- parts


@pytest.mark.parametrize(
    "effect",
    [
        lambda x: 3 * x,
        lambda x: 12 * math.tanh(x / 3),
        lambda x: x**3,
        lambda x: 4 * x + 0.1 * math.sin(40 * x),
    ],
    ids=["straight", "saturating", "late", "rippled"],
)
@pytest.mark.parametrize("guess", [0.3, 2.0, 7.0])
def test_the_length_of_a_wanted_effect_is_found(effect, guess):
    tries = []

    def counted(length):
        tries.append(length)
        return effect(length)

    length, achieved = solve(counted, wanted=8.0, guess=guess, most=8.0, tolerance=0.4)
    assert achieved == effect(length) and abs(achieved - 8.0) <= 0.4
    assert len(tries) <= 19 and max(tries) <= 8.0


def test_an_effect_that_cannot_be_had_is_none():
    assert solve(lambda x: 2 * x, wanted=8.0, guess=1.0, most=3.0, tolerance=0.4) is None
    assert solve(lambda x: -x, wanted=8.0, guess=1.0, most=30.0, tolerance=0.4) is None


def test_finished_pieces_are_kept_and_others_are_not_mistaken_for_them(tmp_path):
    made = []

    def make():
        made.append(1)
        return {"value": len(made)}

    work = Workbook(tmp_path / "work")
    first = work.figures("piece", {"steps": 1}, make)
    assert work.figures("piece", {"steps": 1}, make) == first == {"value": 1}
    assert work.figures("piece", {"steps": 2}, make) == {"value": 2}
    for path in (tmp_path / "work").iterdir():
        path.write_text('{"value"')
    assert work.figures("piece", {"steps": 1}, make) == {"value": 3}


def test_drift_is_zero_without_tuning_and_grows_with_it(models):
    drift = Drift(models.generator, models.lpips_report, samples=3)
    assert drift({})["mean"] == 0
    weights = {
        name: torch.full_like(value, 0.002).half()
        for name, value in models.generator.synthesis.named_parameters()
    }
    little, more = (
        drift(TunedDelta({n: scale * v for n, v in weights.items()}).overrides(models.generator))
        for scale in (1, 4)
    )
    assert 0 < little["mean"] < more["mean"] and len(more["each"]) == 3


def test_photographs_are_found_in_order(folder, tmp_path):
    photos = find_photographs([folder])
    assert [photo.name for photo in photos] == ["astronaut", "broken", "notes", "obama"]
    assert [photo.name for photo in find_photographs([folder], limit=1)] == ["astronaut"]
    twice = find_photographs([EXAMPLES / "obama.jpg", folder / "obama.jpg"])
    assert twice[0].sha256 == twice[1].sha256
    with pytest.raises(UserError, match="no photograph"):
        find_photographs([tmp_path])


# ------------------------------------------------------------------------------------- whole thing


@pytest.fixture(scope="module")
def finished(models, folder, tmp_path_factory):
    """The folder and results of a whole evaluation that was interrupted once, and its steps."""
    out, steps, told = tmp_path_factory.mktemp("report"), [], []
    plan = Plan(
        find_photographs([folder]),
        same_person=find_photographs(sorted(EXAMPLES.glob("*.jpg"))),
        show=frozenset({"astronaut", "obama"}),
        command="python -m pti_core evaluate",
        notes="# Notes\n\nWhy the turn\nis lost.\n",
    )

    def interrupt(index: int, total: int, label: str) -> None:
        told.append((index, total, label))
        if label == "obama, w":
            raise KeyboardInterrupt

    bench = Bench(models, SETTINGS, out / "work", steps.append)
    with pytest.raises(KeyboardInterrupt):
        Evaluation(bench, plan, out, interrupt).run()
    before, partly = len(steps), json.loads((out / "results.json").read_text())
    assert [row["method"] for row in partly["rows"]] == ["w", "w+", "pti"]
    results = Evaluation(bench, plan, out, lambda *job: told.append(job)).run()
    return {
        "out": out,
        "results": results,
        "plan": plan,
        "steps": steps,
        "before": before,
        "told": told,
        "partly": partly,
    }


@pytest.mark.slow
def test_one_row_a_photograph_and_method(finished):
    results = finished["results"]
    assert results == json.loads((finished["out"] / "results.json").read_text())
    assert results["photographs"] == ["astronaut", "obama"]
    assert results["skipped"].keys() == {"broken.jpg", "notes.txt"}
    assert "not a picture" in results["skipped"]["notes.txt"]
    pairs = [(row["photo"], row["method"]) for row in results["rows"]]
    assert pairs == [(p, m) for p in ("astronaut", "obama") for m in ("w", "w+", "pti")]
    for row in results["rows"]:
        near, edits = row["reconstruction"], row["editing"]
        assert near["mse"] > 0 and near["lpips"] > 0 and near["identity_distance"] > 0
        assert edits["single"].keys() == {"smile", "pose", "age"} and len(edits["sequence"]) == 3
        assert edits["rotations"].keys() == {"5", "10"}
        assert edits["pose_magnitude"] is not None and ("drift" in row) == (row["method"] == "pti")
    by = {(row["photo"], row["method"]): row["reconstruction"]["mse"] for row in results["rows"]}
    assert all(by[name, "pti"] < by[name, "w"] for name in ("astronaut", "obama"))


@pytest.mark.slow
def test_an_interrupted_evaluation_goes_on(finished, models):
    assert finished["results"]["rows"][:3] == finished["partly"]["rows"]
    again = []
    bench = Bench(models, SETTINGS, finished["out"] / "work", again.append)
    photos = find_photographs([EXAMPLES / "astronaut.jpg", EXAMPLES / "obama.jpg"])
    rows = [bench.row(photo, method) for photo in photos for method in ("w", "w+", "pti")]
    done = finished["results"]["experiments"]
    assert rows == finished["results"]["rows"]
    assert experiments.locality(bench, photos) == done["locality"]
    assert pivot_choice.pivots(bench, photos) == done["pivots"]
    assert not again and finished["before"] < len(finished["steps"])
    longer = dataclasses.replace(SETTINGS, projection_steps=7)
    bench = Bench(models, longer, finished["out"] / "work", again.append)
    bench.row(photos[1], "w")
    assert len([step for step in again if step.index]) == 7  # other settings, another row


@pytest.mark.slow
def test_jobs_are_counted(finished):
    jobs = [job for job in finished["told"] if "finding" not in job[2]]
    whole = jobs[-13:]
    assert [index for index, _, _ in whole] == list(range(1, 14))
    assert {total for _, total, _ in whole} == {13}
    assert [label for _, _, label in whole][6:-1] == list(EXPERIMENTS[1:])


@pytest.mark.slow
def test_the_reports_hold_tables_and_pictures(finished):
    out, results = finished["out"], finished["results"]
    text, page = (out / "report.md").read_text(), (out / "report.html").read_text()
    assert results["figures"].keys() == figure_names()
    for file in results["figures"].values():
        data = (out / file).read_bytes()
        assert f"]({file})" in text and data[:2] == b"\xff\xd8"
        assert DIGITAL_SOURCE_TYPE.encode() in data
    assert page.count("data:image/jpeg;base64,") == len(results["figures"])
    assert "http" not in page  # opens anywhere, asks nobody
    for word in ("Table 1", "Table 2", "broken.jpg", "colours, a distance", "(0.014)", "(14.86)"):
        assert word in text and word in page
    assert "does not hold" in text or "holds" in text
    assert "\n\nWhy the turn is lost.\n\n" in text and "# Notes" not in text


def figure_names() -> set[str]:
    tables = {"reconstructions", "edits", "sequential"}
    return tables | {"multi-identity", "locality", "drift", "alpha", "pivots"}


@pytest.mark.slow
def test_the_experiments_have_their_figures(finished):
    done = finished["results"]["experiments"]
    assert [person["photo"] for person in done["multi"]["people"]] == ["astronaut", "obama"]
    shared = done["locality"]["rows"]
    assert [row["variant"] for row in shared] == ["without", "with", AS_NEAR]
    assert 0 < shared[2]["steps_each"] <= 4
    assert shared[0]["people"] == ["astronaut", "obama", "generated 0"]
    assert shared[0]["drift"]["mean"] > 0 and shared[0] != shared[1]
    assert [row["alpha"] for row in done["alpha"]["rows"]] == [8.0, 30.0]
    assert [row["pivot"] for row in done["pivots"]["rows"]] == list(pivot_choice.PIVOTS)
    assert len({row["reconstruction"]["mse"] for row in done["pivots"]["rows"]}) == 5
    names = [row["generator"] for row in done["same-person"]["rows"]]
    assert names == ["base", "one photograph", "2 photographs"]
    assert done["same-person"]["held_out"] == "obama" and not done["same-person"]["generated"]
    for row in done["turning"]["rows"]:
        ends = row["shares"][0], row["shares"][-1]
        by = {r["method"]: r for r in finished["results"]["rows"] if r["photo"] == row["photo"]}
        for end, method in zip(ends, ("w", "pti"), strict=True):
            assert end["mse"] == pytest.approx(by[method]["reconstruction"]["mse"], abs=1e-6)
            turned = by[method]["editing"]["pose_magnitude"]
            assert end["pose_magnitude"] == pytest.approx(turned, abs=0.5)


def test_without_photographs_of_one_person_pictures_are_generated(models, tmp_path):
    bench = Bench(models, SETTINGS, tmp_path / "work")
    assert "left_out" in same_person.same_person(bench, [])  # this generator's show no faces
    files = sorted((tmp_path / "work" / "one person").iterdir())
    pictures = [np.asarray(Image.open(file)).astype(int) for file in files]
    assert len(pictures) == 4 and all((a != pictures[0]).any() for a in pictures[1:])


@pytest.mark.slow
def test_a_figure_comes_with_its_numbers(finished, models):
    bench = Bench(models, SETTINGS, finished["out"] / "work")
    photos = find_photographs([EXAMPLES / "astronaut.jpg"])
    figure, numbers = figures.sequential(bench, photos)
    assert numbers["astronaut"]["pti"] == finished["results"]["rows"][2]["editing"]["sequence"]
    assert len(figure.axes) == 3 * 4 and figure.axes[0].get_title() == "unedited"


@pytest.mark.slow
def test_everybody_in_a_shared_generator_has_a_range_of_their_own(finished, models):
    bench = Bench(models, SETTINGS, finished["out"] / "work")
    photos = find_photographs([EXAMPLES / "astronaut.jpg", EXAMPLES / "obama.jpg"])
    session = Session.open(bench.together(photos).to_bytes(), models.generator)
    own = [session.directions(models.directions, person)["age"] for person in (0, 1)]
    curves = [person.curves for person in session.people]
    assert [curve["age"] for curve in curves] == [direction.curve for direction in own]
    for person, direction in enumerate(own):
        step = direction.step(direction.high)
        subject = subject_of(session, models.generator, person)
        state = EditState({"age": direction.high}, person=person)
        shown = render_session(session, models, state)
        assert shown.tobytes() == render(models.generator, subject, step).tobytes()
        with pytest.raises(EditError):
            beyond = {"age": 1.1 * direction.high}
            render_session(session, models, EditState(beyond, person=person))


@pytest.mark.slow
def test_everybody_in_a_shared_generator_is_edited_alike(finished, models):
    """Edits of one person do not depend on who else is in the session."""
    bench = Bench(models, SETTINGS, finished["out"] / "work")
    photos = find_photographs([EXAMPLES / "astronaut.jpg", EXAMPLES / "obama.jpg"])
    session = bench.together(photos)
    first, second = (subject_of(session, models.generator, person) for person in (0, 1))
    assert not torch.equal(first.pivot, second.pivot)
    people = finished["results"]["experiments"]["multi"]["people"]
    assert measure_editing(models, second) == people[1]["editing"] != people[0]["editing"]


# ------------------------------------------------------------------------------------------ tables


def rows_with(**pti: float) -> list[dict]:
    """Two photographs by w, w+ and pti, whose figures are the paper's; those of pti may differ."""
    rows = []
    for photo in ("a", "b"):
        for method in ("w", "w+", "pti"):
            paper = dict(PAPER_RECONSTRUCTION[method])
            near = {**paper, "lpips_256": paper["lpips"]}
            near["identity_distance"] = 1 - paper["similarity"]
            pose = {"w": 15.0, "w+": 11.15, "pti": 14.86}[method]
            edits = {"pose_magnitude": pose, "single_mean": near["identity_distance"]}
            edits |= {"single": {}, "sequence": [near["identity_distance"]], "rotations": {}}
            if method == "pti":
                near |= {k: v for k, v in pti.items() if k in near}
                edits |= {k: v for k, v in pti.items() if k in edits}
            row = {"photo": photo, "method": method, "seconds": 1.0, "steps": {}}
            rows.append({**row, "reconstruction": near, "editing": edits})
    return rows


def verdicts(rows, locality=None):
    return {claim.text: claim.holds for claim in claims(rows, locality)}


def test_the_papers_orderings_hold_in_the_papers_figures():
    found = verdicts(rows_with())
    assert found.pop("Identity at ±5 degrees: PTI is better than W") is None
    assert found.pop("Identity at ±10 degrees: PTI is better than W") is None
    assert set(found.values()) == {True} and len(found) == 14


@pytest.mark.parametrize(
    ("worse", "claim"),
    [
        ({"mse": 0.05}, "MSE: PTI is better than W+"),
        ({"lpips": 0.5}, "LPIPS, full size: PTI is better than W"),
        ({"pose_magnitude": 14.0}, "Pose magnitude of PTI is within 3 % of W's"),
        ({"pose_magnitude": 11.0}, "Pose magnitude of PTI is larger than W+'s"),
        ({"single_mean": 0.3}, "Identity after single edits: PTI is better than W"),
    ],
)
def test_an_ordering_that_does_not_hold_is_said(worse, claim):
    assert verdicts(rows_with(**worse))[claim] is False


def test_locality_has_to_halve_the_drift_at_the_same_nearness():
    def run(drift, mse):
        rows = [
            {"variant": AS_NEAR, "drift": {"mean": 0.2}, "reconstruction": {"mse": 0.01}},
            {"variant": "with", "drift": {"mean": drift}, "reconstruction": {"mse": mse}},
        ]
        return [c.holds for c in claims([], {"identities": 12, "rows": rows})][-2:]

    assert run(0.09, 0.0105) == [True, True]
    still = [
        {"variant": name, "drift": {"mean": 0.0}, "reconstruction": {"mse": 0.1}}
        for name in (AS_NEAR, "with")
    ]
    assert claims([], {"identities": 12, "rows": still})[-1].holds is None
    assert run(0.11, 0.0105) == [False, True] and run(0.09, 0.0115) == [True, False]


def test_tables_stand_beside_the_papers_figures():
    table = reconstruction_table(rows_with(), ("w", "pti"))
    assert table.rows[1][0] == "PTI" and table.rows[1][4] == "0.0140 ± 0.0000 (0.014)"
    assert table.rows[0][4].endswith("(0.08)")


# ------------------------------------------------------------------------------------ command line


def test_the_choices_are_the_runners():
    assert choices.EXPERIMENTS == EXPERIMENTS


def test_mistakes_are_sentences(tmp_path):
    out = ("--out", tmp_path / "report")
    assert "no file or folder" in refusal("evaluate", tmp_path / "absent", *out)
    (tmp_path / "empty").mkdir()
    assert "no photograph" in refusal("evaluate", tmp_path / "empty", *out)
    assert "w, w+" in refusal("evaluate", EXAMPLES, *out, "--methods", "w,z")
    assert "notes" in refusal("evaluate", EXAMPLES, *out, "--notes", tmp_path / "none.md")
    file = tmp_path / "file"
    file.write_text("")
    assert "is a file" in refusal("evaluate", EXAMPLES, "--out", file)
    assert not (tmp_path / "report").exists()
