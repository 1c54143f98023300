"""Pictures that are kept for a while."""

from __future__ import annotations

import gc
import pickle
import weakref

import torch

from pti_core.editing.render_cache import RenderCache


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
