"""Means: over items within each task, then over tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from polycritic.core import FloatArray, PolycriticError, lookup
from polycritic.leaderboard._matches import Matches
from polycritic.leaderboard._strengths import Strengths, cluster_sums, evidence
from polycritic.leaderboard._table import ScoreTable


@dataclass(frozen=True, slots=True)
class Mean:
    r"""The mean value: over the items of each task, then over tasks.

    .. math:: \bar x_m = \sum_t w_t\, \frac{\bar x_{mt} - c_t}{s_t}, \qquad \sum_t w_t = 1

    On matches it is the share of matches won, ties half. Errors are clustered by item and hold for items drawn at
    random within tasks; the difference of two systems is paired where they share items.

    A system without values in a task has no mean (NaN): the mean over other tasks is another number.

    Args:
        task_weights: Task name -> weight, in any unit; tasks that are not named weigh nothing. All equal if not given.
        standardise: Whether to bring each task to mean 0 and standard deviation 1 over the systems' means first.

    Raises:
        PolycriticError: A weight is negative, or names no task.

    >>> from polycritic.leaderboard import score_table
    >>> Mean()(score_table(["a", "b"] * 2, ["1", "1", "2", "2"], [1, 0, 0, 0])).estimate
    array([0.5, 0. ])
    """

    task_weights: Mapping[str, float] | None = None
    standardise: bool = False

    def __call__(self, data: Matches | ScoreTable, /) -> Strengths:
        """The means and their covariance."""
        return _win_shares(data) if isinstance(data, Matches) else self._means(data)

    def _means(self, data: ScoreTable) -> Strengths:
        k = len(data.names)
        there = ~np.isnan(data.values)
        load = there * data.weight
        filled = np.where(there, data.values, 0.0)
        tasks = len(data.tasks)
        weights = self._weights(data.tasks)
        estimate = np.zeros(k)
        covariance = np.zeros((k, k))
        for t in range(tasks):
            if weights[t] == 0:
                continue
            own = data.task == t
            part, value = load[:, own], filled[:, own]
            total = part.sum(1)
            with np.errstate(invalid="ignore"):
                mean = (part * value).sum(1) / np.where(total > 0, total, np.nan)
            centre, spread = self._standard(mean)
            estimate += weights[t] * (mean - centre) / spread
            if not np.isnan(mean).all():
                influence = part * (value - mean[:, None]) / np.where(total > 0, total, np.nan)[:, None]
                covariance += (weights[t] / spread) ** 2 * _within(influence, there[:, own])
        return Strengths(data.names, estimate, covariance, *evidence(data))

    def _weights(self, tasks: tuple[str, ...]) -> FloatArray:
        if self.task_weights is None:
            return np.full(len(tasks), 1.0 / max(len(tasks), 1))
        for name, weight in self.task_weights.items():
            lookup(name, tasks, "task")
            if not weight >= 0:
                raise PolycriticError("bad task weight", where=name, found=repr(weight), expected="a number >= 0")
        weights = np.array([self.task_weights.get(name, 0.0) for name in tasks], dtype=np.float64)
        if not weights.sum() > 0:
            raise PolycriticError("task weights are all 0", expected="one or more above 0")
        return np.asarray(weights / weights.sum(), dtype=np.float64)

    def _standard(self, mean: FloatArray) -> tuple[float, float]:
        if not self.standardise:
            return 0.0, 1.0
        known = mean[~np.isnan(mean)]
        spread = float(known.std()) if len(known) else 0.0
        if not spread > 1e-12 * max(1.0, float(np.abs(known).max(initial=0.0))):
            return float(known.mean()) if len(known) else 0.0, 1.0
        return float(known.mean()), spread


def _within(influence: FloatArray, there: FloatArray) -> FloatArray:
    """The covariance of weighted means, with n / (n - 1) for the items two systems have; NaN below two items."""
    influence = np.where(there, influence, 0.0)
    n = there.sum(1).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        small = np.sqrt(n / np.where(n > 1, n - 1.0, np.nan))
    return np.asarray((influence @ influence.T) * np.outer(small, small), dtype=np.float64)


def _win_shares(data: Matches) -> Strengths:
    k = len(data.names)
    gain = data.weight * data.outcome
    won = np.bincount(data.first, gain, k) + np.bincount(data.second, data.weight - gain, k)
    load = np.bincount(data.first, data.weight, k) + np.bincount(data.second, data.weight, k)
    with np.errstate(invalid="ignore"):
        share = won / np.where(load > 0, load, np.nan)
    to_first = data.weight * (data.outcome - share[data.first])
    to_second = data.weight * (1.0 - data.outcome - share[data.second])
    sums = cluster_sums(data, to_first, to_second)
    groups = data.items
    factor = groups / (groups - 1) if groups > 1 else np.nan
    with np.errstate(invalid="ignore", divide="ignore"):
        covariance = (sums.T @ sums).toarray() * factor / np.outer(load, load)
    return Strengths(data.names, share, covariance, *evidence(data))
