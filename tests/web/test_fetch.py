"""Photographs are fetched from the public internet only, and no further than the bounds."""

from __future__ import annotations

import asyncio
import http.server
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pti_core.errors import UserError
from web.api import fetch as fetching
from web.api.fetch import fetch, is_public

INNER = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0"),
    *("100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.0.9", "192.0.0.170", "198.18.0.1"),
    *("192.88.99.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "192.0.2.1"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:100.64.0.1", "2002:7f00:1::", "2002:808:808::1"),
    *("64:ff9b::7f00:1", "64:ff9b:1::1", "2001::1", "2001:db8::1", "", "localhost", "1.2.3"),
]


@pytest.mark.parametrize("address", INNER)
def test_inner_addresses_are_not_asked(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are(address):
    assert is_public(address)


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/loop":
            self.send_response(302)
            self.send_header("location", "/loop")
            self.end_headers()
        elif self.path == "/inside":
            self.send_response(302)
            self.send_header("location", "http://127.0.0.2:1/secret")
            self.end_headers()
        elif self.path == "/absent":
            self.send_error(404)
        elif self.path == "/late":
            time.sleep(0.4)
            self.send_response(302)
            self.send_header("location", "/late")
            self.end_headers()
        elif self.path == "/trickle":
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):  # who asks may have left
                for _ in range(40):
                    self.wfile.write(b"x")
                    time.sleep(0.1)
        else:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"a face" * 10)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server() -> Iterator[str]:
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()


def first_only(address: str) -> bool:
    """Stands for a public server: the tests have none but this machine's."""
    return address == "127.0.0.1"


def fetched(url: str, folder: Path, public=first_only) -> bytes:
    return Path(asyncio.run(fetch(url, str(folder), public))).read_bytes()


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_photograph_is_fetched(server, tmp_path):
    assert fetched(f"{server}/face.jpg", tmp_path) == b"a face" * 10


@pytest.mark.parametrize(
    ("path", "said"),
    [("/loop", "without end"), ("/inside", "public internet"), ("/absent", "answers 404")],
)
def test_redirects_are_checked_and_bounded(server, tmp_path, path, said):
    with pytest.raises(UserError, match=said):
        fetched(server + path, tmp_path)


def test_too_much_is_not_kept(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "MAX_BYTES", 20)
    with pytest.raises(UserError, match="larger than"):
        fetched(f"{server}/face.jpg", tmp_path)
    assert not files_in(tmp_path)


@pytest.mark.parametrize("path", ["/trickle", "/late"])
def test_the_seconds_are_for_all_of_it(server, tmp_path, monkeypatch, path):
    """Each byte comes soon after the one before, each redirect after the one before."""
    monkeypatch.setattr(fetching, "SECONDS", 1)
    with pytest.raises(UserError, match="could not be fetched"):
        fetched(server + path, tmp_path)
    assert not files_in(tmp_path)


def test_half_a_gigabyte_of_the_disk_stays_free(server, tmp_path, monkeypatch):
    usage, photograph = shutil.disk_usage(tmp_path), b"a face" * 10
    room = 512 * 2**20 + len(photograph)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=room - 1))
    with pytest.raises(UserError, match="nearly full"):
        fetched(f"{server}/face.jpg", tmp_path)
    assert not files_in(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=room))
    assert fetched(f"{server}/face.jpg", tmp_path) == photograph


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://8.8.8.8/x", "http://", "http://[::1"])
def test_other_addresses_are_refused(url, tmp_path):
    with pytest.raises(UserError):
        fetched(url, tmp_path)


def test_this_machine_is_not_asked(server, tmp_path):
    with pytest.raises(UserError, match="public internet"):
        fetched(f"{server}/face.jpg", tmp_path, is_public)
