"""Wins of every system over every other, as one matrix."""

from __future__ import annotations

import numpy as np

from polycritic.core import FloatArray
from polycritic.leaderboard._matches import Matches
from polycritic.leaderboard._table import ScoreTable


def pairwise_wins(data: Matches | ScoreTable) -> FloatArray:
    """How often each system beat each other one; a tie is half a win for both.

    On a table each item is a voter that prefers higher values; gaps are no votes.

    Returns:
        (k, k) weight of the wins of the row over the column, with a diagonal of 0.

    >>> from polycritic.leaderboard import matches
    >>> pairwise_wins(matches(["a", "a"], ["b", "b"], [1, 0.5]))
    array([[0. , 1.5],
           [0.5, 0. ]])
    """
    k = len(data.names)
    if isinstance(data, Matches):
        forth = np.bincount(data.first * k + data.second, data.weight * data.outcome, k * k).reshape(k, k)
        back = np.bincount(data.second * k + data.first, data.weight * (1.0 - data.outcome), k * k).reshape(k, k)
        return np.asarray(forth + back, dtype=np.float64)
    wins = np.zeros((k, k))
    for a in range(k):
        gap = data.values[a] - data.values
        wins[a] = ((gap > 0) + 0.5 * (gap == 0)) @ data.weight
    np.fill_diagonal(wins, 0.0)
    return wins


def borda_points(values: FloatArray) -> FloatArray:
    """(k, n) how many others each system beats on each item, ties half; 0 where it has no value.

    >>> borda_points(np.array([[2.0], [np.nan], [1.0], [2.0]])).ravel()
    array([1.5, 0. , 0. , 1.5])
    """
    from scipy.stats import rankdata

    there = ~np.isnan(values)
    ranks = rankdata(values, method="average", axis=0, nan_policy="omit")
    return np.where(there, ranks - 1.0, 0.0)
