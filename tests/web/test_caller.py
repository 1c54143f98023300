"""Whose place in the line is whose, and what those who wait are told."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from pti_core.errors import UserError
from pti_core.inversion.presets import PRESETS
from pti_core.progress import Step
from service.job_limits import MAX_SECONDS, places_from, seconds_from
from service.job_queue import Caller, Job, JobQueue, QueueFullError, Stage
from service.share_store import new_secret
from service.time_estimates import Paces, planned, seconds_of
from web.middleware.body_limit import Limits
from web.middleware.caller import Callers, caller_of, network_of


def request(host: str = "127.0.0.1", session: str = "", **headers: str):
    client = SimpleNamespace(host=host)
    return SimpleNamespace(client=client, session_hash=session, headers=headers)


def test_who_asks():
    secret = new_secret()
    browser = caller_of(request("8.8.8.8", "one"), secret)
    assert browser == caller_of(request("8.8.8.8", "two"), secret)  # another tab
    assert browser.key != caller_of(request("8.8.8.8", "one"), new_secret()).key
    assert caller_of(request(session="one")).key != caller_of(request(session="two")).key
    assert caller_of(request("8.8.8.8")) == Caller("", "8.8.8.8")
    for nonsense in ("", "short", "x" * 43 + "\n", None, 7):
        assert caller_of(request(session="one"), nonsense).key == "session one"
    assert caller_of(None) == Caller()


def test_networks():
    assert network_of("8.8.8.8") == network_of("::ffff:8.8.8.8") == "8.8.8.8"
    assert network_of("2600:1:2:3::1") == network_of("2600:1:2:3:ffff::9") != ""
    assert network_of("2600:1:2:4::1") != network_of("2600:1:2:3::1")
    for many in ("127.0.0.1", "10.1.2.3", "::1", "192.168.0.7", "fe80::1", "", "testclient"):
        assert network_of(many) == ""


def test_calls_of_tools_carry_their_address_and_nobody_can_forge_it():
    passed = []

    async def page(scope, receive, send):
        passed.append({key.decode(): value.decode() for key, value in scope["headers"]})

    def call(path: str, host: str, headers: dict[str, str]) -> dict[str, str]:
        pairs = [(key.encode(), value.encode()) for key, value in headers.items()]
        scope = {"type": "http", "path": path, "headers": pairs, "client": (host, 1)}
        asyncio.run(Callers(page)(scope, None, None))
        return passed[-1]

    told = call("/gradio_api/mcp/", "8.8.8.8", {"X-PTI-Caller": "forged", "accept": "x"})
    assert told["accept"] == "x" and "forged" not in told.values()
    inside = call("/gradio_api/queue/join", "127.0.0.1", {"x-pti-caller": told["x-pti-caller"]})
    tool = caller_of(request(session="shared", **inside))
    assert tool == Caller("tools 8.8.8.8", "8.8.8.8")
    other = call("/gradio_api/mcp", "8.8.4.4", {})
    assert caller_of(request(session="shared", **other)).key == "tools 8.8.4.4"
    forged = call("/gradio_api/queue/join", "1.1.1.1", {"x-pti-caller": "forged 8.8.8.8"})
    assert caller_of(request("1.1.1.1", "own", **forged)) == Caller("session own", "1.1.1.1")


@pytest.mark.slow
@pytest.mark.parametrize(("proxy", "status"), [("10.0.0.5", 200), ("127.0.0.1", 429)])
def test_only_the_proxy_that_is_named_says_for_whom_it_asks(proxy, status, start_app):
    """So many uploads of an address arrive at a time, and one more is refused; those of this
    machine's own address, which is not counted, are taken."""
    app = start_app(FORWARDED_ALLOW_IPS=proxy)
    kind, forged = "multipart/form-data; boundary=line", "8.8.8.8"
    head = (
        f"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {forged}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: 9000\r\n\r\n"
    )
    unfinished = []
    for _ in range(Limits().uploads_of_one):
        unfinished.append(socket.create_connection(("127.0.0.1", app.port)))
        unfinished[-1].sendall(head.encode())
    time.sleep(1)
    body = '--line\r\nContent-Disposition: form-data; name="files"; filename="f.bin"\r\n\r\nx'
    body += "\r\n--line--\r\n"
    asked = app.ask("/gradio_api/upload", body, content_type=kind, x_forwarded_for=forged)
    assert asked[0] == status, asked[1]
    for connection in unfinished:
        connection.close()


