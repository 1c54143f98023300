"""What a clause says that the lexicon does not know: sentence embeddings and a linear classifier.

The classes are the directions in both senses, and "nothing" for what no edit here can do. It is
trained by `python -m scripts.train_matcher` (see there).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from mappers.prompts.lexicon import HERE, Ask
from pti_core.errors import CheckpointError

if TYPE_CHECKING:
    from checkpoints.fetch import Progress
    from mappers.prompts.amounts import Wish
    from pti_core.networks.sentence_encoder import SentenceEncoder

WEIGHTS = HERE / "matcher.safetensors"
NOTHING = "nothing"
#: The encoder's weights and vocabulary, as assets of `checkpoints`.
FILES = ("minilm.safetensors", "minilm-vocab")
#: How likely a class has to be beside "nothing"; chance from which one is offered as near; chance
#: that what the lexicon found has to have. Chosen on lists left out.
BESIDE_NOTHING, NEAR, LIKELY = 0.85, 0.2, 0.5


class Matcher:
    """The classifier on top of the encoder; both are loaded when a clause first needs them.

    Args:
        encoder: paths of its weights and its vocabulary.
        weights: the classifier's file.
    """

    def __init__(self, encoder: tuple[Path, Path], weights: Path = WEIGHTS) -> None:
        self._paths, self._weights = encoder, weights

    @cached_property
    def encoder(self) -> SentenceEncoder:
        from pti_core.networks.sentence_encoder import read_encoder

        return read_encoder(*self._paths)

    @cached_property
    def classifier(self) -> Classifier:
        return Classifier.load(self._weights)

    def match(
        self, text: str, wishes: Sequence[Wish], unknown: Sequence[str] = ()
    ) -> tuple[Sequence[Wish], float]:
        """What a clause asks for, and how sure that is; nothing where it is not sure enough.

        Args:
            text: its words without negation and degree.
            wishes: what those words of it ask for that the lexicon knows. These are confirmed where
                they are likely enough beside "nothing", and no unknown word by itself is likely to
                ask for what cannot be done.
            unknown: those words of it that the lexicon does not know.
        """
        from mappers.prompts.amounts import Wish

        classes = self.classifier
        first, *alone = self._chances([text, *unknown])
        chances = dict(zip(classes.names, first, strict=True))
        nothing = chances.pop(NOTHING)
        if wishes:
            found = sum(
                chances.get(name, 0) for name in {class_of(a) for w in wishes for a in w.asks}
            )
            harm = max((row[classes.names.index(NOTHING)] for row in alone), default=0.0)
            sure = found / (found + nothing) * (1 - harm)
            return (wishes if sure >= classes.confirmed and found >= LIKELY else ()), sure
        name = max(chances, key=chances.__getitem__)
        sure = chances[name]
        if sure < classes.alone or sure / (sure + nothing) < BESIDE_NOTHING:
            return (), sure
        return (Wish((Ask(name[:-1], 1 if name[-1] == "+" else -1),), text),), sure

    def nearest(self, text: str) -> list[Ask]:
        """Edits that a text may mean, the likeliest first; none where nothing is near."""
        chances = dict(zip(self.classifier.names, self._chances([text])[0], strict=True))
        if chances.pop(NOTHING) > 0.5:
            return []
        near = sorted((name for name in chances if chances[name] > NEAR), key=lambda n: -chances[n])
        return [Ask(name[:-1], 1 if name[-1] == "+" else -1) for name in near]

    def _chances(self, texts: Sequence[str]) -> list[list[float]]:
        rows: list[list[float]] = self.classifier.chances(self.encoder.encode(texts)).tolist()
        return rows


def class_of(ask: Ask) -> str:
    return ask.name + ("+" if ask.sense > 0 else "-")


class Classifier:
    """A linear layer and a softmax over `names`.

    weight: (classes, width + 1), the bias last. confirmed, alone: chance from which a class is
    taken, where the lexicon found the same in a part of the words, and where it found nothing.
    """

    def __init__(
        self, names: Sequence[str], weight: Tensor, confirmed: float = 0.5, alone: float = 0.7
    ) -> None:
        self.names, self.weight = list(names), weight
        self.confirmed, self.alone = confirmed, alone

    def chances(self, embeddings: Tensor) -> Tensor:
        """(N, classes) of embeddings (N, width)."""
        return (embeddings @ self.weight[:, :-1].T + self.weight[:, -1]).softmax(1)

    def save(self, path: Path) -> None:
        from safetensors.torch import save_file

        told = {"names": self.names, "confirmed": self.confirmed, "alone": self.alone}
        save_file({"weight": self.weight.half()}, path, {"classifier": json.dumps(told)})

    @classmethod
    def load(cls, path: Path) -> Classifier:
        from safetensors import safe_open

        with safe_open(path, "pt") as file:
            told = json.loads(file.metadata()["classifier"])
            weight = file.get_tensor("weight").float()
        return cls(told["names"], weight, told["confirmed"], told["alone"])


def find_matcher() -> Matcher | None:
    """The matcher, where the encoder's files are on this machine; no network is used."""
    from checkpoints.fetch import Store

    store = Store.from_environment()
    if any(store.find(name) is None for name in FILES):
        return None
    return Matcher((store.fetch(FILES[0]), store.fetch(FILES[1])))


def fetch_matcher(progress: Progress | None = None) -> None:
    """Fetch the encoder's files; prompts are read without the matcher where they cannot be had."""
    from checkpoints.fetch import Store

    with suppress(CheckpointError):
        for name in FILES:
            Store.from_environment().fetch(name, progress)
