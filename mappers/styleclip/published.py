"""The fourteen mappers that StyleCLIP's authors published: what each does, and how far it goes.

Their files enter through `checkpoints`; `python -m checkpoints list` names sources and licences.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from checkpoints.fetch import Progress, Store
    from mappers.styleclip.latent_mapper import LevelsMapper

#: Asset names of `checkpoints.manifest` are this and the mapper's name.
PREFIX = "mapper-"


@dataclass(frozen=True)
class PublishedMapper:
    """One published mapper.

    Attributes:
        name: of its file.
        phrases: what it is asked for by, the label first.
        high: largest amount that works; at 1 the mapper's output is added times 0.1.
        kind: "attribute" (hair, expression) or "person" (the likeness of somebody).
    """

    name: str
    phrases: tuple[str, ...]
    high: float
    kind: str = "attribute"

    @property
    def asset(self) -> str:
        return PREFIX + self.name

    @property
    def label(self) -> str:
        return self.phrases[0]


_TABLE = (
    PublishedMapper("afro", ("afro", "afro hair", "afro hairstyle"), 1.4),
    PublishedMapper("angry", ("angry", "angry face", "furious", "rage"), 1.4),
    PublishedMapper("beyonce", ("Beyonce", "beyoncé"), 1.2, "person"),
    PublishedMapper("bobcut", ("bob cut", "bobcut", "bob hairstyle", "bob haircut", "bob"), 1.8),
    PublishedMapper("bowlcut", ("bowl cut", "bowlcut", "bowl haircut", "bowl hairstyle"), 1.4),
    PublishedMapper("curly_hair", ("curly hair", "curls", "curly hairstyle"), 1.2),
    PublishedMapper("depp", ("Johnny Depp", "depp"), 1.2, "person"),
    PublishedMapper(
        "hilary_clinton", ("Hillary Clinton", "hilary clinton", "clinton"), 1.0, "person"
    ),
    PublishedMapper("mohawk", ("mohawk", "mohawk hairstyle", "mohican"), 1.0),
    PublishedMapper("purple_hair", ("purple hair", "violet hair"), 1.2),
    PublishedMapper("surprised", ("surprised", "astonished", "surprise"), 1.0),
    PublishedMapper("taylor_swift", ("Taylor Swift", "swift"), 1.0, "person"),
    PublishedMapper("trump", ("Donald Trump", "trump"), 1.0, "person"),
    PublishedMapper("zuckerberg", ("Mark Zuckerberg", "zuckerberg"), 1.0, "person"),
)
MAPPERS: Mapping[str, PublishedMapper] = MappingProxyType({one.name: one for one in _TABLE})


def find_name(text: str) -> str:
    """A mapper's name from its prompt: small letters, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:60] or "mapper"


def trained_folder() -> Path:
    """Where mappers that were trained here lie."""
    from checkpoints.fetch import default_cache

    return default_cache().parent / "mappers"


def trained(folder: Path | None = None) -> dict[str, PublishedMapper]:
    """Mappers that were trained here (`python -m mappers.train`), by name; asked for by their
    name, which comes from their prompt. The files are opened when they are used."""
    paths = sorted((folder or trained_folder()).glob("*.pt"))
    return {
        path.stem: PublishedMapper(path.stem, (path.stem.replace("_", " "),), 1.4)
        for path in paths
        if re.fullmatch(r"[a-z0-9_]{1,60}", path.stem) and path.stem not in MAPPERS
    }


def installed(store: Store | None = None) -> list[str]:
    """Names of the published mappers whose files are on this machine; no network is used."""
    from checkpoints.fetch import Store

    found = store or Store.from_environment()
    return [name for name, one in MAPPERS.items() if found.find(one.asset) is not None]


def load_published(
    name: str, progress: Progress | None = None, store: Store | None = None
) -> LevelsMapper:
    """A mapper's network, published or trained here, on the CPU; its file is fetched if need be.

    Raises:
        CheckpointError: an unknown name, or a file that cannot be had or read.
    """
    from checkpoints.fetch import Store
    from checkpoints.safe_pickle import read_torch
    from mappers.styleclip.latent_mapper import mapper_from_checkpoint

    if name in trained():
        return mapper_from_checkpoint(read_torch(trained_folder() / f"{name}.pt"))
    found = store or Store.from_environment()
    return mapper_from_checkpoint(read_torch(found.fetch(PREFIX + name, progress)))
