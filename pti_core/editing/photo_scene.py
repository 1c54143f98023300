"""What is around an edited face: the photograph with its head moved, in front of its own scene.

Images are float32 arrays (R, R, 3) in 0..255; masks are float32 (S, S) in 0..1.
"""

from __future__ import annotations

import cv2
import numpy as np

from pti_core.editing.edit_flow import EditFlow
from pti_core.editing.hair_tone import with_hair_tone
from pti_core.editing.image_flow import STILL_FLOW, colour_trust
from pti_core.editing.image_ops import (
    blur,
    dilate,
    length_of,
    mixed,
    px,
    remap,
    resize,
    resize_flow,
    scaled,
    smoothstep,
)
from pti_core.editing.neck import PHOTO_RIM, without_rim
from pti_core.editing.parsing import Parsing
from pti_core.editing.photo_layers import PhotoLayers

# Widths are in pixels at 1024, found as those of `photo_detail`.
_STILL = 6.0  # of 255: colour difference at which what did not change in its place has lost 63 %
_STRANDS = 14.0  # how far single hairs reach beyond the parser's outline
_EDGE = 9.0  # background this far from any person is the photograph's to the bit
_SEEN = 0.01  # shares that are less nowhere are not worked out: most edits move no outline


def warped_photo(layers: PhotoLayers, edit: EditFlow) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The photograph with its head moved by the smooth flow, in front of its own background.

    Returns:
        The image (R, R, 3); how much of the photograph's detail it has, and where it differs from
        the photograph (S, S).
    """
    flow, neck = edit.smooth, edit.neck
    side, at = len(layers.photo), len(flow)
    low, high = STILL_FLOW
    moved = smoothstep((length_of(flow) / px(1.0, at) - low) / (high - low))
    near = remap(layers.near, flow, cv2.INTER_LINEAR)
    matte = remap(layers.matte, flow, cv2.INTER_LINEAR)
    # Skin of the head where the edited one has none any more. The neck stays: beside it the plate
    # does not know whether collar or background comes next.
    before = np.maximum(edit.photo.head, remap(layers.render_parsing.head, flow, cv2.INTER_LINEAR))
    hair = smoothstep(2 * edit.photo.group("hair"))  # that the parser is not sure of stays, too
    gone = np.maximum(before - edit.after.figure, 0) * (1 - hair) * (1 - edit.ears)
    gone = smoothstep(blur(dilate(gone, px(4.0, at)), px(2.0, at)) * 2)
    near = near * (1 - gone)
    near = without_rim(near, neck, edit.after, PHOTO_RIM)
    uncovered = dilate(layers.near, px(12.0, at)) * np.maximum(moved, gone)
    uncovered = uncovered * (1 - layers.photo_parsing.group("cloth"))  # which stays in its place
    uncovered = blur(uncovered, px(2.0, at))
    photo = remap(layers.photo, resize_flow(flow, side), cv2.INTER_CUBIC)
    plate = layers.plate
    if (neck * uncovered).max() > _SEEN:
        plate = mixed(plate, resize(layers.neck, side), neck)
    scene = mixed(layers.photo, plate, uncovered) if uncovered.max() > _SEEN else layers.photo
    # Half-covered pixels bring the old background along: it is exchanged for the new one.
    half_covered = (1 - matte) * moved * layers.plain
    if half_covered.max() > _SEEN:  # the scene is smooth there, at half the side too
        old = remap(resize(layers.plate, at), flow, cv2.INTER_LINEAR)
        other = cv2.subtract(resize(scene, at), old)
        photo = cv2.add(photo, resize(scaled(other, half_covered), side))
    image = mixed(scene, photo, near)
    return image, near + (1 - near) * (1 - uncovered), np.maximum(near, uncovered)


def with_tone(
    image: np.ndarray, edit: EditFlow, ears: np.ndarray | float, hair: bool
) -> np.ndarray:
    """A warped photograph whose neck has the edit's change of tone.

    ears: (S, S, 3), what is added to the photograph's own ears. hair: takes it, too.
    """
    tone = _neck_tone(edit) + ears
    if hair:
        image = with_hair_tone(image, edit.small, edit.warped, edit.photo, edit.after)
    return image + resize(tone, len(image))


def _neck_tone(edit: EditFlow) -> np.ndarray:
    """How the edit changes the tone of the neck that both have, (S, S, 3), smooth."""
    both = np.minimum(edit.photo.group("neck"), edit.after.group("neck"))
    share = smoothstep((both - 0.3) / 0.5)
    width = px(16.0, len(share))
    change = blur((edit.small - edit.warped) * share[..., None], width)
    return change / (blur(share, width) + 0.05)[..., None] * share[..., None]


def with_scene(
    layers: PhotoLayers, image: np.ndarray, small: np.ndarray, after: Parsing, gain: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The photograph's scene behind the edited head; `image`, `gain` and what changed."""
    side, at = len(image), len(small)
    still = colour_trust(small, layers.small, _STILL)
    soft = px(_EDGE, at) / 2
    # 1 where the head is now, its outline included. Elsewhere the scene is seen.
    person = smoothstep(blur(dilate(after.head, px(_EDGE, at)), soft))
    uncovered = blur(layers.near * (1 - still), soft)
    scene = mixed(layers.photo, layers.plate, uncovered)
    # Beside the head the render shows its own scene; that takes the colours of the one wanted.
    image_small = resize(image, at)
    weight = smoothstep(1 - dilate(after.head, px(2.0, at))) * person + 1e-4
    reach = px(_STRANDS, at)
    offset = blur((resize(scene, at) - image_small) * weight[..., None], reach)
    offset = offset / blur(weight, reach)[..., None]
    image = image + resize(offset * (1 - after.head)[..., None], side)
    image = mixed(scene, image, person)
    # Where both shares are zero the photograph is untouched to the bit.
    changed = np.maximum(person, uncovered)
    return image, gain * person + (1 - person) * (1 - uncovered), changed
