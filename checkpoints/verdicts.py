"""Files that a meaning test found wrong: noted beside the cache, so that they are not used.

A note holds for the very bytes that were tested (path, size and time of change): a file that was
replaced is tested anew.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from checkpoints.hash_cache import write_text


@dataclass(frozen=True)
class Verdict:
    """What a test found: of which file, whether it may be used, and one sentence."""

    path: str
    size: int
    mtime_ns: int
    usable: bool
    sentence: str


def note_verdict(cache: Path, name: str, path: Path, usable: bool, sentence: str) -> None:
    """Keep a verdict on the file of an asset. Raises OSError where the cache is not writable."""
    status = path.stat()
    verdict = Verdict(str(path), status.st_size, status.st_mtime_ns, usable, sentence)
    write_text(_file(cache, name), json.dumps(asdict(verdict), indent=1))


def verdict_on(cache: Path, name: str, path: Path) -> Verdict | None:
    """The verdict on this very file, or None where it was not tested as it is now."""
    try:
        verdict = Verdict(**json.loads(_file(cache, name).read_text("utf-8")))
        status = path.stat()
    except (OSError, ValueError, TypeError):
        return None
    now = (str(path), status.st_size, status.st_mtime_ns)
    return verdict if (verdict.path, verdict.size, verdict.mtime_ns) == now else None


def refusal(path: Path, verdict: Verdict) -> str:
    """Why a file that was found wrong is not used, in one sentence."""
    said = verdict.sentence.removeprefix(f"{path.name} is ").rstrip(".")
    return f"{path.name} is not used ({said[:1].lower()}{said[1:]}); remove or replace it."


def forget_verdict(cache: Path, name: str) -> None:
    """Have the asset's file tested anew."""
    _file(cache, name).unlink(missing_ok=True)


def _file(cache: Path, name: str) -> Path:
    return cache / name / "tested.json"
