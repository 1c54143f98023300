"""Train the reader of prompts: python -m scripts.train_prompt_reader

It learns from prompts composed of the vocabulary (scripts/prompt_training) and from the prompts of
imagined authors (tests/mappers/prompts). Half an hour on two cores.
`python -m tests.mappers.prompts.evaluate --folds N` trains without some authors and judges by them.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mappers.prompts.reader import FILES, WEIGHTS
from pti_core.networks.clause_network import ClauseNetwork, rows_of, save_network
from pti_core.networks.sentence_encoder import WIDTH, read_encoder
from scripts.prompt_training.authored import LISTS, Sample, samples_of
from scripts.prompt_training.composed import Composer
from scripts.prompt_training.vocabulary import NAMES, vocabulary

#: Lists that nothing is learnt from: what a new author's prompts are read like (docs/text.md).
UNSEEN = (
    *("moira", "tunde", "reinhard"),
    *("canadian_teenager", "spanish_receptionist", "scottish_head_teacher"),
    *("svetlana", "harold", "mei_tester", "luca"),
    *("ruth", "omar", "klara", "buddy"),
    *("hairdresser_gaz", "accountant_priti", "backpacker_finn", "retiree_dolores"),
)


@dataclass(frozen=True)
class Config:
    """Settings of the training; chosen on authors left out.

    composed: prompts composed anew for each epoch. authored: how often each author's prompt is
    seen in an epoch.
    """

    epochs: int = 4
    rate: float = 1e-3
    rank: int = 16
    batch: int = 48
    composed: int = 8000
    authored: int = 1
    warm: float = 0.06
    seed: int = 1


def new_network(rank: int) -> ClauseNetwork:
    """MiniLM as it is, with an adaptation that changes nothing yet."""
    from checkpoints.fetch import Store

    store = Store.from_environment()
    encoder = read_encoder(store.fetch(FILES[0]), store.fetch(FILES[1]))
    own: dict[str, Tensor] = {}
    for name, base in encoder.weights.items():
        if not name.startswith("encoder.layer"):
            continue
        if base.ndim == 1:
            own[name] = base.clone()
        else:
            own[f"{name}.a"] = torch.randn(rank, base.shape[1]) / math.sqrt(base.shape[1])
            own[f"{name}.b"] = torch.zeros(base.shape[0], rank)
    hidden = nn.Linear(2 * WIDTH, WIDTH)
    own |= {"hidden.weight": hidden.weight.detach(), "hidden.bias": hidden.bias.detach()}
    own["out.weight"] = 0.02 * torch.randn(len(NAMES), WIDTH)
    own["out.bias"] = torch.full((len(NAMES),), -4.0)  # most clauses ask for one thing of 79
    return ClauseNetwork(encoder, own, NAMES)


def loss_of(logits: Tensor, there: Tensor, samples: Sequence[Sample]) -> Tensor:
    """Cross entropy of each clause where what it asks for is known; else of the whole prompt, which
    asks for what one of its clauses asks for (noisy or)."""
    n, most, _ = logits.shape
    clause, whole = torch.zeros_like(logits), torch.zeros(n, len(NAMES))
    known, free = torch.zeros(n, dtype=torch.bool), torch.zeros(n, len(NAMES), dtype=torch.bool)
    for i, sample in enumerate(samples):
        known[i] = sample.by_clause is not None
        for j, wanted in enumerate((sample.by_clause or ())[:most]):
            clause[i, j, [NAMES.index(name) for name in wanted]] = 1
        whole[i, [NAMES.index(name) for name in sample.must]] = 1
        free[i, [NAMES.index(name) for name in sample.may]] = True
    own = there[..., None].float()
    by_clause = F.binary_cross_entropy_with_logits(logits, clause, reduction="none") * own
    none = (F.softplus(logits) * own).sum(1)  # -log of the chance that no clause asks for it
    some = -torch.log(-torch.expm1(-none.clamp(min=1e-6)))
    by_whole = torch.where(whole > 0, some, none).masked_fill(free & (whole == 0), 0)
    return torch.where(known, by_clause.sum((1, 2)), by_whole.sum(1)).mean()


class Training:
    """Trains networks on everything but some lists.

    Args:
        lists: samples by the name of their list.
    """

    def __init__(self, lists: Mapping[str, Sequence[Sample]], config: Config) -> None:
        self.lists, self.config = lists, config
        self._pieces: dict[str, list[int]] = {}

    def fit(self, without: Sequence[str]) -> ClauseNetwork:
        """A network that has seen nothing of the lists `without`."""
        config = self.config
        torch.manual_seed(config.seed)
        chance, network = random.Random(config.seed), new_network(config.rank)
        authored = [s for n, own in self.lists.items() if n not in without for s in own]
        composer = Composer(vocabulary(), config.seed, authored)
        optimiser = torch.optim.AdamW(network.parameters(), config.rate, (0.9, 0.98))
        per_epoch = math.ceil((config.authored * len(authored) + config.composed) / config.batch)
        steps, step, begun = config.epochs * per_epoch, 0, time.monotonic()
        network.train()
        for epoch in range(config.epochs):
            samples = authored * config.authored + composer.compose(config.composed)
            total = 0.0
            for batch in batches_of(samples, config.batch, chance):
                warm = min(step / (config.warm * steps), 1.0)
                rate = config.rate * warm * max(1 - step / steps, 0.02)
                for group in optimiser.param_groups:
                    group["lr"] = rate
                loss = loss_of(*self._read(network, batch), batch)
                optimiser.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimiser.step()
                total, step = total + loss.item(), step + 1
            seconds = time.monotonic() - begun
            print(f"epoch {epoch + 1}: loss {total / per_epoch:.3f}, {seconds:.0f} s", flush=True)
        return network.eval()

    def _read(self, network: ClauseNetwork, batch: Sequence[Sample]) -> tuple[Tensor, Tensor]:
        for clause in {clause for sample in batch for clause in sample.clauses}:
            if clause not in self._pieces:
                self._pieces[clause] = network.pieces(clause)
        # Of a prompt longer than a row its first row is learnt from.
        return network([rows_of([self._pieces[c] for c in s.clauses])[0] for s in batch])


def new_training(epochs: int = Config.epochs) -> Training:
    """A training on the lists of the tree, with as many threads as there are cores to run on."""
    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2)
    lists = {path.stem: samples_of(path) for path in sorted(LISTS.glob("*.txt"))}
    return Training(lists, Config(epochs=epochs))


def batches_of(
    samples: Sequence[Sample], size: int, chance: random.Random
) -> list[Sequence[Sample]]:
    """Batches of samples of about the same length, in any order."""
    mixed = chance.sample(samples, len(samples))
    found = []
    for start in range(0, len(mixed), 20 * size):
        chunk = sorted(mixed[start : start + 20 * size], key=lambda s: sum(map(len, s.clauses)))
        found += [chunk[i : i + size] for i in range(0, len(chunk), size)]
    return chance.sample(found, len(found))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=Config.epochs)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    save_network(new_training(options.epochs).fit(UNSEEN), options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
