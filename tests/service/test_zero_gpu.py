"""What a Space needs: GPUs lent by `spaces`, persistent storage, the README's front matter."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from checkpoints.asset import HubFile
from checkpoints.fetch import Store, default_cache, persistent_storage
from checkpoints.manifest import MANIFEST
from pti_core.errors import CheckpointError, PhotographError, UserError
from pti_core.inversion.losses import View
from pti_core.inversion.paper_tuning import TuningConfig
from pti_core.inversion.presets import FAST, PAPER, Preset
from pti_core.inversion.projector import ProjectionConfig
from pti_core.models import EditModels, TuningModels
from pti_core.progress import Step
from service.executors import Order
from service.studio import Studio
from service.zero_gpu import LEAST_SECONDS, MOST_SECONDS, LoanSeconds, gpu_loan
from tests.conftest import make_generator

#: The networks that these tests share take seconds to be made.
pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
PHOTO = REPOSITORY / "examples" / "astronaut.jpg"
TINY = Preset(
    "tiny",
    ProjectionConfig(steps=4, lpips_size=64),
    TuningConfig(steps=200, lpips_views=(View(64),), locality_samples=0, plateau_steps=1000),
)

#: Does what the real package's contract says: it takes a generator function, and everything that
#: goes in or out is pickled.
SPACES = """
import pickle

asked, calls = [], []

def GPU(duration=60):
    def decorate(function):
        def lent(*arguments):
            asked.append(duration(*arguments) if callable(duration) else duration)
            calls.append(function.__name__)
            for item in function(*pickle.loads(pickle.dumps(arguments))):
                yield pickle.loads(pickle.dumps(item))
        return lent
    return decorate
