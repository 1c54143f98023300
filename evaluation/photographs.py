"""Which files an evaluation looks at. Imports nothing heavy: mistakes are told at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pti_core.errors import UserError


@dataclass(frozen=True)
class Photo:
    """A photograph of the evaluation: its short name, its file and the file's hash."""

    name: str
    path: Path
    sha256: str


def find_photographs(sources: Iterable[Path], limit: int | None = None) -> list[Photo]:
    """Files named, and those in folders named, in order; hidden files are left out.

    Raises:
        UserError: something named is not there, or there is no file at all.
    """
    paths: list[Path] = []
    for source in sources:
        if source.is_dir():
            inside = sorted(p for p in source.iterdir() if p.is_file())
            paths += [p for p in inside if not p.name.startswith(".")]
        elif source.is_file():
            paths.append(source)
        else:
            raise UserError(f"There is no file or folder {source}; check the name.")
    paths = paths[:limit]
    if not paths:
        raise UserError("There is no photograph to evaluate; name a folder that holds some.")
    stems = [path.stem for path in paths]
    photos = []
    for path in paths:
        name = path.stem if stems.count(path.stem) == 1 else path.name
        try:
            photos.append(Photo(name, path, hashlib.sha256(path.read_bytes()).hexdigest()))
        except OSError as error:
            raise UserError(f"{path} cannot be read; check its rights.") from error
    return photos
