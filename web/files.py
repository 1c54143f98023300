"""Files between browser and server: how large, how long, and where."""

from __future__ import annotations

import hashlib
import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pti_core.errors import UserError
from service.free_disk import LAST_FLOOR, check_free_disk

if TYPE_CHECKING:
    from PIL import Image

# A photograph of 108 million pixels as JPEG, or a session of the largest generator.
MAX_UPLOAD = "200mb"
# Uploads and pictures made here leave the temporary folder after that many seconds.
CACHE_SECONDS = 600


def cached(data: bytes, name: str) -> str:
    """A file in the folder that Gradio serves from (`web.temporary_folder` clears it); its path.

    The same bytes and name are the same file. It is replaced as a whole: it may be on its way to a
    browser while it is written again, as the picture before an edit is.

    Raises:
        DiskFullError: the disk is nearly full.
    """
    from gradio.utils import get_upload_folder  # not before its settings are made

    check_free_disk(get_upload_folder(), len(data), LAST_FLOOR)
    folder = Path(get_upload_folder()) / hashlib.sha256(data).hexdigest()
    for last_try in (False, True):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
                file.write(data)
            break
        except FileNotFoundError:  # the empty folder was swept between the two lines
            if last_try:
                raise
    return str(Path(file.name).replace(folder / name).resolve())


def cached_picture(image: Image.Image) -> str:
    """A picture that is not edited as a PNG file of `cached`.

    Gradio would write it in place, where a browser may be reading the same picture of another call.
    """
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=3)
    return cached(stream.getvalue(), "face.png")


def uploaded(path: str) -> Path:
    """The file that a browser uploaded and names by its path on the server.

    Raises:
        UserError: it is none of the uploads, or it is gone.
    """
    from gradio.utils import get_upload_folder

    folder = Path(get_upload_folder()).resolve()
    try:
        found = Path(path).resolve()
        arrived = found.is_relative_to(folder) and found.is_file()
    except (OSError, ValueError):
        arrived = False
    if not arrived:
        raise UserError("The file did not arrive; please choose it again.")
    return found
