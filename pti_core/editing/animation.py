"""From one state of edits to another: the states between, and their pictures as one moving file."""

from __future__ import annotations

import io
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PIL import Image

from pti_core.ai_mark import xmp_in_gif, xmp_in_mp4
from pti_core.errors import EditError, UserError

#: Kinds of file: a GIF moves everywhere, an MP4 (VP9) has all colours.
FORMS = ("gif", "mp4")
#: Frames from one end to the other; fewer jump, more take a server too long.
FRAMES = (2, 60)
#: Frames a second, and longest side in pixels, by form. A GIF of 400 pixels is some megabytes.
RATE = 12
SIDES = {"gif": 400, "mp4": 720}
# Frames that both ends are held for, so that each can be looked at.
_HELD = 5


def between(
    start: Mapping[str, float], end: Mapping[str, float], frames: int, in_turn: bool = False
) -> list[dict[str, float]]:
    """States of edits from start to end, both included, eased at the ends.

    in_turn: one edit after the other, in the order of `end` and then of `start`, in place of all at
    once.

    Raises:
        UserError: too few or too many frames, or an amount that is no number.
    """
    low, high = FRAMES
    if isinstance(frames, bool) or not isinstance(frames, int) or not low <= frames <= high:
        raise UserError(f"An animation has {low} to {high} frames; give such a number.")
    start, end = _numbers(start), _numbers(end)
    names = list(dict.fromkeys([*end, *start]))
    moving = [name for name in names if start.get(name, 0) != end.get(name, 0)]
    states = []
    for frame in range(frames):
        at = frame / (frames - 1)
        state = {}
        for name in names:
            share = at
            if in_turn and name in moving:
                share = min(max(at * len(moving) - moving.index(name), 0.0), 1.0)
            share = (1 - math.cos(math.pi * share)) / 2
            a, b = start.get(name, 0.0), end.get(name, 0.0)
            state[name] = a if share == 0 else b if share == 1 else a + (b - a) * share
        states.append(state)
    return states


def encode(frames: Sequence[Image.Image], form: str) -> bytes:
    """RGB pictures of one size as a file that runs there and back for ever, marked as edited with
    AI. Raises UserError for an unknown form."""
    check_form(form)
    writers: dict[str, Callable[[Sequence[Image.Image]], bytes]] = {"gif": _gif, "mp4": _mp4}
    held = [frames[0]] * _HELD, [frames[-1]] * _HELD
    return writers[form]([*held[0], *frames, *held[1], *frames[::-1]])


def check_form(form: str) -> None:
    """Make sure that there is such a form; UserError where there is none."""
    if form not in FORMS:
        raise UserError(f"There is no animation as {form!r}; use {' or '.join(FORMS)}.")


def _numbers(edits: Mapping[str, float]) -> dict[str, float]:
    try:
        return {name: float(amount) for name, amount in edits.items()}
    except (TypeError, ValueError) as error:
        raise EditError("Give the amounts of the edits as numbers.") from error


def _gif(frames: Sequence[Image.Image]) -> bytes:
    """One palette for all frames: with one each, colours flicker."""
    width, height = frames[0].size
    different = list({id(frame): frame for frame in frames}.values())
    few = different[:: max(len(different) // 6, 1)]
    sheet = Image.new("RGB", (width, height * len(few)))
    for row, frame in enumerate(few):
        sheet.paste(frame, (0, row * height))
    palette = sheet.quantize(256, Image.Quantize.MEDIANCUT)
    drawn = [frame.quantize(palette=palette) for frame in frames]
    stream = io.BytesIO()
    drawn[0].save(
        stream, "GIF", save_all=True, append_images=drawn[1:], duration=1000 // RATE, loop=0
    )
    return xmp_in_gif(stream.getvalue())


def _mp4(frames: Sequence[Image.Image]) -> bytes:
    """VP9, which browsers play: OpenCV's build has no H.264 encoder. Sides are made even."""
    import cv2
    import numpy as np

    width, height = (side // 2 * 2 for side in frames[0].size)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "animation.mp4"
        code = cv2.VideoWriter.fourcc(*"vp09")
        writer = cv2.VideoWriter(str(path), code, RATE, (width, height))
        if not writer.isOpened():
            raise UserError("This server's OpenCV cannot write MP4 files; take a GIF.")
        for frame in frames:
            writer.write(np.ascontiguousarray(np.asarray(frame)[:height, :width, ::-1]))
        writer.release()
        return xmp_in_mp4(path.read_bytes())
