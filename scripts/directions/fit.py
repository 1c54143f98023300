"""Fits directions of W to measures of generated faces, and takes out what leaks.

After Shen et al. 2020 (InterFaceGAN): an attribute's normal in W, made orthogonal to what must not
change with it. Their normal is that of a linear SVM between the faces with most and least of the
attribute; a ridge regression of the measured value itself predicts held-out faces better from as
many samples (`compare` measures both), so that is what the shipped directions are made of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np


def svm_boundary(w: np.ndarray, values: np.ndarray, share: float, penalty: float) -> np.ndarray:
    """The unit normal (512,) that separates the top from the bottom `share` of `values`.

    w: (N, 512), values: (N,), share: 0 to 0.5, penalty: C of the linear SVM on w scaled to unit
    root mean square. Needs scikit-learn, which nothing else here does.
    """
    from sklearn.svm import LinearSVC

    order = np.argsort(values, kind="stable")
    count = round(share * len(values))
    chosen = np.concatenate([order[:count], order[-count:]])
    labels = np.repeat([0, 1], count)
    model = LinearSVC(C=penalty, dual=True, max_iter=20_000, random_state=0)
    return unit(model.fit(_scaled(w)[chosen], labels).coef_[0])


def ridge(w: np.ndarray, values: np.ndarray, penalty: float) -> np.ndarray:
    """Coefficients (512, D) of the ridge regression of `values` (N, D) on w (N, 512).

    w is scaled to unit root mean square; `penalty` is per sample, relative to that.
    """
    x = _scaled(w).astype(np.float64)
    y = values - values.mean(0)
    return np.linalg.solve(x.T @ x + penalty * len(x) * np.eye(x.shape[1]), x.T @ y)


def ridge_normal(w: np.ndarray, values: np.ndarray, penalty: float) -> np.ndarray:
    """The unit vector (512,) along which a ridge regression has `values` (N,) rise."""
    return unit(ridge(w, values[:, None], penalty)[:, 0])


def unit(vector: np.ndarray) -> np.ndarray:
    """The vector at length 1."""
    return vector / np.linalg.norm(vector)


def least_change(
    target: np.ndarray, leaks: Sequence[np.ndarray], burden: np.ndarray, weight: float
) -> np.ndarray:
    """The unit vector that moves `target` at the least cost and leaves every leak where it is.

    Minimises |d|^2 + weight * |burden' d|^2 with target' d = 1 and leak' d = 0. With weight 0 it is
    the conditional projection of InterFaceGAN: `target` made orthogonal to the leaks.

    target, leaks: normals (512,). burden: (512, D), what else changes, here the descriptor of
    identity; it is scaled to a Frobenius norm of 1.
    """
    scale = (burden**2).sum()
    metric = np.eye(len(target)) + weight * (burden @ burden.T) / scale
    normals = np.stack([target, *leaks], axis=1)
    eased = np.linalg.solve(metric, normals)
    wanted = np.zeros(normals.shape[1])
    wanted[0] = 1
    return unit(eased @ np.linalg.solve(normals.T @ eased, wanted))


def explained(direction: np.ndarray, w: np.ndarray, values: np.ndarray) -> float:
    """Correlation (-1 to 1) of the position of w along a direction with the measured values."""
    return float(np.corrcoef(w @ direction, values)[0, 1])


def held_out(
    fit: Callable[[np.ndarray, np.ndarray], np.ndarray],
    w: np.ndarray,
    values: np.ndarray,
    folds: int = 5,
) -> float:
    """Mean over folds of how well `fit` on the other folds explains a fold it has not seen."""
    fold = np.random.default_rng(0).permutation(len(w)) % folds
    scores = [
        explained(fit(w[fold != k], values[fold != k]), w[fold == k], values[fold == k])
        for k in range(folds)
    ]
    return float(np.mean(scores))


def _scaled(w: np.ndarray) -> np.ndarray:
    return (w - w.mean(0)) / w.std()
