"""Which differences are real: paired comparisons and corrections for looking at many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from polycritic.core import FloatArray
from polycritic.leaderboard._table import ScoreTable

Adjustment = Callable[[FloatArray], FloatArray]
"""A correction of p-values for their number, such as :func:`holm`."""


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """Two systems against each other.

    Args:
        first: A system.
        second: Another.
        difference: First minus second.
        error: Its standard error, clustered by item.
        p: Two-sided p-value, corrected where that was asked for.
        shared: How many items (or, without items, matches) both have.

    >>> PairedComparison("a", "b", 0.5, 0.1, 1e-6, 40).difference
    0.5
    """

    first: str
    second: str
    difference: float
    error: float
    p: float
    shared: int


def holm(p: ArrayLike) -> FloatArray:
    """Holm's p-values: below 5 % together they hold a false one with a chance of at most 5 %. NaN stays NaN.

    **Laws**: keeps the order; never below ``p``, never above Bonferroni's.

    References:
        Holm (1979), A simple sequentially rejective multiple test procedure.

    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    return _sorted_steps(p, lambda ordered, m: np.maximum.accumulate(ordered * (m - np.arange(m))))


def benjamini_hochberg(p: ArrayLike) -> FloatArray:
    """Benjamini and Hochberg's p-values: of those below 5 % an expected 5 % are false. NaN stays NaN.

    **Laws**: keeps the order; never below ``p``, never above Holm's.

    References:
        Benjamini and Hochberg (1995), Controlling the false discovery rate.

    >>> benjamini_hochberg([0.01, 0.04, 0.03])
    array([0.03, 0.04, 0.04])
    """

    def steps(ordered: FloatArray, m: int) -> FloatArray:
        scaled = ordered * m / (np.arange(m) + 1.0)
        return np.asarray(np.minimum.accumulate(scaled[::-1])[::-1], dtype=np.float64)

    return _sorted_steps(p, steps)


def _sorted_steps(p: ArrayLike, steps: Callable[[FloatArray, int], FloatArray]) -> FloatArray:
    values = np.array(p, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    values[order] = np.minimum(steps(values[order], len(order)), 1.0)
    return values


def two_sided(difference: FloatArray, error: FloatArray) -> FloatArray:
    """Two-sided normal p-values; without error a difference is certain, and no difference is none."""
    from scipy.special import ndtr

    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.abs(difference) / error
    z = np.where((error == 0) & (difference == 0), 0.0, z)
    return np.asarray(2.0 * ndtr(-z), dtype=np.float64)


def paired_scores(table: ScoreTable, *, adjust: Adjustment | None = None) -> tuple[PairedComparison, ...]:
    """Every two systems on the items that both have, by the mean of their differences.

    The items that both have decide, whatever else each has: harder items of one do not count against it. Tests use
    Student's t.

    Args:
        table: Values of systems on items.
        adjust: :func:`holm`, :func:`benjamini_hochberg`, or nothing.

    Returns:
        One comparison for each pair that shares two or more items.

    >>> from polycritic.leaderboard import score_table
    >>> table = score_table(["a", "b"] * 3, [1, 1, 2, 2, 3, 3], [1, 0, 1, 1, 1, 0])
    >>> found, = paired_scores(table)
    >>> round(found.difference, 4), round(found.error, 4), found.shared
    (0.6667, 0.3333, 3)
    """
    from scipy.stats import t as student

    there = (~np.isnan(table.values)).astype(np.float64)
    load = there * table.weight
    # Taking off each item's mean changes no difference and keeps the squares small.
    count = there.sum(0)
    filled = np.where(there > 0, table.values, 0.0)
    filled = np.where(there > 0, filled - filled.sum(0) / np.maximum(count, 1.0), 0.0)
    n = there @ there.T
    total = load @ there.T
    first = load * filled
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (first @ there.T - there @ first.T) / total
        two, square = load * table.weight, filled**2
        # sum of w^2 (d - mean)^2 over shared items, expanded
        d2 = (two * square) @ there.T + there @ (two * square).T - 2.0 * (two * filled) @ filled.T
        d1 = (two * filled) @ there.T - there @ (two * filled).T
        spread = d2 - 2.0 * mean * d1 + mean**2 * (two @ there.T)
        error = np.sqrt(np.maximum(spread, 0.0) * n / (n - 1.0)) / total
    one, other = np.nonzero(np.triu(n >= 2, 1))
    difference, se = mean[one, other], error[one, other]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where((se == 0) & (difference == 0), 0.0, np.abs(difference) / se)
    p = 2.0 * student.sf(ratio, n[one, other] - 1)
    p = np.asarray(p if adjust is None else adjust(p), dtype=np.float64)
    return tuple(
        PairedComparison(table.names[a], table.names[b], float(d), float(e), float(q), int(n[a, b]))
        for a, b, d, e, q in zip(one, other, difference, se, p, strict=True)
    )
