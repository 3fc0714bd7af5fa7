"""Predictive multiplicity: what equally good heads on the same features would have said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import PolycriticError
from polycritic.trust._logistic import fit_logistic, logistic_loss, sigmoid

if TYPE_CHECKING:
    from polycritic.core import FloatArray

_CLOSE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class ViableRange:
    r"""What heads with a loss of at most :math:`(1 + \epsilon) L^*` say of each item.

    Args:
        low: (n,) the least any of them says.
        best: (n,) what the best of them says.
        high: (n,) the most.

    >>> ViableRange(np.array([0.4]), np.array([0.5]), np.array([0.7])).width
    array([0.3])
    """

    low: FloatArray
    best: FloatArray
    high: FloatArray

    @property
    def width(self) -> FloatArray:
        """(n,) how far equally good heads disagree."""
        return self.high - self.low

    def ambiguity(self, width: float) -> float:
        """The share of items on which equally good heads disagree by ``width`` or more."""
        return float((self.width >= width).mean())


def logistic_viable_range(
    features: FloatArray,
    labels: FloatArray,
    items: FloatArray,
    *,
    slack: float = 0.01,
    ridge: float = 0.0,
    exact: bool = True,
) -> ViableRange:
    r"""The viable range of a logistic head on frozen features, with a constant.

    L is the mean cross-entropy (plus ridge). Exact: on the boundary of the viable set, :math:`\nabla L(w) = \mu x` and
    :math:`L(w) = (1 + \epsilon) L^*`, solved for each item and side. Quadratic: with H the Hessian of L at its minimum, the
    log-odds reach :math:`\pm\sqrt{2 \epsilon L^* x^\top H^{-1} x}`, one solve for all items.

    Args:
        features: (n, d) what the head was fitted on.
        labels: (n,) in [0, 1].
        items: (m, d) what to ask about.
        slack: :math:`\epsilon`.
        ridge: Penalty :math:`\frac{\rho}{2n} |w|^2` on all but the constant.
        exact: False takes the quadratic form.

    Returns:
        Probabilities, (m,).

    Raises:
        PolycriticError: Shapes that disagree, negative slack, separable labels without a ridge.

    >>> x, y = np.array([[-1.0], [0.0], [0.0], [1.0]]), np.array([0.0, 1.0, 0.0, 1.0])
    >>> ranges = logistic_viable_range(x, y, np.array([[0.0]]), slack=0.05, ridge=1.0)
    >>> bool(ranges.low[0] < ranges.best[0] < ranges.high[0])
    True

    References:
        Watson-Daniels, Parkes and Ustun (2023), Predictive Multiplicity in Probabilistic Classification.
    """
    x, y, at = _checked(features, labels, items, slack)
    if not ((y >= 0) & (y <= 1)).all():
        raise PolycriticError("not labels of a logistic head", expected="numbers from 0 to 1")
    n = len(y)
    penalty = np.full(x.shape[1], ridge)
    penalty[-1] = 0.0
    best = fit_logistic(x, y, np.ones(n), penalty)
    p = sigmoid(x @ best)
    hessian = ((x * (p * (1 - p))[:, None]).T @ x + np.diag(penalty)) / n
    loss = float(logistic_loss(x @ best, y).mean() + 0.5 * penalty @ best**2 / n)
    logits = at @ best
    half = _reach(hessian, at, slack * loss)
    if not exact or slack == 0:
        return ViableRange(sigmoid(logits - half), sigmoid(logits), sigmoid(logits + half))
    ends = []
    for sign in (-1.0, 1.0):
        direction = sign * at
        w = _boundary(x, y, penalty, best, direction, (1 + slack) * loss)
        ends.append(np.einsum("md,md->m", at, w))
    return ViableRange(sigmoid(ends[0]), sigmoid(logits), sigmoid(ends[1]))


def linear_viable_range(
    features: FloatArray, outcomes: FloatArray, items: FloatArray, *, slack: float = 0.01, ridge: float = 0.0
) -> ViableRange:
    r"""The viable range of a least-squares head on frozen features, with a constant; the quadratic form is exact.

    L is half the mean squared error (plus ridge), H its Hessian; values reach
    :math:`\hat y \pm \sqrt{2 \epsilon L^* x^\top H^{-1} x}`.

    Args:
        features: (n, d) what the head was fitted on.
        outcomes: (n,).
        items: (m, d) what to ask about.
        slack: :math:`\epsilon`.
        ridge: Penalty :math:`\frac{\rho}{2n} |w|^2` on all but the constant.

    Raises:
        PolycriticError: Shapes that disagree, negative slack.

    >>> x, y = np.array([[0.0], [0.0]]), np.array([-1.0, 1.0])
    >>> linear_viable_range(x, y, np.array([[0.0]]), slack=0.25).high
    array([0.5])
    """
    x, y, at = _checked(features, outcomes, items, slack)
    n = len(y)
    penalty = np.full(x.shape[1], ridge)
    penalty[-1] = 0.0
    hessian = (x.T @ x + np.diag(penalty)) / n
    best = np.linalg.lstsq(hessian, x.T @ y / n, rcond=None)[0]
    loss = float(((y - x @ best) ** 2).mean() + penalty @ best**2 / n) / 2
    half = _reach(hessian, at, slack * loss)
    values = at @ best
    return ViableRange(values - half, values, values + half)


def _reach(hessian: FloatArray, at: FloatArray, spare: float) -> FloatArray:
    squares = np.einsum("md,md->m", at, at @ np.linalg.pinv(hessian, hermitian=True))
    return np.asarray(np.sqrt(2 * spare * np.maximum(squares, 0.0)), dtype=np.float64)


def _boundary(
    x: FloatArray, y: FloatArray, penalty: FloatArray, best: FloatArray, d: FloatArray, limit: float
) -> FloatArray:
    """For each row of d, the w that maximises d·w under L(w) <= limit, (m, d).

    Sequential quadratic programming: where L is replaced by its quadratic form at w, the answer is known,
    w - H^-1 g + mu H^-1 d, with the mu that puts that form at the limit. Steps are cut by an exact penalty.
    """
    w = np.repeat(best[None], len(d), axis=0)
    open_ = np.arange(len(d))
    for _ in range(100):
        here, to = w[open_], d[open_]
        loss = _losses(x, y, penalty, here)
        gradient = (sigmoid(here @ x.T) - y) @ x / len(y) + penalty * here / len(y)
        solved = np.linalg.solve(_hessians(x, penalty, here), np.stack([gradient, to], axis=-1))
        newton, along = solved[..., 0], solved[..., 1]
        spare = np.maximum(limit - loss + 0.5 * np.einsum("mi,mi->m", gradient, newton), 0.0)
        mu = np.sqrt(2 * spare / np.maximum(np.einsum("mi,mi->m", to, along), 1e-300))
        step = mu[:, None] * along - newton
        price = 2 / np.maximum(mu, 1e-12)
        merit = np.einsum("mi,mi->m", to, here) - price * np.maximum(loss - limit, 0.0)
        scale = np.ones(len(open_))
        for _ in range(30):
            new = here + scale[:, None] * step
            over = np.maximum(_losses(x, y, penalty, new) - limit, 0.0)
            worse = np.einsum("mi,mi->m", to, new) - price * over < merit - 1e-9 * np.abs(merit)
            if not worse.any():
                break
            scale = np.where(worse, scale / 2, scale)
        w[open_] = new
        moved = np.abs(np.einsum("mi,mi->m", to, new - here)) + np.abs(_losses(x, y, penalty, new) - limit) / limit
        open_ = open_[moved > _CLOSE]
        if not len(open_):
            return w
    raise PolycriticError(
        "the viable range was not found",
        found=f"{len(open_)} items without an answer",
        mend="Standardise the features, or give a ridge above 0",
    )


def _losses(x: FloatArray, y: FloatArray, penalty: FloatArray, w: FloatArray) -> FloatArray:
    return np.asarray(logistic_loss(w @ x.T, y).mean(axis=1) + 0.5 * (w**2) @ penalty / len(y), dtype=np.float64)


def _hessians(x: FloatArray, penalty: FloatArray, w: FloatArray) -> FloatArray:
    p = sigmoid(w @ x.T)
    d = x.shape[1]
    upper = np.triu_indices(d)
    hessians = np.empty((len(w), d, d))
    hessians[:, upper[0], upper[1]] = (p * (1 - p)) @ (x[:, upper[0]] * x[:, upper[1]]) / len(x)
    hessians[:, upper[1], upper[0]] = hessians[:, upper[0], upper[1]]
    return hessians + np.diag(penalty / len(x) + 1e-12)


def _checked(
    features: FloatArray, outcomes: FloatArray, items: FloatArray, slack: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    x, y, at = (np.asarray(a, dtype=np.float64) for a in (features, outcomes, items))
    if x.ndim != 2 or at.ndim != 2 or x.shape[1] != at.shape[1] or y.shape != x.shape[:1] or slack < 0:
        raise PolycriticError(
            "features, outcomes and items disagree",
            found=f"{x.shape}, {y.shape}, {at.shape}, slack {slack:g}",
            expected="(n, d), (n,), (m, d), slack >= 0",
        )
    return np.column_stack([x, np.ones(len(x))]), y, np.column_stack([at, np.ones(len(at))])
