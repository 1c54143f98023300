"""The real server against hostile and careless clients: large, slow and foreign requests."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pti_core.ai_mark import DIGITAL_SOURCE_TYPE
from pti_core.editing.controls import controls_of
from service.free_disk import DiskFullError
from service.studio import Studio
from tests.helpers.small import SHORT, small_tuning_models
from web import connections
from web.actions import BROKEN
from web.files import cached
from web.middleware.body_limit import BodyLimit, Limits
from web.serve import create_app, serve


@pytest.fixture(scope="module")
def studio(generator, lpips, directions) -> Studio:
    models = small_tuning_models(generator, lpips, directions)
    made = Studio(lambda report: models, {"short": SHORT})
    made.networks.get()
    return made


@pytest.fixture(scope="module")
def url(studio, directions, tmp_path_factory) -> Iterator[str]:
    from service.share_store import Store

    store = Store(tmp_path_factory.mktemp("shares"))
    blocks = create_app(studio, controls_of(directions.values()), "A generator.", store=store)
    yield serve(blocks, store, studio, prevent_thread_lock=True, quiet=True)
    blocks.close(verbose=False)


@pytest.fixture(scope="module")
def desk(studio, make_picture, tmp_path_factory) -> str:
    """A workspace with a learned face."""
    path = tmp_path_factory.mktemp("server") / "photograph.png"
    make_picture(120, 100).save(path)
    workspace = studio.align(path)
    job = studio.personalise(workspace.id, "short")
    assert job.wait(120) and job.error is None
    return workspace.id


def ask(
    url: str,
    path: str,
    body: object = None,
    method: str = "POST",
    timeout: float = 30,
    **headers: str,
) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers; an iterable body is sent in chunks."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    kept = {name.replace("_", "-"): value for name, value in headers.items()}
    # Refused before all of it was sent: the answer is there.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.request(method, path, body, {"content-type": "application/json", **kept})
    answer = connection.getresponse()
    return answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()}


def lists(megabytes: float) -> bytes:
    return b'{"data": [' + b"[]," * int(megabytes * 2**20 / 3) + b"1]}"


# --------------------------------------------------------------------------------- body limit


@pytest.mark.parametrize("path", ["call/status", "queue/join", "run/status", "cancel", "reset"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_refused_before_it_is_parsed(url, path, chunked):
    body = lists(4)
    pieces = (body[place : place + 2**16] for place in range(0, len(body), 2**16))
    started = time.monotonic()
    status, text, _ = ask(url, f"/gradio_api/{path}", pieces if chunked else body)
    assert status == 413 and "at most 1 MB" in json.loads(text)["detail"]
    assert time.monotonic() - started < 5


def test_a_tool_call_may_hold_a_photograph_but_not_many_lists(url):
    path = "/gradio_api/mcp/"
    assert ask(url, path, lists(4))[0] == 413
    call = {"method": "tools/call", "params": {"photograph": "data:;base64," + "A" * 2**21}}
    assert ask(url, path, json.dumps(call))[0] != 413
    assert ask(url, path, b"x", content_length=str(2**40))[0] == 413


def test_small_requests_and_uploads_pass(url):
    status, text, _ = ask(url, "/gradio_api/call/status", b'{"data": []}')
    assert status == 200 and "event_id" in json.loads(text)
    boundary = "line"
    body = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="a.bin"\r\n\r\n'
    data = body.encode() + bytes(3 * 2**20) + f"\r\n--{boundary}--\r\n".encode()
    kind = f"multipart/form-data; boundary={boundary}"
    assert ask(url, "/gradio_api/upload", data, content_type=kind)[0] == 200
    assert ask(url, "/gradio_api/upload", b"", content_length=str(2**30))[0] == 413


def test_unfinished_requests_take_nobodys_previews(url):
    parts = urlsplit(url)
    head = "POST /moving HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{"
    open_ones = []
    for _ in range(40):
        connection = socket.create_connection((parts.hostname, parts.port))
        connection.sendall(head.encode())
        open_ones.append(connection)
    time.sleep(0.3)
    status, text, _ = ask(url, "/moving", json.dumps({"desk": "none", "edits": {}}))
    assert status == 400 and b"no longer kept" in text
    for connection in open_ones:
        connection.close()


def test_a_picture_that_fails_gets_a_sentence(studio, url, monkeypatch):
    def fail(*_args: object) -> None:
        raise KeyError("hair_grey")

    monkeypatch.setattr(studio, "screen", fail)
    asked = json.dumps({"desk": "none", "edits": {}, "full": True})
    status, text, _ = ask(url, "/moving", asked)
    assert status == 500 and text.decode() == BROKEN


@pytest.mark.parametrize("view", ["face", "photograph"])
def test_pictures_on_the_screen_say_that_they_are_edited(studio, url, desk, view):
    for full in (False, True):
        asked = json.dumps({"desk": desk, "edits": {"age": 5}, "view": view, "full": full})
        status, picture, headers = ask(url, "/moving", asked)
        assert status == 200 and headers["content-type"] == "image/jpeg"
        assert DIGITAL_SOURCE_TYPE.encode() in picture
        _, after = studio.screen(desk, {"age": 5}, view, moving=not full)
        assert DIGITAL_SOURCE_TYPE.encode() in after


def drive(
    app: BodyLimit,
    path: str,
    pieces: list[tuple[float, bytes]],
    client: str = "8.8.8.8",
    ends: bool = False,
) -> list[dict]:
    """Run a request whose pieces come after so many seconds each; the messages that are sent.

    ends: whether the last piece says that it is the last.
    """
    sent: list[dict] = []

    async def run() -> None:
        waiting = list(pieces)

        async def receive() -> dict:
            if not waiting:
                await asyncio.sleep(3600)
            pause, body = waiting.pop(0)
            await asyncio.sleep(pause)
            return {"type": "http.request", "body": body, "more_body": bool(waiting) or not ends}

        async def send(message: dict) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "headers": [],
            "client": (client, 1),
        }
        await app(scope, receive, send)

    asyncio.run(run())
    return sent


async def reading(scope, receive, send) -> None:
    """An application that reads its body to the end."""
    from starlette.requests import Request

    await Request(scope, receive).body()
    await send({"type": "http.response.start", "status": 200, "headers": []})


def test_bodies_that_do_not_end_time_out():
    app = BodyLimit(reading, Limits(seconds=0.1, silence=0.1))
    for path in ("/moving", "/gradio_api/queue/join", "/gradio_api/upload", "/gradio_api/mcp/"):
        sent = drive(app, path, [(0.0, b"{")])
        assert sent[0]["status"] == 408, path


def test_an_upload_that_trickles_is_ended():
    app = BodyLimit(reading, Limits(silence=1, grace=0.1, rate=1000))
    sent = drive(app, "/gradio_api/upload", [(0.02, b"x")] * 100)
    assert sent[0]["status"] == 408
    fast = [(0.0, b"x" * 1000)] * 100
    assert (
        drive(BodyLimit(reading, Limits(upload=50_000)), "/gradio_api/upload", fast)[0]["status"]
        == 413
    )


def test_uploads_of_one_address_are_bounded():
    async def run() -> list[int]:
        app = BodyLimit(reading, Limits(silence=0.3, uploads=3, uploads_of_one=2))
        statuses: list[int] = []

        async def one(client: str) -> None:
            async def receive() -> dict:
                await asyncio.sleep(3600)
                return {}

            async def send(message: dict) -> None:
                if "status" in message:
                    statuses.append(message["status"])

            path = "/gradio_api/upload"
            scope = {"type": "http", "method": "POST", "path": path, "headers": []}
            await app({**scope, "client": (client, 1)}, receive, send)

        await asyncio.gather(*(one(host) for host in ["8.8.8.8"] * 3 + ["8.8.4.4"] * 2))
        return statuses

    assert sorted(asyncio.run(run())) == [408, 408, 408, 429, 429]


@pytest.mark.parametrize("path", ["/gradio_api/upload", "/gradio_api/mcp/"])
def test_uploads_one_after_the_other_are_bounded_by_their_address(path):
    """Each file stays in the temporary folder for a while: ten large ones would fill the disk.

    The photograph in a long tool call becomes a file, too.
    """
    piece = [(0.0, b"x" * 1000)]
    app = BodyLimit(reading, Limits(body=500, kept_of_one=2500, keeping=0.5))

    def status(pieces: list[tuple[float, bytes]], client: str = "8.8.8.8") -> int:
        return drive(app, path, pieces, client, ends=True)[0]["status"]

    assert [status(piece), status(piece)] == [200, 200]
    assert status([(0.0, b"x" * 400)] * 3) == 429  # ends in the middle
    assert status(piece) == 429
    assert status(piece, "8.8.4.4") == 200
    assert [status(piece, "10.0.0.1") for _ in range(4)] == [200] * 4  # many may be behind it
    time.sleep(0.6)
    assert status(piece) == 200


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("upload", "multipart/form-data; boundary=line", b"--line--\r\n"),
        ("mcp/", "application/json", b'{"photograph": "' + b"A" * 2**21 + b'"}'),
    ],
    ids=["upload", "tool call"],
)
def test_a_disk_that_is_nearly_full_takes_no_upload_and_no_work_but_lets_delete(
    url, monkeypatch, tmp_path, path, kind, body
):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100 * 2**20))
    status, text, _ = ask(url, f"/gradio_api/{path}", body, content_type=kind)
    assert status == 507 and "disk is nearly full" in json.loads(text)["detail"]
    assert ask(url, "/gradio_api/call/directions", b'{"data": []}')[0] == 200  # work goes on
    assert Path(cached(b"picture", "p.jpg")).read_bytes() == b"picture"
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    assert "nearly full" in ask(url, "/gradio_api/call/directions", b'{"data": []}')[1].decode()
    assert ask(url, "/gradio_api/call/forget", b'{"data": ["none"]}')[0] == 200
    with pytest.raises(DiskFullError):
        cached(b"another picture", "p.jpg")


def test_an_upload_ends_when_the_disk_fills_up(monkeypatch, tmp_path):
    usage, left = shutil.disk_usage(tmp_path), [2**30, 2**30, 2**30, 1000]
    free = lambda _: usage._replace(free=left.pop(0) if len(left) > 1 else left[0])  # noqa: E731
    monkeypatch.setattr(shutil, "disk_usage", free)
    sent = drive(BodyLimit(reading, Limits()), "/gradio_api/upload", [(0.0, b"x" * 1000)] * 100)
    assert sent[0]["status"] == 507


# --------------------------------------------------------------------------------- connections


def closed(connection: socket.socket, seconds: float) -> bool:
    """Whether the server ends the connection within so many seconds."""
    connection.settimeout(seconds)
    try:
        while connection.recv(2**16):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


@pytest.fixture
def quick(studio, directions, tmp_path, monkeypatch) -> Iterator[tuple[str, int]]:
    """A server whose bounds on connections are short."""
    from service.share_store import Store

    limits = connections.Limits(head=2.0, stall=2.0, together=30)
    monkeypatch.setattr(
        "web.event_queue_guard.Connections", lambda: connections.Connections(limits)
    )
    monkeypatch.setattr("web.event_queue_guard.SECONDS_BETWEEN_SWEEPS", 0.2)
    store = Store(tmp_path)
    blocks = create_app(studio, controls_of(directions.values()), "A generator.", store=store)
    url = serve(blocks, store, studio, prevent_thread_lock=True, quiet=True)
    parts = urlsplit(url)
    yield str(parts.hostname), int(parts.port or 0)
    blocks.close(verbose=False)


@pytest.mark.slow
def test_a_head_that_comes_byte_by_byte_is_ended(quick):
    """Slowloris: through a real socket, at first and after a complete request."""
    slow, again, silent = (socket.create_connection(quick) for _ in range(3))
    began = time.monotonic()
    again.sendall(b"GET /gradio_api/startup-events HTTP/1.1\r\nHost: x\r\n\r\n")
    again.recv(2**16)
    again.sendall(b"GET /")
    with pytest.raises(OSError):
        for _ in range(400):
            slow.sendall(b"G")
            time.sleep(0.05)
    assert 1 < time.monotonic() - began < 20
    assert closed(again, 10) and closed(silent, 10)
    whole = socket.create_connection(quick)
    whole.sendall(b"GET /config HTTP/1.1\r\nHost: x\r\n\r\n")
    assert whole.recv(12) == b"HTTP/1.1 200"
    for one in (slow, again, silent, whole):
        one.close()


@pytest.mark.slow
def test_an_answer_that_nobody_reads_is_ended(quick):
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(quick)
    request = b"GET /config HTTP/1.1\r\nHost: x\r\n\r\n"
    deaf.sendall(request * 400)  # answers of many megabytes, more than the system buffers
    time.sleep(6)
    deaf.settimeout(5)
    count = 0
    with contextlib.suppress(ConnectionError):
        while piece := deaf.recv(2**20):
            count += len(piece)
    status, text, _ = ask(f"http://{quick[0]}:{quick[1]}", "/config", method="GET")
    assert status == 200 and 0 < count < 400 * len(text)
    deaf.close()


@pytest.mark.slow
def test_of_too_many_connections_the_oldest_that_wait_go(quick):
    many = [socket.create_connection(quick) for _ in range(25)]
    time.sleep(0.6)
    many += [socket.create_connection(quick) for _ in range(25)]
    time.sleep(0.6)  # before the time limit on heads
    gone = [closed(one, 0.01) for one in many]
    assert sum(gone) >= 20
    assert sum(gone[:20]) >= sum(gone[25:])  # the oldest go first
    assert ask(f"http://{quick[0]}:{quick[1]}", "/config", method="GET")[0] == 200
    for one in many:
        one.close()


# ----------------------------------------------------------------------------- foreign requests


@pytest.mark.parametrize(
    "target",
    [
        "http://example.com/x.png",
        "https:/example.com",
        "HTTP://127.0.0.1:1",
        "ftp://a.example",
        "http%3A%2F%2Fexample.com",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_server_is_no_relay(url, target, method):
    status, text, _ = ask(url, f"/gradio_api/file={target}", method=method)
    assert status == 403
    assert method == "HEAD" or b"not fetched here" in text


def test_other_spaces_are_not_proxied(url):
    assert ask(url, "/gradio_api/proxy=https://x.hf.space/file", method="GET")[0] == 403


@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/info", "/nothing"])
def test_every_answer_has_the_security_headers(url, path):
    _, _, headers = ask(url, path, method="GET")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    policy = headers["content-security-policy"]
    assert policy == "frame-ancestors 'self' https://huggingface.co https://*.huggingface.co"


def test_no_other_origin_may_read_or_act(url):
    for host in ("app.example", urlsplit(url).netloc):
        for origin in ("https://evil.example", "null", "http://localhost:1"):
            for method in ("GET", "OPTIONS"):
                asked = {"access_control_request_method": "POST"} if method == "OPTIONS" else {}
                _, _, headers = ask(
                    url, "/config", method=method, origin=origin, host=host, **asked
                )
                assert not [name for name in headers if name.startswith("access-control")]
    body = b'{"data": []}'
    foreign = ask(url, "/gradio_api/call/status", body, sec_fetch_site="cross-site")
    assert foreign[0] == 403
    assert ask(url, "/gradio_api/call/status", body, sec_fetch_site="same-origin")[0] == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("call/nothing", {"data": []}),
        ("call/v2/nothing", {}),
        ("run/nothing", {"data": []}),
        ("queue/join", {"data": [], "fn_index": 10**9, "session_hash": "x"}),
        ("queue/join", {"data": [], "fn_index": -5, "session_hash": "x"}),
        ("cancel", {"session_hash": "x", "fn_index": 1, "event_id": "none"}),
    ],
)
def test_requests_that_nothing_understands_get_a_sentence(url, path, body):
    status, text, _ = ask(url, f"/gradio_api/{path}", json.dumps(body))
    assert status < 500 and b"Internal Server Error" not in text