def test_a_person_has_one_place_whatever_the_number_of_workspaces():
    line, go = JobQueue(places_of_an_address=2), threading.Event()
    wait = lambda on_step: go.wait(20)  # noqa: E731
    ann = line.submit(wait, [], "desk 1", person=Caller("ann", "net"))
    with pytest.raises(QueueFullError, match="yours"):
        line.submit(wait, [], "desk 2", person=Caller("ann", "elsewhere"))
    assert line.job_of_person("ann") is ann and line.job_of_person("") is None
    line.submit(wait, [], "desk 3", person=Caller("bea", "net"))
    with pytest.raises(QueueFullError, match="2 faces from your network"):
        line.submit(wait, [], "desk 4", person=Caller("cem", "net"))
    # Whom nothing tells apart is not refused for others' sake.
    last = [line.submit(wait, [], f"desk {number}") for number in (5, 6, 7)]
    go.set()
    assert last[-1].wait(20) and ann.wait(20)
    until(lambda: line.job_of_person("ann") is None)
    assert line.submit(wait, [], "desk 8", person=Caller("ann", "net")).wait(20)


def test_positions_and_estimates_with_two_workers():
    line, go = JobQueue(workers=2), [threading.Event() for _ in range(4)]
    plans = [[Stage("tune", 10, seconds)] for seconds in (10.0, 1.0, 3.0, 2.0)]
    jobs = []
    for number, plan in enumerate(plans):
        work = lambda on_step, number=number: go[number].wait(20)  # noqa: E731
        jobs.append(line.submit(work, plan, f"desk {number}", kind=f"{number}"))
        if number < 2:
            until(lambda: jobs[-1].progress().state == "running")
    told = [job.progress() for job in jobs]
    assert [one.state for one in told] == ["running", "running", "waiting", "waiting"]
    assert [one.ahead for one in told] == [0, 0, 2, 3]
    # The third begins when the second ends (10 s), the fourth after the third (10 + 30 s).
    assert [one.seconds_left for one in told] == [100, 10, 40, 60]
    assert line.waiting_seconds() == 60
    go[1].set()
    until(lambda: jobs[2].progress().state == "running")
    assert jobs[3].progress().ahead == 2
    for event in go:
        event.set()
    assert all(job.wait(20) for job in jobs)


def test_the_estimate_knows_what_comes_after_the_last_step():
    line, compared = JobQueue(), threading.Event()

    def work(on_step):
        on_step(Step("tune", 1, 1))
        compared.wait(20)

    plan = [Stage("tune", 1, 1.0), Stage("compare", 1, 30.0)]
    job = line.submit(work, plan, "desk", kind="fast")
    until(lambda: job.progress().index == 1)
    left = job.progress().seconds_left
    assert left is not None and 5 < left <= 30
    time.sleep(0.05)
    assert (job.progress().seconds_left or 0) < left
    compared.set()
    assert job.wait(20)
    until(lambda: len(line) == 0)
    assert line.paced(plan, "fast")[1].seconds < 25  # what it took, in place of the guess


def test_the_estimate_knows_stages_that_tell_of_no_steps():
    line = JobQueue()
    begun, go = [threading.Event(), threading.Event()], [threading.Event(), threading.Event()]

    def work(on_step):
        on_step(Step("tune", 1, 1))
        for name, told, until_then in zip(("fit", "measure"), begun, go, strict=True):
            on_step(Step(name, 0, 1))
            told.set()
            until_then.wait(20)

    plan = [Stage("tune", 1, 1.0), Stage("fit", 1, 40.0), Stage("measure", 1, 30.0)]
    job = line.submit(work, plan, "desk", kind="fast")
    assert begun[0].wait(20)
    left = job.progress().seconds_left
    assert left is not None and 50 < left <= 70
    time.sleep(0.05)
    assert (job.progress().seconds_left or 0) < left  # it passes
    go[0].set()
    assert begun[1].wait(20)
    assert (job.progress().seconds_left or 0) <= 30
    go[1].set()
    assert job.wait(20)
    until(lambda: len(line) == 0)
    paced = line.paced(plan, "fast")
    assert paced[1].seconds < 20 and paced[2].seconds < 20


