from __future__ import annotations

from typing import NamedTuple

import numpy as np

from polycritic.core import FloatArray
from polycritic.evaluation._weights import measure, ratio, tie_groups


def kendall(score: FloatArray, label: FloatArray, weight: FloatArray | None = None) -> float:
    r"""Kendall's tau-b: pairs in the same order less pairs in the opposite order, corrected for ties on both sides.

    .. math:: \tau_b = \frac{C - D}{\sqrt{(P - T_s)(P - T_y)}}

    C and D weigh the concordant and discordant pairs, P all pairs, and the T those tied in score or in label.

    **Laws**: any increasing change of scores or labels leaves it as it is; negated scores give its negative; a weight of two is
    the row twice.

    Args:
        score: (n,) scores; NaN is left out.
        label: (n,) labels.
        weight: (n,) weights; a pair weighs their product. 1 by default.

    Returns:
        -1 to 1; NaN where either side is constant.

    >>> import numpy as np
    >>> round(kendall(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])), 12)
    0.333333333333

    References:
        Kendall (1945), The Treatment of Ties in Ranking Problems.
    """
    return measure(kendall_kernel, score, label, weight)


def concordance(score: FloatArray, label: FloatArray, weight: FloatArray | None = None) -> float:
    r"""Of two candidates with different labels, how often the better one scores higher, ties of the scores counting one half.

    .. math:: \frac{C + \tfrac12 T}{C + D + T}

    over the pairs whose labels differ, with T those of equal score. It means the same on every scale: for right and wrong it is
    the AUC, for comparisons the fractional pairwise accuracy.

    **Laws**: any increasing change of scores or labels leaves it as it is; negated scores give ``1 - concordance``; a constant
    score gives 0.5.

    Args:
        score: (n,) scores; NaN is left out.
        label: (n,) labels.
        weight: (n,) weights; a pair weighs their product. 1 by default.

    Returns:
        0 to 1; NaN where all labels are equal.

    >>> import numpy as np
    >>> concordance(np.array([1.0, 2.0, 2.0]), np.array([1.0, 3.0, 2.0]))
    0.8333333333333333

    References:
        Harrell et al. (1982), Evaluating the Yield of Medical Tests.
    """
    return measure(concordance_kernel, score, label, weight)


def kendall_kernel(score: FloatArray, label: FloatArray, weights: FloatArray) -> FloatArray:
    """See :func:`kendall`."""
    return kendall_of(count_pairs(score, label, weights))


def concordance_kernel(score: FloatArray, label: FloatArray, weights: FloatArray) -> FloatArray:
    """See :func:`concordance`."""
    return concordance_of(count_pairs(score, label, weights))


class Pairs(NamedTuple):
    """Weights of pairs of rows, (b,) each: agreeing less opposed, of different scores, of different labels."""

    net: FloatArray
    scores_differ: FloatArray
    labels_differ: FloatArray


def kendall_of(pairs: Pairs) -> FloatArray:
    """Tau-b from counts of pairs."""
    tau = ratio(pairs.net, np.sqrt(np.maximum(pairs.scores_differ * pairs.labels_differ, 0.0)))
    return np.clip(tau, -1.0, 1.0)


def concordance_of(pairs: Pairs) -> FloatArray:
    """Concordance from counts of pairs."""
    return 0.5 + 0.5 * np.clip(ratio(pairs.net, pairs.labels_differ), -1.0, 1.0)


def count_pairs(score: FloatArray, label: FloatArray, weights: FloatArray) -> Pairs:
    """Count pairs by merging, in O(b n log n): the opposed pairs are the inversions of the labels in the order of the scores."""
    columns = weights.shape[1]
    if not len(score):
        return Pairs(*(np.zeros(columns) for _ in range(3)))
    squares = weights.sum(axis=0) ** 2
    # Half the squared weight counts each row with itself once; such pairs are tied on both sides, so they cancel.
    scores_differ = _positive(0.5 * (squares - _squares(score, weights)), squares)
    labels_differ = _positive(0.5 * (squares - _squares(label, weights)), squares)
    both = 0.5 * (squares - _squares(_dense(score) * len(label) + _dense(label), weights))
    either = scores_differ + labels_differ - both  # differ in both
    order = np.lexsort((label, score))
    opposed = _inversions(_dense(label)[order].astype(np.int64), weights[order])
    return Pairs(either - 2.0 * opposed, scores_differ, labels_differ)


def _inversions(values: np.ndarray[tuple[int], np.dtype[np.int64]], weights: FloatArray) -> FloatArray:
    """The weight of the pairs i < j with values[i] > values[j]."""
    count, top = len(values), int(values.max()) + 1
    place = np.arange(count)
    total = np.zeros(weights.shape[1])
    width = 1
    while width < count:
        block = place // (2 * width)
        key = block * (top + 1) + values  # sorts by block, then by value
        left = (place // width) % 2 == 0
        lefts, rights = np.flatnonzero(left), np.flatnonzero(~left)
        lefts = lefts[np.argsort(key[lefts], kind="stable")]
        sums = np.concatenate([np.zeros((1, weights.shape[1])), np.cumsum(weights[lefts], axis=0)])
        not_above = np.searchsorted(key[lefts], key[rights], side="right")
        whole = np.searchsorted(key[lefts], block[rights] * (top + 1) + top, side="right")
        total += np.einsum("nb,nb->b", weights[rights], sums[whole] - sums[not_above])
        width *= 2
    return total


def _squares(values: FloatArray, weights: FloatArray) -> FloatArray:
    order, starts = tie_groups(values)
    sums: FloatArray = (np.add.reduceat(weights[order], starts, axis=0) ** 2).sum(axis=0)
    return sums


def _positive(weight: FloatArray, scale: FloatArray) -> FloatArray:
    """Rounding must not make pairs where there are none."""
    return np.where(weight > 1e-13 * scale, weight, 0.0)


def _dense(values: FloatArray) -> FloatArray:
    return np.unique(values, return_inverse=True)[1].astype(np.float64)
