"""What workspaces hold is counted, and goes when there is no room."""

from __future__ import annotations

import dataclasses
import gc
import io
import os
import sys
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pti_core.editing.controls import read_controls
from pti_core.errors import UserError
from pti_core.models import TuningModels
from pti_core.networks.face_parsing import FaceParser
from pti_core.progress import Step
from service.latest_work import LAST, LatestWork
from service.studio import Studio
from service.text_service import TextService, Wish
from service.workspaces import UNUSED_SECONDS, Workspaces
from tests.helpers.small import MiddleFace, small_tuning_models
from tests.pti_core.session.test_session import make_session


@pytest.fixture
def studio(generator, directions, lpips) -> Studio:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        parser = FaceParser()
    parts = {"lpips": lpips, "lpips_report": lpips, "faces": None}
    made = Studio(
        lambda report: TuningModels(
            generator=generator, directions=directions, parser=parser, **parts
        )
    )
    made.networks.get()
    return made


def bytes_held(thing: Any, seen: set[int]) -> int:
    """Of all arrays, tensors, images and files that can be reached from a thing."""
    if id(thing) in seen:
        return 0
    seen.add(id(thing))
    if isinstance(thing, np.ndarray):
        return thing.nbytes
    if isinstance(thing, torch.Tensor):
        return thing.numel() * thing.element_size()
    if isinstance(thing, Image.Image):
        return len(thing.getbands()) * thing.width * thing.height
    if isinstance(thing, bytes):
        return len(thing)
    parts: Sequence[Any] = ()
    if isinstance(thing, Mapping):
        parts = list(thing.values())
    elif isinstance(thing, (list, tuple)):
        parts = thing
    elif dataclasses.is_dataclass(thing):
        parts = [getattr(thing, one.name) for one in dataclasses.fields(thing)]
    return sum(bytes_held(part, seen) for part in parts)


@pytest.mark.slow
def test_what_a_workspace_holds_after_an_edit_is_counted(studio, generator, make_picture):
    workspace = studio.open(make_session(generator, make_picture).to_bytes())
    for view in ("face", "photograph"):
        studio.screen(workspace.id, {"age": 12.0}, view)
        held = bytes_held(workspace, set())
        assert held > 16 * generator.resolution**2
        assert workspace.nbytes() == pytest.approx(held, rel=0.1)


@pytest.mark.slow
def test_pictures_go_before_faces_do(studio, generator, make_picture):
    file = make_session(generator, make_picture).to_bytes()
    workspaces = [studio.open(file) for _ in range(4)]
    plain = studio.workspaces.nbytes()
    for workspace in workspaces:
        studio.screen(workspace.id, {"age": 12.0})
    studio.workspaces._max_bytes = plain + workspaces[3].renders.nbytes() + 100
    studio.workspaces.make_room(keep=workspaces[3].id)
    assert len(studio.workspaces) == 4
    assert [one.renders.latest is not None for one in workspaces] == [False] * 3 + [True]
    before, after = studio.screen(workspaces[0].id, {"age": 12.0})  # made again
    assert before and after
    assert len(studio.workspaces) == 4
    studio.workspaces._max_bytes = plain // 2
    studio.workspaces.make_room(keep=workspaces[3].id)
    assert len(studio.workspaces) == 2


@pytest.mark.slow
def test_nothing_of_a_forgotten_face_stays(studio, generator, make_picture):
    workspace = studio.open(make_session(generator, make_picture).to_bytes())
    studio.screen(workspace.id, {"age": 12.0})
    texts = TextService(studio, read_controls())
    assert texts.known(workspace.id).measure is not None
    made = studio.edit_models(workspace.id).layers.get
    layers = weakref.ref(made(workspace.session.delta, 0, lambda: pytest.fail("none were made")))
    session, workspace_id = weakref.ref(workspace.session), workspace.id
    studio.forget(workspace_id)
    del workspace
    for thread in threading.enumerate():
        if thread.name == "latest work":
            thread.join(60)
    gc.collect()
    assert session() is None and layers() is None


