"""Prompts: what people type, and which edits it asks for."""

from mappers.prompts.in_words import in_words
from mappers.prompts.understanding import (
    ATTRIBUTES,
    MAPPER,
    Known,
    Leftover,
    Part,
    Understanding,
    understand,
)

__all__ = [
    "ATTRIBUTES",
    "MAPPER",
    "Known",
    "Leftover",
    "Part",
    "Understanding",
    "in_words",
    "understand",
]