"""


@pytest.fixture
def spaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "spaces.py").write_text(SPACES)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("spaces", None)


def test_nothing_where_the_package_is_not_there() -> None:
    assert gpu_loan() is None


def test_a_personalisation_runs_on_a_lent_gpu(spaces, models: TuningModels) -> None:
    import spaces as package

    studio = Studio(lambda report: models, {"tiny": TINY}, gpu_loan=gpu_loan())
    workspace = studio.align(PHOTO)
    job = studio.personalise(workspace.id, "tiny", seed=2)
    while not job.wait(0.02):
        if job.progress().stage == "tune":
            studio.stop(workspace.id)  # said to another process, maybe
    assert job.error is None
    report = job.result
    assert package.asked == [61] and package.calls == ["_steps"]
    assert report["stopped"] == "person" and 0 < report["steps_by_stage"]["tune"] < 200
    # The editor's weights are its own: those of the networks may lie on a GPU that is not there.
    assert studio.picture(workspace.id, {"age": 1}).size == (64, 64)


def test_a_mistake_comes_back_from_a_lent_gpu(spaces, models: TuningModels) -> None:
    studio = Studio(lambda report: models, {"tiny": TINY}, gpu_loan=gpu_loan())
    with pytest.raises(PhotographError):
        studio._executor.personalise(Order((b"no photograph",), TINY, 0, "auto"), on_step)


def on_step(step: Step) -> None: ...


def order(preset: Preset, people: int = 1, generator: str = "auto") -> Order:
    return Order((b"photograph",) * people, preset, 0, generator)


def test_a_loan_asks_for_what_its_order_needs(tmp_path: Path) -> None:
    seconds = LoanSeconds(tmp_path / "loans.json")
    assert seconds(order(PAPER), tmp_path / "stop") == 180
    assert 40 <= seconds(order(FAST)) <= 60
    assert seconds(order(PAPER, people=4)) == MOST_SECONDS
    for measured in (30.2, 10.0, 21.0):
        seconds.record(order(PAPER), measured)
    assert seconds(order(PAPER)) == 45  # the longest, and half as much
    assert seconds(order(PAPER, generator="mobile")) == 180  # of which nothing is known
    seconds.record(order(FAST), 2.5)
    assert LoanSeconds(tmp_path / "loans.json")(order(FAST)) == LEAST_SECONDS
    assert LoanSeconds(tmp_path / "loans.json")(order(PAPER)) == 45
    (tmp_path / "loans.json").write_text("[1")
    assert LoanSeconds(tmp_path / "loans.json")(order(PAPER)) == 180


def test_loans_are_measured(spaces, models: TuningModels) -> None:
    import spaces as package

    quick = replace(TINY, tuning=replace(TINY.tuning, steps=4))
    loan = gpu_loan()
    assert loan is not None
    studio = Studio(lambda report: models, {"tiny": quick}, gpu_loan=loan)
    workspace = studio.align(PHOTO)
    for _ in range(2):
        job = studio.personalise(workspace.id, "tiny")
        assert job.wait(120) and job.error is None
    assert package.asked[0] == round(20 + 0.2 * 8)
    assert LEAST_SECONDS <= package.asked[1] <= MOST_SECONDS
    assert loan.seconds._taken["learn tiny auto 1"]


def test_the_page_asks_for_the_loan_before_torch(spaces) -> None:
    script = (
        "import sys, app\nassert 'torch' not in sys.modules\n"
        "app.gpu_loan()\nassert 'spaces' in sys.modules and 'torch' not in sys.modules\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{sys.path[0]}{os.pathsep}{REPOSITORY}"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


# Sessions of other generators.


@pytest.mark.slow
def test_a_session_brings_the_generator_that_it_needs(models: TuningModels) -> None:
    other = make_generator(seed=5, name="other")
    asked: list[str] = []

    def load_other(name: str) -> EditModels:
        asked.append(name)
        if name != "other":
            raise CheckpointError(f"There is no generator named {name!r}.")
        return EditModels(generator=other, directions=models.directions)

    theirs = Studio(
        lambda report: TuningModels(**{**vars(models), "generator": other}), {"tiny": TINY}
    )
    workspace = theirs.align(PHOTO)
    assert theirs.personalise(workspace.id, "tiny").wait(120)
    session = theirs.workspaces.get(workspace.id).session
    assert session is not None
    data, shown = session.to_bytes(), []
    ours = Studio(lambda report: models, {"tiny": TINY}, load_other=load_other)
    for _ in range(2):
        workspace = ours.open(data)
        shown.append(ours.picture(workspace.id, {"age": 2}))
        assert ours.session_file(workspace.id, {"age": 2})
    assert asked == ["other"] and shown[0].tobytes() == shown[1].tobytes()
    strange = replace(session, generator_name="ather").to_bytes()
    with pytest.raises(CheckpointError, match="no generator named 'ather'"):
        ours.open(strange)


# Storage and packaging.


def test_persistent_storage_is_used_on_a_space_alone(tmp_path, monkeypatch) -> None:
    for name in ("PTI_CACHE", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "SPACE_ID"):
        monkeypatch.delenv(name, raising=False)
    assert persistent_storage(tmp_path) is None
    assert default_cache().is_relative_to(Path.home())
    assert Store.from_environment().hub_cache is None
    monkeypatch.setenv("SPACE_ID", "someone/pti-studio")
    assert persistent_storage(tmp_path) == tmp_path
    assert persistent_storage(tmp_path / "absent") is None
    monkeypatch.setenv("PTI_CACHE", str(tmp_path / "named"))
    assert default_cache() == tmp_path / "named"


def test_the_readme_begins_as_a_space_needs_it() -> None:
    front = (REPOSITORY / "README.md").read_text().split("---\n")[1]
    fields = dict(re.findall(r"^(\w+): (.+)$", front, re.M))
    assert fields["sdk"] == "gradio" and (REPOSITORY / fields["app_file"]).is_file()
    assert re.fullmatch(r"\d+\.\d+\.\d+", fields["sdk_version"]) and fields["license"] == "mit"
    listed = set(re.findall(r"^  - (\S+/\S+)$", front, re.M))
    for name in ("stylegan2-ffhq", "e4e-ffhq", "arcface-irse50"):
        used = {s.repo for s in MANIFEST[name].sources if isinstance(s, HubFile)}
        assert used <= listed, name


# A generator chosen for one personalisation.

SHORT = replace(TINY, tuning=replace(TINY.tuning, steps=2))


def test_a_person_chooses_the_generator(models: TuningModels) -> None:
    other = make_generator(seed=5, name="other")
    loaded: list[str] = []

    def load(report: object) -> TuningModels:
        loaded.append("other")
        return TuningModels(
            **{**vars(models), "generator": other, "about": "The other one runs here."}
        )

    studio = Studio(
        lambda report: models, {"tiny": SHORT}, generator="first", others={"other": load}
    )
    workspace = studio.align(PHOTO)
    assert studio.generator_names == ("first", "other") and not loaded
    for wanted, name in (("other", "other"), ("", models.generator.name), ("other", "other")):
        job = studio.personalise(workspace.id, "tiny", generator=wanted)
        while not job.wait(0.02):
            pass
        assert job.error is None
        assert workspace.session.generator_name == name == workspace.report["generator"]
        assert studio.picture(workspace.id, {"age": 2}).size == (64, 64)
    assert loaded == ["other"] and workspace.report["about"] == "The other one runs here."
    with pytest.raises(UserError, match="first or other"):
        studio.personalise(workspace.id, "tiny", generator="third")


def test_a_generator_that_cannot_be_had_loses_nothing(models: TuningModels) -> None:
    def load(report: object) -> TuningModels:
        raise CheckpointError("The Hub does not answer; try later.")

    studio = Studio(lambda report: models, {"tiny": SHORT}, others={"stylegan2": load})
    workspace = studio.align(PHOTO)
    for wanted in ("auto", "stylegan2"):
        job = studio.personalise(workspace.id, "tiny", generator=wanted)
        while not job.wait(0.02):
            pass
        assert str(job.error or "") == ("The Hub does not answer; try later." * (wanted != "auto"))
        assert workspace.session.generator_name == models.generator.name


def test_a_choice_that_ends_at_the_first_generator_is_not_kept_twice(models: TuningModels) -> None:
    same = TuningModels(**{**vars(models), "generator": make_generator(), "about": "As asked."})
    studio = Studio(lambda report: models, {"tiny": SHORT}, others={"mobile": lambda report: same})
    chosen = studio.choices.tuning_models("mobile")
    assert chosen.generator is models.generator and chosen.about == "As asked."
