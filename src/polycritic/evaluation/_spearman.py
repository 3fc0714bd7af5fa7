from __future__ import annotations

import numpy as np

from polycritic.core import FloatArray
from polycritic.evaluation._weights import measure, tie_groups


def spearman(score: FloatArray, label: FloatArray, weight: FloatArray | None = None) -> float:
    r"""Spearman's rank correlation: Pearson's correlation of mid-ranks.

    .. math:: \rho = \mathrm{corr}_w(R(s), R(y)), \quad R(x_i) = \sum_{x_j < x_i} w_j + \tfrac12 \sum_{x_j = x_i} w_j

    **Laws**: any increasing change of scores or labels leaves it as it is; negated scores give its negative; a weight of two is
    the row twice.

    Args:
        score: (n,) scores; NaN is left out.
        label: (n,) labels.
        weight: (n,) weights; 1 by default.

    Returns:
        -1 to 1; NaN where either side is constant.

    >>> import numpy as np
    >>> round(spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])), 12)
    0.5

    References:
        Spearman (1904), The Proof and Measurement of Association between Two Things.
    """
    return measure(spearman_kernel, score, label, weight)


def spearman_kernel(score: FloatArray, label: FloatArray, weights: FloatArray) -> FloatArray:
    """See :func:`spearman`."""
    result = np.full(weights.shape[1], np.nan)
    if not len(score):
        return result
    total = weights.sum(axis=0)
    ranks, places = (_centred_ranks(values, weights, total) for values in (score, label))
    weighted = ranks * weights
    covariance = np.einsum("nb,nb->b", weighted, places)
    spread = np.einsum("nb,nb->b", weighted, ranks) * np.einsum("nb,nb,nb->b", weights, places, places)
    np.divide(covariance, np.sqrt(spread), out=result, where=spread > 1e-20 * total**6)
    result.clip(-1.0, 1.0, out=result)
    return result


def _centred_ranks(values: FloatArray, weights: FloatArray, total: FloatArray) -> FloatArray:
    """Weighted mid-ranks (n, b) less their mean, which is half the total weight."""
    order, starts = tie_groups(values)
    groups = np.add.reduceat(weights[order], starts, axis=0)
    middle = np.cumsum(groups, axis=0) - 0.5 * groups - 0.5 * total
    group = np.empty(len(values), dtype=np.int64)
    group[order] = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(values)]))
    ranks: FloatArray = middle[group]
    return ranks
