"""Weight files from a plain web address, checked against the hash of the manifest."""

import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from checkpoints.asset import WebFile
from checkpoints.errors import UnavailableError, disk_full, is_disk_full
from checkpoints.hash_cache import CHUNK

TIMEOUT = 30.0  # seconds without a byte after which the address counts as not answering


def download(
    source: WebFile, destination: Path, on_bytes: Callable[[int, int], None] | None = None
) -> None:
    """The file's bytes at `destination`, flushed to disk; the caller checks and moves them.

    on_bytes: (done, total) bytes, total 0 while unknown. Raises CheckpointError: UnavailableError
    where another source may help.
    """
    by_hand = f"put {source.file_name} into a folder named by PTI_CHECKPOINTS"
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        raise UnavailableError(
            f"{source.file_name} is not here and HF_HUB_OFFLINE forbids the network: unset it, or "
            f"{by_hand}"
        )
    try:
        with urllib.request.urlopen(source.url, timeout=TIMEOUT) as answer:
            total, done = int(answer.headers.get("Content-Length") or 0), 0
            with destination.open("wb") as file:
                while chunk := answer.read(CHUNK):
                    file.write(chunk)
                    done += len(chunk)
                    if on_bytes:
                        on_bytes(done, total)
                file.flush()
                os.fsync(file.fileno())
    except (OSError, ValueError) as error:
        if is_disk_full(error):
            raise disk_full(destination.parent) from error
        status = getattr(error, "code", None)
        reason = f"HTTP {status}" if status else "no connection"
        raise UnavailableError(
            f"{source.file_name} could not be fetched from {source.host} ({reason}): check the "
            f"connection and try again, or {by_hand}"
        ) from error
