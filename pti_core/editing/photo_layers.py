"""What compositing needs of one photograph: residual, clean plate, matte. Computed once.

Images are float32 arrays (R, R, 3) in 0..255, masks float32 (S, S) in 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import cv2
import numpy as np

from pti_core.editing.clean_plate import MARGIN, clean_plate
from pti_core.editing.hair_color import light_cast
from pti_core.editing.image_flow import flow_grey
from pti_core.editing.image_ops import (
    blur,
    close_gaps,
    dilate,
    erode,
    luma,
    mixed,
    px,
    resize,
    smoothstep,
)
from pti_core.editing.neck import neck_color
from pti_core.editing.parsing import FLOW_SIDE, Parsing

# Widths are in pixels at 1024 (`px` scales them). Those without a source were found by looking at
# edits of the nine photographs of the benchmark.
_FINE = 4.0  # Gaussian that splits images into fine and coarse
_WINDOW = 6.0  # of the local correlation, and of the colour difference
_LONG_STRANDS = 30.0  # how far single hairs of the hair's colour reach beyond the parser's outline
_HIDDEN = 4.0  # beyond what may be of the head the plate begins to be the photograph
_PLAIN = 5.0  # of 255: deviation of a scene in which single hairs can be told from it
_MISTAKE = 10.0  # half of the width from which a head that only the render has counts
_BESIDE = 8.0  # splinters of a mistaken head stand as near to it as this
_NOTCH = 60.0  # half of the width of notches in the photograph's outline, as between ear and jaw


@dataclass(frozen=True, eq=False)
class PhotoMaps:
    """What compositing needs of one photograph, whatever renders it.

    Attributes:
        photo: (R, R, 3), the aligned photograph.
        photo_parsing: of it.
        fine: (R, R, 3), its detail finer than `_FINE` pixels.
        plate: (R, R, 3), the photograph's scene without the head.
        neck: (S, S, 3), the colour of the neck, continued behind the jaw.
        matte: (S, S), how much of each pixel is the head's, single hairs included.
        near: (S, S), where anything of the head can be: the matte's surroundings.
        plain: (S, S), 1 where the scene beside the head is smooth, 0 where it has detail.
        cast: of the light on it (`hair_color.light_cast`).
        monochrome: the photograph has no colour.
    """

    photo: np.ndarray
    photo_parsing: Parsing
    fine: np.ndarray
    plate: np.ndarray
    neck: np.ndarray
    matte: np.ndarray
    near: np.ndarray
    plain: np.ndarray
    cast: float
    monochrome: bool

    @classmethod
    def of_photo(cls, photo: np.ndarray, parsing: Parsing) -> PhotoMaps:
        photo = photo.astype(np.float32)
        plate = clean_plate(photo, parsing.figure)
        plain = _plainness(photo, parsing)
        matte, near = _matte(photo, plate, parsing, plain)
        at = parsing.side
        # Beside the head the scene is known; where the plate guessed it, it drew a line round ears.
        hidden = smoothstep(blur(dilate(near, px(_HIDDEN, at)), px(_HIDDEN / 2, at)))
        plate = mixed(photo, plate, hidden)
        chroma = np.abs(photo - photo.mean(-1, keepdims=True)).mean()
        return cls(
            photo=photo,
            photo_parsing=parsing,
            fine=fine_detail(photo, resize(photo, min(FLOW_SIDE, len(photo)))),
            plate=plate,
            neck=neck_color(photo, parsing),
            matte=matte,
            near=near,
            plain=plain,
            cast=light_cast(photo, parsing.group("skin") - parsing.group("ears")),
            monochrome=bool(chroma < 1.0),
        )


@dataclass(frozen=True, eq=False)
class PhotoLayers(PhotoMaps):
    """What compositing needs of one photograph and its unedited render; computed once.

    Attributes:
        maps: the photograph's own, which those of another render share.
        render_parsing: of the tuned generator's image at the pivot.
        coarse: (S, S, 3), the residual photo - render without its fine detail.
        grey: (S, S) uint8, the render as the flow sees it.
        small: (S, S, 3), the render at the side of the flow.
        mistaken: (S, S), where only the render has a head: no edit is to show it there.
    """

    maps: PhotoMaps = field(repr=False)
    render_parsing: Parsing
    coarse: np.ndarray = field(repr=False)
    grey: np.ndarray = field(repr=False)
    small: np.ndarray = field(repr=False)
    mistaken: np.ndarray = field(repr=False)

    @classmethod
    def of(
        cls, photo: np.ndarray, render: np.ndarray, photo_parsing: Parsing, render_parsing: Parsing
    ) -> PhotoLayers:
        return cls.over(PhotoMaps.of_photo(photo, photo_parsing), render, render_parsing)

    @classmethod
    def over(cls, maps: PhotoMaps, render: np.ndarray, render_parsing: Parsing) -> PhotoLayers:
        """Of a photograph whose maps are there, and its render (R, R, 3)."""
        render = render.astype(np.float32)
        small = resize(render, min(FLOW_SIDE, len(render)))
        residual = resize(maps.photo, len(small)) - small
        return cls(
            **{one.name: getattr(maps, one.name) for one in fields(PhotoMaps)},
            maps=maps,
            render_parsing=render_parsing,
            coarse=without_fine_detail(residual),
            grey=flow_grey(small),
            small=small,
            mistaken=_mistaken(maps.photo_parsing, render_parsing),
        )


def _mistaken(photo: Parsing, render: Parsing) -> np.ndarray:
    """`PhotoLayers.mistaken`. Of a pivot that is hardly projected it may be an ear's width; what is
    narrower is the outlines' inexactness, and what fills a notch of the photograph's outline is
    skin of a head that turns."""
    at = photo.side
    own = close_gaps(photo.figure > 0.5, px(_NOTCH, at))
    only = (render.head > 0.5) & ~own
    least = px(_MISTAKE, at)
    wide = dilate(erode(only.astype(np.float32), least), least)
    return blur(dilate(wide, px(6.0, at)), px(2.0, at))


def without_splinters(face: np.ndarray, mistaken: np.ndarray) -> np.ndarray:
    """A face's share (S, S) without parts that stand apart from the face, beside what is mistaken:
    there the edited render's head reaches a little farther than the unedited one's."""
    if not mistaken.any():
        return face
    count, labels = cv2.connectedComponents((face > 0.02).astype(np.uint8))
    sizes = np.bincount(labels.ravel(), minlength=count)
    beside = np.unique(labels[dilate(mistaken, px(_BESIDE, len(face))) > 0.5])
    apart = np.zeros(count, dtype=bool)
    apart[beside] = True
    apart[[0, 1 + int(np.argmax(sizes[1:]))] if count > 1 else [0]] = False
    return np.asarray(face * ~apart[labels])


def fine_detail(image: np.ndarray, small: np.ndarray) -> np.ndarray:
    """What an image (R, R, 3) has over `small`, itself at (S, S, 3), without that detail."""
    return image - resize(without_fine_detail(small), len(image))


def without_fine_detail(small: np.ndarray) -> np.ndarray:
    return blur(small, px(_FINE, len(small)))


def _plainness(photo: np.ndarray, parsing: Parsing) -> np.ndarray:
    """`PhotoMaps.plain`: by the deviation of luma in the scene's surroundings."""
    side = parsing.side
    light = luma(resize(photo, side))
    scene = 1 - smoothstep(dilate(parsing.figure, px(MARGIN, side)) * 2)
    wide = px(_LONG_STRANDS, side)
    narrow = px(_WINDOW, side)
    weight = blur(scene, narrow) + 1e-4
    detail = np.square(light - blur(light * scene, narrow) / weight) * scene
    deviation = np.sqrt(blur(detail, wide) / (blur(scene, wide) + 1e-4))
    return np.exp(-np.square(deviation / _PLAIN))


def _matte(
    photo: np.ndarray, plate: np.ndarray, parsing: Parsing, plain: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`PhotoMaps.matte` and `PhotoMaps.near`.

    Beyond the parser's mask a pixel is hair by its share on the line from the plate's colour to
    the hair's.
    """
    side = parsing.side
    photo, plate = resize(photo, side), resize(plate, side)
    hair = parsing.group("hair")
    reach = px(_LONG_STRANDS, side)
    colour = blur(photo * hair[..., None], reach) / (blur(hair, reach) + 1e-4)[..., None]
    along = colour - plate
    length = np.square(along).sum(-1)
    share = ((photo - plate) * along).sum(-1) / np.maximum(length, 1.0)
    told = smoothstep((length - 400) / 800) * plain
    ring = dilate((hair > 0.5).astype(np.float32), reach)
    strands = np.clip(share, 0, 1) * told * ring
    matte = np.maximum(parsing.figure, strands)
    solid = smoothstep(blur(dilate(parsing.figure, px(3.0, side)), px(2.0, side)) * 2 - 0.5)
    hairs = dilate(smoothstep((strands - 0.1) / 0.2), px(3.0, side))
    return matte, np.maximum(solid, blur(hairs, px(2.0, side)))
