"""Soak test: honest and hostile clients on one process of the app for half an hour.

    python -m benchmarks.soak [--minutes 30] [--people 20] [--short] [--write]

It starts `app.py`, takes latencies of one client alone, then lets `--people` honest clients open a
session, edit, animate, share, upload, personalise now and then, and leave without a word: first
among themselves (the quiet time, a third of `--minutes`), then with three hostile ones that send
large, slow and greedy requests. It ends with status 1 where an honest client saw an error or, in
the median of an endpoint, more than twice its quiet latency (each of `ENOUGH` calls at least),
where memory went on growing in the last third or passed `MAX_MEMORY`, or where files stayed behind.
`--write` puts the figures into docs/deployment.md.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import platform
import random
import re
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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gradio_client import Client, handle_file

from web.files import CACHE_SECONDS

REPOSITORY = Path(__file__).parents[1]
PHOTOGRAPH = REPOSITORY / "examples" / "astronaut.jpg"
SESSION = REPOSITORY / "examples" / "obama.safetensors"
FIGURES = REPOSITORY / "docs" / "deployment.md"
#: Bytes of the app's process at which the soak ends, so that it does not take the machine along.
MAX_MEMORY = 8 * 2**30
#: Calls of an endpoint whose median is judged: of two or three it is that of the moment.
ENOUGH = 5
#: Seconds that an honest client waits for any one answer, as a browser does.
PATIENCE = 300.0


@dataclass
class Seen:
    """What the honest clients saw in one phase.

    Attributes:
        seconds: of each call, by endpoint.
        errors: one sentence each.
        memory: resident bytes of the app's process, sampled.
        stored: bytes of temporary files and of shares, sampled.
        hostile: rounds of each hostile client.
        end: of the phase; calls that end later do not count, as fewer clients wait beside them.
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    stored: list[tuple[int, int]] = field(default_factory=list)
    hostile: Counter[str] = field(default_factory=Counter)
    end: float = math.inf
    lock: threading.Lock = field(default_factory=threading.Lock)

    def timed(self, client: Client, *values: Any, api_name: str) -> Any:
        """A call whose time counts."""
        begun = time.monotonic()
        answer = client.predict(*values, api_name=api_name)
        now = time.monotonic()
        with self.lock:
            if now < self.end:
                self.seconds.setdefault(api_name, []).append(now - begun)
        return answer

    def counts(self) -> dict[str, int]:
        return {name: len(times) for name, times in self.seconds.items()}

    def medians(self) -> dict[str, float]:
        return {name: statistics.median(times) for name, times in self.seconds.items()}


# -------------------------------------------------------------------------------------- clients


def client_of(url: str, downloads: str | None = None) -> Client:
    """A client that waits as long as a browser does; a reloaded page is a new one."""
    waiting = {"timeout": PATIENCE}
    return Client(url, verbose=False, httpx_kwargs=waiting, download_files=downloads or False)


def honest_round(seen: Seen, url: str, chance: random.Random) -> None:
    """What somebody does in a few minutes; between two edits they look at the picture."""
    with tempfile.TemporaryDirectory() as downloads:
        _use(seen, client_of(url, downloads), chance)


def _use(seen: Seen, client: Client, chance: random.Random) -> None:
    desk, _ = seen.timed(client, handle_file(SESSION), api_name="/open_session")
    for _ in range(chance.randint(2, 6)):
        amounts = {"age": round(chance.uniform(-5, 5), 1)}
        view = chance.choice(("face", "photograph"))
        seen.timed(client, desk, amounts, view, api_name="/edit")
        time.sleep(chance.uniform(4, 12))
    ends = ("animate", "share", "text", "text", "align", "personalise", "abandon")
    what = chance.choice(ends)  # words twice: the quiet time needs `ENOUGH` of them
    if what == "animate":
        seen.timed(client, desk, {}, {"age": 5}, 4, "gif", "face", api_name="/animate")
    elif what == "text":
        seen.timed(client, desk, "5 years older and smiling", api_name="/edit_text")
    elif what == "share":
        made = seen.timed(client, desk, {"age": 3}, "face", api_name="/share")
        client.predict(made["share"], api_name="/open_share")
        client.predict(made["share"], made["secret"], api_name="/delete_share")
    elif what in ("align", "personalise"):
        own, _ = seen.timed(client, handle_file(PHOTOGRAPH), api_name="/align")
        if what == "personalise":
            job = client.submit(own, "fast", api_name="/personalise")
            time.sleep(chance.uniform(2, 10))
            job.cancel()
        client.predict(own, api_name="/forget")
    elif what == "abandon":
        client.submit(desk, {"age": 1}, "face", api_name="/edit")
        return  # gone without `forget`
    client.predict(desk, api_name="/forget")


def large(url: str) -> None:
    """A request of 30 MB of lists each second; the server may close the connection at once."""
    body = b'{"data": [' + b"[]," * 10_000_000 + b"1]}"
    request = urllib.request.Request(f"{url}gradio_api/call/edit", body)
    request.add_header("content-type", "application/json")
    with contextlib.suppress(OSError):
        urllib.request.urlopen(request, timeout=60).read()
    time.sleep(1)


