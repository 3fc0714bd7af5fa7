"""Elo: ratings that move with every match."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from polycritic.core import FloatArray, IntArray
from polycritic.leaderboard._matches import Matches
from polycritic.leaderboard._strengths import Strengths, evidence
from polycritic.leaderboard._table import ScoreTable, as_matches

_SCALE = 400.0 / math.log(10.0)


@dataclass(frozen=True, slots=True)
class Elo:
    r"""Ratings updated match by match.

    .. math:: r_a \leftarrow r_a + K \Big(y - \frac{1}{1 + 10^{(r_b - r_a)/400}}\Big)

    The last matches count most, so the order of rows matters. Where it should not, set ``permutations`` and get the mean
    over that many random orders, or use :class:`BradleyTerry`. Estimates are in natural log-odds, mean-free as all
    systems start level; ``elo(board, at=1500)`` shows points. It says no errors: resample for them.

    Args:
        k: Points that one match can move.
        permutations: 0 takes rows in their order; else the mean over so many random orders.
        seed: Of the random orders.

    References:
        Elo (1978), The rating of chessplayers, past and present.

    >>> from polycritic.leaderboard import matches
    >>> (Elo(k=32)(matches(["a"], ["b"], [1])).estimate * 400 / np.log(10)).round(6)
    array([ 16., -16.])
    """

    k: float = 32.0
    permutations: int = 0
    seed: int = 0

    def __call__(self, data: Matches | ScoreTable, /) -> Strengths:
        """The ratings after the last match, in natural log-odds."""
        rows = as_matches(data)
        if not self.permutations:
            estimate = self._in_order(rows)
        else:
            rng = np.random.default_rng(self.seed)
            orders = np.column_stack([rng.permutation(len(rows)) for _ in range(self.permutations)])
            estimate = self._over_orders(rows, orders)
        return Strengths(rows.names, estimate, None, *evidence(rows))

    def _in_order(self, rows: Matches) -> FloatArray:
        rating = [0.0] * len(rows.names)
        step = self.k / _SCALE
        columns = (rows.first.tolist(), rows.second.tolist(), rows.outcome.tolist(), rows.weight.tolist())
        for a, b, won, weight in zip(*columns, strict=True):
            gap = rating[a] - rating[b]
            chance = 1.0 / (1.0 + math.exp(-gap)) if gap > -700.0 else 0.0
            move = step * weight * (won - chance)
            rating[a] += move
            rating[b] -= move
        return np.array(rating)

    def _over_orders(self, rows: Matches, orders: IntArray) -> FloatArray:
        """All orders step together, one match of each at a time."""
        times = orders.shape[1]
        rating = np.zeros((times, len(rows.names)))
        every = np.arange(times)
        step = self.k / _SCALE
        for match in orders:
            a, b = rows.first[match], rows.second[match]
            chance = 1.0 / (1.0 + np.exp(np.minimum(rating[every, b] - rating[every, a], 700.0)))
            move = step * rows.weight[match] * (rows.outcome[match] - chance)
            rating[every, a] += move
            rating[every, b] -= move
        return np.asarray(rating.mean(0), dtype=np.float64)
