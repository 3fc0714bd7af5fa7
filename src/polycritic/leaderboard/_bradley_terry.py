"""Bradley-Terry: strengths from comparisons, with ties, covariates and honest errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from polycritic.core import FloatArray, IntArray
from polycritic.evaluation._glm import (
    FALLBACK_RIDGE,
    Design,
    Fit,
    Model,
    cluster_covariance,
    fit,
    model,
    refit,
    row_covariance,
)
from polycritic.leaderboard._matches import Matches
from polycritic.leaderboard._strengths import Coefficient, Strengths, evidence
from polycritic.leaderboard._table import ScoreTable, as_matches
from polycritic.leaderboard._ties import Davidson, HalfWin, Ties

_DISTINCT = 16
_CHUNK = 500_000


@dataclass(frozen=True, slots=True)
class BradleyTerry:
    r"""Strengths whose differences are the log-odds of winning.

    .. math:: \operatorname{logit} P(i \succ j) = \theta_i - \theta_j + x_{ij}^\top \beta

    Maximum likelihood by Newton's method on counted outcomes. Errors are sandwich errors, clustered by item where rows
    name their items, so they hold where the model does not. Strengths have mean 0 in each connected component. Where
    the likelihood has no finite maximum (a system that only won or only lost, ties alone), a ridge of 0.1 holds all
    parameters, errors are those of the ridge, and a note says so.

    **Laws**: swapping sides, permuting rows and relabelling systems change nothing; a row of weight 2 is two rows.

    Args:
        ties: How ties count; :class:`Davidson` where there are ties if not given.
        ridge: Penalty on strengths, ``ridge / 2`` times their sum of squares, in units of the total loss.
        covariate_ridge: The same on the covariates' coefficients.

    References:
        Bradley and Terry (1952), Rank analysis of incomplete block designs; Hunter (2004), MM algorithms for
        generalized Bradley-Terry models.

    >>> from polycritic.leaderboard import matches
    >>> found = BradleyTerry()(matches(["a"] * 4, ["b"] * 4, [1, 1, 1, 0]))
    >>> float(round(found.estimate[0] - found.estimate[1], 6))
    1.098612
    """

    ties: Ties | None = None
    ridge: float = 0.0
    covariate_ridge: float = 0.0

    def __call__(self, data: Matches | ScoreTable, /) -> Strengths:
        """How strong each system is, in natural log-odds."""
        rows = as_matches(data)
        count, component, shared = evidence(rows)
        ties, cells, problem = self._problem(rows, component)
        found = fit(problem)
        covariance = _covariance(rows, cells, problem, found)
        k = len(rows.names)
        return Strengths(
            rows.names,
            found.parameters[:k],
            covariance[:k, :k],
            count,
            component,
            shared,
            _coefficients(rows, ties, self.ties, found, covariance),
            _notes(rows, found, component),
        )

    def resample(self, data: Matches, times: int, seed: int, /) -> FloatArray:
        """(times, k) estimates on items (or rows, where there are none) drawn with replacement."""
        _, component, _ = evidence(data)
        _, cells, problem = self._problem(data, component)
        found = fit(problem)
        k = len(data.names)
        drawn = np.empty((times, k))
        step = max(1, _CHUNK // max(len(problem.weight), 1))
        for start in range(0, times, step):
            stop = min(start + step, times)
            weights = _resampled(data, cells, stop - start, np.random.default_rng([seed, start]))
            drawn[start:stop] = refit(problem, found, weights)[:k].T
            there = abs(problem.designs[0].sparse[:, :k]).T @ weights > 0
            drawn[start:stop][~there.T] = np.nan
        return drawn

    def _problem(self, rows: Matches, component: IntArray) -> tuple[Ties, _Cells, Model]:
        tied = bool((rows.outcome == 0.5).any())
        ties = (Davidson() if tied else HalfWin()) if self.ties is None else self.ties if tied else HalfWin()
        cells = _cells(rows)
        k, n, extra = len(rows.names), len(cells.outcome), int(bool(ties.name))
        pair = sparse.csr_array(
            (
                np.tile([1.0, -1.0], n),
                np.column_stack([cells.first, cells.second]).ravel(),
                np.arange(0, 2 * n + 1, 2),
            ),
            shape=(n, k + extra),
        )
        dense = np.column_stack(list(rows.covariates.values())) if rows.covariates else None
        designs = [Design(pair, dense)]
        if extra:
            tie = sparse.csr_array((np.ones(n), np.full(n, k), np.arange(n + 1)), shape=(n, k + 1))
            designs.append(Design(tie, None if dense is None else np.zeros_like(dense)))
        features = len(rows.covariates)
        ridge = np.concatenate([np.full(k, self.ridge), np.zeros(extra), np.full(features, self.covariate_ridge)])
        start = np.concatenate([np.zeros(k), np.full(extra, ties.start), np.zeros(features)])
        free = np.zeros((component.max(initial=-1) + 1, len(ridge)))
        free[component, np.arange(k)] = 1.0
        problem = model(designs, ties.family, cells.outcome, weight=cells.weight, ridge=ridge, free=free, start=start)
        return ties, cells, problem


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """Rows that say the same, counted: much fewer than rows where outcomes are win, tie and loss.

    ``first``, ``second``, ``outcome`` are (c,); ``weight`` and ``squared`` sum the rows' weights and their squares,
    ``count`` counts them; ``cell`` is (n,), the cell of each row.
    """

    first: IntArray
    second: IntArray
    outcome: FloatArray
    weight: FloatArray
    squared: FloatArray
    count: IntArray
    cell: IntArray


def _cells(rows: Matches) -> _Cells:
    n, k = len(rows), len(rows.names)
    values = None if rows.covariates else _few_values(rows.outcome)
    if values is None:
        own = np.arange(n)
        return _Cells(rows.first, rows.second, rows.outcome, rows.weight, rows.weight**2, np.ones(n, np.int64), own)
    levels, level = values
    swap = rows.first > rows.second
    pair = np.where(swap, rows.second * k + rows.first, rows.first * k + rows.second)
    key = pair * len(levels) + np.where(swap, len(levels) - 1 - level, level)
    count = np.bincount(key, minlength=k * k * len(levels))
    used = np.flatnonzero(count)
    place = np.zeros(len(count), dtype=np.int64)
    place[used] = np.arange(len(used))
    cell = place[key]
    if len(rows.weight) and (rows.weight == rows.weight[0]).all():
        weight, squared = count[used] * rows.weight[0], count[used] * rows.weight[0] ** 2
    else:
        weight = np.bincount(cell, rows.weight, len(used))
        squared = np.bincount(cell, rows.weight**2, len(used))
    first, second = np.divmod(used // len(levels), k)
    return _Cells(first, second, levels[used % len(levels)], weight, squared, count[used], cell)


def _few_values(outcome: FloatArray) -> tuple[FloatArray, IntArray] | None:
    """The distinct outcomes, closed under swapping sides, and the index of each row's; None where they are many."""
    doubled = outcome * 2.0
    code = doubled.astype(np.int64)
    if (code == doubled).all():
        return np.array([0.0, 0.5, 1.0]), code
    if len(np.unique(outcome[:1000])) > _DISTINCT:
        return None
    levels = np.unique(np.concatenate([outcome, 1.0 - outcome]).round(12))
    index = np.searchsorted(levels, outcome.round(12))
    if len(levels) > 2 * _DISTINCT or not np.array_equal(levels[::-1], (1.0 - levels).round(12)):
        return None
    return levels, index