def slow(url: str) -> None:
    """Forty requests that do not end, and forty heads that do not, for half a minute."""
    host, port = url.split("//")[1].rstrip("/").split(":")
    head = b"POST /moving HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
    with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
        for number in range(80):
            connection = socket.create_connection((host, int(port)))
            stack.callback(connection.close)
            connection.sendall(head if number % 2 else head[:20])
        time.sleep(30)


def greedy(url: str) -> None:
    """A hundred animations of one face that nobody waits for."""
    client = client_of(url)
    desk, _ = client.predict(handle_file(SESSION), api_name="/open_session")
    body = json.dumps({"data": [desk, {}, {"age": 5}, 60, "gif", "face"]}).encode()
    for _ in range(100):
        request = urllib.request.Request(f"{url}gradio_api/call/animate", body)
        request.add_header("content-type", "application/json")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(request, timeout=30).read()
    time.sleep(5)
    client.predict(desk, api_name="/forget")


HOSTILE: tuple[Callable[[str], None], ...] = (large, slow, greedy)


# --------------------------------------------------------------------------------------- phases


@dataclass(frozen=True)
class App:
    """The app in a process of its own.

    Attributes:
        folder: everything that it writes.
        url: its page.
        pid: its process.
    """

    folder: Path
    url: str
    pid: int

    def resident(self) -> int:
        """Resident bytes (Linux); 0 once it has ended."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return 0
        lines = [line for line in status.splitlines() if line.startswith("VmRSS")]
        return int(lines[0].split()[1]) * 1024 if lines else 0

    def temporary(self) -> Path:
        return self.folder / "temporary"

    def shares(self) -> Path:
        return self.folder / "shares"


def phase(app: App, people: int, hostile: bool, minutes: float) -> Seen:
    """So many honest clients, with or without the hostile ones, until the time is up."""
    end = time.monotonic() + 60 * minutes
    seen = Seen(end=end)
    over = threading.Event()

    def person(number: int) -> None:
        chance = random.Random(number)
        time.sleep(chance.uniform(0, 5))  # nobody begins at the same moment
        while time.monotonic() < end and not over.is_set():
            try:
                honest_round(seen, app.url, chance)
            except Exception as error:  # whatever it is, it is what this looks for
                if over.is_set():
                    return
                with seen.lock:
                    seen.errors.append(f"person {number}: {error!r}"[:300])
                time.sleep(1)

    def attack(way: Callable[[str], None]) -> None:
        while time.monotonic() < end and not over.is_set():
            with contextlib.suppress(Exception):  # a hostile client may be refused
                way(app.url)
            with seen.lock:
                seen.hostile[way.__name__] += 1

    honest = [threading.Thread(target=person, args=(n,), daemon=True) for n in range(people)]
    ways = HOSTILE if hostile else ()
    others = [threading.Thread(target=attack, args=(way,), daemon=True) for way in ways]
    for thread in [*honest, *others]:
        thread.start()
    while time.monotonic() < end and not over.is_set():
        seen.memory.append(app.resident())
        seen.stored.append((_bytes_below(app.temporary()), _bytes_below(app.shares())))
        if not 0 < seen.memory[-1] < MAX_MEMORY:
            seen.errors.append(f"the app's process has {seen.memory[-1] >> 20} MB: it was ended")
            over.set()
        time.sleep(2)
    for thread in honest:
        thread.join(PATIENCE)
    return seen


def _bytes_below(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(Path(place) / name).st_size
    return total


def old_files(app: App) -> list[str]:
    """Temporary files that should have gone: files of no process's lock, older than promised."""
    oldest = time.time() - 2 * CACHE_SECONDS - 60
    found = []
    for path in app.temporary().rglob("*"):
        with contextlib.suppress(OSError):
            if path.is_file() and path.name != "lock" and path.stat().st_mtime < oldest:
                found.append(str(path.relative_to(app.folder)))
    return found


# -------------------------------------------------------------------------------------- verdict


