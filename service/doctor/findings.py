"""What the doctor found: one line a file and a few lines on the machine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from checkpoints.hash_cache import write_text


class State(StrEnum):
    """right: tested for meaning. unproven: sound, but its meaning cannot be tested here. wrong:
    not used. absent: not on this machine."""

    RIGHT = "right"
    UNPROVEN = "unproven"
    WRONG = "wrong"
    ABSENT = "absent"


@dataclass(frozen=True)
class Finding:
    """On one asset of the manifest: its state and one sentence."""

    name: str
    state: State
    sentence: str


@dataclass(frozen=True)
class Examination:
    """The machine's lines, and a finding for each asset that was looked at."""

    machine: Sequence[tuple[str, str]]
    findings: Sequence[Finding]

    @property
    def wrong(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.state is State.WRONG]

    def text(self) -> str:
        """One screen: the machine, then the files that are here, then the names of the others."""
        lines = [f"{label:12}{said}" for label, said in self.machine]
        here = [finding for finding in self.findings if finding.state is not State.ABSENT]
        lines += ["", *(f"{one.state.value:9} {one.name}: {one.sentence}" for one in here)]
        absent = [finding.name for finding in self.findings if finding.state is State.ABSENT]
        if absent:
            lines.append(f"not here  {', '.join(absent)}")
        return "\n".join(lines)

    def save(self, path: Path) -> None:
        """Write it as JSON, in one step. Raises OSError."""
        findings = [{**asdict(one), "state": one.state.value} for one in self.findings]
        write_text(path, json.dumps({"machine": list(self.machine), "findings": findings}))

    @classmethod
    def open(cls, path: Path) -> Examination | None:
        """What `save` wrote; None where there is nothing, or nothing of that kind."""
        try:
            data = json.loads(path.read_text("utf-8"))
            return cls([(str(a), str(b)) for a, b in data["machine"]], _read(data["findings"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _read(rows: Sequence[Mapping[str, str]]) -> list[Finding]:
    return [Finding(str(r["name"]), State(r["state"]), str(r["sentence"])) for r in rows]
