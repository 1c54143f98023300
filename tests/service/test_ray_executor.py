"""Personalisations on a real Ray of this machine, with two workers, one of which is killed."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pti_core.errors import NoFaceError, UserError
from pti_core.models import TuningModels
from service.executors import InProcess, Order, executor_from
from service.studio import Studio
from tests.helpers.small import ENDLESS, SHORT, MiddleFace

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None,
        reason="Ray is not installed (requirements-ray.txt)",
    ),
]


@pytest.fixture(scope="module")
def models(generator, lpips, directions) -> TuningModels:
    return TuningModels(
        generator=generator,
        directions=directions,
        lpips=lpips,
        lpips_report=lpips,
        faces=MiddleFace(),
        about="A small generator.",
    )


@pytest.fixture(scope="module")
def executor(models) -> Iterator:
    with pytest.MonkeyPatch.context() as patch:  # the workers import `tests.helpers`, too
        patch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        patch.delenv("RAY_ADDRESS", raising=False)
        made = executor_from(
            {"PTI_EXECUTOR": "ray", "PTI_RAY_WORKERS": "2"}, {"auto": lambda report: models}
        )
        assert made is not None
        yield made
        made.close()


@pytest.fixture(scope="module")
def studio(models, executor) -> Studio:
    presets = {"short": SHORT, "endless": ENDLESS}
    return Studio(lambda report: models, presets, executor=executor)


@pytest.fixture
def photograph(make_picture) -> bytes:
    stream = io.BytesIO()
    make_picture(120, 100).save(stream, "PNG")
    return stream.getvalue()


def until(condition, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def started() -> set[int]:
    """The processes that this one started, and those that they started."""
    own = {os.getpid()}
    stats = {
        int(path.parent.name): path.read_text().rsplit(") ", 1)[1].split()
        for path in Path("/proc").glob("[0-9]*/stat")
    }
    while added := {pid for pid, stat in stats.items() if int(stat[1]) in own} - own:
        own |= added
    return own - {os.getpid()}


def seconds_to_stop(studio: Studio, photograph: bytes) -> float:
    """How long a personalisation goes on after the stop."""
    workspace = studio.align(photograph)
    job = studio.personalise(workspace.id, "endless")
    until(lambda: job.progress().index > 3)
    began = time.monotonic()
    assert studio.stop(workspace.id) and job.wait(60)
    assert job.result["stopped"] == "person"
    return time.monotonic() - began


def test_the_same_as_in_this_process(studio, executor, models, photograph):
    order, steps = Order((photograph,), SHORT, 3, "auto"), []
    session, report = executor.personalise(order, steps.append)
    own, here = InProcess(lambda name: models).personalise(order, lambda step: None)
    assert [(step.stage, step.index) for step in steps if step.index] == [
        *(("invert", index) for index in range(1, 5)),
        *(("tune", index) for index in range(1, 5)),
    ]
    assert all(step.picture is not None for step in steps if step.index)
    assert torch.allclose(session.pivots, own.pivots, atol=1e-4)
    assert report["about"] == here["about"] == "A small generator."
    assert report["mse"] == pytest.approx(here["mse"], rel=1e-3)


def test_a_mistake_comes_back_as_one_sentence(executor, photograph):
    blank = io.BytesIO()
    Image.new("RGB", (90, 90)).save(blank, "PNG")
    with pytest.raises(NoFaceError):
        executor.personalise(Order((blank.getvalue(),), SHORT, 0, "auto"), lambda step: None)


def test_two_run_at_a_time_and_the_third_waits_for_the_first_of_them(studio, photograph):
    workspaces = [studio.align(photograph) for _ in range(3)]
    jobs = [studio.personalise(workspace.id, "endless") for workspace in workspaces[:2]]
    until(lambda: all(job.progress().index > 1 for job in jobs))
    third = studio.personalise(workspaces[2].id, "short")
    told = third.progress()
    assert (told.state, told.ahead) == ("waiting", 2)
    assert told.seconds_left is not None and told.seconds_left > 0
    assert studio.stop(workspaces[1].id)
    assert third.wait(60) and third.error is None
    assert jobs[0].progress().state == "running"  # nobody else was stopped
    assert studio.stop(workspaces[0].id) and jobs[0].wait(60)
    assert jobs[1].result["stopped"] == "person"


def test_a_worker_that_dies_has_its_job_done_by_the_other(studio, executor, photograph):
    import ray

    with executor._changed:
        first, second = executor._free
    victim, other = (ray.get(worker.where.remote())[1] for worker in (first, second))
    assert victim != other != os.getpid()
    workspace = studio.align(photograph)
    job = studio.personalise(workspace.id, "endless")
    until(lambda: job.progress().index > 3 and job.progress().pictures > 0)
    assert job.progress().note == ""
    os.kill(victim, signal.SIGKILL)
    until(lambda: job.progress().note)
    pictures = job.progress().pictures
    until(lambda: job.progress().index > 3 and job.progress().pictures > pictures)
    assert "begun again" in job.progress().note
    with executor._changed:
        assert second not in executor._free and first not in executor._free
    assert studio.stop(workspace.id) and job.wait(60)
    assert job.error is None and job.result["stopped"] == "person"
    assert np.asarray(studio.picture(workspace.id, {})).std() > 0
    with executor._changed:
        assert len(executor._free) == 2  # the dead one has been replaced


def test_one_whose_second_worker_dies_too_is_told_so(studio, executor, photograph):
    import ray

    with executor._changed:
        victims = [ray.get(worker.where.remote())[1] for worker in executor._free]
    workspace = studio.align(photograph)
    job = studio.personalise(workspace.id, "endless")
    until(lambda: job.progress().index > 0)
    os.kill(victims[0], signal.SIGKILL)
    until(lambda: job.progress().note and job.progress().index > 0)
    os.kill(victims[1], signal.SIGKILL)
    assert job.wait(60)
    assert isinstance(job.error, UserError) and "failed" in str(job.error)


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads sockets as Linux tells them")
def test_nobody_else_reaches_it(executor):
    """No process that this one started listens anywhere but on the loopback."""
    inodes = set()
    for pid in started():
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                inodes.add(link.readlink().name.removeprefix("socket:[").removesuffix("]"))
    places = set()
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and inode in inodes:  # listening
                places.add(local.rsplit(":", 1)[0])
    loopback = {"0100007F", "0" * 24 + "01000000", "0" * 16 + "FFFF0000" + "0100007F"}
    assert places and places <= loopback


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads processes as Linux does")
def test_it_has_no_dashboard_and_reports_nothing(executor):
    """One process of Ray would do both. It runs in any case, and is told how."""
    lines = {}
    for pid in started():
        with contextlib.suppress(OSError):  # it ended meanwhile
            lines[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    found = [pid for pid, line in lines.items() if any(b"dashboard.py" in part for part in line)]
    assert found
    for pid in found:
        assert b"--disable-frontend" in lines[pid]
        settings = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        assert b"RAY_USAGE_STATS_ENABLED=0" in settings


def test_a_stop_takes_a_second_more_than_one_in_this_process(studio, models, photograph):
    here = Studio(lambda report: models, {"endless": ENDLESS})
    busy = 9.0  # seconds, for a machine that has much else to do
    assert seconds_to_stop(studio, photograph) < seconds_to_stop(here, photograph) + 1 + busy


@pytest.mark.parametrize(
    "setting",
    [{"PTI_EXECUTOR": "rya"}, {"PTI_EXECUTOR": "ray", "PTI_RAY_WORKERS": "two"}],
)
def test_settings_that_mean_nothing_are_refused(setting):
    with pytest.raises(UserError, match="PTI_"):
        executor_from(setting, {})
