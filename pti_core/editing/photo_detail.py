"""The photograph's own detail and background on every edit.

A tuned generator renders the person softly. The photograph's fine detail, and what else it has over
the unedited render (the coarse residual), are carried to the edited render by the optical flow
between the two renders, where they can be trusted; the background is the photograph's own. At zero
the result is the photograph. The idea is that of feature transfer in HFGI (Wang et al., CVPR 2022),
StyleRes (Pehlivan et al., CVPR 2023) and Warping the Residuals (Yildirim et al., IJCV 2024), where
flow and fusion are learned; here nothing is learned.

Images in this module are float32 arrays (R, R, 3) in 0..255; masks are float32 (S, S) in 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from pti_core.editing.ears import ears_in_place, invented_ears_tone, invented_jewels, own_ears
from pti_core.editing.hair_color import enough_hair
from pti_core.editing.hair_tone import with_hair_tone
from pti_core.editing.image_flow import (
    GAIN,
    STILL_FLOW,
    agreement,
    colour_trust,
    denoise_flow,
    dense_flow,
    flow_grey,
    luma_ratio,
    rigidity,
    smooth_flow,
    structure_trust,
)
from pti_core.editing.image_ops import (
    blur,
    channel_mean,
    dilate,
    erode,
    length_of,
    luma,
    mixed,
    px,
    remap,
    resize,
    resize_flow,
    scaled,
    smoothstep,
    square_around,
)
from pti_core.editing.neck import PHOTO_RIM, neck_behind, squeezed_neck, without_rim
from pti_core.editing.parsing import Parsing
from pti_core.editing.photo_layers import PhotoLayers, without_fine_detail, without_splinters

# Widths are in pixels at 1024 (`px` scales them). Those without a source were found by looking at
# edits of the nine photographs of the benchmark.
_COLOUR = 10.0  # of 255: colour difference at which the coarse band has lost 63 %
_STILL = 6.0  # the same without flow: what did not change in its place
_STRANDS = 14.0  # how far single hairs reach beyond the parser's outline
_TONE = 8.0  # of a change of light
_CHEEK = 40.0  # over which the skin's lightness is kept
_LIGHTNESS_KEPT = 0.8  # of the change of it there: highlights went with a smile
_EDGE = 9.0  # background this far from any person is the photograph's to the bit
_HAIRLINE = 12.0  # half of the width of hair that a turned head brings into view
_SEEN = 0.01  # shares that are less nowhere are not worked out: most edits move no outline
#: Text-driven edits change the hair's shape if they change so much of its area.
_HAIR_MOVED = 0.2


@dataclass(frozen=True, eq=False)
class Composite:
    """An edited photograph in the aligned crop, and how it was made from the photograph.

    Attributes:
        image: (R, R, 3) in 0..255.
        flow: (S, S, 2), in pixels of S: the photograph's pixel that each pixel shows.
        share: (S, S), how much of the photograph's detail is in each pixel (a gain).
        changed: (S, S) in 0..1, 0 where the photograph's own pixel stays.
    """

    image: np.ndarray
    flow: np.ndarray
    share: np.ndarray
    changed: np.ndarray


def unedited(layers: PhotoLayers) -> Composite:
    """The photograph itself."""
    mask = np.zeros_like(layers.small[..., 0])
    flow = np.zeros_like(layers.small[..., :2])
    return Composite(layers.photo, flow, np.ones_like(mask), mask)


def hair_moved(before: Parsing, after: Parsing) -> bool:
    """Whether an edit changes the shape of the hair."""
    a, b = before.group("hair"), after.group("hair")
    return float(np.abs(a - b).mean()) > _HAIR_MOVED * float(np.maximum(a, b).mean())


def masks_of(layers: PhotoLayers, found: Composite, edited: Parsing) -> Parsing:
    """Of a composite: the photograph's masks, moved, and the edited render's on the face."""
    photo = layers.photo_parsing.warped(found.flow)
    face = edited.head - edited.group("hair") - photo.group("hair")
    return photo.mixed(edited, smoothstep(face))


@dataclass(frozen=True)
class Kept:
    """What an edit keeps of the photograph, besides its detail.

    Attributes:
        skin_tone: the median tone of the skin; not in edits of that tone.
        skin_light: with it most of the skin's lightness in each place; age shades a face.
        hair_tone: else hair takes the edit's change of tone (age).
        hair_shape: else hair is the edited render's, in front of the scene.
        background: else the scene is the edited render's, with its detail.
    """

    skin_tone: bool = True
    skin_light: bool = True
    hair_tone: bool = True
    hair_shape: bool = True
    background: bool = True


def compose(
    layers: PhotoLayers, edited: np.ndarray, parsing: Parsing, kept: Kept = Kept()
) -> Composite:
    """The edited render (R, R, 3) with the photograph's detail and background.

    The photograph, warped smoothly with the head, is what hair, clothes and background show. On
    the face lies the edited render with the photograph's detail.

    Args:
        parsing: of the edited render.
    """
    edited, side = edited.astype(np.float32), len(edited)
    small = resize(edited, len(layers.small))
    local, smooth, warped, before = _flows(layers, small, parsing)
    smooth = ears_in_place(smooth, layers.render_parsing, parsing)
    own = layers.photo_parsing.warped(smooth)
    ears = own_ears(own, parsing)
    mistaken = remap(layers.mistaken, smooth, cv2.INTER_LINEAR)
    elsewhere = ears + mistaken + invented_jewels(own, parsing)
    head = remap(layers.render_parsing.head, smooth, cv2.INTER_LINEAR)
    face = without_splinters(_face_share(own, head, parsing, elsewhere), mistaken)
    neck = neck_behind(layers.photo_parsing, parsing)
    face = without_rim(face, neck, parsing)
    if not kept.hair_shape:
        face = parsing.head
    if not kept.background:
        face = np.ones_like(face)
    face = np.maximum(face, squeezed_neck(smooth, layers.photo_parsing, parsing))
    flow = smooth + face[..., None] * (local - smooth)
    drift = _skin_drift(small, warped, before, parsing)
    shift = np.zeros_like(small)
    if kept.skin_tone:
        light = _lightness_change(small - drift, warped, before, parsing) if kept.skin_light else 0
        shift = -(drift + light) * blur(parsing.group("skin"), px(8.0, len(small)))[..., None]
    shift = shift + invented_ears_tone(small + shift, parsing, ears)
    small, edited = small + shift, edited + resize(shift, side)
    image, gain = _with_detail(layers, edited, small, flow, parsing, face)
    if not kept.background:
        changed = np.ones_like(gain)
    elif not kept.hair_shape:
        image, gain, changed = _with_scene(layers, image, small, parsing, gain)
    else:
        behind, share, changed = _warped_photo(layers, smooth, own, parsing, ears, neck)
        tone = _tone(small, warped, own.group("neck"), parsing.group("neck"))
        if not kept.hair_tone:
            behind = with_hair_tone(behind, small, warped, own, parsing)
        if not kept.skin_tone:
            tone += ears[..., None] * drift
        behind = behind + resize(tone, side)
        image = mixed(behind, image, face)
        gain = share + face * (gain - share)
        changed = np.maximum(changed, face)
    if layers.monochrome:
        image = np.repeat(luma(image)[..., None], 3, -1)
    return Composite(np.clip(image, 0, 255), flow, gain, changed)


def _flows(
    layers: PhotoLayers, small: np.ndarray, after: Parsing
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Parsing]:
    """The flow of the face and that of the whole head (S, S, 2); the unedited render (S, S, 3) and
    its parsing, moved by the first."""
    local = dense_flow(flow_grey(small), layers.grey)
    warped = remap(layers.small, local, cv2.INTER_LINEAR)
    local = denoise_flow(local, structure_trust(small, warped))
    warped = remap(layers.small, local, cv2.INTER_LINEAR)
    before = layers.render_parsing.warped(local)
    trust = structure_trust(small, warped) * agreement(before, after) * rigidity(local)
    smooth = smooth_flow(local, trust, layers.photo_parsing, layers.render_parsing, after)
    return local, smooth, warped, before


def with_change(edit: Composite, image: np.ndarray) -> Composite:
    """A composite that something was added to or painted over: `image` (R, R, 3).

    Where the paint covers, the photograph's detail finer than the crop has no place any more.
    """
    at = len(edit.share)
    difference = resize(channel_mean(np.abs(image - edit.image)), at)
    covered = smoothstep((blur(difference, px(2.0, at)) - 2) / 30)
    changed = np.maximum(edit.changed, smoothstep(difference / 2))
    return replace(edit, image=image, share=edit.share * (1 - covered), changed=changed)


def with_scene_tone(edit: Composite, change: np.ndarray) -> Composite:
    """A composite in another light: `change` (R, R, 3) of the render, without its fine structure.

    The photograph's detail stays; it gains contrast with the light (a ratio of luma).
    """
    side, at = len(edit.image), len(edit.share)
    tone = blur(resize(change, at), px(_TONE, at))
    before = luma(blur(resize(edit.image, at), px(_TONE, at)))
    ratio = np.clip((before + luma(tone) + 8) / (before + 8), *GAIN)
    smooth = blur(edit.image, px(_TONE, side))
    detail = (edit.image - smooth) * resize(ratio, side)[..., None]
    image = np.clip(smooth + resize(tone, side) + detail, 0, 255)
    return replace(edit, image=image, share=edit.share * ratio, changed=np.ones_like(edit.changed))


def _with_detail(
    layers: PhotoLayers,
    edited: np.ndarray,
    small: np.ndarray,
    flow: np.ndarray,
    after: Parsing,
    where: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The edited render with the photograph's detail where it can be trusted, and its gain.

    Elsewhere than in a square around `where` (S, S) is not 0 the render is as it was.

    There fine detail is the photograph's alone. Had it the difference between the two renders on
    top, as the coarse band has, it would show the patterns that tuning leaves in both: they do not
    move with the face, so they do not cancel.
    """
    side = len(edited)
    warped = remap(layers.small, flow, cv2.INTER_LINEAR)
    trust = agreement(layers.render_parsing.warped(flow), after) * rigidity(flow)
    fine_trust = structure_trust(small, warped) * trust
    gain = fine_trust * luma_ratio(small, warped)
    colour = colour_trust(small, warped, _COLOUR) * trust
    inside = square_around(where)
    ratio = side // len(small)
    whole = tuple(slice(part.start * ratio, part.stop * ratio) for part in inside)
    own = edited[whole]
    moved = resize_flow(flow[inside], len(own))
    for axis, along in enumerate(reversed(whole)):
        moved[..., axis] += along.start
    exchanged = scaled(remap(layers.fine, moved, cv2.INTER_CUBIC), gain[inside])
    soft = resize(without_fine_detail(small)[inside], len(own))
    exchanged = cv2.subtract(exchanged, scaled(cv2.subtract(own, soft), fine_trust[inside]))
    coarse = scaled(remap(layers.coarse, flow, cv2.INTER_LINEAR), colour)
    image = edited.copy()
    image[whole] = own + cv2.add(exchanged, resize(coarse[inside], len(own)))
    return image, gain


