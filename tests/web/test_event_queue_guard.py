"""The queue under callers who ask for much and listen to nothing."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import gradio as gr
import pytest
from gradio_client import Client, handle_file

from pti_core.editing.controls import controls_of
from service.share_store import Store
from service.studio import Studio
from tests.helpers.small import ENDLESS, SHORT, small_tuning_models
from web import event_queue_guard
from web.event_queue_guard import QueueGuard
from web.job_watch import RELOAD_SECONDS
from web.serve import create_app, serve


@pytest.fixture(scope="module")
def studio(generator, lpips, directions) -> Studio:
    models = small_tuning_models(generator, lpips, directions)
    made = Studio(lambda report: models, {"short": SHORT, "endless": ENDLESS})
    made.networks.get()
    return made


@pytest.fixture(scope="module")
def blocks(studio, directions, tmp_path_factory) -> gr.Blocks:
    store = Store(tmp_path_factory.mktemp("shares"))
    return create_app(studio, controls_of(directions.values()), "A generator.", store=store)


@pytest.fixture(scope="module")
def url(blocks, studio, tmp_path_factory) -> Iterator[str]:
    store = Store(tmp_path_factory.mktemp("cards"))
    yield serve(blocks, store, studio, prevent_thread_lock=True, quiet=True)
    blocks.close(verbose=False)


@pytest.fixture(scope="module")
def client(url) -> Client:
    return Client(url, verbose=False)


@pytest.fixture(scope="module")
def photograph(make_picture, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("queue") / "photograph.jpg"
    make_picture(120, 100).save(path)
    return path


@pytest.fixture(scope="module")
def desk(client, photograph) -> str:
    desk, _ = client.predict(handle_file(photograph), api_name="/align")
    client.predict(desk, "short", api_name="/personalise")
    return desk


def post(url: str, path: str, data: list) -> tuple[int, dict]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    body = json.dumps({"data": data})
    connection.request("POST", f"/gradio_api/{path}", body, {"content-type": "application/json"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def until(condition: Callable[[], bool], seconds: float = 30) -> float:
    """How long it took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, "waited too long"
        time.sleep(0.05)
    return time.monotonic() - begun


@pytest.mark.slow
def test_many_animations_that_nobody_waits_for_stop_nobody(url, client, desk, blocks, monkeypatch):
    frames = [desk, {}, {"age": 5}, 60, "gif", "face"]
    queue = blocks._queue
    with monkeypatch.context() as patched:
        patched.setattr(event_queue_guard, "UNHEARD_SECONDS", 60)  # nothing makes room
        refused = []
        for _ in range(300):
            status, told = post(url, "call/animate", frames)
            refused += [told] if status == 503 else []
            assert len(queue) <= event_queue_guard.MAX_OF_LONG_LANE
        assert len(refused) > 200 and refused[0] == {"detail": event_queue_guard.FULL}
    for _ in range(20):  # those that nobody hears make room
        assert post(url, "call/animate", frames)[0] == 200
        time.sleep(0.01)
        assert len(queue) <= event_queue_guard.MAX_OF_LONG_LANE
    over = threading.Event()

    def flood() -> None:
        while not over.is_set():
            post(url, "call/animate", frames)

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        assert client.predict(desk, {}, {"age": 5}, 2, "gif", "face", api_name="/animate")
    finally:
        over.set()
        flooding.join()
    begun = time.monotonic()
    assert client.predict(desk, {"age": 3}, "face", api_name="/edit")
    assert client.predict(desk, api_name="/stop") == {"stopped": False}
    assert client.predict(api_name="/status")["ready"]
    assert time.monotonic() - begun < 10
    until(lambda: len(queue) == 0 and not any(queue.active_jobs), 30)


@pytest.mark.slow
def test_what_is_swept_before_its_first_step_ends(url, client, desk, blocks, monkeypatch):
    sweep, queue, over = QueueGuard.sweep, blocks._queue, threading.Event()

    async def sweep_at_the_worst_moment(guard: QueueGuard) -> None:
        async with queue.delete_lock:  # the queue begins nothing
            while not len(queue):
                await asyncio.sleep(0.01)
            await asyncio.sleep(1)
        await asyncio.sleep(0)  # it has begun the event, whose task has not run yet
        monkeypatch.setattr(event_queue_guard, "DEAF_SECONDS", -1)
        await sweep(guard)
        monkeypatch.setattr(QueueGuard, "sweep", sweep)
        over.set()

    monkeypatch.setattr(QueueGuard, "sweep", sweep_at_the_worst_moment)
    time.sleep(2 * event_queue_guard.SECONDS_BETWEEN_SWEEPS)
    post(url, "call/animate", [desk, {}, {"age": 5}, 2, "gif", "face"])
    assert over.wait(20)
    assert until(lambda: not any(queue.active_jobs)) < 10
    monkeypatch.undo()
    assert client.predict(desk, {}, {"age": 5}, 2, "gif", "face", api_name="/animate")


@pytest.mark.slow
def test_thousands_of_calls_that_nobody_hears_take_nobodys_answer(
    url, client, blocks, photograph, monkeypatch
):
    """Gradio keeps the 2000 sessions that came last, here 20: the honest one came before all."""
    queue = blocks._queue
    monkeypatch.setattr(queue.pending_messages_per_session, "max_size", 20, raising=False)
    desk, _ = client.predict(handle_file(photograph), api_name="/align")
    job = client.submit(desk, "endless", api_name="/personalise")
    until(lambda: len(job.outputs()) > 0)
    for _ in range(40):
        assert post(url, "call/status", [])[0] == 200
    assert not job.done() and not queue.stopped
    assert client.predict(desk, api_name="/stop") == {"stopped": True}
    assert job.result(timeout=30)["report"]
    monkeypatch.setattr(event_queue_guard, "QUIET_SECONDS", 1)
    until(lambda: len(queue.pending_messages_per_session) < 10)
    assert len(queue.pending_event_ids_session) < 10
    assert client.predict(api_name="/status")["ready"]


