"""Edits that are carried over from the base generator's picture.

Tuning teaches a generator one face, and with it to leave that face as it is: where a direction puts
something on the face that was not there, glasses or another colour of the hair, the tuned weights
give much less of it than the base's do at the same codes. So such an edit is rendered with the base
generator, with and without, and the difference of the two pictures is laid on the tuned one:

    G(w; tuned) + G(w + step; base) - G(w; base)

Both generators see the pivot's face in the same place, as it is aligned, and edits of shape (pose,
smile, age) move w in all three. Nought gives the tuned picture itself, and the way is continuous in
the amount. It costs two more pictures.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from pti_core.directions import Direction
from pti_core.generators.base import Generator

#: What is put on a face without moving it, where amounts are positive. What is to be taken away is
#: in the photograph, and need not be in the base generator's picture of the pivot.
_PUT_ON = frozenset(("glasses", "fringe", "beard", "moustache"))
#: What colours the hair, either way.
_COLOURS = frozenset(("hair_blond", "hair_dark", "hair_red", "hair_grey"))
CARRIED = _PUT_ON | _COLOURS
#: How much longer a carried step is than the direction's own. Of nine photographs glasses show on
#: five at 1 and on seven at 1.4, at identity distances of 0.26 to 0.53;
#: chosen on those nine.
_LONGER = {"glasses": 1.4}


def split(edits: Mapping[str, float]) -> tuple[dict[str, float], bool]:
    """The edits that move the tuned generator, and whether any others are to be carried over."""
    own = {name: amount for name, amount in edits.items() if not _is_carried(name, amount)}
    return own, len(own) < len(edits)


def _is_carried(name: str, amount: float) -> bool:
    return (name in _COLOURS and amount != 0) or (name in _PUT_ON and amount > 0)


def lengthened(
    w: Tensor, edits: Mapping[str, float], directions: Mapping[str, Direction]
) -> Tensor:
    """w or ws, moved by `edits`, moved on by what carried steps are longer."""
    for name, factor in _LONGER.items():
        if _is_carried(name, edits.get(name, 0)):
            w = w + (factor - 1) * directions[name].step(edits[name]).to(w)
    return w


def laid_on(tuned: Tensor, generator: Generator, before: Tensor, after: Tensor) -> Tensor:
    """The tuned picture (1, 3, R, R) with what the base generator changes between two codes.

    Args:
        before, after: w or ws, as `Generator.render` takes them.
    """
    return tuned + generator.render(after, exact=True) - generator.render(before, exact=True)
