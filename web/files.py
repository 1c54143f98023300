"""Files between browser and server: how large, how long, and where."""

from __future__ import annotations

from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

# A photograph of 108 million pixels as JPEG, or a session of the largest generator.
MAX_UPLOAD = "200mb"
# Uploads and pictures made here leave Gradio's folder after that many seconds.
CACHE_SECONDS = 600


def cached(data: bytes, name: str) -> str:
    """A file in the folder that Gradio serves from and clears by itself; its path."""
    return save_bytes_to_cache(data, name, get_upload_folder())
