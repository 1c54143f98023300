"""Train the matcher: python -m scripts.train_matcher

Its samples are the lexicon's phrases, examples.toml and the lists of tests/mappers/prompts, as far
as a prompt of these is one clause that asks for one thing or for nothing that can be done. The
thresholds are fitted on lists that were left out of the training.
"""

from __future__ import annotations

import copy
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from mappers.prompts.clauses import match
from mappers.prompts.lexicon import HERE, Lexicon, Phrase, load_lexicon, split_phrases
from mappers.prompts.matcher import NOTHING, WEIGHTS, Classifier, Matcher, class_of, find_matcher
from mappers.prompts.understanding import matched, readers
from mappers.prompts.words import read

LISTS = HERE.parents[1] / "tests" / "mappers" / "prompts"
#: Weight decay and steps of the fit, chosen on the accuracy over lists left out.
DECAY, STEPS = 3e-6, 80
#: How much an impossible wish that is granted counts against one that is understood.
HARM = 4.0
#: Parts that the lists are left out in, several authors each.
FOLDS = 4

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
        (text, frozenset([NOTHING]))
        for texts in tables["nothing"].values()
        for text in split_phrases(texts)
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


def heard(path: Path, lexicon: Lexicon) -> set[Phrase]:
    """The phrases and words of the lexicon that a list uses."""
    found: set[Phrase] = set()
    for prompt, _ in rows_of(path):
        words = read(prompt, lexicon)[0]
        found |= {(form,) for word in words for form in word.forms}
        found |= {match(words[i:], lexicon)[1] for i in range(len(words))} - {()}
    return found


def unlearn(lexicon: Lexicon, gone: set[Phrase]) -> Lexicon:
    """The lexicon without some phrases and words; its grammatical words stay."""
    words = {phrase[0] for phrase in gone if len(phrase) == 1}
    found = Lexicon(tables=lexicon.tables, words=dict(lexicon.words))
    found.phrases = {p: entry for p, entry in lexicon.phrases.items() if p not in gone}
    for name, noun in lexicon.nouns.items():
        described = {w: asks for w, asks in noun.described.items() if w not in words}
        if name not in words:
            found.nouns[name] = replace(noun, described=described)
    found.classes = {name: group - words for name, group in lexicon.classes.items()}
    found.kinds = {word: asks for word, asks in lexicon.kinds.items() if word not in words}
    for name in found.words:
        if name.startswith(("fillers", "never")) and name != "fillers.grammar":
            found.words[name] = found.words[name] - words
    return found


class Training:
    """Trains without some lists, embedding each text once.

    Args:
        matcher: whose encoder is used. lists: paths of the lists, by name.
    """

    def __init__(self, matcher: Matcher, lists: Mapping[str, Path]) -> None:
        self.matcher, self.lists = matcher, lists
        self._embedded: dict[str, Tensor] = {}

    def encode(self, texts: Sequence[str]) -> Tensor:
        new = sorted({text for text in texts if text not in self._embedded}, key=len)
        for start in range(0, len(new), 64):
            batch = new[start : start + 64]
            self._embedded |= zip(batch, self.matcher.encoder.encode(batch), strict=True)
        return torch.stack([self._embedded[text] for text in texts])

    def fitted(self, without: Sequence[str], lexicon: Lexicon) -> Classifier:
        """Fitted on everything but some lists."""
        samples = lexicon_samples(lexicon) + example_samples()
        for name, path in self.lists.items():
            samples += list_samples(path, lexicon) if name not in without else []
        return fit(samples, self.encode([text for text, _ in samples]))

    def left_out(self, names: Sequence[str], strictly: bool) -> tuple[Lexicon, Classifier]:
        """Lexicon and classifier without what was learnt from some lists.

        strictly: without every word of the lexicon, too, that no other list uses.
        """
        lexicon = load_lexicon(frozenset(names))
        if strictly:
            uses = {name: heard(path, lexicon) for name, path in self.lists.items()}
            own = set().union(*(uses[name] for name in names))
            others = set().union(*(uses[name] for name in uses if name not in names))
            lexicon = unlearn(lexicon, own - others)
        return lexicon, self.fitted(names, lexicon)


def main() -> int:
    """Fit the classifier on everything, its thresholds on lists left out, and write its file."""
    matcher = find_matcher()
    if matcher is None:
        print("First: python -m checkpoints fetch minilm.safetensors minilm-vocab", file=sys.stderr)
        return 1
    training = Training(matcher, {path.stem: path for path in sorted(LISTS.glob("*.txt"))})
    names = list(training.lists)
    judged = [row for i in range(FOLDS) for row in judge(training, names[i::FOLDS])]
    found = training.fitted((), load_lexicon())
    found.confirmed, found.alone = (
        threshold([r for r in judged if r.known is k]) for k in (True, False)
    )
    found.save(WEIGHTS)
    print(
        f"{WEIGHTS}: {len(found.names)} classes, "
        f"thresholds {found.confirmed:.2f}, {found.alone:.2f}"
    )
    return 0


@dataclass(frozen=True)
class Judged:
    """A clause beyond the lexicon: whether words of it were known, and whether its best class,
    from `chance` on, would be as listed, or would do what cannot be done."""

    known: bool
    chance: float
    right: bool
    harm: bool


def judge(training: Training, names: Sequence[str]) -> list[Judged]:
    """The clauses of lists that the lexicon, strictly without them, does not understand."""
    lexicon, classifier = training.left_out(names, strictly=True)
    classifier.confirmed = classifier.alone = 0.0
    matcher, found = copy.copy(training.matcher), []
    matcher.classifier = classifier
    for prompt, expected in [row for name in names for row in rows_of(training.lists[name])]:
        for reader in readers(read(prompt, lexicon)[0], lexicon):
            known = bool(reader.wishes)
            partly = expected.endswith("?") and not expected.startswith(NOTHING)
            if partly or not (chance := matched(reader, matcher)):
                continue
            asked = {class_of(ask) for wish in chance for ask in wish.asks}
            wanted = {edit.strip("()") for edit in expected.rstrip(" ?").split()}
            found.append(Judged(known, chance[0].confidence, asked <= wanted, NOTHING in wanted))
    return found


def threshold(judged: Sequence[Judged]) -> float:
    """The chance from which on most is gained."""
    steps = [step / 50 for step in range(10, 50)]
    return max(
        steps,
        key=lambda s: sum(
            (j.right - HARM * j.harm - 0.3 * (not j.right)) for j in judged if j.chance >= s
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