@pytest.mark.parametrize("faces", [None, MiddleFace()], ids=["a square", "a face"])
def test_what_a_telephone_appends_to_a_jpeg_is_not_kept(
    faces, generator, directions, lpips, make_picture
):
    models = dataclasses.replace(small_tuning_models(generator, lpips, directions), faces=faces)
    studio, file = Studio(lambda report: models), io.BytesIO()
    make_picture(300, 240).save(file, "JPEG")
    jpeg = file.getvalue()
    workspace = studio.align(jpeg + bytes(2**20))
    assert workspace.photographs == [jpeg] and workspace.crop is not None
    assert workspace.nbytes() < 2**20
    studio.add([jpeg + bytes(2**20)], workspace.id)
    assert workspace.photographs == [jpeg, jpeg]


@pytest.mark.slow
def test_an_optimisation_lets_edits_through_and_ends_with_its_face(
    studio, generator, make_picture, monkeypatch
):
    from mappers import edits

    part = SimpleNamespace(way=edits.OPTIMISE, name="", label="", amount=1.0, unit="")
    monkeypatch.setattr(edits, "plan", lambda *_: SimpleNamespace(parts=[part], left=""))
    begun = threading.Event()

    def optimise(*given: Any) -> None:
        begun.set()
        end = time.monotonic() + 60
        while given[-1](Step("optimise", 0, 1)):
            assert time.monotonic() < end
            time.sleep(0.01)
        raise UserError("It was ended.")

    monkeypatch.setattr(edits, "entry_of", optimise)
    file = make_session(generator, make_picture).to_bytes()
    mine, theirs = studio.open(file), studio.open(file)
    texts, said = TextService(studio, read_controls()), []

    def work() -> None:
        try:
            texts.do(mine.id, Wish("a red face"), {})
        except UserError as error:
            said.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(60)
    assert studio.picture(theirs.id, {"age": 12.0})
    assert thread.is_alive()
    studio.forget(mine.id)
    thread.join(60)
    assert said == ["It was ended."]


class Owner:
    pass


def test_only_the_latest_work_of_an_owner_is_done():
    work, done = LatestWork(8), []
    begin, over = threading.Event(), threading.Event()
    owners = [Owner() for _ in range(6)]
    work.put(owners[0], lambda _: begin.wait(10))
    gone = Owner()
    work.put(gone, lambda _: done.append("gone"))
    del gone
    gc.collect()
    for name in ("a", "b"):
        work.put(owners[1], lambda _, name=name: done.append(name))
    work.put(owners[2], lambda _: 1 / 0)
    work.put(owners[3], lambda one: done.append(one))
    begin.set()
    work.put(owners[4], lambda _: over.set())
    assert over.wait(10)
    assert done == ["b", owners[3]]


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities of their own on Linux")
def test_work_aside_takes_what_is_left_and_nothing_else_does():
    seen, over = [], threading.Event()

    def note(_: Owner) -> None:
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        over.set()

    owner, before = Owner(), os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    for aside in (True, False):
        over.clear()
        LatestWork(2, aside=aside).put(owner, note)
        assert over.wait(10)
    assert seen == [LAST, before]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


def test_more_work_than_may_wait_is_left_out():
    work, done = LatestWork(2), []
    begin, began = threading.Event(), threading.Event()
    owners = [Owner() for _ in range(4)]

    def first(_: Owner) -> None:
        began.set()
        begin.wait(10)

    work.put(owners[0], first)
    assert began.wait(10)
    for number in (1, 2, 3):
        work.put(owners[number], lambda _, number=number: done.append(number))
    begin.set()
    for thread in threading.enumerate():
        if thread.name == "latest work":  # it ends with its work
            thread.join(10)
    assert done == [2, 3]


def test_what_nobody_uses_goes_by_itself_unless_there_is_work_for_it():
    clock = [0.0]
    workspaces = Workspaces(100, now=lambda: clock[0])
    left, shown, learning, used = (workspaces.new() for _ in range(4))
    clock[0] = UNUSED_SECONDS / 2
    workspaces.use(shown.id)
    workspaces.get(used.id)
    workspaces.use("unknown")
    clock[0] = UNUSED_SECONDS
    workspaces.drop_unused(busy={learning.id}.__contains__)
    assert set(workspaces) == {shown.id, learning.id, used.id}
    assert left.over.is_set() and not shown.over.is_set()
    clock[0] = 2 * UNUSED_SECONDS
    workspaces.drop_unused(busy=lambda _: False)
    assert not list(workspaces)
