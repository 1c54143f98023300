"""Weight files from the Hub: the real client, against a pre-filled cache and a small local server.

The client reads its settings when it is imported, so each case runs in a process of its own.
"""

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

DATA = b"weights from the hub " * 20_000
SHA256 = hashlib.sha256(DATA).hexdigest()
COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = Path(__file__).parents[3]

CHILD = """
import json, sys
from pathlib import Path
from checkpoints.asset import Asset, HubFile
from checkpoints.fetch import Store
from pti_core.errors import CheckpointError

import os

cache, sha256, repos = Path(sys.argv[1]), sys.argv[2] or None, sys.argv[3].split(",")
branches = os.environ.get("PTI_HUB_BRANCHES") == "1"
sources = [HubFile(repo, "sub/weights.pt", "main") for repo in repos]
asset = Asset("net", "generator", sources[0], sha256, None, "test", "test", tuple(sources[1:]))
store, reports = Store({"net": asset}, cache, takes_branches=branches), []
try:
    path = store.fetch("net", lambda *report: reports.append(report))
    again = []
    assert store.fetch("net", lambda *report: again.append(report)) == path and again == []
    print(json.dumps({"path": str(path), "reports": reports, "hash": store.expected_sha256("net")}))
except CheckpointError as error:
    print(json.dumps({"error": str(error), "kind": type(error).__name__}))
"""


class Hub(BaseHTTPRequestHandler):
    """Answers as the Hub does; the repository's name says how it behaves."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, with_body: bool) -> None:
        self.server.paths.append((self.command, self.path))
        behaviour = self.path.split("/")[2]
        refusals = {
            "gone": (401, "RepoNotFound"),
            "gated": (403, "GatedRepo"),
            "nofile": (404, "EntryNotFound"),
            "norevision": (404, "RevisionNotFound"),
            "refused": (403, None),
            "token": (401, None),
            "down": (503, None),
        }
        body, headers = DATA, {}
        if behaviour in refusals:
            status, code = refusals[behaviour]
            body, headers = b"", {"X-Error-Code": code} if code else {}
        else:
            status = 200
            headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{SHA256}"'}
            headers["X-Linked-Size"] = str(len(DATA))
            if behaviour == "corrupt":
                body = b"X" + DATA[1:]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body and behaviour == "cut":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif with_body:
            self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.paths = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(tmp_path: Path, repos: str, sha256: str = SHA256, **settings: str) -> dict:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    environment |= {"HF_HOME": str(tmp_path / "hf"), "PYTHONPATH": str(REPOSITORY), **settings}
    result = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path / "cache"), sha256, repos],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=True,
    )
    return json.loads(result.stdout)


def fetch_from(
    server, tmp_path: Path, repos: str, sha256: str = SHA256, branches: str = "1"
) -> dict:
    endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    return fetch(tmp_path, repos, sha256, HF_ENDPOINT=endpoint, PTI_HUB_BRANCHES=branches)


def fill_hub_cache(hub: Path, data: bytes) -> None:
    """The layout in which the client keeps a large file: refs, blobs, snapshots."""
    repository = hub / "models--someone--fine"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    (repository / "blobs").mkdir()
    (repository / "blobs" / SHA256).write_bytes(data)
    snapshot = repository / "snapshots" / COMMIT / "sub"
    snapshot.mkdir(parents=True)
    (snapshot / "weights.pt").symlink_to(Path("../../../blobs") / SHA256)


@pytest.mark.parametrize("sha256", [SHA256, ""])
def test_a_filled_cache_serves_offline(tmp_path, sha256):
    fill_hub_cache(tmp_path / "hf" / "hub", DATA)
    result = fetch(tmp_path, "someone/fine", sha256, HF_HUB_OFFLINE="1")
    assert Path(result["path"]).read_bytes() == DATA
    assert Path(result["path"]).name == "weights.pt"  # the suffix tells loaders the format
    assert result["hash"] == SHA256


@pytest.mark.slow
@pytest.mark.parametrize("sha256", [SHA256, ""])
@pytest.mark.parametrize("damage", [DATA[: len(DATA) // 2], b"X" + DATA[1:]])
def test_a_damaged_file_in_the_hub_cache_is_refused(server, tmp_path, sha256, damage):
    """Also where the manifest knows no hash: the Hub's own, which names the blob, must match."""
    fill_hub_cache(tmp_path / "hf" / "hub", damage)
    result = fetch(tmp_path, "someone/fine", sha256, HF_HUB_OFFLINE="1")
    assert "is not the published net" in result["error"]
    named = Path(result["error"].split(" is not the published")[0])
    named.unlink()  # as the sentence asks
    result = fetch_from(server, tmp_path, "someone/fine", sha256)
    assert Path(result["path"]).read_bytes() == DATA


