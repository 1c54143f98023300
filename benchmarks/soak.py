"""Soak test: honest and hostile clients on one process of the app for half an hour.

    python -m benchmarks.soak [--minutes 30] [--people 20] [--short] [--session S.safetensors]

It starts `app.py`, takes quiet latencies with one client, then lets `--people` honest clients open
a session, edit, animate, share, upload, personalise now and then, and leave without a word, while
three hostile ones send large, slow and greedy requests. It ends with status 1 where an honest
client saw an error or more than twice its quiet latency (median of its edits), where memory went on
growing in the last third, or where files stayed behind.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gradio_client import Client, handle_file

REPOSITORY = Path(__file__).parents[1]
PHOTOGRAPH = REPOSITORY / "examples" / "astronaut.jpg"


@dataclass
class Seen:
    """What the honest clients saw.

    Attributes:
        seconds: of each call, by endpoint.
        errors: one sentence each.
        memory: resident bytes of the app's process, sampled.
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    hostile: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def timed(self, client: Client, *values: Any, api_name: str) -> Any:
        """A call whose time counts."""
        begun = time.monotonic()
        answer = client.predict(*values, api_name=api_name)
        with self.lock:
            self.seconds.setdefault(api_name, []).append(time.monotonic() - begun)
        return answer


def honest_round(seen: Seen, url: str, session: Path, chance: random.Random) -> None:
    """What somebody does in a few minutes."""
    client = Client(url, verbose=False)  # a reloaded page is another one
    desk, _ = seen.timed(client, handle_file(session), api_name="/open_session")
    for _ in range(chance.randint(2, 6)):
        amounts = {"age": round(chance.uniform(-5, 5), 1)}
        view = chance.choice(("face", "photograph"))
        seen.timed(client, desk, amounts, view, api_name="/edit")
        time.sleep(chance.uniform(0.5, 3))
    what = chance.choice(("animate", "share", "align", "personalise", "abandon", "nothing"))
    if what == "animate":
        client.predict(desk, {}, {"age": 5}, 4, "gif", "face", api_name="/animate")
    elif what == "share":
        made = client.predict(desk, {"age": 3}, "face", api_name="/share")
        client.predict(made["share"], api_name="/open_share")
        client.predict(made["share"], made["secret"], api_name="/delete_share")
    elif what in ("align", "personalise"):
        own, _ = client.predict(handle_file(PHOTOGRAPH), api_name="/align")
        if what == "personalise":
            job = client.submit(own, "fast", api_name="/personalise")
            time.sleep(chance.uniform(2, 10))
            job.cancel()
    elif what == "abandon":
        client.submit(desk, {"age": 1}, "face", api_name="/edit")
        return  # gone without `forget`
    client.predict(desk, api_name="/forget")


def large(url: str) -> None:
    """One request of 30 MB of lists; the server may close the connection at once."""
    body = b'{"data": [' + b"[]," * 10_000_000 + b"1]}"
    request = urllib.request.Request(f"{url}gradio_api/call/edit", body)
    request.add_header("content-type", "application/json")
    with contextlib.suppress(OSError):
        urllib.request.urlopen(request, timeout=60).read()


def slow(url: str) -> None:
    """Forty requests that do not end, for half a minute."""
    host, port = url.split("//")[1].rstrip("/").split(":")
    head = b"POST /moving HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
    with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
        for _ in range(40):
            connection = socket.create_connection((host, int(port)))
            stack.callback(connection.close)
            connection.sendall(head)
        time.sleep(30)


def greedy(url: str) -> None:
    """A hundred animations that nobody waits for."""
    body = json.dumps({"data": ["none", {}, {"age": 5}, 60, "gif", "face"]}).encode()
    for _ in range(100):
        request = urllib.request.Request(f"{url}gradio_api/call/animate", body)
        request.add_header("content-type", "application/json")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(request, timeout=30).read()
    time.sleep(5)


HOSTILE: tuple[Callable[[str], None], ...] = (large, slow, greedy)


