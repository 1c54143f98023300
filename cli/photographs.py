"""The photographs that a command line names, and which face or square of each."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pti_core.errors import NoFaceError, PhotographError, UserError

if TYPE_CHECKING:
    from PIL import Image

    from pti_core.faces.detect import FaceFinder
    from pti_core.faces.framing import Square, Where

#: Endings of the files that are taken of a folder.
PHOTOGRAPH_ENDINGS = frozenset(
    {*(".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".avif", ".bmp", ".tif", ".tiff")}
)


@dataclass(frozen=True)
class Asked:
    """A photograph's path, and its face (a number), its square, or "whole" for an aligned face."""

    path: Path
    where: Where


@dataclass(frozen=True)
class Opened:
    """A photograph, and what of it is asked for."""

    path: Path
    where: Where
    image: Image.Image


def asked_for(
    paths: Sequence[Path],
    faces: Sequence[int] = (),
    squares: Sequence[Square] = (),
    aligned: bool = False,
) -> list[Asked]:
    """What a command line asks for: the n-th face or square belongs to the n-th photograph.

    One photograph may be named twice, for two of its faces.

    Raises:
        UserError: a folder or a pattern holds none, or there are more faces than photographs.
    """
    found = expanded(paths)
    given: list[Where] = [*faces, *squares]
    if found and len(given) > len(found):
        option = "--face" if faces else "--square"
        raise UserError(f"{len(given)} times {option} is too much for {len(found)} photographs.")
    given += ["whole" if aligned else 0] * (len(found) - len(given))
    pairs = [Asked(path, where) for path, where in zip(found, given, strict=False)]
    return list(dict.fromkeys(pairs))


def expanded(paths: Sequence[Path]) -> list[Path]:
    """The files that arguments name: files, patterns that no shell expanded, and folders, of which
    every file with the ending of a picture is taken, by name.

    Raises:
        UserError: a folder or a pattern holds none.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            own = sorted(one for one in path.iterdir() if one.suffix.lower() in PHOTOGRAPH_ENDINGS)
        elif any(mark in path.name for mark in "*?[") and not path.exists():
            own = sorted(path.parent.glob(path.name))
        else:
            own = [path]
        if not own:
            raise UserError(f"There is no photograph in {path}; name one, or another folder.")
        found += own
    return found


def open_all(asked: Sequence[Asked]) -> list[Opened]:
    """Open the photographs. Of several, one that cannot be opened is named on the terminal and
    left out. Notes on the files go there, too.

    Raises:
        PhotographError: the only one, or all of them, cannot be opened.
    """
    from pti_core.faces.images import read_photograph

    photos = []
    for one in asked:
        try:
            photo = read_photograph(one.path)
        except PhotographError as error:
            if len(asked) == 1:
                raise
            print(f"{one.path} is left out: {error}", file=sys.stderr)
            continue
        if photo.note:
            print(f"{one.path}: {photo.note}", file=sys.stderr)
        photos.append(Opened(one.path, one.where, photo.image))
    if asked and not photos:
        raise PhotographError("None of the photographs can be opened; name others.")
    return photos


def with_faces(photos: Sequence[Opened], finder: FaceFinder | None) -> list[Opened]:
    """Those that show what is asked for. Of several, one without it is named and left out.

    Raises:
        NoFaceError: the only one, or all of them, show none.
    """
    from pti_core.faces.detect import landmarks_of

    if len(photos) == 1 or finder is None:  # a single one says so itself
        return list(photos)
    found = []
    for photo in photos:
        try:
            if isinstance(photo.where, int):
                landmarks_of(finder, photo.image, photo.where)
        except (NoFaceError, UserError) as error:
            print(f"{photo.path} is left out: {error}", file=sys.stderr)
            continue
        found.append(photo)
    if photos and not found:
        raise NoFaceError("No face was found in any of the photographs; name others.")
    return found
