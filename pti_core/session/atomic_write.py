"""Write files so that a crash leaves the old one or the new one, never half of one."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from pti_core.errors import UserError


class OutputError(UserError):
    """A file cannot be written where the person wants it."""


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path`: into a file beside it, flushed to the disk, then moved in one step.

    Raises:
        OutputError: the folder is missing or closed, or the disk is full. What was at `path`
            before is untouched then.
    """
    temporary = None
    try:
        # A link stays a link: what it points to is replaced.
        target = path.resolve()
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".pti-", delete=False) as file:
            temporary = file.name
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
        _flush_folder(target.parent)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)
        raise _refusal(path, error) from error


def check_writable(path: Path) -> None:
    """Find out before minutes of work whether `write_atomically` could write there.

    Raises:
        OutputError: it could not.
    """
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file in it.")
    if not path.parent.is_dir():
        raise OutputError(f"There is no folder {path.parent}; make it first, or name another.")
    try:
        with tempfile.NamedTemporaryFile(dir=path.resolve().parent, prefix=".pti-"):
            pass
    except OSError as error:
        raise _refusal(path, error) from error


def _mode(target: Path) -> int:
    """The rights of the file that is replaced, else those of any new file."""
    with suppress(OSError):
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _flush_folder(folder: Path) -> None:
    # The new name itself must reach the disk; systems that cannot open a folder need no flush.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _refusal(path: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    return OutputError(f"{path} cannot be written ({reason}); name another place or free space.")
