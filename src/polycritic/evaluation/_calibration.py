"""Whether stated probabilities happen as often as they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polycritic.core import FloatArray, IntArray, PolycriticError
from polycritic.evaluation._weights import measure, ratio


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """What came true of what was said, bin by bin.

    Args:
        edges: (k + 1,) edges of the bins.
        stated: (k,) mean score in each bin; NaN where it is empty.
        found: (k,) mean label in each bin.
        weight: (k,) total weight of each bin.

    >>> reliability(np.array([0.1, 0.9]), np.array([0.0, 1.0]), bins=2).found
    array([0., 1.])
    """

    edges: FloatArray
    stated: FloatArray
    found: FloatArray
    weight: FloatArray


def reliability(
    score: FloatArray, label: FloatArray, weight: FloatArray | None = None, *, bins: int = 10
) -> Reliability:
    """The table behind a reliability diagram: bins of equal width between 0 and 1.

    A score on an edge belongs to the bin above it, 1 to the last. Rows without score or label are left out.

    Args:
        score: (n,) probabilities of right.
        label: (n,) 1 right, 0 wrong, or shares.
        weight: (n,) weights; 1 by default.
        bins: How many bins.

    Raises:
        PolycriticError: A score is no probability.

    >>> reliability(np.array([0.2, 0.4, 0.9]), np.array([0.0, 1.0, 1.0]), bins=2).stated
    array([0.3, 0.9])
    """
    score, label = np.asarray(score, dtype=np.float64), np.asarray(label, dtype=np.float64)
    weights = np.ones(score.shape) if weight is None else np.asarray(weight, dtype=np.float64)
    known = ~(np.isnan(score) | np.isnan(label))
    score, label, weights = score[known], label[known], weights[known]
    index = _bins(score, bins)
    parts: list[FloatArray] = [np.bincount(index, weights * x, bins).astype(np.float64) for x in (1.0, score, label)]
    total, stated, found = parts
    return Reliability(np.arange(bins + 1) / bins, ratio(stated, total), ratio(found, total), total)


def expected_calibration_error(
    score: FloatArray, label: FloatArray, weight: FloatArray | None = None, *, bins: int = 10
) -> float:
    r"""The mean distance between what was said and what came true, over bins of equal width.

    .. math:: \sum_k \frac{W_k}{W} \left| \bar y_k - \bar p_k \right|

    With few rows a bin it is above zero even for a perfect forecaster: by up to about :math:`\sqrt{k / (4n)}` for *k* full
    bins.

    **Laws**: 0 where each bin's mean label equals its mean score; saying the base rate always gives 0.

    Args:
        score: (n,) probabilities of right; NaN is left out.
        label: (n,) 1 right, 0 wrong, or shares.
        weight: (n,) weights; 1 by default.
        bins: How many bins.

    Returns:
        0 to 1, lower is better; NaN where no row is left.

    Raises:
        PolycriticError: A score is no probability.

    >>> expected_calibration_error(np.array([0.8, 0.8]), np.array([1.0, 0.0]))
    0.30000000000000004

    References:
        Naeini et al. (2015), Obtaining Well Calibrated Probabilities Using Bayesian Binning.
    """
    return measure(lambda s, y, w: _gap(s, y, w, bins), score, label, weight)


def expected_calibration_kernel(score: FloatArray, label: FloatArray, weights: FloatArray) -> FloatArray:
    """See :func:`expected_calibration_error`, with ten bins."""
    return _gap(score, label, weights, 10)


def _gap(score: FloatArray, label: FloatArray, weights: FloatArray, bins: int) -> FloatArray:
    index = _bins(score, bins)
    gaps = np.zeros(weights.shape[1])
    for k in np.unique(index):
        here = index == k
        gaps += np.abs((label[here] - score[here]) @ weights[here])
    return ratio(gaps, weights.sum(axis=0))


def _bins(score: FloatArray, bins: int) -> IntArray:
    if bins < 1:
        raise PolycriticError("bad number of bins", found=str(bins), expected="1 or more")
    outside = (score < 0.0) | (score > 1.0)
    if np.any(outside):
        raise PolycriticError("not a probability", found=f"{score[outside][0]:g}", expected="scores from 0 to 1")
    # Comparing with the edges themselves, so that a score written like an edge lies on it.
    index = np.searchsorted(np.arange(bins + 1) / bins, score, side="right") - 1
    return np.minimum(index, bins - 1).astype(np.int64)
