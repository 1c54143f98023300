"""`app.py` as a process of its own: in odd environments, with its tools, with wrong settings."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from service.share_store import Store, new_secret
from tests.service.test_sweeper import until

REPOSITORY = Path(__file__).parents[2]
NO_WHERE = "127.0.0.1:9"  # nothing listens there


class Tools:
    """A client of the tools (MCP over HTTP), without a package of its own."""

    def __init__(self, app: Any) -> None:
        self.app, self.number = app, 0
        self._call(
            "initialize",
            {
                "protocolVersion": "2025-03-26",
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"},
            },
        )

    def _call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self.number += 1
        message = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}
        kinds = "application/json, text/event-stream"
        status, text, _ = self.app.ask("/gradio_api/mcp/", json.dumps(message), accept=kinds)
        assert status == 200, text
        data = [line[5:] for line in text.decode().splitlines() if line.startswith("data:")]
        return json.loads(data[-1] if data else text)["result"]

    def listed(self) -> list[dict[str, Any]]:
        return self._call("tools/list", {})["tools"]

    def use(self, name: str, /, **arguments: Any) -> tuple[bool, str]:
        """Whether it is an error, and the text of the answer."""
        answer = self._call("tools/call", {"name": name, "arguments": arguments})
        return answer.get("isError", False), " ".join(c.get("text", "") for c in answer["content"])


@pytest.mark.slow
def test_every_tool_of_the_real_app_takes_its_arguments(start_app):
    app = start_app()
    tools = Tools(app)
    listed = tools.listed()
    assert len(listed) >= 23
    for tool in listed:
        for name, schema in tool["inputSchema"]["properties"].items():
            assert "{}" not in json.dumps(schema.get("type", "string")), (tool["name"], name)
    by_name = {tool["name"].partition("_")[2] or tool["name"]: tool["name"] for tool in listed}
    names = [tool["name"] for tool in listed]
    full = lambda end: next(name for name in names if name.endswith(end))  # noqa: E731
    failed, text = tools.use(full("directions"))
    assert not failed and "age" in text, by_name
    desk = {"desk": "none"}
    for end, arguments in {
        "likeness": {"edits": {}},
        "strip": {"edits": {"age": 1}, "name": "age"},
        "animate": {"start": {}, "edits": {}, "frames": 2, "form": "gif", "view": "face"},
        "show_person": {"person": 0, "edits": {}},
        "save_session": {"edits": {}},
        "refine": {"preset": "fast", "seed": 0, "edits": {}, "secret": ""},
        "edit": {"edits": {}, "view": "face", "side": 0},
        "share": {"edits": {}, "view": "face", "secret": "", "name": ""},
        "edit_text": {
            "prompt": "older",
            "way": "auto",
            "strength": 1,
            "edits": {},
            "view": "face",
            "seed": 0,
        },
    }.items():
        tool = next(name for name in names if name == end or name.endswith(f"_{end}"))
        failed, text = tools.use(tool, **desk, **arguments)
        assert failed and "no longer kept" in text, (end, text)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"HTTP_PROXY": f"http://{NO_WHERE}", "HTTPS_PROXY": f"http://{NO_WHERE}"},
        {"http_proxy": f"http://{NO_WHERE}", "ALL_PROXY": f"socks5://{NO_WHERE}"},
        {"HOME": None},
        {"HOME": "/"},
    ],
    ids=["proxy", "socks", "no home", "root's home"],
)
def test_the_app_starts_in_odd_environments(settings, start_app, tmp_path):
    app = start_app(PTI_SESSIONS=None, TMPDIR=str(tmp_path), **settings)
    log = app.log.read_text()
    assert app.process.poll() is None, log
    assert app.ask("/", method="GET")[0] == 200
    assert "Traceback" not in log


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root becomes another user")
def test_the_app_starts_for_a_user_id_without_a_name(start_app, tmp_path):
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents:
        if parent != Path("/") and parent.owner() == "root" and "pytest" in str(parent):
            parent.chmod(0o755)
    wrapper = ("setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups")
    app = start_app(wrapper=wrapper, PTI_SESSIONS=None, HOME=None, TMPDIR=str(tmp_path))
    assert app.process.poll() is None, app.log.read_text()
    assert app.ask("/", method="GET")[0] == 200


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"PTI_SESSIONS_DAYS": "soon"}, "PTI_SESSIONS_DAYS"),
        ({"PTI_SESSIONS_MB": "nan"}, "PTI_SESSIONS_MB"),
        ({"PTI_ADDRESS_PLACES": "0"}, "PTI_ADDRESS_PLACES"),
        ({"PTI_MAX_MINUTES": "1.5"}, "PTI_MAX_MINUTES"),
        ({"PTI_EXECUTOR": "cloud"}, "PTI_EXECUTOR"),
        ({"PTI_EXECUTOR": "ray", "PTI_RAY_WORKERS": "two"}, "PTI_RAY_WORKERS"),
        ({"PTI_SESSIONS": "nowhere://x"}, "PTI_SESSIONS"),
        ({"GRADIO_SERVER_PORT": "many"}, "GRADIO_SERVER_PORT"),
        ({"GRADIO_SERVER_NAME": "no such host"}, "GRADIO_SERVER_NAME"),
        ({"GRADIO_SERVER_NAME": "192.0.2.1"}, "GRADIO_SERVER_NAME"),
        ({"PTI_GENERATOR": "gan"}, "PTI_GENERATOR"),
        ({"GRADIO_SERVER_PORT": "99999"}, "GRADIO_SERVER_PORT"),
    ],
)
def test_a_wrong_setting_is_told_in_a_sentence(settings, told):
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=REPOSITORY,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2 and told in done.stderr
    assert "Traceback" not in done.stderr and done.stderr.strip().endswith(".")


@pytest.mark.slow
def test_a_folder_of_weights_that_is_not_there_is_told_on_the_page(start_app, tmp_path):
    """It may be mounted later: the page is served meanwhile, and says what is wrong."""
    app = start_app(PTI_CHECKPOINTS=str(tmp_path / "nowhere"))
    tools, said = Tools(app), f"PTI_CHECKPOINTS names {tmp_path / 'nowhere'}, which is no folder"
    status = next(tool["name"] for tool in tools.listed() if tool["name"].endswith("status"))
    assert until(lambda: said in tools.use(status)[1], 60), app.log.read_text()
    assert app.ask("/", method="GET")[0] == 200
    assert "Traceback" not in app.log.read_text()


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")
def test_the_app_has_the_heap_trimmed():
    """What goes on beside the page has begun when a setting, read later, is found to be wrong."""
    program = (
        "import threading\nimport app\n"
        "print(app.main([]), *(thread.name for thread in threading.enumerate()), sep='\\n')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        env={**os.environ, "PTI_EXECUTOR": "cloud"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert {"2", "trimming the heap"} <= set(done.stdout.splitlines()), done.stderr


@pytest.mark.slow
def test_a_port_that_is_taken_is_told_in_a_sentence(start_app):
    app = start_app()
    done = subprocess.run(
        [sys.executable, "app.py", "--port", str(app.port)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2 and str(app.port) in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_under_a_sub_path_links_and_pages_carry_it(start_app, tmp_path):
    """A proxy serves https://faces.example/pti/ and takes the sub-path away before it asks."""
    share = Store(tmp_path / "shares").save(b"session", new_secret(), view="face", card=b"card").id
    app = start_app(GRADIO_ROOT_PATH="/pti")
    proxied = {"x_forwarded_host": "faces.example", "x_forwarded_proto": "https"}
    status, page, _ = app.ask(f"/?s={share}", method="GET", **proxied)
    assert status == 200
    assert f'content="https://faces.example/pti/card/{share}.jpg"'.encode() in page
    assert app.ask(f"/card/{share}.jpg", method="GET", **proxied)[1] == b"card"
    assert b"https://faces.example/pti" in app.ask("/config", method="GET", **proxied)[1]