def _warped_photo(
    layers: PhotoLayers,
    flow: np.ndarray,
    own: Parsing,
    after: Parsing,
    ears: np.ndarray,
    neck: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The photograph with its head moved by a smooth flow, in front of its own background.

    Args:
        own: the photograph's parsing, warped by the flow.
        ears: (S, S), its own that stay (`own_ears`).
        neck: (S, S), where the neck goes on behind the old jaw (`neck_behind`).

    Returns:
        The image (R, R, 3); how much of the photograph's detail it has, and where it differs from
        the photograph (S, S).
    """
    side, at = len(layers.photo), len(flow)
    low, high = STILL_FLOW
    moved = smoothstep((length_of(flow) / px(1.0, at) - low) / (high - low))
    near = remap(layers.near, flow, cv2.INTER_LINEAR)
    matte = remap(layers.matte, flow, cv2.INTER_LINEAR)
    # Skin of the head where the edited one has none any more. The neck stays: beside it the plate
    # does not know whether collar or background comes next.
    before = np.maximum(own.head, remap(layers.render_parsing.head, flow, cv2.INTER_LINEAR))
    hair = smoothstep(2 * own.group("hair"))  # that the parser is not sure of stays, too
    gone = np.maximum(before - after.figure, 0) * (1 - hair) * (1 - ears)
    gone = smoothstep(blur(dilate(gone, px(4.0, at)), px(2.0, at)) * 2)
    near = near * (1 - gone)
    near = without_rim(near, neck, after, PHOTO_RIM)
    uncovered = dilate(layers.near, px(12.0, at)) * np.maximum(moved, gone)
    uncovered = uncovered * (1 - layers.photo_parsing.group("cloth"))  # which stays in its place
    uncovered = blur(uncovered, px(2.0, at))
    big = resize_flow(flow, side)
    photo = remap(layers.photo, big, cv2.INTER_CUBIC)
    plate = layers.plate
    if (neck * uncovered).max() > _SEEN:
        plate = mixed(plate, resize(layers.neck, side), neck)
    scene = mixed(layers.photo, plate, uncovered) if uncovered.max() > _SEEN else layers.photo
    # Half-covered pixels bring the old background along: it is exchanged for the new one.
    half_covered = (1 - matte) * moved * layers.plain
    if half_covered.max() > _SEEN:
        old = remap(layers.plate, big, cv2.INTER_LINEAR)
        photo = cv2.add(photo, scaled(cv2.subtract(scene, old), half_covered))
    image = mixed(scene, photo, near)
    return image, near + (1 - near) * (1 - uncovered), np.maximum(near, uncovered)


def _face_share(
    photo: Parsing, before: np.ndarray, after: Parsing, elsewhere: np.ndarray
) -> np.ndarray:
    """Where the edited render is shown and not the warped photograph, (S, S) in 0..1.

    On the face, and on the neck where the face has left it; not where the photograph has hair.
    `photo` is the photograph's parsing and `before` the unedited render's head (S, S), both warped
    smoothly; `elsewhere` are ears of the photograph's own, earrings of the edited render's, and
    what only the unedited render has as a head.
    """
    at = len(after.groups)
    bared = np.minimum(after.group("neck"), np.maximum(before - after.head, 0))
    share = after.head - photo.group("hair") + bared - elsewhere
    if enough_hair(photo.group("hair")):  # else it is stubble on a skull
        share -= after.group("hair") * (1 - _hair_in_view(photo, after))
    share = np.clip(share, 0, 1)
    return smoothstep(blur(share, px(4.0, at)) * 1.5 - 0.25)


def _hair_in_view(photo: Parsing, after: Parsing) -> np.ndarray:
    """Where the edited render has hair that the photograph, warped smoothly, does not know, (S, S):
    the side of a head that turns into view. Hairlines that differ by less are the render's
    mistake."""
    at = len(after.groups)
    bare = photo.head - photo.group("hair") > 0.5
    only = ((after.group("hair") > 0.5) & bare).astype(np.float32)
    wide = dilate(erode(only, px(_HAIRLINE, at)), px(_HAIRLINE + 2, at))
    return blur(wide, px(4.0, at))


def _tone(
    small: np.ndarray, warped: np.ndarray, before: np.ndarray, after: np.ndarray
) -> np.ndarray:
    """How the edit changes the tone of what two masks have in common, (S, S, 3), smooth."""
    share = smoothstep((np.minimum(before, after) - 0.3) / 0.5)
    width = px(16.0, len(small))
    change = blur((small - warped) * share[..., None], width)
    return change / (blur(share, width) + 0.05)[..., None] * share[..., None]


def _with_scene(
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


def _lightness_change(
    small: np.ndarray, warped: np.ndarray, before: Parsing, after: Parsing
) -> np.ndarray:
    """Most of how the lightness of the skin differs here and there, (S, S, 1).

    warped, before: the unedited render and its parsing where the flow has them now.
    """
    width = px(_CHEEK, len(small))
    skin = np.minimum(before.group("skin"), after.group("skin")) + 1e-3
    lighter = blur(luma(small - warped) * skin, width) / blur(skin, width)
    return _LIGHTNESS_KEPT * lighter[..., None]


def _skin_drift(
    small: np.ndarray, warped: np.ndarray, before: Parsing, after: Parsing
) -> np.ndarray:
    """By how much the median colour of the skin differs from the unedited render's, (3,). As of
    `_lightness_change`."""
    there = after.group("skin") * before.group("skin") > 0.8
    if there.sum() < 100:
        return np.zeros(3, dtype=np.float32)
    return np.asarray(np.median(small[there] - warped[there], axis=0), dtype=np.float32)
