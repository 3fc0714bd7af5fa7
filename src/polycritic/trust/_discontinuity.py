"""What a cutoff does to a whole distribution (R3D): regression discontinuity with distributions as outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import PolycriticError
from polycritic.trust._quantiles import isotonic_quantiles

if TYPE_CHECKING:
    from polycritic.core import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Discontinuity:
    """What happens at the cutoff, quantile by quantile.

    Args:
        levels: (k,) quantile levels.
        below: (k,) quantiles of the average distribution just below the cutoff.
        above: (k,) just above.
        effect: (k,) above less below.
        error: (k,) standard error of each.
        low: (k,) lower end of a 95 % band that holds for all levels together.
        high: (k,) upper end.

    >>> one = np.ones(1)
    >>> Discontinuity(one / 2, one, 3 * one, 2 * one, one, 0 * one, 4 * one).mean
    2.0
    """

    levels: FloatArray
    below: FloatArray
    above: FloatArray
    effect: FloatArray
    error: FloatArray
    low: FloatArray
    high: FloatArray

    @property
    def mean(self) -> float:
        """The effect averaged over levels."""
        return float(self.effect.mean())


def distribution_discontinuity(
    running: FloatArray,
    quantiles: FloatArray,
    levels: FloatArray,
    *,
    cutoff: float,
    bandwidth: float,
    draws: int = 999,
    seed: int = 0,
) -> Discontinuity:
    r"""Local linear Fréchet regression of quantile functions on both sides of a cutoff.

    Each unit (a prompt, say, with a length) has a distribution (of its scores over many answers). In the Wasserstein space of
    distributions a weighted average of distributions is the nearest non-crossing curve to the weighted average of their
    quantile functions; so each side is

    .. math:: \hat Q(\tau) = \Pi_{\nearrow} \sum_i w_i\, Q_i(\tau), \qquad
        w_i \propto K\left(\tfrac{x_i - c}{h}\right) [S_2 - (x_i - c) S_1], \quad S_j = \sum_i K_i (x_i - c)^j

    with a triangular kernel, weights that sum to one, and :math:`\Pi_{\nearrow}` the projection on increasing curves. The
    errors are those of the weighted means with jackknifed residuals; the band multiplies residuals by random signs, with
    the tails of Student's t for as many units as really count. Both leave out the bias from curvature within the
    bandwidth: choose it narrow.

    Args:
        running: (n,) what is compared with the cutoff.
        quantiles: (n, k) each unit's quantiles.
        levels: (k,) increasing.
        cutoff: Units at or above it are treated.
        bandwidth: How far from the cutoff units still count.
        draws: Random draws for the band.
        seed: For the draws.

    Raises:
        PolycriticError: Shapes that disagree, or fewer than three different running values within the bandwidth on a side.

    >>> x = np.linspace(-1, 1, 41)
    >>> q = x[:, None] + np.array([-1.0, 0.0, 1.0]) + np.where(x >= 0, 2.0, 0.0)[:, None]
    >>> found = distribution_discontinuity(x, q, np.array([0.1, 0.5, 0.9]), cutoff=0.0, bandwidth=0.6)
    >>> found.effect.round(6)
    array([2., 2., 2.])

    References:
        Van Dijcke (2025), Regression Discontinuity Design with Distribution-Valued Outcomes. Petersen and Müller (2019),
        Fréchet Regression for Random Objects with Euclidean Predictors.
    """
    x, q, tau = (np.asarray(a, dtype=np.float64) for a in (running, quantiles, levels))
    if x.ndim != 1 or q.shape != (len(x), len(tau)) or tau.ndim != 1 or not len(tau) or bandwidth <= 0:
        raise PolycriticError(
            "running values, quantiles and levels disagree",
            found=f"{x.shape}, {q.shape}, {tau.shape}, bandwidth {bandwidth:g}",
            expected="(n,), (n, k), (k,), above 0",
        )
    at = x - cutoff
    sides = {name: _side(at[s], q[s], bandwidth, name) for name, s in (("below", at < 0), ("above", at >= 0))}
    (below, pull_below), (above, pull_above) = sides["below"], sides["above"]
    error = np.sqrt((pull_below**2).sum(axis=0) + (pull_above**2).sum(axis=0))
    effect = above - below
    pulls = np.concatenate([pull_below, pull_above])
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 1.0], (draws, len(pulls)))
    shares = (pulls**2).mean(axis=1)
    degrees = max(float(shares.sum() ** 2 / max(float(shares @ shares), 1e-300)) - 4, 1.0)  # two lines were fitted
    heavier = np.sqrt(degrees / rng.chisquare(degrees, draws))
    largest = (
        np.abs(np.divide(signs @ pulls, error, out=np.zeros((draws, len(tau))), where=error > 0)).max(axis=1) * heavier
    )
    half = float(np.quantile(largest, 0.95)) * error
    return Discontinuity(tau, below, above, effect, error, effect - half, effect + half)


def _side(x: FloatArray, q: FloatArray, bandwidth: float, name: str) -> tuple[FloatArray, FloatArray]:
    """The fitted curve at the cutoff (k,), and what each unit's residual adds to its error (units, k)."""
    near = np.abs(x) < bandwidth
    x, q = x[near], q[near]
    if len(np.unique(x)) < 3:
        raise PolycriticError(
            f"too few units {name} the cutoff",
            found=f"{len(np.unique(x))} different running values within the bandwidth",
            expected="3 or more",
            mend="Widen the bandwidth",
        )
    kernel = 1 - np.abs(x) / bandwidth
    design = np.stack([np.ones_like(x), x], axis=1)
    solve = np.linalg.solve((design * kernel[:, None]).T @ design, (design * kernel[:, None]).T)  # (2, units)
    weights = solve[0]
    residuals = q - design @ (solve @ q)
    leverage = np.einsum("ij,ji->i", design, solve)
    return isotonic_quantiles(weights @ q), weights[:, None] * residuals / np.maximum(1 - leverage, 1e-6)[:, None]
