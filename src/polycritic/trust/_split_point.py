"""Split-point uncertainty (SPC-UQ): how wide, how lopsided and how wrong a value is, in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import PolycriticError

if TYPE_CHECKING:
    from polycritic.core import FloatArray

_LEAST = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class SplitPoint:
    r"""Three mean absolute residuals of each value v: over all outcomes, those above v, and those below.

    They are what three heads learn by squared loss on :math:`|y - v|`, or :func:`fit_split_point` after the fact. Where v is
    the mean, :math:`M = 2 M_+ M_- / (M_+ + M_-)`; how far this fails says how far v is from the mean.

    Args:
        both: (n,) :math:`M = E|y - v|`.
        above: (n,) :math:`M_+ = E[y - v \mid y > v]`.
        below: (n,) :math:`M_- = E[v - y \mid y < v]`.

    Raises:
        PolycriticError: Shapes differ, or something is negative.

    >>> p = np.array([0.2, 0.5])
    >>> SplitPoint(2 * p * (1 - p), 1 - p, p).discrepancy.round(12)
    array([0., 0.])

    References:
        Zhao and Chen (2025), Post-Hoc Split-Point Self-Consistency Verification.
    """

    both: FloatArray
    above: FloatArray
    below: FloatArray

    def __post_init__(self) -> None:
        parts = [np.asarray(x, dtype=np.float64) for x in (self.both, self.above, self.below)]
        if len({x.shape for x in parts}) > 1 or any((x < 0).any() for x in parts):
            raise PolycriticError(
                "bad mean absolute residuals",
                found=str([x.shape for x in parts]),
                expected="three like shapes, none < 0",
            )

    @property
    def discrepancy(self) -> FloatArray:
        r"""(n,) :math:`|2 M_+ M_- - M (M_+ + M_-)|`: 0 where v is the mean; large where the model does not know."""
        return np.abs(2 * self.above * self.below - self.both * (self.above + self.below))

    @property
    def mean_shift(self) -> FloatArray:
        r"""(n,) how far the mean lies above v, :math:`E[y] - v = P_+ M_+ - P_- M_-`.

        The shares follow from the residuals, :math:`P_+ = (M - M_-) / (M_+ - M_-)`, :math:`P_- = 1 - P_+`; NaN where both sides
        are equal and so say nothing.
        """
        gap = self.above - self.below
        share = np.divide(self.both - self.below, gap, out=np.full_like(gap, np.nan), where=np.abs(gap) > _LEAST)
        share = np.clip(share, 0.0, 1.0)
        return np.asarray(share * self.above - (1 - share) * self.below, dtype=np.float64)

    def bounds(
        self, values: FloatArray, up: FloatArray | float, down: FloatArray | float
    ) -> tuple[FloatArray, FloatArray]:
        r"""Ends of an interval, stretched on the side where the three residuals disagree.

        .. math:: v + q_+ \max\left(1, \frac{M\,M_-}{(2 M_- - M) M_+}\right), \qquad
            v - q_- \max\left(1, \frac{M\,M_+}{(2 M_+ - M) M_-}\right)

        An end is infinite where :math:`2 M_\mp \le M`, which no value near the mean allows.

        Args:
            values: (n,) v.
            up: :math:`q_+`, a quantile of y - v above.
            down: :math:`q_-`, a quantile of v - y below.

        Returns:
            Lower and upper ends, (n,) both.
        """
        v = np.asarray(values, dtype=np.float64)
        return (
            np.asarray(v - down * self._stretch(self.above, self.below), dtype=np.float64),
            np.asarray(v + up * self._stretch(self.below, self.above), dtype=np.float64),
        )

    def _stretch(self, other: FloatArray, side: FloatArray) -> FloatArray:
        room = (2 * other - self.both) * side
        ratio = np.divide(self.both * other, room, out=np.full_like(room, np.inf), where=room > 0)
        return np.maximum(1.0, np.where((self.both == 0) & (room == 0), 1.0, ratio))


@dataclass(frozen=True, slots=True, eq=False)
class SplitPointFit:
    """Linear maps from features to the logarithms of the three residuals; see :func:`fit_split_point`.

    Args:
        coefficients: (3, d + 1), for both, above, below; the last column is the constant.

    >>> SplitPointFit(np.zeros((3, 2)))(np.array([[5.0]])).both
    array([1.])
    """

    coefficients: FloatArray

    def __call__(self, features: FloatArray) -> SplitPoint:
        """The three residuals of inputs with features (n, d)."""
        design = _design(features)
        if design.shape[1] != self.coefficients.shape[1]:
            raise PolycriticError(
                "features do not fit", found=str(design.shape[1] - 1), expected=str(self.coefficients.shape[1] - 1)
            )
        both, above, below = np.exp(np.clip(self.coefficients @ design.T, -50, 50))
        return SplitPoint(both, above, below)


def fit_split_point(
    features: FloatArray, values: FloatArray, outcomes: FloatArray, *, ridge: float = 1.0
) -> SplitPointFit:
    r"""Fit the three residuals after the fact, as :math:`\exp(x b)` on features, on outcomes the judge was not trained on.

    Each is a Poisson-type regression: its fitted mean is right for every feature on average, and never negative.

    Args:
        features: (n, d), best standardised; an empty (n, 0) gives three constants.
        values: (n,) what was said.
        outcomes: (n,) what was true.
        ridge: Penalty on the squared coefficients, in units of the total loss; the constant is free.

    Raises:
        PolycriticError: Shapes that disagree; no outcome above, or none below.

    >>> fit = fit_split_point(np.zeros((4, 0)), np.zeros(4), np.array([-1.0, -1.0, -1.0, 3.0]))
    >>> parts = fit(np.zeros((1, 0)))
    >>> parts.both.round(6), parts.above.round(6), parts.below.round(6)
    (array([1.5]), array([3.]), array([1.]))
    """
    x, v, y = _design(features), np.asarray(values, dtype=np.float64), np.asarray(outcomes, dtype=np.float64)
    if v.shape != (len(x),) or y.shape != v.shape:
        raise PolycriticError("features, values and outcomes disagree", found=f"{len(x)}, {v.shape}, {y.shape}")
    miss = y - v
    sides = [np.ones(len(miss), dtype=bool), miss > 0, miss < 0]
    if not all(side.any() for side in sides):
        raise PolycriticError("one side is empty", expected="outcomes above and below the values")
    return SplitPointFit(np.stack([_fit_exponential(x[side], np.abs(miss[side]), ridge) for side in sides]))


def _fit_exponential(x: FloatArray, target: FloatArray, ridge: float) -> FloatArray:
    """Minimise sum(exp(x b) - target * x b) + ridge / 2 |b|² (constant free), in units of the mean target, by Newton."""
    unit = float(target.mean())
    b = np.zeros(x.shape[1])
    penalty = np.full(x.shape[1], ridge)
    penalty[-1] = 0.0
    t = target / unit

    def objective(b: FloatArray) -> float:
        z = x @ b
        return float((np.exp(np.clip(z, -50, 50)) - t * z).sum() + 0.5 * penalty @ b**2)

    for _ in range(100):
        mean = np.exp(np.clip(x @ b, -50, 50))
        gradient = x.T @ (mean - t) + penalty * b
        hessian = (x * mean[:, None]).T @ x + np.diag(penalty)
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        if float(gradient @ step) < 1e-12:
            break
        scale = 1.0
        while objective(b - scale * step) > objective(b) and scale > 1e-8:
            scale /= 2
        b = b - scale * step
    b[-1] += np.log(unit)
    return b


def _design(features: FloatArray) -> FloatArray:
    x = np.asarray(features, dtype=np.float64)
    if x.ndim != 2:
        raise PolycriticError("bad features", found=str(x.shape), expected="(n, d)")
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)
