from __future__ import annotations

import numpy as np

from polycritic.core import FloatArray
from polycritic.evaluation._weights import mean, measure


def root_mean_squared_error(score: FloatArray, label: FloatArray, weight: FloatArray | None = None) -> float:
    r"""How far scores lie from labels, in their own unit.

    .. math:: \sqrt{\tfrac{\sum_i w_i (s_i - y_i)^2}{\sum_i w_i}}

    **Laws**: shifting both changes nothing; scaling both scales it.

    Args:
        score: (n,) scores; NaN is left out.
        label: (n,) labels, on the same scale.
        weight: (n,) weights; 1 by default.

    Returns:
        0 or more, lower is better; NaN where no row is left.

    >>> import numpy as np
    >>> root_mean_squared_error(np.array([1.0, 5.0]), np.array([1.0, 3.0]))
    1.4142135623730951
    """
    return measure(root_mean_squared_error_kernel, score, label, weight)


def brier_error(score: FloatArray, label: FloatArray, weight: FloatArray | None = None) -> float:
    r"""Brier's score: the mean squared distance of stated probabilities from outcomes.

    .. math:: \tfrac{\sum_i w_i (p_i - y_i)^2}{\sum_i w_i}

    **Laws**: swapping right and wrong on both sides changes nothing; saying one half always gives 0.25.

    Args:
        score: (n,) probabilities of right; NaN is left out.
        label: (n,) 1 right, 0 wrong, or the share of people who said right.
        weight: (n,) weights; 1 by default.

    Returns:
        0 to 1, lower is better; NaN where no row is left.

    >>> import numpy as np
    >>> brier_error(np.array([0.5, 1.0]), np.array([1.0, 1.0]))
    0.125

    References:
        Brier (1950), Verification of Forecasts Expressed in Terms of Probability.
    """
    return measure(brier_kernel, score, label, weight)


def root_mean_squared_error_kernel(score: FloatArray, label: FloatArray, weights: FloatArray) -> FloatArray:
    """See :func:`root_mean_squared_error`."""
    return np.sqrt(brier_kernel(score, label, weights))


def brier_kernel(score: FloatArray, label: FloatArray, weights: FloatArray) -> FloatArray:
    """See :func:`brier_error`."""
    return mean((score - label) ** 2, weights)
