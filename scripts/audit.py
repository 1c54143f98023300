"""Known vulnerabilities of the locked requirements: `python -m scripts.audit`; status 1 over one.

It asks the package index through pip-audit. Where no advisories can be had, as on a machine without
a network or with a mirror that keeps none, it says so and ends with status 0.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
#: It includes the other one.
LOCKED = ("requirements-dev-locked.txt",)
#: Seconds for one answer of the index.
TIMEOUT = 15

#: Advisories that do not reach the product: identifier to the reason.
ACCEPTED: dict[str, str] = {}

UNREACHABLE = "No advisories can be had from here: the dependencies were not audited."


def findings(report: dict[str, Any]) -> list[str]:
    """One line for each advisory that is not accepted.

    report: what pip-audit writes as JSON.
    """
    lines = []
    for package in report.get("dependencies", []):
        for advisory in package.get("vulns", []):
            names = {advisory["id"], *advisory.get("aliases", [])}
            if names.isdisjoint(ACCEPTED):
                fixed = ", ".join(advisory.get("fix_versions", [])) or "no version yet"
                what = f"{package['name']} {package['version']}"
                lines.append(f"{what}: {advisory['id']}; mended in {fixed}.")
    return lines


def answered(report: dict[str, Any]) -> int:
    """How many packages the index said anything about."""
    return sum("vulns" in package for package in report.get("dependencies", []))


def ask(files: Sequence[str] = LOCKED) -> dict[str, Any]:
    """pip-audit's report on requirements files; {} where it got no answer."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes"]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", str(TIMEOUT)]
    for file in files:
        command += ["--requirement", file]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def main() -> int:
    """Print what is known; 1 where a package has an advisory that is not accepted."""
    if importlib.util.find_spec("pip_audit") is None:
        print("pip-audit is not installed: the dependencies were not audited.")
        return 0
    report = ask()
    count = answered(report)
    if count == 0:
        print(UNREACHABLE)
        return 0
    lines = findings(report)
    print("\n".join(lines) or f"No advisory is known for {count} packages.")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