@pytest.mark.slow
def test_a_branch_without_a_published_hash_is_used_by_choice_only(server, tmp_path):
    result = fetch_from(server, tmp_path, "someone/fine", "", branches="")
    assert "someone/fine can replace it at any time" in result["error"]
    assert "PTI_HUB_BRANCHES=1" in result["error"] and "PTI_CHECKPOINTS" in result["error"]
    assert server.paths == []  # nobody was asked
    assert "path" in fetch_from(server, tmp_path, "someone/fine", SHA256, branches="")
    again = tmp_path / "again"
    again.mkdir()
    assert fetch_from(server, again, "someone/fine", "", branches="1")["hash"] == SHA256
    # What was chosen once stays, and the server is not asked for a newer one.
    count = len(server.paths)
    assert fetch_from(server, again, "someone/fine", "", branches="")["hash"] == SHA256
    assert len(server.paths) == count


@pytest.mark.slow
def test_offline_and_not_in_the_cache(tmp_path):
    result = fetch(tmp_path, "someone/fine", HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE forbids the network" in result["error"]
    assert "put weights.pt into a folder named by PTI_CHECKPOINTS" in result["error"]


@pytest.mark.parametrize("sha256", [SHA256, ""])
def test_a_download_reports_progress_and_is_verified(server, tmp_path, sha256):
    result = fetch_from(server, tmp_path, "someone/fine", sha256)
    assert Path(result["path"]).read_bytes() == DATA
    assert result["hash"] == SHA256
    downloads = [report for report in result["reports"] if report[0] == "net"]
    assert downloads[-1] == ["net", len(DATA), len(DATA)]
    assert [done for _, done, _ in downloads] == sorted(done for _, done, _ in downloads)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        ("gone", "is private or gone: set HF_TOKEN"),
        ("gated", "needs an accepted licence"),
        ("nofile", "is no longer there"),
        ("norevision", "is no longer there"),
        ("refused", r"was refused (HTTP 403)"),
    ],
)
def test_a_refusal_says_what_to_do_and_the_next_source_helps(server, tmp_path, behaviour, sentence):
    result = fetch_from(server, tmp_path, f"someone/{behaviour}")
    assert sentence in result["error"] and "PTI_CHECKPOINTS" in result["error"]
    assert "\n" not in result["error"]
    result = fetch_from(server, tmp_path, f"someone/{behaviour},someone/fine")
    assert Path(result["path"]).read_bytes() == DATA


@pytest.mark.parametrize("sha256", [SHA256, ""])
def test_a_corrupt_download_is_refused(server, tmp_path, sha256):
    result = fetch_from(server, tmp_path, "someone/corrupt", sha256)
    assert "is not the published net" in result["error"]


@pytest.mark.slow
def test_a_download_that_is_cut_is_never_used(server, tmp_path):
    result = fetch_from(server, tmp_path, "someone/cut")
    assert "could not be fetched" in result["error"]
    snapshots = (tmp_path / "hf" / "hub").rglob("snapshots/*/sub/weights.pt")
    assert list(snapshots) == []


def test_no_connection_is_said_at_once(tmp_path):
    """One attempt, and none at the other repositories of the same Hub."""
    start = time.monotonic()
    result = fetch(tmp_path, "someone/a,someone/b", HF_ENDPOINT="http://127.0.0.1:9")
    assert time.monotonic() - start < 15  # the client's own retries alone take 23 s
    assert result["kind"] == "HubDownError"
    assert "someone/a could not be fetched (no connection)" in result["error"]


@pytest.mark.slow
def test_an_outage_is_said_and_other_hub_sources_are_not_tried(server, tmp_path):
    result = fetch_from(server, tmp_path, "someone/down,someone/fine")
    assert "could not be fetched" in result["error"]
    assert result["kind"] == "HubDownError"
    assert not any("fine" in path for _, path in server.paths)
