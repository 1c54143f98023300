"""What a process needs before it imports heavy libraries: a home, waiting threads, direct ways.

Called first by the web app and by every command line.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

from pti_core.errors import UserError

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_LOCAL = ("localhost", "127.0.0.1", "::1")


def prepare_process(environment: MutableMapping[str, str]) -> None:
    """Set what is missing in `environment` (`os.environ`), and have output survive any terminal.

    Call it before torch is imported: OpenMP reads its settings when it is loaded.
    """
    let_threads_sleep(environment)
    ensure_home(environment)
    reach_this_machine_directly(environment)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name or a sign that a terminal cannot show
            stream.reconfigure(errors="backslashreplace")


def let_threads_sleep(environment: MutableMapping[str, str]) -> None:
    """Threads that wait for their turn must not spin for long: two processes on two cores take
    2.8 s a step in place of 5.4. GNU's OpenMP spins for a third of a millisecond, as networks of
    many small layers lose by falling asleep at each (benchmarks/notes.md, "Threads that wait")."""
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    environment.setdefault("GOMP_SPINCOUNT", "30000")


def ensure_home(environment: MutableMapping[str, str]) -> None:
    """Where there is no home that can be written to, as for an unknown user id of a container, a
    folder of the user's own under the system's temporary folder is taken for it.

    Raises:
        UserError: there is no place for it either.
    """
    try:
        writable = _can_write(Path.home())
    except RuntimeError:  # no HOME, and no such user
        writable = False
    if not writable:
        environment["HOME"] = str(private_folder("pti-home"))
    try:
        import pwd

        pwd.getpwuid(os.getuid())
    except ImportError:  # not a Unix: the name is in the environment
        return
    except KeyError:
        environment.setdefault("LOGNAME", f"user{os.getuid()}")  # `getpass` asks for one


def _can_write(home: Path) -> bool:
    """Whether `home/.cache` is there, or can be made, and can be written to."""
    cache = home / ".cache"
    return os.access(cache if cache.is_dir() else home, os.W_OK)


def private_folder(name: str) -> Path:
    """A folder under the system's temporary one that only this user can read: made, or found.

    What another user put at its place is not used; there is a fresh folder then.

    Raises:
        UserError: none can be made.
    """
    user = os.getuid() if hasattr(os, "getuid") else ""
    try:
        folder = Path(tempfile.gettempdir()) / f"{name}-{user}"
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        own = not hasattr(os, "getuid") or status.st_uid == os.getuid()
        if folder.is_symlink() or not own:
            return Path(tempfile.mkdtemp(prefix=f"{name}-"))
        folder.chmod(0o700)
        return folder
    except OSError as error:
        raise UserError(
            "There is no folder for temporary files; set TMPDIR to one that can be written to."
        ) from error


def reach_this_machine_directly(environment: MutableMapping[str, str]) -> None:
    """A proxy is for other machines: Gradio asks the page's own address whether it answers.

    A SOCKS proxy that the HTTP client cannot use, for want of a package, would end the program: it
    is left out, and said so.
    """
    for name in ("NO_PROXY", "no_proxy"):
        there = [part.strip() for part in environment.get(name, "").split(",") if part.strip()]
        missing = [host for host in _LOCAL if host not in there]
        environment[name] = ",".join([*there, *missing])
    if importlib.util.find_spec("socksio") is not None:
        return
    for name in (*_PROXIES, *(name.lower() for name in _PROXIES)):
        if environment.get(name, "").lower().startswith("socks"):
            del environment[name]
            print(f"{name} names a SOCKS proxy, which is not used here.", file=sys.stderr)