def run(options: argparse.Namespace, url: str, pid: int, session: Path) -> tuple[Seen, Seen]:
    """Quiet latencies of one client, then everybody at once until the time is up."""
    quiet, seen = Seen(), Seen()
    for _ in range(3):
        honest_round(quiet, url, session, random.Random(0))
    end = time.monotonic() + 60 * options.minutes

    def person(number: int) -> None:
        chance = random.Random(number)
        while time.monotonic() < end:
            try:
                honest_round(seen, url, session, chance)
            except Exception as error:  # whatever it is, it is what this looks for
                with seen.lock:
                    seen.errors.append(f"person {number}: {error!r}"[:300])

    def attack(way: Callable[[str], None]) -> None:
        while time.monotonic() < end:
            way(url)
            with seen.lock:
                seen.hostile[way.__name__] += 1

    threads = [threading.Thread(target=person, args=(n,)) for n in range(options.people)]
    threads += [threading.Thread(target=attack, args=(way,), daemon=True) for way in HOSTILE]
    for thread in threads:
        thread.start()
    while time.monotonic() < end:
        seen.memory.append(resident(pid))
        time.sleep(2)
    for thread in threads[: options.people]:
        thread.join()
    return quiet, seen


def resident(pid: int) -> int:
    """Resident bytes of a process (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


def verdict(quiet: Seen, seen: Seen, left: list[str]) -> dict[str, Any]:
    """The figures, and under "wrong" what was not as promised."""
    medians = {name: statistics.median(times) for name, times in seen.seconds.items()}
    before = {name: statistics.median(times) for name, times in quiet.seconds.items()}
    third = max(len(seen.memory) // 3, 1)
    middle, last = max(seen.memory[third : 2 * third] or [0]), max(seen.memory[-third:])
    wrong = list(seen.errors)
    wrong += [
        f"{name}: {medians[name]:.2f} s, and {before[name]:.2f} s when quiet"
        for name in medians
        if name in before and medians[name] > 2 * before[name]
    ]
    if last > 1.1 * middle:
        wrong.append(f"memory grew from {middle >> 20} to {last >> 20} MB")
    wrong += [f"{path} was left behind" for path in left]
    return {
        "median seconds": {name: round(value, 2) for name, value in medians.items()},
        "median seconds when quiet": {name: round(value, 2) for name, value in before.items()},
        "calls": {name: len(times) for name, times in seen.seconds.items()},
        "hostile rounds": dict(seen.hostile),
        "memory, highest, MB": max(seen.memory) >> 20,
        "memory, last third, MB": last >> 20,
        "wrong": wrong,
    }


def personalised(url: str, folder: Path) -> Path:
    """A session to open, where none was named: made by the app in a minute or two."""
    client = Client(url, verbose=False)
    desk, _ = client.predict(handle_file(PHOTOGRAPH), api_name="/align")
    client.predict(desk, "fast", api_name="/personalise")
    made = Path(client.predict(desk, {}, api_name="/save_session"))
    return made.rename(folder / "session.safetensors")


def main() -> int:
    parser = argparse.ArgumentParser(description="Honest and hostile clients on one app.")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--short", action="store_true", help="two minutes, three people")
    parser.add_argument("--session", type=Path, metavar="S.safetensors", help="to be opened")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the app ends with this, too
    if options.short:
        options.minutes, options.people = 2, 3
    with tempfile.TemporaryDirectory() as name, socket.socket() as free:
        folder = Path(name)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        settings = {"PTI_SESSIONS": str(folder / "shares"), "TMPDIR": str(folder)}
        app = subprocess.Popen(
            [sys.executable, "app.py", "--port", f"{port}"],
            cwd=REPOSITORY,
            env={**os.environ, **settings},
            stdout=subprocess.DEVNULL,
        )
        try:
            url = f"http://127.0.0.1:{port}/"
            wait_for(url)
            quiet, seen = run(options, url, app.pid, options.session or personalised(url, folder))
        finally:
            app.send_signal(signal.SIGTERM)
            app.wait(60)
        left = [str(path) for path in folder.glob("pti-studio-*/run-*")]
        left += [str(path) for path in folder.glob("shares/*.safetensors")]
        report = verdict(quiet, seen, left)
    print(json.dumps(report, indent=2))
    return 1 if report["wrong"] else 0


def wait_for(url: str) -> None:
    """Until the app is ready, its networks included."""
    end = time.monotonic() + 600
    while time.monotonic() < end:
        with contextlib.suppress(Exception):
            if Client(url, verbose=False).predict(api_name="/status")["ready"]:
                return
        time.sleep(2)
    raise TimeoutError("the app did not become ready")


if __name__ == "__main__":
    raise SystemExit(main())