@pytest.mark.slow
def test_a_personalisation_that_nobody_listens_to_ends(url, studio, client, photograph):
    running, _ = client.predict(handle_file(photograph), api_name="/align")
    waiting, _ = client.predict(handle_file(photograph), api_name="/align")
    for desk in (running, waiting):
        assert post(url, "call/personalise", [desk, "endless", 0, "auto", ""])[0] == 200
        until(lambda desk=desk: studio.line.job_of(desk) is not None)
    assert until(lambda: len(studio.line) == 0) < 10


@pytest.mark.slow
def test_a_personalisation_whose_stream_is_closed_ends(url, studio, client, photograph):
    desk, _ = client.predict(handle_file(photograph), api_name="/align")
    other, _ = client.predict(handle_file(photograph), api_name="/align")
    streams = []
    for one in (desk, other):  # one runs, one waits, and tells nothing new
        _, told = post(url, "call/personalise", [one, "endless", 0, "auto", ""])
        parts = urlsplit(url)
        stream = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        stream.request("GET", f"/gradio_api/call/personalise/{told['event_id']}")
        stream.getresponse().read(10)
        streams.append(stream)
    time.sleep(event_queue_guard.DEAF_SECONDS + 4)
    assert len(studio.line) == 2  # somebody listens
    for stream in streams:
        stream.sock.close() if stream.sock else stream.close()
        stream.close()
    del stream, streams
    assert until(lambda: len(studio.line) == 0) < 10


def test_a_page_may_be_away_for_ten_minutes():
    assert RELOAD_SECONDS >= 600


def event(session: str, address: str, lane: str = "edit") -> SimpleNamespace:
    request = SimpleNamespace(client=SimpleNamespace(host=address), headers={})
    return SimpleNamespace(session_hash=session, request=request, concurrency_id=lane)


@pytest.mark.parametrize(
    ("waiting", "told"),
    [
        ([event("mine", "8.8.8.8", f"{n}") for n in range(24)], "of yours wait"),
        ([event(f"{n}", "8.8.8.8", f"{n}") for n in range(48)], "from your network"),
        ([event(f"{n}", "127.0.0.1", f"{n}") for n in range(512)], "wait here already"),
        ([event(f"{n}", f"8.8.{n}.8") for n in range(64)], "wait here already"),
        ([event(f"{n}", "8.8.4.4", f"{n}") for n in range(40)], ""),
        ([event(f"{n}", "127.0.0.1", f"{n}") for n in range(100)], ""),
    ],
)
def test_bounds_of_sessions_addresses_and_lanes(blocks, waiting, told, monkeypatch):
    guard = QueueGuard(blocks)
    monkeypatch.setattr(guard, "_waiting", lambda: waiting)
    names = {fn.api_name: number for number, fn in blocks.fns.items()}
    request = event("", "8.8.8.8").request
    asked = lambda name: SimpleNamespace(fn_index=names[name], session_hash="mine")  # noqa: E731
    said, _ = guard._refusal(asked("edit"), request)
    assert told in said and bool(said) == bool(told)
    for control in ("stop", "forget", "delete_share", "status"):
        assert guard._refusal(asked(control), request) == ("", [])


def test_only_what_fills_a_bound_makes_room(blocks, monkeypatch):
    guard = QueueGuard(blocks)
    number = next(n for n, fn in blocks.fns.items() if fn.api_name == "animate")
    lane = blocks.fns[number].concurrency_id
    full = [event(f"{n}", f"8.8.{n}.8", lane) for n in range(event_queue_guard.MAX_OF_LONG_LANE)]
    waiting = [event("elsewhere", "8.8.4.4"), *full]
    monkeypatch.setattr(guard, "_waiting", lambda: waiting)
    body = SimpleNamespace(fn_index=number, session_hash="mine")
    assert guard._refusal(body, event("", "8.8.8.8").request) == (event_queue_guard.FULL, full)

    def no_room(*_: object, **__: object) -> None:
        raise event_queue_guard.DiskFullError

    monkeypatch.setattr(event_queue_guard, "check_free_disk", no_room)
    assert guard._refusal(body, event("", "8.8.8.8").request) == (event_queue_guard.NO_ROOM, [])


def test_the_controls_are_events_of_the_page(blocks):
    names = {fn.api_name for fn in blocks.fns.values()}
    assert set(event_queue_guard.CONTROLS) <= names


@pytest.mark.slow
def test_a_tool_whose_caller_is_gone_ends(url, studio, client, photograph):
    pytest.importorskip("mcp")
    desk, _ = client.predict(handle_file(photograph), api_name="/align")
    parts = urlsplit(url)
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {
            "name": "personalise",
            "arguments": {
                "desk": desk, "preset": "endless", "seed": 0, "generator": "auto", "secret": "",
            },
        },
    }  # fmt: skip
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    kinds = {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
    }
    connection.request("POST", "/gradio_api/mcp/", json.dumps(call), kinds)
    until(lambda: studio.line.job_of(desk) is not None)
    time.sleep(event_queue_guard.DEAF_SECONDS + 4)
    assert studio.line.job_of(desk) is not None  # its caller is there
    threading.Thread(target=connection.close).start()
    assert until(lambda: studio.line.job_of(desk) is None) < 10
