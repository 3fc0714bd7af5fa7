from __future__ import annotations

import numpy as np

from polycritic.core import BoolArray, FloatArray
from polycritic.evaluation._weights import measure, ratio, sides, tie_groups


def accuracy(
    score: FloatArray, label: FloatArray, weight: FloatArray | None = None, *, threshold: float = 0.5
) -> float:
    """The share of rows on the right side of a threshold: scores from it upwards say right.

    **Laws**: order of the rows does not matter; shifting scores and threshold together changes nothing.

    Args:
        score: (n,) scores; NaN is left out.
        label: (n,) 1 right, 0 wrong; soft labels count as the side they lean to, within 0.01 of one half as neither.
        weight: (n,) weights; 1 by default.
        threshold: One half is natural for probabilities.

    Returns:
        0 to 1; NaN where no row is left.

    >>> import numpy as np
    >>> accuracy(np.array([0.9, 0.5, 0.1]), np.array([1, 0, 0]))
    0.6666666666666666
    """
    return measure(lambda s, y, w: _accuracy(s >= threshold, y, w), score, label, weight)


def best_accuracy(score: FloatArray, label: FloatArray, weight: FloatArray | None = None) -> float:
    """The accuracy at the threshold that suits these rows best: how far the scores could go if somebody set it.

    It is chosen on the rows it is measured on, so it never falls below the larger class, nor below :func:`accuracy` at any
    threshold.

    **Laws**: any increasing change of the scores leaves it as it is.

    Args:
        score: (n,) scores, any unit; NaN is left out.
        label: (n,) 1 right, 0 wrong, as for :func:`accuracy`.
        weight: (n,) weights; 1 by default.

    Returns:
        0 to 1; NaN where no row is left.

    >>> import numpy as np
    >>> best_accuracy(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 1, 0, 1]))
    0.75
    """
    return measure(best_accuracy_kernel, score, label, weight)


def best_threshold(score: FloatArray, label: FloatArray, weight: FloatArray | None = None) -> float:
    """The threshold of :func:`best_accuracy`: midway between two scores; the lowest where several serve.

    It is infinite where calling everything right (``-inf``) or wrong (``inf``) is best, and NaN where no row is left.

    >>> import numpy as np
    >>> best_threshold(np.array([0.1, 0.2, 0.6, 0.8]), np.array([0, 0, 1, 1]))
    0.4
    """
    return measure(_threshold_kernel, score, label, weight)


def accuracy_kernel(score: FloatArray, label: FloatArray, weights: FloatArray) -> FloatArray:
    """See :func:`accuracy`, at one half."""
    return _accuracy(score >= 0.5, label, weights)


def best_accuracy_kernel(score: FloatArray, label: FloatArray, weights: FloatArray) -> FloatArray:
    """See :func:`best_accuracy`."""
    correct, total = _correct(score, label, weights)
    return ratio(correct.max(axis=0), total)


def _threshold_kernel(score: FloatArray, label: FloatArray, weights: FloatArray) -> FloatArray:
    correct, total = _correct(score, label, weights)
    values = np.unique(score)
    cuts = np.r_[-np.inf, 0.5 * (values[1:] + values[:-1]), np.inf] if len(values) else np.array([np.nan])
    return np.where(total > 0, cuts[correct.argmax(axis=0)], np.nan)


def _accuracy(says_right: BoolArray, label: FloatArray, weights: FloatArray) -> FloatArray:
    right, wrong = sides(label)
    hit = np.where(says_right, right, wrong).astype(np.float64)
    return ratio(hit @ weights, (right | wrong).astype(np.float64) @ weights)


def _correct(score: FloatArray, label: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What is judged rightly with the threshold below each of the k distinct scores and above all, (k + 1, b); the total (b,)."""
    if not len(score):
        return np.zeros((1, weights.shape[1])), np.zeros(weights.shape[1])
    order, starts = tie_groups(score)
    right, wrong = sides(label[order])
    ordered = weights[order]
    gain = np.add.reduceat(ordered * (wrong * 1.0 - right)[:, None], starts, axis=0)
    positive = right @ ordered
    correct = np.concatenate([np.zeros_like(positive)[None], np.cumsum(gain, axis=0)]) + positive
    return correct, positive + wrong @ ordered