def _clusters(rows: Matches, cells: _Cells) -> Any:
    item = np.arange(len(rows)) if rows.item is None else rows.item
    return sparse.csr_array((rows.weight, (item, cells.cell)), shape=(rows.items, len(cells.count)))


def _covariance(rows: Matches, cells: _Cells, problem: Model, found: Fit) -> FloatArray:
    if found.shrunk:
        return found.inverse()
    if rows.item is None:
        covariance = row_covariance(problem, found, cells.squared)
    else:
        covariance = cluster_covariance(problem, found, _clusters(rows, cells))
    # Rows that all say just what the model says (ties alone between equals) leave no residual to learn errors from.
    return found.inverse() if (np.diag(covariance) <= 1e-18).all() else covariance


def _resampled(rows: Matches, cells: _Cells, times: int, rng: np.random.Generator) -> FloatArray:
    """(c, times) total weight of each cell when items are drawn with replacement."""
    n = len(rows)
    if rows.item is None and np.array_equal(cells.weight * cells.weight, cells.squared * cells.count):
        drawn = rng.multinomial(n, cells.count / n, size=times).T
        return np.asarray(drawn * (cells.weight / cells.count)[:, None], dtype=np.float64)
    groups = rows.items
    times_drawn = np.empty((groups, times))
    for b in range(times):
        times_drawn[:, b] = np.bincount(rng.integers(groups, size=groups), minlength=groups)
    return np.asarray(_clusters(rows, cells).T @ times_drawn, dtype=np.float64)


def _coefficients(
    rows: Matches, ties: Ties, asked: Ties | None, found: Fit, covariance: FloatArray
) -> tuple[Coefficient, ...]:
    k = len(rows.names)
    errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    listed = []
    if ties.name:
        value = float(np.exp(found.parameters[k]))
        listed.append(Coefficient(ties.name, value, value * float(errors[k])))
    elif asked is not None and asked.name:
        listed.append(Coefficient(asked.name, asked.none, float("nan")))
    for j, name in enumerate(rows.covariates, start=k + int(bool(ties.name))):
        listed.append(Coefficient(name, float(found.parameters[j]), float(errors[j])))
    return tuple(listed)


def _notes(rows: Matches, found: Fit, component: IntArray) -> tuple[str, ...]:
    notes = []
    if rows.abstained:
        notes.append(f"{rows.abstained} rows had no outcome and were left out")
    if component.max(initial=0) > 0:
        notes.append(f"{component.max() + 1} components were never compared with each other")
    if found.shrunk:
        k = len(rows.names)
        won = np.bincount(rows.first, rows.weight * rows.outcome, k)
        won += np.bincount(rows.second, rows.weight * (1.0 - rows.outcome), k)
        lost = np.bincount(rows.first, rows.weight * (1.0 - rows.outcome), k)
        lost += np.bincount(rows.second, rows.weight * rows.outcome, k)
        ends = [
            f"{what}: {', '.join(np.array(rows.names)[which])}"
            for what, which in (("only won", (lost == 0) & (won > 0)), ("only lost", (won == 0) & (lost > 0)))
            if which.any()
        ]
        reason = f" ({'; '.join(ends)})" if ends else ""
        notes.append(f"no finite maximum of the likelihood{reason}: a ridge of {FALLBACK_RIDGE} holds the strengths")
    return tuple(notes)
