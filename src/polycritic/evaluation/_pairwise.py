from __future__ import annotations

import numpy as np

from polycritic.core import FloatArray
from polycritic.evaluation._weights import measure, ratio, sides


def pairwise_accuracy(
    first: FloatArray, second: FloatArray, preference: FloatArray, weight: FloatArray | None = None
) -> float:
    r"""The share of comparisons that the scores decide rightly; equal scores count as wrong.

    .. math:: \frac{\sum_i w_i [(s_{i1} - s_{i2})(p_i - \tfrac12) > 0]}{\sum_i w_i}

    Comparisons whose preference lies within 0.01 of one half name no better one, and are left out.

    **Laws**: any increasing change of all scores leaves it as it is; so does swapping first and second with ``1 - preference``;
    never above :func:`pairwise_accuracy_fractional`, which is never above :func:`pairwise_accuracy_inclusive`.

    Args:
        first: (n,) scores of the first candidates; NaN is left out.
        second: (n,) scores of the second candidates.
        preference: (n,) probability that the first is better.
        weight: (n,) weights; 1 by default.

    Returns:
        0 to 1; NaN where no comparison is left.

    >>> import numpy as np
    >>> pairwise_accuracy(np.array([2.0, 1.0]), np.array([1.0, 1.0]), np.array([1.0, 1.0]))
    0.5
    """
    return measure(strict_kernel, difference(first, second), preference, weight)


def pairwise_accuracy_inclusive(
    first: FloatArray, second: FloatArray, preference: FloatArray, weight: FloatArray | None = None
) -> float:
    """The share of comparisons that the scores do not decide wrongly; equal scores count as right.

    A constant judge gets 1: read it beside :func:`pairwise_accuracy`, whose arguments and rules it shares.

    **Laws**: as :func:`pairwise_accuracy`; the two add up to 1 under negated scores.

    >>> import numpy as np
    >>> pairwise_accuracy_inclusive(np.array([2.0, 1.0]), np.array([1.0, 1.0]), np.array([1.0, 1.0]))
    1.0
    """
    return measure(inclusive_kernel, difference(first, second), preference, weight)


def pairwise_accuracy_fractional(
    first: FloatArray, second: FloatArray, preference: FloatArray, weight: FloatArray | None = None
) -> float:
    """The share of comparisons that the scores decide rightly; equal scores count one half.

    Chance is 0.5 for any judge that does not look. Arguments and rules are those of :func:`pairwise_accuracy`.

    **Laws**: as :func:`pairwise_accuracy`; negated scores give ``1 - accuracy``; a constant score gives 0.5.

    >>> import numpy as np
    >>> pairwise_accuracy_fractional(np.array([2.0, 1.0]), np.array([1.0, 1.0]), np.array([1.0, 1.0]))
    0.75
    """
    return measure(fractional_kernel, difference(first, second), preference, weight)


def difference(first: FloatArray, second: FloatArray) -> FloatArray:
    """The sign of first minus second: 1, 0 or -1; NaN where either is NaN."""
    first, second = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    decided = (first > second).astype(np.float64) - (first < second)
    return np.where(np.isnan(first) | np.isnan(second), np.nan, decided)


def strict_kernel(sign: FloatArray, preference: FloatArray, weights: FloatArray) -> FloatArray:
    """See :func:`pairwise_accuracy`."""
    return _share(sign, preference, weights, tie=0.0)


def inclusive_kernel(sign: FloatArray, preference: FloatArray, weights: FloatArray) -> FloatArray:
    """See :func:`pairwise_accuracy_inclusive`."""
    return _share(sign, preference, weights, tie=1.0)


def fractional_kernel(sign: FloatArray, preference: FloatArray, weights: FloatArray) -> FloatArray:
    """See :func:`pairwise_accuracy_fractional`."""
    return _share(sign, preference, weights, tie=0.5)


def _share(sign: FloatArray, preference: FloatArray, weights: FloatArray, *, tie: float) -> FloatArray:
    one, other = sides(preference)
    won = np.where(one, sign, -sign)
    right = np.where(won > 0, 1.0, np.where(won == 0, tie, 0.0))
    decided = (one | other).astype(np.float64)
    return ratio((right * decided) @ weights, decided @ weights)
