"""Sentence embeddings: MiniLM (six layers, 384 wide), whose weights a package carries.

The network is BERT's encoder (Devlin et al. 2019, arXiv 1810.04805) as distilled by Wang et al.
2020 (MiniLM, arXiv 2002.10957) and trained for sentences by the authors of Sentence-BERT; a
sentence's embedding is the mean over its tokens, of length one. It is small enough to be
written out here, so that no other library is needed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pti_core.errors import CheckpointError
from pti_core.networks.load_state import fit

WIDTH, HEADS, LAYERS, INNER = 384, 12, 6, 1536
#: The norm's guard of the published configuration.
EPS = 1e-12
#: Longest input in tokens, the two marks included; a prompt is far shorter.
MAX_TOKENS = 64


class WordPieces:
    """BERT's tokens: words in lower case without accents, rare ones cut into known pieces.

    Args:
        lines: the vocabulary, one token a line; its number is its place.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self._numbers = {token: i for i, token in enumerate(lines)}
        missing = {"[CLS]", "[SEP]", "[UNK]"} - self._numbers.keys()
        if missing:
            raise CheckpointError("The vocabulary of sentence embeddings is broken: fetch it anew.")

    def numbers(self, text: str) -> list[int]:
        """Numbers of the tokens, the marks of beginning and end included."""
        numbers = [n for word in _words(text) for n in self._pieces(word)]
        ends = self._numbers
        return [ends["[CLS]"], *numbers[: MAX_TOKENS - 2], ends["[SEP]"]]

    def _pieces(self, word: str) -> list[int]:
        """The longest known beginning, then the longest known continuation, and so on."""
        found, start = [], 0
        while start < len(word):
            mark = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((e for e in ends if mark + word[start:e] in self._numbers), None)
            if end is None:
                return [self._numbers["[UNK]"]]
            found.append(self._numbers[mark + word[start:end]])
            start = end
        return found


def _words(text: str) -> list[str]:
    """Words and single marks of punctuation, lower case, without accents."""
    plain = unicodedata.normalize("NFD", text.lower())
    spaced = []
    for character in plain:
        kind = unicodedata.category(character)
        if kind == "Mn":
            continue
        if kind[0] == "P" or character in "$+<=>^`|~":
            spaced += [" ", character, " "]
        else:
            spaced.append(" " if kind[0] in "ZC" else character)
    return "".join(spaced).split()


class _Layer(nn.Module):
    """Self-attention and two dense layers, each added to its input and normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.mixed, self.mixed_norm = nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH, EPS)
        self.inner, self.outer = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.outer_norm = nn.LayerNorm(WIDTH, EPS)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        def heads(y: Tensor) -> Tensor:
            return y.unflatten(2, (HEADS, -1)).transpose(1, 2)

        q, k, v = heads(self.query(x)), heads(self.key(x)), heads(self.value(x))
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None])
        x = self.mixed_norm(x + self.mixed(y.transpose(1, 2).flatten(2)))
        return self.outer_norm(x + self.outer(F.gelu(self.inner(x))))


class SentenceEncoder(nn.Module):
    """Sentences to embeddings (N, 384) of length one; their dot product is their nearness.

    Args:
        weights: BERT's tensors by their published names. words: the vocabulary.

    Raises:
        CheckpointError: the weights are not those of this network.
    """

    def __init__(self, weights: Mapping[str, Tensor], words: WordPieces) -> None:
        super().__init__()
        self.words = words
        self.tokens = nn.Embedding(30522, WIDTH)
        self.places, self.kinds = nn.Embedding(512, WIDTH), nn.Embedding(2, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, EPS)
        self.layers = nn.ModuleList(_Layer() for _ in range(LAYERS))
        fit(self, _renamed(weights), "the sentence embeddings")
        self.requires_grad_(False).eval()

    @torch.inference_mode()
    def encode(self, sentences: Sequence[str]) -> Tensor:
        """(N, 384), of length one."""
        rows = [self.words.numbers(sentence) for sentence in sentences]
        longest = max(len(row) for row in rows)
        ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
        mask = torch.tensor([[i < len(row) for i in range(longest)] for row in rows])
        x = self.tokens(ids) + self.places.weight[:longest] + self.kinds.weight[0]
        x = self.norm(x)
        for layer in self.layers:
            x = layer(x, mask)
        weights = mask[..., None].float()
        return F.normalize((x * weights).sum(1) / weights.sum(1))


def _renamed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published names in ours; what only training needs is left out."""
    places = {
        "embeddings.word_embeddings": "tokens",
        "embeddings.position_embeddings": "places",
        "embeddings.token_type_embeddings": "kinds",
        "embeddings.LayerNorm": "norm",
    }
    inside = {
        "attention.self.query": "query",
        "attention.self.key": "key",
        "attention.self.value": "value",
        "attention.output.dense": "mixed",
        "attention.output.LayerNorm": "mixed_norm",
        "intermediate.dense": "inner",
        "output.dense": "outer",
        "output.LayerNorm": "outer_norm",
    }
    for i in range(LAYERS):
        places |= {f"encoder.layer.{i}.{k}": f"layers.{i}.{v}" for k, v in inside.items()}
    found = {}
    for name, tensor in weights.items():
        place, _, kind = name.rpartition(".")
        if place in places:
            found[f"{places[place]}.{kind}"] = tensor
    return found


def read_encoder(weights: Path, vocabulary: Path) -> SentenceEncoder:
    """The embedder of its two files. Raises CheckpointError where they are not those."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        lines = vocabulary.read_text("utf-8").splitlines()
        return SentenceEncoder(load_file(weights), WordPieces(lines))
    except (OSError, SafetensorError, UnicodeDecodeError) as error:
        raise CheckpointError(
            "The files of sentence embeddings cannot be read: fetch them anew."
        ) from error
