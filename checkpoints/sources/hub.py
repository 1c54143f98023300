"""Weight files from the Hugging Face Hub, through its own client and into its own cache.

The client's settings hold: HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE, HF_TOKEN.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from checkpoints.asset import HubFile
from checkpoints.errors import HubDownError, UnavailableError, disk_full, is_disk_full
from pti_core.errors import CheckpointError


def download(
    source: HubFile, cache: Path | None = None, on_bytes: Callable[[int, int], None] | None = None
) -> Path:
    """The file's path in the Hub client's cache, downloaded if it is not there.

    cache: the client's cache folder, its own default when None. on_bytes: (done, total) bytes,
    total 0 while unknown. Raises CheckpointError: UnavailableError where another source may help.
    """
    from huggingface_hub import constants, hf_hub_download  # slow to import, not always needed

    try:
        if not constants.HF_HUB_OFFLINE and find(source, cache) is None:
            _knock(source)
        path = hf_hub_download(
            source.repo,
            source.path,
            revision=source.revision,
            cache_dir=cache,
            tqdm_class=_reporting_bar(on_bytes) if on_bytes else None,
        )
    except Exception as error:  # the client lets errors of its transport through, of many classes
        raise _explain(source, error) from error
    return Path(path)


def _knock(source: HubFile) -> None:
    """Ask once whether the file can be had: the client alone would retry for half a minute.

    A server that answers but is busy (429, 5xx) is left to the client, which waits and retries.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError

    try:
        get_hf_file_metadata(hf_hub_url(source.repo, source.path, revision=source.revision))
    except HfHubHTTPError as error:
        if error.response.status_code == 429 or error.response.status_code >= 500:
            return
        raise


def find(source: HubFile, cache: Path | None = None) -> Path | None:
    """The file's path if the client's cache already holds it; never uses the network."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(
        source.repo, source.path, cache_dir=cache, revision=source.revision
    )
    return Path(found) if isinstance(found, str) else None


def published_sha256(path: Path) -> str | None:
    """The hash the Hub itself states for a file of its cache, or None.

    The client names the blob of a large file after its sha256, and the snapshot links to it.
    """
    name = path.resolve().name
    return name if re.fullmatch(r"[0-9a-f]{64}", name) else None


def _reporting_bar(on_bytes: Callable[[int, int], None]) -> type:
    """A bar for the Hub client that draws nothing and reports to `on_bytes` instead."""
    from huggingface_hub.utils import tqdm as hub_tqdm

    class ReportingBar(hub_tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs["disable"] = True  # nothing on the terminal: the caller draws
            super().__init__(*args, **kwargs)
            self.reported = int(kwargs.get("initial") or 0)

        def update(self, n: float | None = 1) -> bool | None:
            self.reported += int(n or 0)
            on_bytes(self.reported, int(self.total or 0))
            return None

        # With these two the client makes one bar of its chunked transfers, not a second one for
        # the bytes on the wire.
        def update_transfer(self, n: float) -> None: ...

        def set_transfer_postfix_str(self, *args: Any, **kwargs: Any) -> None: ...

    return ReportingBar


def _explain(source: HubFile, error: Exception) -> CheckpointError:
    """The client's error as one sentence that says what to do."""
    from huggingface_hub import constants, errors

    what = f"{source.file_name} from the Hub repository {source.repo}"
    by_hand = f"put {source.file_name} into a folder named by PTI_CHECKPOINTS"
    if is_disk_full(error):
        return disk_full(Path(constants.HF_HUB_CACHE))
    if constants.HF_HUB_OFFLINE:
        return UnavailableError(
            f"{what} is not in the Hub cache and HF_HUB_OFFLINE forbids the network: "
            f"unset it, or {by_hand}"
        )
    if isinstance(error, errors.GatedRepoError):
        return UnavailableError(
            f"{what} needs an accepted licence: accept it on the Hub and set HF_TOKEN, or {by_hand}"
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return UnavailableError(
            f"{what} is private or gone: set HF_TOKEN if it is private, or {by_hand}"
        )
    if isinstance(error, errors.RevisionNotFoundError | errors.RemoteEntryNotFoundError):
        return UnavailableError(f"{what} is no longer there: {by_hand}")
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return UnavailableError(
            f"{what} was refused (HTTP {status}): set a valid HF_TOKEN, or {by_hand}"
        )
    reason = f"HTTP {status}" if status else "no connection"
    return HubDownError(
        f"{what} could not be fetched ({reason}): check the connection and try again, or {by_hand}"
    )
