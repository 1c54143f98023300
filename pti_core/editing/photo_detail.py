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

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np

from pti_core.editing.ears import invented_ears_tone, invented_jewels
from pti_core.editing.edit_flow import EditFlow
from pti_core.editing.hair_color import enough_hair
from pti_core.editing.image_flow import (
    GAIN,
    agreement,
    colour_trust,
    luma_ratio,
    rigidity,
    structure_trust,
)
from pti_core.editing.image_ops import (
    blur,
    channel_mean,
    dilate,
    erode,
    luma,
    mixed,
    px,
    remap,
    remap_in,
    resize,
    scaled,
    smoothstep,
    square_around,
)
from pti_core.editing.neck import squeezed_neck, without_rim
from pti_core.editing.parsing import Parsing
from pti_core.editing.photo_layers import PhotoLayers, without_fine_detail, without_splinters
from pti_core.editing.photo_scene import warped_photo, with_scene, with_tone
from pti_core.editing.worn_glasses import WornGlasses, taken_off

# Widths are in pixels at 1024 (`px` scales them). Those without a source were found by looking at
# edits of the nine photographs of the benchmark.
_COLOUR = 10.0  # of 255: colour difference at which the coarse band has lost 63 %
_TONE = 8.0  # of a change of light
_CHEEK = 40.0  # over which the skin's lightness is kept
_LIGHTNESS_KEPT = 0.8  # of the change of it there: highlights went with a smile
_HAIRLINE = 12.0  # half of the width of hair that a turned head brings into view
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
        hairline: share to which it stays; 0 where a head turns, and brings hair into view.
        glasses: that are worn, with what is seen through them. eyes: behind them; not in edits of
            these.
        background: else the scene is the edited render's, with its detail.
    """

    skin_tone: bool = True
    skin_light: bool = True
    hair_tone: bool = True
    hair_shape: bool = True
    hairline: float = 1.0
    glasses: bool = True
    eyes: bool = True
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
    edited = edited.astype(np.float32)
    edit = EditFlow.of(layers, resize(edited, len(layers.small)), parsing)
    around = kept.background and kept.hair_shape
    # On two cores that takes an eighth off the time: much of either work runs on one core.
    with ThreadPoolExecutor(1) as beside:
        scene = beside.submit(warped_photo, layers, edit) if around else None
        face = _face(layers, edit, kept)
        flow = edit.smooth + face[..., None] * (edit.local - edit.smooth)
        drift = _skin_drift(edit)
        shift = _skin_shift(edit, drift, kept)
        edit = replace(edit, small=edit.small + shift)
        if scene is not None:
            ears = 0.0 if kept.skin_tone else edit.ears[..., None] * drift
            behind = beside.submit(_toned, scene, edit, ears, not kept.hair_tone)
        edited = edited + resize(shift, len(edited))
        image, gain = _with_detail(layers, edited, edit, flow, face)
    if scene is not None:
        _, share, changed = scene.result()
        image = mixed(behind.result(), image, face)
        gain = share + face * (gain - share)
        changed = np.maximum(changed, face)
    elif kept.background:
        image, gain, changed = with_scene(layers, image, edit.small, parsing, gain)
    else:
        changed = np.ones_like(gain)
    worn = WornGlasses.of(layers, edit, kept.eyes) if kept.glasses else None
    if worn is not None:
        image = worn.laid_over(image, layers.photo)
        flow = flow + worn.share[..., None] * (worn.flow - flow)
        gain = gain + worn.share * (1 - gain)
        changed = np.maximum(changed, worn.share)
    if layers.monochrome:
        image = np.repeat(luma(image)[..., None], 3, -1)
    return Composite(np.clip(image, 0, 255), flow, gain, changed)


def _toned(
    scene: Future[tuple[np.ndarray, np.ndarray, np.ndarray]],
    edit: EditFlow,
    ears: np.ndarray | float,
    hair: bool,
) -> np.ndarray:
    return with_tone(scene.result()[0], edit, ears, hair)


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
    edit: EditFlow,
    flow: np.ndarray,
    where: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The edited render with the photograph's detail where it can be trusted, and its gain.

    Elsewhere than in a square around `where` (S, S) is not 0 the render is as it was.

    There fine detail is the photograph's alone. Had it the difference between the two renders on
    top, as the coarse band has, it would show the patterns that tuning leaves in both: they do not
    move with the face, so they do not cancel.
    """
    small = edit.small
    warped = remap(layers.small, flow, cv2.INTER_LINEAR)
    trust = agreement(layers.render_parsing.warped(flow), edit.after) * rigidity(flow)
    fine_trust = structure_trust(small, warped) * trust
    gain = fine_trust * luma_ratio(small, warped)
    colour = colour_trust(small, warped, _COLOUR) * trust
    inside = square_around(where)
    whole, fine = remap_in(inside, layers.fine, flow, cv2.INTER_CUBIC)
    own, exchanged = edited[whole], scaled(fine, gain[inside])
    soft = resize(without_fine_detail(small)[inside], len(own))
    exchanged = cv2.subtract(exchanged, scaled(cv2.subtract(own, soft), fine_trust[inside]))
    coarse = scaled(remap(layers.coarse, flow, cv2.INTER_LINEAR), colour)
    image = edited.copy()
    image[whole] = own + cv2.add(exchanged, resize(coarse[inside], len(own)))
    return image, gain


