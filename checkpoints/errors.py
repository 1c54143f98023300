"""What goes wrong on the way to a weight file, in one sentence each."""

import errno
from pathlib import Path

from pti_core.errors import CheckpointError, UserError

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))  # Windows knows no EDQUOT


class UnavailableError(CheckpointError):
    """This source cannot give the file; another one may."""


class HubDownError(UnavailableError):
    """The Hub does not answer: other files of the Hub need not be tried now."""


class DiskFullError(CheckpointError):
    """There is no room: another source would not help."""


def is_disk_full(error: BaseException) -> bool:
    """Whether the error, or one that caused it, says that a disk or quota is full."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in _FULL:
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def disk_full(folder: Path) -> DiskFullError:
    return DiskFullError(f"the disk is full at {folder}: free space there, or change PTI_CACHE")


class FieldFileError(UserError):
    """A file of another program that is not what it was given for."""
