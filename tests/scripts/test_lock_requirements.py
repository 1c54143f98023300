"""The locked requirements hold every package, in the versions that the tests use, by hash."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import audit
from scripts.lock_requirements import added, normalised, split_blocks

ROOT = Path(__file__).parents[2]
LOCKED = ("requirements-locked.txt", "requirements-dev-locked.txt")


def names(file: str) -> set[str]:
    """The packages that a requirements file asks for itself."""
    lines = (ROOT / file).read_text("utf-8").splitlines()
    found = (re.match(r"[A-Za-z0-9._-]+", line) for line in lines if line[:1].isalnum())
    return {normalised(name[0]) for name in found if name}


def constraints() -> dict[str, str]:
    lines = (ROOT / "constraints-ci.txt").read_text("utf-8").splitlines()
    pins = (line.split("==") for line in lines if "==" in line)
    return {normalised(name): version for name, version in pins}


@pytest.mark.parametrize("file", LOCKED)
def test_every_package_has_a_version_and_hashes(file):
    pinned = constraints()
    for name, block in split_blocks((ROOT / file).read_text("utf-8")).items():
        version = re.match(r"[^=]+==([^ ;\\]+)", block)
        assert version and version[1] == pinned.get(name), name
        hashes = re.findall(r"--hash=(\S+)", block)
        assert hashes and all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes), name


def test_what_is_required_is_locked():
    base, rest = (set(split_blocks((ROOT / file).read_text("utf-8"))) for file in LOCKED)
    assert not base & rest  # pip refuses a package that stands in both
    assert names("requirements.txt") <= base
    assert names("requirements-dev.txt") | names("requirements-ray.txt") <= base | rest
    assert set(constraints()) == base | rest
    assert "\n-r requirements-locked.txt\n" in (ROOT / LOCKED[1]).read_text("utf-8")


def test_pip_reads_the_locked_files_and_refuses_another_file(tmp_path):
    """Only a small package is asked for, from a folder in which it was exchanged."""
    wheel = tmp_path / "annotated_doc-0.0.7-py3-none-any.whl"
    wheel.write_bytes(b"PK\x05\x06" + bytes(18))
    block = split_blocks((ROOT / LOCKED[0]).read_text("utf-8"))["annotated-doc"]
    (tmp_path / "one.txt").write_text(block)
    command = [sys.executable, "-m", "pip", "download", "--no-index", "--no-deps", "-q"]
    command += ["--require-hashes", "--find-links", str(tmp_path), "-d", str(tmp_path / "to")]
    done = subprocess.run(
        [*command, "-r", str(tmp_path / "one.txt")], capture_output=True, text=True, timeout=120
    )
    assert done.returncode != 0 and "DO NOT MATCH THE HASHES" in done.stderr


@pytest.mark.parametrize("file", ["README.md", "Makefile", "Dockerfile"])
def test_every_way_to_install_asks_for_the_hashes(file):
    text = (ROOT / file).read_text("utf-8")
    if named := re.search(r"^INSTALL = (.+)$", text, re.M):
        text = text.replace("$(INSTALL)", named[1])
    commands = [line for line in text.splitlines() if re.search(r"-r +\S*requirements", line)]
    assert commands
    for command in commands:
        sound = r"\bpip install .*--require-hashes -r requirements(-dev)?-locked\.txt( |$)"
        assert re.search(sound, command), command


def test_what_a_file_adds_to_another():
    base = "a==1 \\\n    --hash=sha256:0\n"
    assert added(base, base + "b==2 \\\n    --hash=sha256:1\n").startswith("b==2")
    with pytest.raises(RuntimeError, match="disagree about a"):
        added(base, "a==2 \\\n    --hash=sha256:0\n")


def test_an_advisory_is_told_and_fails(monkeypatch, capsys):
    advisory = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2.0"]}
    report = {"dependencies": [{"name": "a", "version": "1.0", "vulns": [advisory]}]}
    monkeypatch.setattr(audit, "ask", lambda: json.loads(json.dumps(report)))
    monkeypatch.setattr(audit.importlib.util, "find_spec", lambda name: object())
    assert audit.main() == 1
    assert "a 1.0: PYSEC-1; mended in 2.0." in capsys.readouterr().out
    monkeypatch.setattr(audit, "ACCEPTED", {"CVE-1": "is not reached"})
    assert audit.main() == 0
    report["dependencies"] = [{"name": "a", "version": "1.0", "skip_reason": "not found"}]
    assert audit.main() == 0
    assert "were not audited" in capsys.readouterr().out
