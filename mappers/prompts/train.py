"""Train the matcher: python -m mappers.prompts.train

Its samples are the lexicon's phrases, examples.toml and the lists of tests/prompts, as far as a
prompt of these is one clause that asks for one thing or for nothing that can be done. The
thresholds are fitted on lists that were left out of the training.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from mappers.prompts.lexicon import HERE, Lexicon, load_lexicon, split_phrases
from mappers.prompts.matcher import NOTHING, WEIGHTS, Classifier, Matcher, class_of, find_matcher
from mappers.prompts.understanding import Known, readers, understand
from mappers.prompts.words import read

LISTS = HERE.parents[1] / "tests" / "prompts"
#: Weight decay and steps of the fit, chosen on the accuracy over lists left out.
DECAY, STEPS = 3e-5, 80
#: How much an impossible wish that is granted counts against one that is understood.
HARM = 2.0

Sample = tuple[str, frozenset[str]]


def rows_of(path: Path) -> list[tuple[str, str]]:
    """Prompts of a list with what each should do."""
    lines = path.read_text("utf-8").splitlines()
    pairs = [line.split("=>") for line in lines if "=>" in line and not line.startswith("# ")]
    return [(prompt.strip(), expected.strip()) for prompt, expected in pairs]


def core_of(text: str, lexicon: Lexicon) -> str:
    """What the matcher is shown of a text."""
    clauses = readers(read(text, lexicon)[0], lexicon)
    return " ".join(word for clause in clauses for word in clause.core)


def lexicon_samples(lexicon: Lexicon) -> list[Sample]:
    found: list[Sample] = []
    for phrase, entries in lexicon.phrases.items():
        if "ask" in entries and entries["ask"].asks:
            found.append((" ".join(phrase), frozenset(map(class_of, entries["ask"].asks))))
    for word, noun in lexicon.nouns.items():
        for other, asks in list(noun.described.items())[:40]:
            found.append((f"{other} {word}", frozenset(map(class_of, asks))))
    things = sorted(lexicon.words["never.words"])
    adjectives = ("old", "young", "smiling", "big", "red", "dark", "long", "")
    found += [
        (f"{adjectives[i % len(adjectives)]} {thing}".strip(), frozenset([NOTHING]))
        for i, thing in enumerate(things)
    ]
    return found


def example_samples() -> list[Sample]:
    tables = tomllib.loads((HERE / "examples.toml").read_text("utf-8"))
    found = [
        (text, frozenset([name]))
        for name, texts in tables["asks"].items()
        for text in split_phrases(texts)
    ]
    return found + [
        (text, frozenset([NOTHING])) for texts in tables["nothing"].values() for text in split_phrases(texts)
    ]


def list_samples(path: Path, lexicon: Lexicon) -> list[Sample]:
    """Prompts of one clause that ask, without a negation, for one thing or for nothing."""
    found: list[Sample] = []
    for prompt, expected in rows_of(path):
        clauses = readers(read(prompt, lexicon)[0], lexicon)
        wanted = expected.rstrip(" ?").split()
        plain = len(clauses) == 1 and not (clauses[0].less or clauses[0].said_no)
        if plain and wanted == [NOTHING]:
            found.append((" ".join(clauses[0].core) or prompt, frozenset([NOTHING])))
        elif plain and len(wanted) == 1 and wanted[0][-1] in "+-" and wanted[0][0] != "(":
            found.append((" ".join(clauses[0].core), frozenset(wanted)))
    return [sample for sample in found if sample[0]]


def fit(samples: Sequence[Sample], embeddings: Tensor) -> Classifier:
    """A classifier of embeddings (N, width), one for each sample."""
    names = sorted({name for _, classes in samples for name in classes})
    targets = torch.zeros(len(samples), len(names))
    for i, (_, classes) in enumerate(samples):
        for name in classes:
            targets[i, names.index(name)] = 1 / len(classes)
    inputs = torch.cat([embeddings, torch.ones(len(samples), 1)], 1)
    weight = torch.zeros(len(names), inputs.shape[1], requires_grad=True)
    optimiser = torch.optim.LBFGS([weight], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = torch.nn.functional.cross_entropy(inputs @ weight.T, targets)
        value = value + DECAY * weight.square().sum()
        value.backward()
        return value

    optimiser.step(loss)
    return Classifier(names, weight.detach())


@dataclass
class Training:
    """Trains without some lists, embedding each text once.

    known: for what may be asked, by list. agrees: whether a prompt is understood as listed.
    """

    matcher: Matcher
    lists: Mapping[str, Path]
    known: Callable[[str], Known]
    agrees: Callable[[str, str, Known], bool]

    def __post_init__(self) -> None:
        self._embedded: dict[str, Tensor] = {}

    def embed(self, texts: Sequence[str]) -> Tensor:
        new = sorted({text for text in texts if text not in self._embedded}, key=len)
        for start in range(0, len(new), 64):
            batch = new[start : start + 64]
            self._embedded |= zip(batch, self.matcher.encoder.encode(batch))
        return torch.stack([self._embedded[text] for text in texts])

    def classifier(self, without: frozenset[str]) -> Classifier:
        """Fitted on everything but some lists and what the lexicon learnt from them."""
        lexicon = load_lexicon(without)
        samples = lexicon_samples(lexicon) + example_samples()
        for name, path in self.lists.items():
            if name not in without:
                samples += list_samples(path, lexicon)
        return fit(samples, self.embed([text for text, _ in samples]))
