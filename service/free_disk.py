"""A floor under the free space of the server's disks: a full one fails everybody."""

from __future__ import annotations

import shutil
from pathlib import Path

from pti_core.errors import UserError

#: Bytes that uploads, fetched photographs and shares leave free.
FLOOR = 512 * 2**20
#: Bytes that pictures and files made here leave free: who has a face here can go on for a while.
LAST_FLOOR = 64 * 2**20

NO_ROOM = "The server's disk is nearly full; please try again in an hour."


class DiskFullError(UserError):
    """Writing would leave less than the floor free."""

    def __init__(self) -> None:
        super().__init__(NO_ROOM)


def check_free_disk(folder: str | Path, size: int = 0, floor: int = FLOOR) -> None:
    """Raise DiskFullError where `size` more bytes in the folder would leave less than `floor`."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError:  # the folder is not there: writing says so itself
        return
    if free < size + floor:
        raise DiskFullError()
