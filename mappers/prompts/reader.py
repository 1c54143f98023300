"""What the clauses of a prompt ask for, as a small network reads them.

It sees all clauses of a prompt beside each other (`pti_core.networks.clause_network`), and gives
each of them the chance of every edit in both senses, of a head that faces the camera, and of a wish
that no edit here fulfils. `python -m scripts.train_prompt_reader` trains it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import torch

from mappers.prompts.lexicon import HERE
from mappers.prompts.text import plain
from pti_core.errors import CheckpointError

if TYPE_CHECKING:
    from checkpoints.fetch import Progress
    from pti_core.networks.clause_network import ClauseNetwork

WEIGHTS = HERE / "reader.safetensors"
NOTHING, FRONT = "nothing", "front"
#: The encoder's weights and vocabulary, as assets of `checkpoints`.
FILES = ("minilm.safetensors", "minilm-vocab")
#: Class ("beard+") to its chance.
Chances: TypeAlias = Mapping[str, float]


class Reader:
    """Reads clauses; the networks are loaded when they are first needed.

    Args:
        encoder: paths of the encoder's weights and vocabulary.
        weights: the adaptation's file.
    """

    def __init__(self, encoder: tuple[Path, Path], weights: Path = WEIGHTS) -> None:
        self._paths, self._weights = encoder, weights

    @cached_property
    def network(self) -> ClauseNetwork:
        from pti_core.networks.clause_network import read_network
        from pti_core.networks.sentence_encoder import read_encoder

        return read_network(read_encoder(*self._paths), self._weights)

    @torch.inference_mode()
    def chances(self, clauses: Sequence[str]) -> list[Chances]:
        """What each clause of a prompt asks for."""
        network = self.network
        rows = network.chances([network.pieces(plain(clause)) for clause in clauses]).tolist()
        return [dict(zip(network.names, row, strict=True)) for row in rows]


def find_reader(weights: Path = WEIGHTS) -> Reader | None:
    """The reader, where the encoder's files are on this machine and are what they should be."""
    from checkpoints.fetch import Store

    store = Store.from_environment()
    if any(store.find(name) is None for name in FILES):
        return None
    with suppress(CheckpointError):
        return Reader((store.fetch(FILES[0]), store.fetch(FILES[1])), weights)
    return None


def fetch_reader(progress: Progress | None = None) -> None:
    """Fetch the encoder's files; no prompt is understood where they cannot be had."""
    from checkpoints.fetch import Store

    with suppress(CheckpointError):
        for name in FILES:
            Store.from_environment().fetch(name, progress)
