"""Quantile forecasts: their errors, and mending those that cross or miss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import PolycriticError
from polycritic.trust._conformal import conformal_quantile

if TYPE_CHECKING:
    from polycritic.core import FloatArray


def pinball_error(quantiles: FloatArray, outcomes: FloatArray, levels: FloatArray) -> FloatArray:
    r"""The pinball error of each forecast, :math:`\max(\tau (y - q), (\tau - 1)(y - q))`.

    Args:
        quantiles: (..., n, k).
        outcomes: (n,).
        levels: (k,) strictly between 0 and 1, increasing.

    Returns:
        (..., n, k), 0 is best.

    >>> pinball_error(np.array([[1.0, 3.0]]), np.array([2.0]), np.array([0.1, 0.9]))
    array([[0.1, 0.1]])

    References:
        Koenker and Bassett (1978), Regression Quantiles.
    """
    q, y, tau = checked_quantiles(quantiles, outcomes, levels)
    miss = y[:, None] - q
    return np.maximum(tau * miss, (tau - 1) * miss)


def weighted_interval_error(quantiles: FloatArray, outcomes: FloatArray, levels: FloatArray) -> float:
    r"""The weighted interval score (WIS), twice the mean pinball error; lower is better.

    With symmetric levels and the median it is :math:`\frac{1}{K + 1/2} (\frac12 |y - m| + \sum_k \frac{\alpha_k}{2} IS_k)`, K
    central intervals with interval scores :math:`IS_k = (h - l) + \frac{2}{\alpha_k} (l - y)_+ + \frac{2}{\alpha_k} (y - h)_+`.

    Args:
        quantiles: (n, k).
        outcomes: (n,).
        levels: (k,) strictly between 0 and 1, increasing.

    >>> weighted_interval_error(np.array([[1.0, 3.0]]), np.array([2.0]), np.array([0.25, 0.75]))
    0.5

    References:
        Bracher, Ray, Gneiting and Reich (2021), Evaluating Epidemic Forecasts in an Interval Format.
    """
    return float(2 * pinball_error(quantiles, outcomes, levels).mean())


def sorted_quantiles(quantiles: FloatArray) -> FloatArray:
    """Quantiles put in order. **Laws**: never increases the total pinball error; what is in order stays.

    Args:
        quantiles: (..., k).

    >>> sorted_quantiles(np.array([1.0, 3.0, 2.0]))
    array([1., 2., 3.])

    References:
        Chernozhukov, Fernandez-Val and Galichon (2010), Quantile and Probability Curves Without Crossing.
    """
    return np.sort(np.asarray(quantiles, dtype=np.float64), axis=-1)


def isotonic_quantiles(quantiles: FloatArray) -> FloatArray:
    r"""The nearest quantiles that do not cross, in least squares.

    :math:`\hat q_i = \max_{a \le i} \min_{b \ge i} \mathrm{mean}(q_a, \dots, q_b)`.

    **Laws**: keeps the mean over levels; what is in order stays; never increases the total pinball error.

    Args:
        quantiles: (..., k).

    >>> isotonic_quantiles(np.array([1.0, 3.0, 2.0]))
    array([1. , 2.5, 2.5])

    References:
        Robertson, Wright and Dykstra (1988), Order Restricted Statistical Inference.
    """
    q = np.asarray(quantiles, dtype=np.float64)
    k = q.shape[-1]
    sums = np.concatenate([np.zeros((*q.shape[:-1], 1)), np.cumsum(q, axis=-1)], axis=-1)
    a, b = np.arange(k)[:, None], np.arange(k)[None, :]
    length = np.where(b >= a, b - a + 1, 1)
    means = np.where(b >= a, (sums[..., 1:][..., None, :] - sums[..., :-1][..., :, None]) / length, np.inf)
    to_right = np.minimum.accumulate(means[..., ::-1], axis=-1)[..., ::-1]  # [a, i]: least mean from a to any b >= i
    return np.stack([to_right[..., : i + 1, i].max(axis=-1) for i in range(k)], axis=-1)


@dataclass(frozen=True, slots=True, eq=False)
class QuantileShift:
    """How far each level moves outwards, and then the levels are put in order; see :func:`fit_quantile_shift`.

    Args:
        shift: (k,) what to add at each level.

    >>> QuantileShift(np.array([-1.0, 1.0]))(np.array([[0.0, 5.0]]))
    array([[-1., 6.]])
    """

    shift: FloatArray

    def __call__(self, quantiles: FloatArray) -> FloatArray:
        """Shifted and sorted quantiles, (..., k)."""
        return sorted_quantiles(np.asarray(quantiles, dtype=np.float64) + self.shift)


def fit_quantile_shift(quantiles: FloatArray, outcomes: FloatArray, levels: FloatArray) -> QuantileShift:
    r"""Conformalise each symmetric pair of levels :math:`(\alpha/2, 1 - \alpha/2)`, on outcomes not used before.

    Pairs move outwards (or, where they were too wide, inwards) by the conformal quantile of
    :math:`\max(l - y, y - h)` at coverage :math:`1 - \alpha`. A middle level stays. With too few outcomes the shift is
    infinite, and right.

    Args:
        quantiles: (n, k).
        outcomes: (n,).
        levels: (k,) symmetric about one half, increasing.

    Raises:
        PolycriticError: Levels that are not symmetric.

    >>> fit_quantile_shift(np.zeros((9, 2)), np.arange(1.0, 10.0), np.array([0.25, 0.75])).shift
    array([-5.,  5.])

    References:
        Romano, Patterson and Candes (2019), Conformalized Quantile Regression.
    """
    q, y, tau = checked_quantiles(quantiles, outcomes, levels)
    if not np.allclose(tau + tau[::-1], 1.0):
        raise PolycriticError("levels do not pair", found=str(tau.tolist()), expected="levels symmetric about 0.5")
    shift = np.zeros(len(tau))
    for low in range(len(tau) // 2):
        high = len(tau) - 1 - low
        distance = np.maximum(q[:, low] - y, y - q[:, high])
        shift[high] = conformal_quantile(distance, float(tau[high] - tau[low]))
        shift[low] = -shift[high]
    return QuantileShift(shift)


def checked_quantiles(
    quantiles: FloatArray, outcomes: FloatArray, levels: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Quantiles (..., n, k), outcomes (n,) and levels (k,) that fit together, or an error."""
    q, y, tau = (np.asarray(x, dtype=np.float64) for x in (quantiles, outcomes, levels))
    if q.ndim < 2 or y.ndim != 1 or tau.ndim != 1 or q.shape[-2:] != (len(y), len(tau)):
        raise PolycriticError(
            "quantiles, outcomes and levels disagree",
            found=f"{q.shape}, {y.shape}, {tau.shape}",
            expected="(..., n, k), (n,), (k,)",
        )
    if not ((tau > 0) & (tau < 1)).all() or (np.diff(tau) <= 0).any():
        raise PolycriticError("bad levels", found=str(tau.tolist()), expected="increasing, between 0 and 1")
    return q, y, tau
