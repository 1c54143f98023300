"""Pictures that are kept for a while."""

from __future__ import annotations

import gc
import pickle
import weakref

import numpy as np
import torch
from PIL import Image

from pti_core.editing.photo_layers import PhotoLayers, PhotoMaps
from pti_core.editing.render_cache import LayerCache, RenderCache
from tests.helpers.drawn_face import face, parse


def test_pictures_are_kept_of_one_session_at_a_time_and_as_long_as_it_is_there():
    class Owner: ...

    one, other = Owner(), Owner()
    cache, w, asked = RenderCache(), torch.zeros(1, 4), []

    def shown(owner, kind="base", code=w):
        return cache.picture(owner, kind, code, lambda w: (asked.append(w), w + 1)[1])

    assert torch.equal(shown(one), shown(one)) and len(asked) == 1
    shown(one, "tuned"), shown(one, code=w + 1)
    assert len(asked) == 3
    shown(other), shown(one)
    assert len(asked) == 5  # the other's took their place
    picture_kept = weakref.ref(shown(one))
    assert picture_kept() is not None
    del one
    gc.collect()
    assert picture_kept() is None


def test_nothing_of_it_goes_to_another_process():
    cache = RenderCache()
    owner = torch.zeros(1)
    cache.picture(owner, "base", owner, lambda w: torch.zeros(100_000))
    assert len(pickle.dumps(cache)) < 200


def test_drafts_of_one_face_share_what_is_the_photographs_and_leave_nothing():
    """Each draft has another render; the clean plate and the rest are made once for all."""

    class Delta: ...

    image, masks = face()
    crop, made, cache = Image.fromarray(image.astype(np.uint8)), [], LayerCache()

    def maps() -> PhotoMaps:
        made.append(1)
        return PhotoMaps.of_photo(np.asarray(crop), parse(masks))

    def layers() -> PhotoLayers:
        return PhotoLayers.over(cache.maps(crop, maps), image, parse(masks))

    first, second, third = Delta(), Delta(), Delta()
    cache.get(first, 0, layers)
    for before, after in ((first, second), (second, third)):
        cache.hand_over(before, after)
    del first, second, before, after
    gc.collect()
    kept = weakref.ref(cache.get(third, 0, layers).maps)
    assert len(made) == 1 and kept() is not None
    other = Image.fromarray(255 - image.astype(np.uint8))
    assert cache.maps(other, maps) is not kept()
    del third
    gc.collect()
    assert kept() is None
