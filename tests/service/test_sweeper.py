"""What is done again and again: it goes on after a failure, and in each of its users."""

from __future__ import annotations

import threading
import time

import pytest

from app import keep_tidy
from pti_core.errors import UserError
from service import share_store
from service.share_store import Store, new_secret
from service.studio import Studio
from service.sweeper import repeat
from service.workspaces import UNUSED_SECONDS
from web.temporary_folder import TemporaryFolder


def until(true, seconds: float = 10) -> bool:
    last = time.monotonic() + seconds
    while time.monotonic() < last and not true():
        time.sleep(0.01)
    return bool(true())


@pytest.mark.parametrize("error", [ValueError("a broken entry"), UserError("out of reach")])
def test_a_failure_ends_nothing(error):
    calls, ended = [], threading.Event()

    def work() -> None:
        calls.append(1)
        if len(calls) < 3:
            raise error

    thread = repeat(work, 0.01, "work", lambda: not ended.is_set())
    assert until(lambda: len(calls) > 4)
    ended.set()
    thread.join(10)
    assert not thread.is_alive()


def test_the_first_time_is_now():
    """What is old when a process starts does not wait for the first pause to end."""
    worked = threading.Event()
    repeat(worked.set, 3600, "work")
    assert worked.wait(10)


def no_networks(report):
    raise AssertionError("no networks are needed for this")


def test_the_app_has_shares_and_faces_go_that_are_old(tmp_path):
    """A face that is being learned stays until that is done, also where no page shows it."""
    now, done, over = [1e9], threading.Event(), threading.Event()
    store, studio = Store(tmp_path, days=1, now=lambda: now[0]), Studio(no_networks)
    store.save(b"session", new_secret(), view="face")
    now[0] += 2 * share_store.DAY
    learning, left, shown = (studio.workspaces.new() for _ in range(3))
    for workspace in (learning, left):
        workspace.used -= UNUSED_SECONDS + 1
    studio.line.submit(lambda on_step: done.wait(60), [], learning.id)
    threads = keep_tidy(studio, store, 0.02, lambda: not over.is_set())
    assert until(left.over.is_set)
    assert until(lambda: not any(tmp_path.glob("*.safetensors")))
    assert set(studio.workspaces) == {learning.id, shown.id}
    done.set()
    assert until(learning.over.is_set)
    assert list(studio.workspaces) == [shown.id]
    over.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_expired_shares_go_though_nobody_comes_by(tmp_path):
    now = [1e9]
    store = Store(tmp_path, days=1, now=lambda: now[0])
    store.save(b"session", new_secret(), view="face", card=b"card")
    over = threading.Event()
    thread = share_store.keep_swept(store, 0.02, lambda: not over.is_set())
    time.sleep(0.2)
    assert any(tmp_path.glob("*.safetensors"))
    now[0] += 2 * share_store.DAY
    assert until(lambda: not any(tmp_path.glob("*.safetensors")))
    over.set()
    thread.join(10)


def test_old_uploads_go_though_nobody_comes_by(tmp_path):
    now = [0.0]
    folder = TemporaryFolder(tmp_path, max_age=600, now=lambda: now[0])
    upload = folder.path / "photograph.jpg"
    upload.write_bytes(b"a face")
    thread = folder.keep_swept(seconds=0.02)
    time.sleep(0.2)
    assert upload.exists()
    now[0] += 601
    assert until(lambda: not upload.exists())
    folder.close()
    thread.join(10)
    assert not thread.is_alive()
