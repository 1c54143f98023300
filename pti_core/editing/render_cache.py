"""The latest pictures of one session's edits, so that none of them is rendered twice in a row.

An edit that is carried over (`pti_core.editing.base_edits`) is made of several pictures, and while
its slider moves all but one of them stay the same.
"""

from __future__ import annotations

import hashlib
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from PIL import Image
from torch import Tensor

from pti_core.editing.photo_layers import PhotoLayers, PhotoMaps

#: 10 to 13 MB each at 1024. Glasses, a beard and a style of the hair at once are made of ten, the
#: tuned one included, and the one that moves needs room beside them.
_KEPT = 12
#: People whose photograph's layers are kept: as many as edit at once in `benchmarks.soak`. Making
#: them again takes as long as an edit.
_LAYERS_KEPT = 20


class RenderCache:
    """Pictures by whose they are, by kind and by code; those of one session at a time.

    They are forgotten with that session. Several threads may ask at once.
    """

    def __init__(self) -> None:
        self._owner: Callable[[], Any] = lambda: None
        self._pictures: dict[tuple[str, bytes], Tensor] = {}
        self._keeping = threading.Lock()

    def __reduce__(self) -> tuple[type[RenderCache], tuple[()]]:
        """Nothing of it goes to another process: its owners are not there."""
        return RenderCache, ()

    def picture(
        self, owner: Any, kind: str, w: Tensor, render: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """`render(w)`, or what it gave lately; not to be changed.

        owner: whose pictures they are; any object that can be referred to weakly. kind: tells apart
        what renders.
        """
        key = kind, w.detach().cpu().numpy().tobytes()
        with self._keeping:
            if self._owner() is not owner:
                self._pictures.clear()
                self._owner = weakref.ref(owner, lambda _: self._pictures.clear())
            found = self._pictures.pop(key, None)
        if found is None:
            found = render(w)
        with self._keeping:
            if self._owner() is owner:
                self._pictures[key] = found  # last: the one that was used longest ago is first
                for old in list(self._pictures)[:-_KEPT]:
                    self._pictures.pop(old, None)  # or gone with its session by now
        return found


class LayerCache:
    """`PhotoLayers` of the latest sessions, some 85 MB a person at 1024; gone with their session.

    Several threads may ask at once; one of them computes.
    """

    def __init__(self) -> None:
        self._layers: OrderedDict[tuple[int, int], tuple[weakref.ref, PhotoLayers]] = OrderedDict()
        self._maps: weakref.WeakValueDictionary[bytes, PhotoMaps] = weakref.WeakValueDictionary()
        self._handed: dict[int, tuple[weakref.ref, list[PhotoMaps]]] = {}
        self._lock = threading.RLock()

    def __reduce__(self) -> tuple[type[LayerCache], tuple[()]]:
        """Nothing of it goes to another process."""
        return LayerCache, ()

    def get(self, owner: Any, person: int, make: Callable[[], PhotoLayers]) -> PhotoLayers:
        """The layers of a session's person.

        owner: what they are forgotten with; any object that can be referred to weakly.
        """
        key = id(owner), person
        with self._lock:
            kept = self._layers.get(key)
            if kept is None or kept[0]() is not owner:
                forget = weakref.ref(owner, lambda _: self._layers.pop(key, None))
                kept = forget, make()
                self._layers[key] = kept
                self._take(owner, kept[1])
            self._layers.move_to_end(key)
            while len(self._layers) > _LAYERS_KEPT:
                self._layers.popitem(last=False)
            return kept[1]

    def _take(self, owner: Any, layers: PhotoLayers) -> None:
        """Layers hold their maps themselves from now on, as long as they are kept."""
        handed = self._handed.get(id(owner))
        if handed is not None and handed[0]() is owner:
            handed[1][:] = [one for one in handed[1] if one is not layers.maps]

    def maps(self, crop: Image.Image, make: Callable[[], PhotoMaps]) -> PhotoMaps:
        """A photograph's own maps; made once for all layers of it that are kept."""
        key = hashlib.blake2b(crop.tobytes()).digest()
        with self._lock:
            found = self._maps.get(key)
            if found is None:
                found = self._maps[key] = make()
            return found

    def hand_over(self, before: Any, after: Any) -> None:
        """Keep the maps of one owner's photographs for another, which has the same photographs."""
        with self._lock:
            # A list: who drops an owner meanwhile takes its layers out, in any thread.
            layers = list(self._layers.values())
            kept = [found.maps for owner, found in layers if owner() is before]
            handed = self._handed.get(id(before))
            kept += handed[1] if handed is not None and handed[0]() is before else []
            if kept and after is not before:
                key = id(after)
                self._handed[key] = weakref.ref(after, lambda _: self._handed.pop(key, None)), kept
            for oldest in list(self._handed)[:-_LAYERS_KEPT]:
                self._handed.pop(oldest, None)