def verdict(alone: Seen, quiet: Seen, seen: Seen, left: list[str]) -> dict[str, Any]:
    """The figures, and under "wrong" what was not as promised."""
    now, before = seen.medians(), quiet.medians()
    third = max(len(seen.memory) // 3, 1)
    middle, last = max(seen.memory[third : 2 * third] or [0]), max(seen.memory[-third:] or [0])
    wrong = [*quiet.errors, *seen.errors]
    wrong += [f"nobody could use {name} any more" for name in before if name not in now]
    wrong += [
        f"{name}: {now[name]:.2f} s, and {before[name]:.2f} s when quiet"
        for name in now
        if min(len(one.seconds.get(name, ())) for one in (quiet, seen)) >= ENOUGH
        and now[name] > 2 * before[name]
    ]
    if last > 1.1 * middle > 0:
        wrong.append(f"memory grew from {middle >> 20} to {last >> 20} MB")
    wrong += [f"{path} was left behind" for path in left]
    return {
        "median seconds": _rounded(now),
        "median seconds when quiet": _rounded(before),
        "median seconds of one client alone": _rounded(alone.medians()),
        "calls": seen.counts(),
        "calls when quiet": quiet.counts(),
        "hostile rounds": dict(seen.hostile),
        "memory, highest, MB": max(seen.memory or [0]) >> 20,
        "memory, middle third, MB": middle >> 20,
        "memory, last third, MB": last >> 20,
        "temporary files, highest, MB": max((one for one, _ in seen.stored), default=0) >> 20,
        "shares, highest, MB": max((one for _, one in seen.stored), default=0) >> 20,
        "errors": len(quiet.errors) + len(seen.errors),
        "wrong": wrong[:40],
    }


def _rounded(seconds: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in sorted(seconds.items())}


def write_figures(report: dict[str, Any], minutes: float, people: int) -> None:
    """Put the figures between the marks in docs/deployment.md."""
    now, quiet = report["median seconds"], report["median seconds when quiet"]
    alone, calls = report["median seconds of one client alone"], report["calls when quiet"]
    lines = [
        f"{time.strftime('%Y-%m-%d')}, {minutes:g} minutes, {people} people, {os.cpu_count()} CPU "
        f"cores ({platform.machine()}), the clients on the same ones. "
        + ("Everything held." if not report["wrong"] else "What did not hold is listed below."),
        "",
        "| median seconds (calls) | alone | quiet | with the hostile ones |",
        "| --- | --- | --- | --- |",
    ]
    for name in now:
        before = f"{quiet[name]} ({calls[name]})" if name in quiet else "-"
        cells = (alone.get(name, "-"), before, f"{now[name]} ({report['calls'][name]})")
        lines.append(f"| `{name}` | " + " | ".join(map(str, cells)) + " |")
    rounds = ", ".join(f"{count} {name}" for name, count in report["hostile rounds"].items())
    lines += [
        "",
        f"Errors seen by honest clients: {report['errors']}. Memory at most "
        f"{report['memory, highest, MB']} MB, {report['memory, middle third, MB']} in the middle "
        f"third and {report['memory, last third, MB']} in the last; temporary files at most "
        f"{report['temporary files, highest, MB']} MB. Hostile rounds: {rounds or 'none'}.",
        *(f"- {line}" for line in report["wrong"][:10]),
    ]
    text = FIGURES.read_text("utf-8")
    block = "<!-- soak -->\n" + "\n".join(lines) + "\n<!-- /soak -->"
    text = re.sub(r"<!-- soak -->.*?<!-- /soak -->", lambda _: block, text, flags=re.DOTALL)
    FIGURES.write_text(text, "utf-8")


# ------------------------------------------------------------------------------------- the app


@contextlib.contextmanager
def started() -> Iterator[tuple[App, subprocess.Popen[bytes]]]:
    """The app with folders of its own, ready; it ends with this."""
    with tempfile.TemporaryDirectory() as name, socket.socket() as free:
        folder = Path(name)
        (folder / "temporary").mkdir()
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        settings = {"PTI_SESSIONS": str(folder / "shares"), "TMPDIR": str(folder / "temporary")}
        with (folder / "app.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "app.py", "--port", f"{port}", "--generator", "mobile"],
                cwd=REPOSITORY,
                env={**os.environ, **settings},
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        try:
            app = App(folder, f"http://127.0.0.1:{port}/", process.pid)
            wait_for(app, process)
            yield app, process
        finally:
            end(process)
            said = (folder / "app.log").read_text("utf-8", "replace")
            print(said[-4000:], file=sys.stderr)


def end(process: subprocess.Popen[bytes]) -> None:
    """End the app as a service manager does: SIGTERM, and SIGKILL where that does not help."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(120)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_for(app: App, process: subprocess.Popen[bytes]) -> None:
    """Until the app is ready, its networks included."""
    last = time.monotonic() + 600
    while time.monotonic() < last and process.poll() is None:
        with contextlib.suppress(Exception):
            if client_of(app.url).predict(api_name="/status")["ready"]:
                return
        time.sleep(2)
    raise TimeoutError("the app did not become ready")


def main() -> int:
    parser = argparse.ArgumentParser(description="Honest and hostile clients on one app.")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--short", action="store_true", help="two minutes, three people")
    parser.add_argument("--write", action="store_true", help="put the figures into the docs")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the app ends with this, too
    if options.short:
        options.minutes, options.people = 2, 3
    with started() as (app, process):
        alone = Seen()
        for number in range(2):
            honest_round(alone, app.url, random.Random(number))
        quiet = phase(app, options.people, False, max(options.minutes / 3, 1))
        seen = phase(app, options.people, True, options.minutes)
        left = old_files(app)
        end(process)
        if process.returncode not in (0, 130, 143):
            left.append(f"a process that ended with status {process.returncode}")
        left += [str(path.relative_to(app.folder)) for path in app.temporary().glob("*/run-*")]
        left += [str(path.relative_to(app.folder)) for path in app.shares().glob("*.safetensors")]
    report = verdict(alone, quiet, seen, left)
    print(json.dumps(report, indent=2))
    if options.write:
        write_figures(report, options.minutes, options.people)
    return 1 if report["wrong"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
