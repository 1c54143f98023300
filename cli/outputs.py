"""Files that commands write: checked before the work, written whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pti_core.errors import UserError
from pti_core.session.atomic_write import check_writable, write_atomically

if TYPE_CHECKING:
    from PIL import Image


#: Suffix of a picture's file to Pillow's name of the format and its settings.
PICTURE_FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"quality": 95}),
}


def check_outputs(outputs: dict[str, Path | None], inputs: Sequence[Path]) -> None:
    """Find out before the work that every output can be written, and overwrites no input."""
    named = {option: path for option, path in outputs.items() if path is not None}
    taken = {path.resolve(): str(path) for path in inputs}
    for option, path in named.items():
        if path.resolve() in taken:
            raise UserError(f"{option} would overwrite {taken[path.resolve()]}; name another file.")
        taken[path.resolve()] = str(path)
        check_writable(path)


def picture_format(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        return PICTURE_FORMATS[path.suffix.lower()]
    except KeyError:
        endings = ", ".join(PICTURE_FORMATS)
        raise UserError(f"{path} is no name of a picture; end it in one of {endings}.") from None


def write_picture(path: Path, image: Image.Image) -> None:
    """Write a picture that a network made or edited, with the mark "edited with AI"."""
    from pti_core.ai_mark import marked_file

    encoding, settings = picture_format(path)
    write_atomically(path, marked_file(image, encoding, **settings))
