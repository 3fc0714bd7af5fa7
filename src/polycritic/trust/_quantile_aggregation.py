"""Several judges' quantile forecasts made one, by weights learned on the pinball error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import PolycriticError
from polycritic.trust._quantiles import checked_quantiles, sorted_quantiles

if TYPE_CHECKING:
    from polycritic.core import FloatArray

_SMOOTH = 1e-3  # the kink of the pinball error is rounded over this share of the outcomes' spread


@dataclass(frozen=True, slots=True, eq=False)
class QuantileAggregate:
    r"""A weighted mean of m forecasts, :math:`g_\tau(x) = \sum_j w_{j\tau}(x)\, g_{j\tau}(x)`, then sorted.

    The weights are a softmax of linear functions of an input's features, so they are positive and sum to one.

    **Laws**: forecasts that agree stay as they are; the result never leaves the range of the forecasts; levels never cross.

    Args:
        coefficients: (d + 1, m, k) or, where all levels share their weights, (d + 1, m, 1); the last row is the constant.

    >>> even = QuantileAggregate(np.zeros((1, 2, 1)))
    >>> even(np.array([[[1.0, 2.0]], [[3.0, 6.0]]]))
    array([[2., 4.]])

    References:
        Fakoor et al. (2023), Flexible Model Aggregation for Quantile Regression.
    """

    coefficients: FloatArray

    def weights(self, features: FloatArray | None = None, n: int = 1) -> FloatArray:
        """The weights of n inputs, (n, m, k) or (n, m, 1); with features their number says what n is."""
        return _softmax(np.einsum("nd,dmk->nmk", _design(features, n), self.coefficients))

    def __call__(self, forecasts: FloatArray, features: FloatArray | None = None) -> FloatArray:
        """Aggregate forecasts (m, n, k), with the inputs' features (n, d) if they were fitted: (n, k)."""
        g = np.asarray(forecasts, dtype=np.float64)
        design = _design(features, g.shape[1])
        if g.ndim != 3 or g.shape[0] != self.coefficients.shape[1] or design.shape[1] != len(self.coefficients):
            raise PolycriticError(
                "forecasts do not fit the aggregate",
                found=f"forecasts {g.shape}, {design.shape[1] - 1} features",
                expected=f"{self.coefficients.shape[1]} forecasts, {len(self.coefficients) - 1} features",
            )
        return sorted_quantiles(np.einsum("nmk,mnk->nk", self._full(features, g.shape), g))

    def _full(self, features: FloatArray | None, shape: tuple[int, ...]) -> FloatArray:
        return np.broadcast_to(self.weights(features, shape[1]), (shape[1], shape[0], shape[2]))


def fit_quantile_aggregate(
    forecasts: FloatArray,
    outcomes: FloatArray,
    levels: FloatArray,
    *,
    features: FloatArray | None = None,
    shared: bool = False,
    ridge: float = 1e-4,
) -> QuantileAggregate:
    r"""Learn the weights that minimise the mean pinball error, on outcomes the forecasters were not fitted to.

    Weights differ by level unless ``shared``, and by input where features are given. The fit starts from equal weights and is
    drawn towards them by the ridge.

    Args:
        forecasts: (m, n, k) quantiles of m forecasters.
        outcomes: (n,).
        levels: (k,) strictly between 0 and 1, increasing.
        features: (n, d) of the inputs; best standardised.
        shared: One set of weights for all levels.
        ridge: Penalty on the squared coefficients, in units of the outcomes' standard deviation.

    Raises:
        PolycriticError: Shapes that disagree, or fewer than two outcomes.

    >>> y = np.arange(20.0)
    >>> good, bad = y[:, None] + [-1.0, 1.0], np.zeros((20, 2)) + [-50.0, 90.0]
    >>> aggregate = fit_quantile_aggregate(np.stack([good, bad]), y, np.array([0.1, 0.9]))
    >>> bool(aggregate.weights()[0, 0].min() > 0.9)
    True
    """
    from scipy.optimize import minimize

    g, y, tau = checked_quantiles(forecasts, outcomes, levels)
    if g.ndim != 3 or len(y) < 2:
        raise PolycriticError("cannot aggregate", found=f"forecasts {g.shape}", expected="(m, n, k) with n > 1")
    m, n, k = g.shape
    x = _design(features, n)
    unit = float(y.std()) or 1.0
    g, y = g / unit, y / unit
    shape = (x.shape[1], m, 1 if shared else k)

    def loss(flat: FloatArray) -> tuple[float, FloatArray]:
        coefficients = flat.reshape(shape)
        w = np.broadcast_to(_softmax(np.einsum("nd,dmk->nmk", x, coefficients)), (n, m, k))
        q = np.einsum("nmk,mnk->nk", w, g)
        miss = y[:, None] - q
        # tau * miss + softplus(-miss): the pinball error with its kink rounded
        value = (tau * miss + _SMOOTH * np.logaddexp(0.0, -miss / _SMOOTH)).mean() + ridge * flat @ flat
        falling = 0.5 * (1 - np.tanh(miss / (2 * _SMOOTH)))  # sigmoid(-miss / smooth)
        by_q = -(tau - falling) / miss.size
        by_logit = w * (g.transpose(1, 0, 2) - q[:, None, :]) * by_q[:, None, :]
        if shared:
            by_logit = by_logit.sum(axis=2, keepdims=True)
        return float(value), np.einsum("nd,nmk->dmk", x, by_logit).ravel() + 2 * ridge * flat

    start = np.zeros(int(np.prod(shape)))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000, "ftol": 1e-12, "gtol": 1e-8})
    return QuantileAggregate(found.x.reshape(shape))


def _design(features: FloatArray | None, n: int) -> FloatArray:
    if features is None:
        return np.ones((n, 1))
    x = np.asarray(features, dtype=np.float64)
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)


def _softmax(logits: FloatArray) -> FloatArray:
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True), dtype=np.float64)
