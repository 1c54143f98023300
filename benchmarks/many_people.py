"""Many people at once at one running app, each making sure that what comes back is theirs.

    python -m benchmarks.many_people URL [--preset fast] [--people 20] [--seconds 300]

Every person aligns a photograph of their own, personalises it, edits it, saves the session, shares
it, opens the link and deletes it, again and again until the time is up. A photograph is made
theirs by its size: it is cut so that no two are equal.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from gradio_client import Client, handle_file
from PIL import Image

from pti_core.session.session import Session

#: Seconds that a client waits for an answer, as a browser does: on a busy machine some take long.
PATIENCE = 300.0


@dataclass
class Tally:
    """What happened to all of them.

    rounds: whole rounds. waited: people who were told an estimate while they waited in the line.
    errors: what went wrong, one sentence each; mixed-up faces are among them.
    """

    rounds: int = 0
    waited: int = 0
    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def crowd(url: str, photographs: list[Path], preset: str, seconds: float) -> Tally:
    """One person a photograph, all at once, each round after round until the time is up."""
    tally, end = Tally(), time.monotonic() + seconds

    def person(photograph: Path) -> None:
        try:
            client = Client(url, verbose=False, httpx_kwargs={"timeout": PATIENCE})
            while True:
                began = time.monotonic()
                waited = one_round(client, photograph, preset)
                with tally.lock:
                    tally.rounds += 1
                    tally.waited += waited
                    tally.seconds.append(time.monotonic() - began)
                if time.monotonic() > end:
                    return
        except Exception as error:  # whatever it is, it is what this looks for
            with tally.lock:
                tally.errors.append(f"{photograph.name}: {error!r}")

    threads = [threading.Thread(target=person, args=(path,)) for path in photographs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tally


def one_round(client: Client, photograph: Path, preset: str) -> bool:
    """The whole road once; whether an estimate was shown while waiting for one's turn."""
    desk, crop = client.predict(handle_file(photograph), api_name="/align")
    face = _pixels(crop)
    updates = list(client.submit(desk, preset, api_name="/personalise"))
    assert updates[-1]["state"] == "done", updates[-1]
    waits = [update for update in updates if update["state"] == "waiting"]
    assert all(update["seconds_left"] > 0 for update in waits), "a wait without an estimate"

    edits = {"age": 5}
    first = _pixels(client.predict(desk, edits, "face", api_name="/edit"))
    pasted = _pixels(client.predict(desk, edits, "photograph", api_name="/edit"))
    _same("the photograph's size", pasted.shape, _pixels(photograph).shape)
    session = Session.open(Path(client.predict(desk, edits, api_name="/save_session")))
    _same("the face in the session", np.asarray(session.crop()).tolist(), face.tolist())

    made = client.predict(desk, edits, "face", api_name="/share")
    copy, state = client.predict(made["share"], api_name="/open_share")
    _same("the edits of the link", state["edits"], edits)
    shown = _pixels(client.predict(copy, edits, "face", api_name="/edit"))
    _same("the picture of the link", shown.tolist(), first.tolist())
    client.predict(made["share"], made["secret"], api_name="/delete_share")
    for done in (copy, desk):
        client.predict(done, api_name="/forget")
    return bool(waits)


def cut(source: Image.Image, folder: Path, count: int) -> list[Path]:
    """`count` photographs of different sizes from one."""
    paths = []
    for number in range(count):
        path = folder / f"person-{number}.png"
        source.crop((number, 0, source.width, source.height - number)).save(path)
        paths.append(path)
    return paths


def _pixels(path: str | Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _same(what: str, got: object, wanted: object) -> None:
    if got != wanted:
        raise AssertionError(f"{what} is somebody else's")


def main() -> None:
    parser = argparse.ArgumentParser(description="Many people at once at one running app.")
    parser.add_argument("url")
    parser.add_argument("--photograph", type=Path, default=Path("examples/astronaut.jpg"))
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Image.open(options.photograph) as source:
        people = cut(source.convert("RGB"), Path(folder), options.people)
        tally = crowd(options.url, people, options.preset, options.seconds)
    seconds = sorted(tally.seconds)
    report = {
        "rounds": tally.rounds,
        "told how long": tally.waited,
        "median seconds a round": round(seconds[len(seconds) // 2], 1) if seconds else None,
        "errors": tally.errors,
    }
    print(json.dumps(report, indent=2))
    raise SystemExit(1 if tally.errors else 0)


if __name__ == "__main__":
    main()
