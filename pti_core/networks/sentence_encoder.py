"""Features of sentences: MiniLM (six layers, 384 wide), whose weights a package carries.

The network is BERT's encoder (Devlin et al. 2019, arXiv 1810.04805) as distilled by Wang et al.
2020 (MiniLM, arXiv 2002.10957) and trained for sentences by the authors of Sentence-BERT.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from pti_core.errors import CheckpointError

WIDTH, HEADS, LAYERS = 384, 12, 6
EPS = 1e-12  # the norm's guard of the published configuration
_BROKEN = "The files of sentence embeddings cannot be read: fetch them anew."


class SentenceEncoder:
    """Tokens to features (N, tokens, 384).

    Args:
        weights: BERT's tensors by their published names.
        lines: the vocabulary, one token a line; its number is its place.

    Raises:
        CheckpointError: these are not the weights or the vocabulary of this network.
    """

    def __init__(self, weights: Mapping[str, Tensor], lines: Sequence[str]) -> None:
        self.lines, self.tokens = lines, {token: i for i, token in enumerate(lines)}
        self.weights = weights
        words = weights.get("embeddings.word_embeddings.weight")
        fits = isinstance(words, Tensor) and words.shape == (len(lines), WIDTH)
        if not fits or not {"[CLS]", "[SEP]", "[UNK]"} <= self.tokens.keys():
            raise CheckpointError(_BROKEN)
        try:
            with torch.inference_mode():
                self.states([self.numbers("a try")])
        except (KeyError, RuntimeError) as error:
            raise CheckpointError(_BROKEN) from error

    def numbers(self, text: str) -> list[int]:
        """Numbers of the tokens of a text, without marks of beginning and end."""
        return [n for word in _words(text) for n in self._pieces(word)]

    def _pieces(self, word: str) -> list[int]:
        """The longest known beginning, then the longest known continuation, and so on."""
        found, start = [], 0
        while start < len(word):
            mark = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((e for e in ends if mark + word[start:e] in self.tokens), None)
            if end is None:
                return [self.tokens["[UNK]"]]
            found.append(self.tokens[mark + word[start:end]])
            start = end
        return found

    def states(
        self, rows: Sequence[Sequence[int]], weights: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """Features (N, longest, 384) of rows of tokens, each with its marks of beginning and end.

        weights: in place of the encoder's own; gradients reach them.
        """
        w = self.weights if weights is None else weights
        longest, at = max(map(len, rows)), "embeddings."
        ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])
        mask = torch.tensor([[i < len(row) for i in range(longest)] for row in rows])
        x = w[at + "word_embeddings.weight"][ids] + w[at + "position_embeddings.weight"][:longest]
        x = _norm(w, at + "LayerNorm", x + w[at + "token_type_embeddings.weight"][0])
        for i in range(LAYERS):
            x = _layer(w, f"encoder.layer.{i}.", x, mask[:, None, None])
        return x


def _layer(w: Mapping[str, Tensor], at: str, x: Tensor, mask: Tensor) -> Tensor:
    """Self-attention and two dense layers, each added to its input and normalised."""
    q, k, v = (
        _dense(w, f"{at}attention.self.{part}", x).unflatten(2, (HEADS, -1)).transpose(1, 2)
        for part in ("query", "key", "value")
    )
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2)
    x = _norm(w, at + "attention.output.LayerNorm", x + _dense(w, at + "attention.output.dense", y))
    y = F.gelu(_dense(w, at + "intermediate.dense", x))
    return _norm(w, at + "output.LayerNorm", x + _dense(w, at + "output.dense", y))


def _dense(w: Mapping[str, Tensor], at: str, x: Tensor) -> Tensor:
    return F.linear(x, w[at + ".weight"], w[at + ".bias"])


def _norm(w: Mapping[str, Tensor], at: str, x: Tensor) -> Tensor:
    return F.layer_norm(x, (WIDTH,), w[at + ".weight"], w[at + ".bias"], EPS)


def _words(text: str) -> list[str]:
    """Words and single marks of punctuation, lower case, without accents."""
    spaced = []
    for character in unicodedata.normalize("NFD", text.lower()):
        kind = unicodedata.category(character)
        if kind[0] == "P" or character in "$+<=>^`|~":
            spaced += [" ", character, " "]
        elif kind != "Mn":
            spaced.append(" " if kind[0] in "ZC" else character)
    return "".join(spaced).split()


def read_encoder(weights: Path, vocabulary: Path) -> SentenceEncoder:
    """The encoder of its two files. Raises CheckpointError where they are not those."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return SentenceEncoder(load_file(weights), vocabulary.read_text("utf-8").splitlines())
    except (OSError, SafetensorError, UnicodeDecodeError) as error:
        raise CheckpointError(_BROKEN) from error
