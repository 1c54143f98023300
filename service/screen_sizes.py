"""Pictures no larger than a screen needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.workspaces import Workspace

if TYPE_CHECKING:
    from PIL import Image


def within(image: Image.Image, side: int | None) -> Image.Image:
    """The image, reduced to a longest side of `side` where it is longer."""
    if side is None or max(image.size) <= side:
        return image
    factor = side / max(image.size)
    size = (max(round(image.width * factor), 1), max(round(image.height * factor), 1))
    return image.resize(size, reducing_gap=2.0)


def photograph_of(workspace: Workspace, side: int | None) -> tuple[Image.Image, Any]:
    """The photograph and where the face lies in it, reduced to a longest side of `side`."""
    assert workspace.session is not None
    alignment = workspace.session.alignments[workspace.session.person]
    if side is None or max(alignment.photo_size) <= side:
        return workspace.session.photograph(), alignment
    reduced = workspace.renders.reduced
    if side not in reduced:
        reduced[side] = within(workspace.session.photograph(), side)
    small = reduced[side]
    return small, alignment.scaled(small.size)
