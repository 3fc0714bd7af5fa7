"""Borda: how many opponents each system beats, summed over voters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polycritic.leaderboard._matches import Matches
from polycritic.leaderboard._pairwise import borda_points, pairwise_wins
from polycritic.leaderboard._strengths import Strengths, cluster_sums, evidence, total_covariance
from polycritic.leaderboard._table import ScoreTable


@dataclass(frozen=True, slots=True)
class Borda:
    r"""The number of wins over all others, ties half.

    .. math:: B_a = \sum_b \big( \#(a \succ b) + \tfrac12 \#(a \sim b) \big)

    On a table each item is a voter and ranks are average ranks, so the order of rows decides nothing. On matches
    systems that met more often have more to win; see :class:`Mean` for shares. Errors are exact for items drawn at
    random.

    **Laws**: any increasing function of an item's values changes nothing.

    References:
        Borda (1781), Mémoire sur les élections au scrutin; Colombo et al. (2022), What are the best systems? New
        perspectives on NLP benchmarking.

    >>> from polycritic.leaderboard import score_table
    >>> Borda()(score_table(["a", "b", "c"], ["1", "1", "1"], [0.9, 0.9, 0.1])).estimate
    array([1.5, 1.5, 0. ])
    """

    def __call__(self, data: Matches | ScoreTable, /) -> Strengths:
        """The Borda counts."""
        if isinstance(data, Matches):
            gain = data.weight * data.outcome
            covariance = total_covariance(cluster_sums(data, gain, data.weight - gain))
        else:
            covariance = total_covariance(borda_points(data.values).T * data.weight[:, None])
        return Strengths(data.names, pairwise_wins(data).sum(1), covariance, *evidence(data))


@dataclass(frozen=True, slots=True)
class TwoLevelBorda:
    """Borda over items within each task, then Borda over tasks: every task is one voter, whatever its size.

    Takes a table; of matches it makes one task. It says no errors: resample for them.

    References:
        Colombo et al. (2022), What are the best systems? New perspectives on NLP benchmarking.

    >>> from polycritic.leaderboard import score_table
    >>> table = score_table(["a", "b"] * 4, [1, 1, 2, 2, 3, 3, 4, 4], [1, 0, 1, 0, 1, 0, 0, 1], task=list("ssssssuu"))
    >>> Borda()(table).estimate, TwoLevelBorda()(table).estimate
    (array([3., 1.]), array([1., 1.]))
    """

    def __call__(self, data: Matches | ScoreTable, /) -> Strengths:
        """The Borda counts over tasks."""
        if isinstance(data, Matches):
            first = [pairwise_wins(data).sum(1)]
        else:
            points = borda_points(data.values) * data.weight
            first = []
            for task in range(len(data.tasks)):
                own = data.task == task
                seen = ~np.isnan(data.values[:, own]).all(1)
                first.append(np.where(seen, points[:, own].sum(1), np.nan))
        return Strengths(data.names, borda_points(np.array(first).T).sum(1), None, *evidence(data))