def _face(layers: PhotoLayers, edit: EditFlow, kept: Kept) -> np.ndarray:
    """Where the edited render is shown, (S, S) in 0..1."""
    after, smooth = edit.after, edit.smooth
    if not kept.background:
        face = np.ones_like(after.head)
    elif not kept.hair_shape:
        face = after.head
    else:
        mistaken = remap(layers.mistaken, smooth, cv2.INTER_LINEAR)
        elsewhere = edit.ears + mistaken + invented_jewels(edit.photo, after)
        head = remap(layers.render_parsing.head, smooth, cv2.INTER_LINEAR)
        face = _face_share(edit.photo, head, after, elsewhere, kept.hairline)
        face = without_splinters(face, mistaken)
        if not kept.glasses:
            face = np.maximum(face, taken_off(edit.photo, after))
        face = without_rim(face, edit.neck, after)
    return np.maximum(face, squeezed_neck(smooth, layers.photo_parsing, after))


def _face_share(
    photo: Parsing, before: np.ndarray, after: Parsing, elsewhere: np.ndarray, hairline: float
) -> np.ndarray:
    """Where the edited render is shown and not the warped photograph, (S, S) in 0..1.

    On the face, and on the neck where the face has left it; not where the photograph has hair.
    `photo` is the photograph's parsing and `before` the unedited render's head (S, S), both warped
    smoothly; `elsewhere` are ears of the photograph's own, earrings of the edited render's, and
    what only the unedited render has as a head; `hairline` is `Kept.hairline`.
    """
    at = after.side
    bared = np.minimum(after.group("neck"), np.maximum(before - after.head, 0))
    share = after.head - photo.group("hair") + bared - elsewhere
    if enough_hair(photo.group("hair")):  # else it is stubble on a skull
        in_view = 0.0 if hairline == 1 else (1 - hairline) * _hair_in_view(photo, after)
        share -= after.group("hair") * (1 - in_view)
    share = np.clip(share, 0, 1)
    return smoothstep(blur(share, px(4.0, at)) * 1.5 - 0.25)


def _hair_in_view(photo: Parsing, after: Parsing) -> np.ndarray:
    """Where the edited render has hair that the photograph, warped smoothly, does not know, (S, S):
    the side of a head that turns into view. Hairlines that differ by less are the render's
    mistake."""
    at = after.side
    bare = photo.head - photo.group("hair") > 0.5
    only = ((after.group("hair") > 0.5) & bare).astype(np.float32)
    wide = dilate(erode(only, px(_HAIRLINE, at)), px(_HAIRLINE + 2, at))
    return blur(wide, px(4.0, at))


def _skin_shift(edit: EditFlow, drift: np.ndarray, kept: Kept) -> np.ndarray:
    """What is added to the edited render so that its skin keeps its tone, (S, S, 3)."""
    small, shift = edit.small, np.zeros_like(edit.small)
    if kept.skin_tone:
        light = _lightness_change(edit, drift) if kept.skin_light else 0
        skin = blur(edit.after.group("skin"), px(8.0, len(small)))
        shift = -(drift + light) * skin[..., None]
    return shift + invented_ears_tone(small + shift, edit.after, edit.ears)


def _lightness_change(edit: EditFlow, drift: np.ndarray) -> np.ndarray:
    """Most of how the lightness of the skin differs here and there, (S, S, 1)."""
    width = px(_CHEEK, len(edit.small))
    skin = np.minimum(edit.before.group("skin"), edit.after.group("skin")) + 1e-3
    lighter = blur(luma(edit.small - drift - edit.warped) * skin, width) / blur(skin, width)
    return _LIGHTNESS_KEPT * lighter[..., None]


def _skin_drift(edit: EditFlow) -> np.ndarray:
    """By how much the median colour of the skin differs from the unedited render's, (3,)."""
    there = edit.after.group("skin") * edit.before.group("skin") > 0.8
    if there.sum() < 100:
        return np.zeros(3, dtype=np.float32)
    change = np.median(edit.small[there] - edit.warped[there], axis=0)
    return np.asarray(change, dtype=np.float32)
