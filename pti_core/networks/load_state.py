"""Putting weights that came from a file into a network."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from pti_core.errors import CheckpointError


def fit(network: nn.Module, weights: Mapping[str, Tensor], what: str) -> None:
    """`load_state_dict`, strict, with a sentence in place of a list of keys.

    Args:
        what: the network's name in that sentence.

    Raises:
        CheckpointError: a tensor is missing, unknown, of another shape, or no tensor at all.
    """
    wanted = network.state_dict()
    if odd := sorted(wanted.keys() ^ weights.keys()):
        where = "is missing" if odd[0] in wanted else "is unknown"
        raise CheckpointError(f"The file's weights do not fit {what}: {odd[0][:80]!r} {where}.")
    for name, own in wanted.items():
        given = weights[name]
        if not isinstance(given, Tensor) or given.shape != own.shape:
            raise CheckpointError(
                f"The file's weights do not fit {what}: {name!r} is not of {tuple(own.shape)}."
            )
        if not given.isfinite().all():
            raise CheckpointError(f"The file's weights for {what} hold values that are no numbers.")
    network.load_state_dict(dict(weights), strict=True)
