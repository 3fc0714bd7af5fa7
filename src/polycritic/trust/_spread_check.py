"""Whether a head's stated spread says how far it is off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import Estimate, PolycriticError

if TYPE_CHECKING:
    from polycritic.core import FloatArray


@dataclass(frozen=True, slots=True)
class SpreadCheck:
    r"""What stated spreads are worth; see :func:`check_spread`.

    Args:
        z_variance: Mean of :math:`z^2 = (y - v)^2 / s^2` with a 95 % interval: 1 where the size is right, above 1 where the
            head is too sure.
        z_mean: Mean of z: 0 where values are not off to one side.
        uniformity: p-value of Kolmogorov and Smirnov's test that :math:`\Phi(z)` is uniform; small means it is not.
        tracking: Spearman's correlation of the spread with the size of the error, with a 95 % interval: 0 where the spread
            says nothing of where errors are. NaN where the spread is one constant.
        gain: How much better (mean Gaussian log-likelihood a row, in nats) the stated spreads are than the best one constant
            spread, with a 95 % interval. Below 0 the spread does harm.

    >>> check_spread(np.zeros(3), np.ones(3), np.array([-1.0, 0.0, 1.0])).z_variance.value
    0.6666666666666666
    """

    z_variance: Estimate
    z_mean: Estimate
    uniformity: float
    tracking: Estimate
    gain: Estimate


def check_spread(values: FloatArray, spread: FloatArray, outcomes: FloatArray) -> SpreadCheck:
    r"""Set stated spreads beside errors: their size, their shape, and whether they follow the errors.

    A spread can be right in size and worthless (a constant), or follow the errors and be wrong in size (mend that with
    :func:`fit_spread_scaling`). Rows with a NaN are left out.

    Args:
        values: (n,) what was said.
        spread: (n,) the stated standard deviations.
        outcomes: (n,) what was true.

    Raises:
        PolycriticError: Shapes that disagree, spreads that are not positive, or fewer than three rows.

    >>> rng = np.random.default_rng(0)
    >>> spread = np.exp(rng.normal(size=1000))
    >>> check = check_spread(np.zeros(1000), spread, spread * rng.normal(size=1000))
    >>> check.z_variance.low < 1 < check.z_variance.high, check.tracking.low > 0.4, check.gain.low > 0
    (True, True, True)

    References:
        Gneiting, Balabdaoui and Raftery (2007), Probabilistic Forecasts, Calibration and Sharpness.
    """
    from scipy.special import ndtr
    from scipy.stats import kstest, spearmanr

    v, s, y = (np.asarray(a, dtype=np.float64) for a in (values, spread, outcomes))
    if not (v.ndim == 1 and v.shape == s.shape == y.shape):
        raise PolycriticError("values, spread and outcomes disagree", found=f"{v.shape}, {s.shape}, {y.shape}")
    known = ~(np.isnan(v) | np.isnan(s) | np.isnan(y))
    v, s, y = v[known], s[known], y[known]
    if len(v) < 3 or not (s > 0).all():
        raise PolycriticError(
            "cannot check the spread", found=f"{len(v)} rows", expected="3 or more, each spread above 0"
        )
    miss = y - v
    z = miss / s
    constant = float(np.sqrt((miss**2).mean())) or float(s.min())
    stated = -np.log(s) - z**2 / 2
    gain = stated - (-np.log(constant) - (miss / constant) ** 2 / 2)
    tracking = Estimate(float("nan"), float("nan"), float("nan"), len(v))
    if np.ptp(s) > 0 and np.ptp(np.abs(miss)) > 0:
        tracking = _correlation(float(spearmanr(s, np.abs(miss)).statistic), len(v))
    return SpreadCheck(_mean(z**2), _mean(z), float(kstest(ndtr(z), "uniform").pvalue), tracking, _mean(gain))


def _mean(x: FloatArray) -> Estimate:
    from scipy.special import stdtrit

    half = float(stdtrit(len(x) - 1, 0.975) * x.std(ddof=1) / np.sqrt(len(x)))
    return Estimate(float(x.mean()), float(x.mean()) - half, float(x.mean()) + half, len(x))


def _correlation(r: float, n: int) -> Estimate:
    """Fisher's z with Bonett and Wright's standard error for Spearman's coefficient."""
    if n < 4:
        return Estimate(r, -1.0, 1.0, n)
    centre, half = np.arctanh(np.clip(r, -1 + 1e-15, 1 - 1e-15)), 1.959963984540054 * np.sqrt((1 + r**2 / 2) / (n - 3))
    return Estimate(r, float(np.tanh(centre - half)), float(np.tanh(centre + half)), n)
