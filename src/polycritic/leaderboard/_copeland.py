"""Copeland: how many opponents each system beats by majority."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polycritic.leaderboard._matches import Matches
from polycritic.leaderboard._pairwise import pairwise_wins
from polycritic.leaderboard._strengths import Strengths, evidence
from polycritic.leaderboard._table import ScoreTable


@dataclass(frozen=True, slots=True)
class Copeland:
    """The number of opponents beaten more often than not, even ones half; opponents never met count for nothing.

    A system that beats every other by majority comes first. It says no errors: resample for them.

    References:
        Copeland (1951), A reasonable social welfare function.

    >>> from polycritic.leaderboard import matches
    >>> Copeland()(matches(["a", "a", "b"], ["b", "c", "c"], [1, 1, 0.5])).estimate
    array([2. , 0.5, 0.5])
    """

    def __call__(self, data: Matches | ScoreTable, /) -> Strengths:
        """The Copeland scores."""
        wins = pairwise_wins(data)
        # Sums of weights in different orders differ in their last digits, which must not decide a majority.
        even = np.isclose(wins, wins.T, rtol=1e-12, atol=0.0) & (wins + wins.T > 0)
        score = ((wins > wins.T) & ~even).sum(1) + 0.5 * even.sum(1)
        return Strengths(data.names, score.astype(np.float64), None, *evidence(data))
