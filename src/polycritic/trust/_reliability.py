"""How far probabilities mean what they say: reliability tables, their errors, and the parts of the Brier score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import PolycriticError

if TYPE_CHECKING:
    from polycritic.core import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class AdaptiveReliability:
    """What was said and what came true, over bins of equally many forecasts; empty bins are left out.

    Args:
        low: (k,) smallest forecast in each bin.
        high: (k,) largest.
        count: (k,) how many.
        forecast: (k,) mean forecast.
        outcome: (k,) mean outcome.
        outcome_low: (k,) lower end of the outcome's 95 % interval (Wilson).
        outcome_high: (k,) upper end.

    >>> adaptive_reliability(np.array([0.2, 0.9]), np.array([0.0, 1.0]), bins=1).forecast
    array([0.55])
    """

    low: FloatArray
    high: FloatArray
    count: IntArray
    forecast: FloatArray
    outcome: FloatArray
    outcome_low: FloatArray
    outcome_high: FloatArray


@dataclass(frozen=True, slots=True)
class BrierParts:
    r"""The Brier score's parts: :math:`\mathrm{Brier} = \mathrm{reliability} - \mathrm{resolution} + \mathrm{uncertainty}`.

    Args:
        reliability: How far forecasts lie from what then happens; 0 is best.
        resolution: How far what happens differs between forecasts; higher is better.
        uncertainty: What nobody can help: the variance of the outcomes.

    >>> BrierParts(0.04375, 0.015625, 0.234375).brier
    0.2625
    """

    reliability: float
    resolution: float
    uncertainty: float

    @property
    def brier(self) -> float:
        """The Brier score that the parts make up."""
        return self.reliability - self.resolution + self.uncertainty


def adaptive_reliability(forecasts: FloatArray, outcomes: FloatArray, *, bins: int = 10) -> AdaptiveReliability:
    """Group forecasts into bins of equal mass and set the mean forecast beside the mean outcome.

    Pairs with a NaN are left out. Equal forecasts always share a bin, so the table does not depend on the rows' order and
    a bin may hold more than its share. For bins of equal width see :func:`polycritic.evaluation.reliability`.

    Args:
        forecasts: (n,) probabilities.
        outcomes: (n,) 0 or 1, or fractions.
        bins: At most how many bins.

    Raises:
        PolycriticError: Lengths differ, or a number lies outside [0, 1].

    >>> table = adaptive_reliability(np.array([0.1, 0.1, 0.2, 0.9]), np.array([0.0, 1.0, 1.0, 1.0]), bins=2)
    >>> table.count, table.outcome
    (array([2, 2]), array([0.5, 1. ]))
    """
    p, y = _checked(forecasts, outcomes)
    if bins < 1:
        raise PolycriticError("too few bins", found=str(bins), expected="1 or more")
    return _table(p, y, np.unique(_equal_mass(p, bins), return_inverse=True)[1])


def adaptive_calibration_error(forecasts: FloatArray, outcomes: FloatArray, *, bins: int = 15) -> float:
    r"""Calibration error over bins of equal mass, :math:`\sum_b \frac{n_b}{n} |\bar p_b - \bar y_b|`; NaN without rows.

    Where forecasts crowd together, equally wide bins hide their errors; these do not.

    Args:
        forecasts: (n,) probabilities; NaN is left out.
        outcomes: (n,) 0 or 1, or fractions.
        bins: How many bins.

    >>> adaptive_calibration_error(np.array([0.5, 0.5]), np.array([0.0, 1.0]))
    0.0

    References:
        Nixon, Dusenberry, Zhang, Jerfel and Tran (2019), Measuring Calibration in Deep Learning.
    """
    table = adaptive_reliability(forecasts, outcomes, bins=bins)
    if not len(table.count):
        return float("nan")
    return float(np.average(np.abs(table.forecast - table.outcome), weights=table.count))


def classwise_calibration_error(probabilities: FloatArray, classes: IntArray, *, bins: int = 15) -> float:
    """The adaptive calibration error of each class against the rest, averaged over the classes.

    Args:
        probabilities: (n, k).
        classes: (n,) which class came true, 0 to k - 1.
        bins: How many bins for each class.

    Raises:
        PolycriticError: Shapes disagree or a class does not exist.

    >>> classwise_calibration_error(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 1]))
    0.0

    References:
        Kull et al. (2019), Beyond Temperature Scaling.
    """
    p, y = np.asarray(probabilities, dtype=np.float64), np.asarray(classes)
    if p.ndim != 2 or y.shape != p.shape[:1] or (len(y) and not (y.min() >= 0 and y.max() < p.shape[1])):
        raise PolycriticError(
            "probabilities and classes disagree", found=f"{p.shape} and {y.shape}", expected="(n, k) and (n,) below k"
        )
    errors = [adaptive_calibration_error(p[:, c], (y == c).astype(np.float64), bins=bins) for c in range(p.shape[1])]
    return float(np.mean(errors))


def brier_parts(forecasts: FloatArray, outcomes: FloatArray) -> BrierParts:
    r"""Murphy's parts of the Brier score, over the distinct forecasts, where they add up exactly.

    With :math:`\bar y_f` the mean outcome where f was said: reliability :math:`\mathrm{mean}\,(f - \bar y_f)^2`, resolution
    :math:`\mathrm{mean}\,(\bar y_f - \bar y)^2`, uncertainty :math:`\bar y (1 - \bar y)`. For outcomes of 0 and 1.

    Args:
        forecasts: (n,) probabilities; NaN is left out.
        outcomes: (n,) 0 or 1.

    Raises:
        PolycriticError: Outcomes are not all 0 or 1.

    >>> brier_parts(np.array([0.5, 0.5]), np.array([0.0, 1.0]))
    BrierParts(reliability=0.0, resolution=0.0, uncertainty=0.25)

    References:
        Murphy (1973), A New Vector Partition of the Probability Score.
    """
    p, y = _checked(forecasts, outcomes)
    if not np.isin(y, (0.0, 1.0)).all():
        raise PolycriticError("the parts add up for outcomes of 0 and 1 only", where="outcomes", expected="0 or 1")
    if not len(p):
        return BrierParts(float("nan"), float("nan"), float("nan"))
    said, which, counts = np.unique(p, return_inverse=True, return_counts=True)
    came = np.bincount(which, y) / counts
    mean = float(y.mean())
    return BrierParts(
        float(np.average((said - came) ** 2, weights=counts)),
        float(np.average((came - mean) ** 2, weights=counts)),
        mean * (1 - mean),
    )


def _checked(forecasts: FloatArray, outcomes: FloatArray) -> tuple[FloatArray, FloatArray]:
    p, y = np.asarray(forecasts, dtype=np.float64), np.asarray(outcomes, dtype=np.float64)
    if p.ndim != 1 or p.shape != y.shape:
        raise PolycriticError("forecasts and outcomes disagree", found=f"{p.shape} and {y.shape}", expected="(n,) both")
    known = ~np.isnan(p) & ~np.isnan(y)
    p, y = p[known], y[known]
    for name, array in (("forecasts", p), ("outcomes", y)):
        wrong = array[(array < 0) | (array > 1)]
        if len(wrong):
            raise PolycriticError("not a probability", where=name, found=f"{wrong[0]:g}", expected="0 to 1")
    return p, y


def _equal_mass(p: FloatArray, bins: int) -> IntArray:
    from scipy.stats import rankdata

    if not len(p):
        return np.zeros(0, dtype=np.int64)
    return np.asarray((rankdata(p) - 0.5) / len(p) * bins, dtype=np.int64)


def _table(p: FloatArray, y: FloatArray, which: IntArray) -> AdaptiveReliability:
    k = int(which.max()) + 1 if len(which) else 0
    count = np.bincount(which, minlength=k)
    low, high = np.full(k, np.inf), np.full(k, -np.inf)
    np.minimum.at(low, which, p)
    np.maximum.at(high, which, p)
    outcome = np.bincount(which, y, minlength=k) / count
    z = 1.959963984540054
    middle = (outcome + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(outcome * (1 - outcome) / count + z**2 / (4 * count**2))
    forecast = np.bincount(which, p, minlength=k) / count
    return AdaptiveReliability(low, high, count, forecast, outcome, middle - half, middle + half)
