"""What all metrics share: which rows count, and weights for many resamples at once.

A metric's public function takes one weight per row. Under it lies a kernel that takes weights (n, b), one column a resample, and
returns (b,) values: a bootstrap is then a few array operations. Whole-number weights mean the same as repeated rows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from polycritic.core import BoolArray, FloatArray, IntArray, PolycriticError

Kernel = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
"""(n,) scores, (n,) labels, (n, b) weights -> (b,) values."""

TIE_MARGIN = 0.01
"""A label of right or wrong, or a preference, this near one half names neither side, and is left out."""


def measure(kernel: Kernel, score: FloatArray, label: FloatArray, weight: FloatArray | None) -> float:
    """A kernel's value on the rows that have both a score and a label."""
    score, label = np.asarray(score, dtype=np.float64), np.asarray(label, dtype=np.float64)
    weights = np.ones(score.shape) if weight is None else np.asarray(weight, dtype=np.float64)
    if score.ndim != 1 or score.shape != label.shape or score.shape != weights.shape:
        raise PolycriticError(
            "arrays of a metric disagree",
            found=f"shapes {score.shape}, {label.shape}, {weights.shape}",
            expected="one score, one label and one weight a row",
        )
    if not np.all(np.isfinite(weights) & (weights >= 0)):
        raise PolycriticError("bad weights", expected="finite numbers >= 0")
    known = ~(np.isnan(score) | np.isnan(label))
    return float(kernel(score[known], label[known], weights[known, None])[0])


def sides(label: FloatArray) -> tuple[BoolArray, BoolArray]:
    """Which labels say right (or first), and which wrong (or second); those near one half say neither."""
    return label > 0.5 + TIE_MARGIN, label < 0.5 - TIE_MARGIN


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Elementwise division, NaN where the denominator is not positive."""
    result = np.full(np.shape(denominator), np.nan)
    np.divide(numerator, denominator, out=result, where=denominator > 0)
    return result


def mean(values: FloatArray, weights: FloatArray) -> FloatArray:
    """The weighted mean of (n,) values for each of the b columns of weights; NaN without weight."""
    return ratio(values @ weights, weights.sum(axis=0))


def tie_groups(values: FloatArray) -> tuple[IntArray, IntArray]:
    """The order that sorts values, and where in it each run of equal values starts."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    return order, np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]).astype(np.int64)
