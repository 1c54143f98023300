"""What is done again and again: it goes on after a failure, and in each of its users."""

from __future__ import annotations

import threading
import time

import pytest

from pti_core.errors import UserError
from service import share_store
from service.share_store import Store, new_secret
from service.sweeper import repeat
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
