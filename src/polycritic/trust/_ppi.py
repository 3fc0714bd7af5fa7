"""Prediction-powered inference: few true labels and many judged ones give one honest mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import PolycriticError
from polycritic.trust._correction import Corrected, check_level, finite, student

if TYPE_CHECKING:
    from polycritic.core import FloatArray


def ppi_power(labels: FloatArray, judged: FloatArray, unlabelled: FloatArray) -> float:
    r"""How much weight the judge deserves: :math:`\lambda^* = \frac{\mathrm{Cov}(Y, f)}{(1 + n/N) \mathrm{Var} f}` in [0, 1].

    0 ignores the judge, 1 is plain prediction-powered inference. The variance is taken over all judged items.

    Args:
        labels: (n,) true labels.
        judged: (n,) the judge's values for the same items.
        unlabelled: (N,) the judge's values for the others.

    >>> round(ppi_power(np.array([0.0, 0.5]), np.array([0.0, 1.0]), np.array([0.0, 1.0] * 50)), 4)
    0.9708

    References:
        Angelopoulos, Duchi and Zrnic (2023), PPI++: Efficient Prediction-Powered Inference.
    """
    y, f, u = _checked(labels, judged, unlabelled)
    covariance = float((y - y.mean()) @ (f - f.mean())) / (len(y) - 1) if len(y) > 1 else 0.0
    return float(_tuned(np.array(covariance), f, u))


def ppi_mean(
    labels: FloatArray,
    judged: FloatArray,
    unlabelled: FloatArray,
    *,
    power: float | None = None,
    level: float = 0.95,
) -> Corrected:
    r"""The mean label over a population, from n labelled items and N that only the judge saw.

    .. math::
        \hat\theta = \lambda\,\bar f_U + \overline{Y - \lambda f_L}, \qquad
        \widehat{\mathrm{Var}} = \lambda^2 \frac{s^2(f)}{N} + \frac{s^2(Y - \lambda f_L)}{n}

    The labelled items have to be a random sample. Made for few labels: variances divide by n - 1, the quantile is
    Student's, and :math:`\lambda` is cross-fitted, that is, an item's own label has no say in the weight given to its
    judgement (leave one out). Tuning it on the same labels, with normal quantiles, covers 86 % instead of 95 % at n = 10.

    **Laws**: with ``power=0`` it is the classical mean with Student's interval; a judge that is off by a constant changes
    nothing with ``power=1``.

    Args:
        labels: (n,) true labels.
        judged: (n,) the judge's values for the same items.
        unlabelled: (N,) the judge's values for other items of the population.
        power: A fixed :math:`\lambda`; None tunes it.
        level: Confidence of the interval.

    Returns:
        The mean; with a single label, an infinite interval.

    Raises:
        PolycriticError: No labels, lengths that differ, numbers that are not finite.

    >>> labels, judged = np.array([1.0, 0.0, 1.0, 1.0]), np.array([0.9, 0.2, 0.6, 0.9])
    >>> ppi_mean(labels, judged, np.array([0.9, 0.8, 0.2, 0.3]), power=1.0).estimate.value
    0.65

    References:
        Angelopoulos, Bates, Fannjiang, Jordan and Zrnic (2023), Prediction-Powered Inference.
    """
    check_level(level)
    value, variance, _ = ppi_residuals(labels, judged, unlabelled, power=power)
    n = len(labels)
    how = "prediction-powered inference" + (", cross-fitted power" if power is None else f", power {power:g}")
    return student(value, variance, n - 1, level, n, how)


def ppi_residuals(
    labels: FloatArray, judged: FloatArray, unlabelled: FloatArray, *, power: float | None
) -> tuple[float, float, FloatArray]:
    """The estimate, its variance, and the labels less what the judge explains (n,), whose mean is the estimate."""
    y, f, u = _checked(labels, judged, unlabelled)
    n = len(y)
    powers = _cross_fitted(y, f, u) if power is None else np.full(n, power if len(u) else 0.0)
    spread = float(np.concatenate([f, u]).var(ddof=1)) if n + len(u) > 1 else 0.0
    typical = float(powers.mean())
    residuals = y - powers * f + typical * (u.mean() if len(u) else 0.0)
    variance = (float(residuals.var(ddof=1)) if n > 1 else float("inf")) / n
    return float(residuals.mean()), variance + (typical**2 * spread / len(u) if len(u) else 0.0), residuals


def _cross_fitted(y: FloatArray, f: FloatArray, u: FloatArray) -> FloatArray:
    n = len(y)
    if n < 3:
        return np.zeros(n)
    products = (y - y.mean()) * (f - f.mean())
    without = (products.sum() - n / (n - 1) * products) / (n - 2)  # the covariance of all the others
    return _tuned(without, f, u)


def _tuned(covariance: FloatArray, f: FloatArray, u: FloatArray) -> FloatArray:
    variance = float(np.concatenate([f, u]).var(ddof=1))
    if not len(u) or variance == 0:
        return np.zeros_like(covariance)
    return np.clip(covariance / ((1 + len(f) / len(u)) * variance), 0.0, 1.0)


def _checked(
    labels: FloatArray, judged: FloatArray, unlabelled: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    y, f, u = finite("labels", labels), finite("judged", judged), finite("unlabelled", unlabelled)
    if len(y) != len(f) or not len(y):
        raise PolycriticError(
            "labels and judgements disagree",
            found=f"{len(y)} labels, {len(f)} judgements of labelled items",
            expected="one judgement for each label, and at least one label",
        )
    return y, f, u