def test_a_job_that_begins_anew_says_so_and_keeps_its_pace():
    line, go = JobQueue(), threading.Event()

    def work(on_step):
        for index in range(1, 8):
            time.sleep(0.01)
            on_step(Step("tune", index, 100))
        on_step(Step("tune", 0, 100, note="Begun again."))
        time.sleep(1.2)
        for index in range(1, 8):
            time.sleep(0.01)
            on_step(Step("tune", index, 100))
        go.wait(20)

    job = line.submit(work, [Stage("tune", 100, 5.0)], "desk")
    until(lambda: job.progress().note == "Begun again." and job.progress().index == 7)
    assert job.plan[0].seconds < 0.19  # over 0.2 with the pause in it, 5 by the guess
    go.set()
    assert job.wait(20)


def test_a_job_of_hours_is_refused_with_its_minutes():
    line = JobQueue(max_seconds=3600)
    long = [Stage("tune", 1000, 19.0)]
    with pytest.raises(QueueFullError, match="about 317 minutes, and 60 are the most"):
        line.submit(lambda on_step: None, long, "desk")
    assert len(line) == 0


def test_sixteen_photographs_with_the_best_quality_are_refused(monkeypatch):
    monkeypatch.setattr("service.time_estimates._is_slow", lambda: False)
    _, plan = planned(PRESETS["paper"], 16)
    with pytest.raises(QueueFullError, match="about 317 minutes, and 120 are the most"):
        JobQueue(max_seconds=seconds_from({})).submit(lambda on_step: None, plan, "desk")
    fast = seconds_of(planned(PRESETS["fast"], 16)[1])
    monkeypatch.setattr("service.time_estimates._is_slow", lambda: True)
    assert seconds_of(planned(PRESETS["paper"], 3)[1]) < MAX_SECONDS
    slow = seconds_of(planned(PRESETS["fast"], 16)[1])
    assert slow == pytest.approx(2.6 * fast) and slow < MAX_SECONDS


def test_short_work_goes_before_long_work_that_waits_and_does_not_starve_it():
    line, go = JobQueue(), threading.Event()
    line.submit(lambda on_step: go.wait(20), [], "first")
    order: list[str] = []

    def put(name: str, seconds: float) -> None:
        work = lambda on_step: order.append(name)  # noqa: E731
        jobs.append(line.submit(work, [Stage("tune", 1, seconds)], name))

    jobs: list[Job] = []
    put("paper", 1200)
    for number in range(6):
        put(f"fast {number}", 50)
    put("half", 30)  # not much shorter than the fast ones
    assert jobs[1].progress().ahead == 1 and jobs[0].progress().ahead == 5
    go.set()
    assert all(job.wait(20) for job in jobs)
    fast = [f"fast {number}" for number in range(6)]
    assert order == [*fast[:4], "paper", *fast[4:], "half"]


def test_several_photographs_are_paced_by_what_one_takes():
    paces = Paces()
    paces.learn("paper", [Stage("tune", 10, 0.5)])
    plan = [Stage("tune", 100, 9.0), Stage("fit", 1, 3.0)]
    assert [stage.seconds for stage in paces.applied_to(plan, "paper, 16 people")] == [0.5, 3.0]


def test_settings():
    assert seconds_from({}) == 7200 and seconds_from({"PTI_MAX_MINUTES": "30"}) == 1800
    with pytest.raises(UserError, match="PTI_MAX_MINUTES"):
        seconds_from({"PTI_MAX_MINUTES": "-1"})
    assert places_from({}) == 4 and places_from({"PTI_ADDRESS_PLACES": "30"}) == 30
    for wrong in ("0", "-1", "many", "1.5", "²"):
        with pytest.raises(UserError, match="PTI_ADDRESS_PLACES"):
            places_from({"PTI_ADDRESS_PLACES": wrong})


def until(condition, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)
