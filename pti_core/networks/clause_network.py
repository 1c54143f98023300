"""What each of several clauses means, as chances of classes: a small network for sentences.

The network is MiniLM (`sentence_encoder`), whose layers are adapted by matrices of low rank (Hu et
al. 2021, arXiv 2106.09685), with two dense layers behind it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pti_core.errors import CheckpointError
from pti_core.networks.sentence_encoder import SentenceEncoder

#: Longest row of clauses that is read at a time, in tokens.
MAX_TOKENS = 96
#: Share of features that training leaves out.
DROPOUT = 0.1
_DENSE = ("hidden", "out")


def rows_of(clauses: Sequence[Sequence[int]]) -> list[list[list[int]]]:
    """Clauses, as tokens, in rows of `MAX_TOKENS` at most. A longer clause is cut."""
    found, room = list[list[list[int]]](), 0
    for clause in clauses:
        own = list(clause[: MAX_TOKENS - 2])
        if len(own) > room:
            found.append([])
            room = MAX_TOKENS - 2
        found[-1].append(own)
        room -= len(own)
    return found


class ClauseNetwork(nn.Module):
    """Clauses to logits of `names`.

    Args:
        encoder: with the published weights.
        adaptation: "NAME.a" (rank, in) and "NAME.b" (out, rank) of the encoder's matrices, its
            vectors as they are, and "hidden.*", "out.*" of the dense layers.
    """

    def __init__(
        self, encoder: SentenceEncoder, adaptation: Mapping[str, Tensor], names: Sequence[str]
    ) -> None:
        super().__init__()
        self.names, self.encoder = list(names), encoder
        self.adaptation = nn.ParameterDict(
            {name.replace(".", "|"): nn.Parameter(t) for name, t in adaptation.items()}
        )

    def adapted(self) -> dict[str, Tensor]:
        """The encoder's weights with the adaptation."""
        own = {name.replace("|", "."): tensor for name, tensor in self.adaptation.items()}
        found = dict(self.encoder.weights)
        for name, base in self.encoder.weights.items():
            if name in own:
                found[name] = own[name]
            elif f"{name}.a" in own:
                found[name] = base + own[f"{name}.b"] @ own[f"{name}.a"]
        return found

    def pieces(self, clause: str) -> list[int]:
        """Tokens of a clause, without marks of beginning and end."""
        return self.encoder.numbers(clause) or [self.encoder.tokens["[UNK]"]]

    def chances(self, clauses: Sequence[Sequence[int]]) -> Tensor:
        """Chances (clauses, names) of the clauses, as tokens, of one prompt."""
        return torch.cat([self([row])[0][0].sigmoid() for row in rows_of(clauses)])

    def forward(self, rows: Sequence[Sequence[Sequence[int]]]) -> tuple[Tensor, Tensor]:
        """Logits (N, clauses, names) of rows of clauses, and which clauses there are (N, clauses).

        A clause's features are the mean and the maximum of those of its tokens.
        """
        begin, end = self.encoder.tokens["[CLS]"], self.encoder.tokens["[SEP]"]
        tokens = [[begin, *(n for clause in row for n in clause), end] for row in rows]
        of = [[-1, *(i for i, c in enumerate(row) for _ in c), -1] for row in rows]
        longest, most = max(map(len, tokens)), max(map(len, rows))
        place = torch.tensor([row + [-1] * (longest - len(row)) for row in of])
        x = self.encoder.states(tokens, self.adapted())
        own = (place[:, None] == torch.arange(most)[None, :, None]).to(x)  # (N, clauses, tokens)
        there = own.sum(2) > 0
        mean = own @ x / own.sum(2, keepdim=True).clamp(min=1)
        highest = (x[:, None] + (own[..., None] - 1) * 1e4).amax(2)
        highest = torch.where(there[..., None], highest, torch.zeros_like(highest))
        get = self.adaptation
        features = F.dropout(torch.cat([mean, highest], 2), DROPOUT, self.training)
        hidden = F.gelu(F.linear(features, get["hidden|weight"], get["hidden|bias"]))
        hidden = F.dropout(hidden, DROPOUT, self.training)
        return F.linear(hidden, get["out|weight"], get["out|bias"]), there


def read_network(encoder: SentenceEncoder, path: Path) -> ClauseNetwork:
    """The network of its file. The encoder's own weights are changed to the network's.

    Raises:
        CheckpointError: the file does not fit the encoder.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            names = json.loads(file.metadata()["names"])
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        # Adapted once: later passes find no matrices of low rank any more.
        weights = dict(encoder.weights)
        for name, base in encoder.weights.items():  # one at a time: both at once are 42 MB more
            if name in tensors:
                weights[name] = tensors[name]
            elif f"{name}.a" in tensors:
                weights[name] = base.addmm_(tensors[f"{name}.b"], tensors[f"{name}.a"])
        encoder = SentenceEncoder(weights, encoder.lines)
        dense = {name: t for name, t in tensors.items() if name.split(".")[0] in _DENSE}
        return ClauseNetwork(encoder, dense, names).eval()
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error


def save_network(network: ClauseNetwork, path: Path) -> None:
    """Write the network's own part, in half precision."""
    from safetensors.torch import save_file

    own = {n.replace("|", "."): t.detach().half() for n, t in network.adaptation.items()}
    save_file(own, path, {"names": json.dumps(network.names)})
