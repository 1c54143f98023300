"""Reads tags off pictures: a ridge regression of what a person saw on a network's feature maps.

The network is the perceptual one, so nothing new is fetched; crops are aligned, so a cell of its
maps always shows the same part of a face. It is fitted to the tagged faces and their mirrors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scripts.directions.faces import Readings

#: Of the ridge regression, relative to the mean squared length of the centred features. The best of
#: 0.003 to 3 for the mean correlation with held-out tags.
PENALTY = 0.5
_FOLDS = 5


@dataclass(frozen=True)
class Looks:
    """Linear readers of tags: name to its weights (F,) and value at zero."""

    weights: Mapping[str, np.ndarray]
    offsets: Mapping[str, float]

    def read(self, readings: Readings) -> dict[str, float]:
        """Tag to its value, in the units of the tags; the mean of a picture and its mirror."""
        features = readings.features.astype(np.float32).mean(axis=0)
        return {n: float(features @ w) + self.offsets[n] for n, w in self.weights.items()}


def fit_looks(readings: Sequence[Readings], tags: Mapping[str, np.ndarray]) -> Looks:
    """Fit to tagged faces; `tags` has one value a face, nan where it was not given."""
    weights, offsets = {}, {}
    for name, values in tags.items():
        known = np.flatnonzero(~np.isnan(values))
        features, repeated = _both(readings, values, known)
        weights[name], offsets[name] = _ridge(features, repeated)
    return Looks(weights, offsets)


def held_out(
    readings: Sequence[Readings], tags: Mapping[str, np.ndarray], penalty: float = PENALTY
) -> dict[str, float]:
    """Tag to the correlation of its reading with the tag, on faces that it was not fitted to."""
    scores = {}
    for name, values in tags.items():
        known = np.flatnonzero(~np.isnan(values))
        fold = np.random.default_rng(0).permutation(len(known)) % _FOLDS
        read = np.empty(len(known))
        for k in range(_FOLDS):
            w, offset = _ridge(*_both(readings, values, known[fold != k]), penalty)
            for i in np.flatnonzero(fold == k):
                mean = readings[known[i]].features.astype(np.float32).mean(axis=0)
                read[i] = mean @ w + offset
        scores[name] = float(np.corrcoef(read, values[known])[0, 1])
    return scores


def _both(
    readings: Sequence[Readings], values: np.ndarray, chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Features (2 N, F) of faces and mirrors, and the value (2 N,) of each."""
    features = np.concatenate([readings[i].features for i in chosen]).astype(np.float32)
    return features, np.repeat(values[chosen], 2)


def _ridge(
    features: np.ndarray, values: np.ndarray, penalty: float = PENALTY
) -> tuple[np.ndarray, float]:
    """Weights (F,) and offset; solved in the space of samples, of which there are fewer."""
    mean, middle = features.mean(axis=0), values.mean()
    centred = features - mean
    kernel = (centred @ centred.T).astype(np.float64)
    load = penalty * np.trace(kernel) / len(kernel) * np.eye(len(kernel))
    dual = np.linalg.solve(kernel + load, values - middle)
    weights = (centred.T @ dual.astype(np.float32)).astype(np.float32)
    return weights, float(middle - mean @ weights)
