"""How one system's weights are found: by plain maximum likelihood, or as AlpacaEval 2 finds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy import sparse
from scipy.special import expit

from polycritic.core import FloatArray, PolycriticError
from polycritic.evaluation._glm import Design, Logistic, fit, model


@dataclass(frozen=True, slots=True, eq=False)
class WeightFit:
    """One system's weights.

    Args:
        weights: (3,) of the length feature, of difficulty, and the constant.
        inverse: (3, 3) inverse Hessian of what was minimised, 0 for weights that were held at 0.
        shrunk: Whether a ridge had to hold the weights.
    """

    weights: FloatArray
    inverse: FloatArray
    shrunk: bool


class LengthForm(Protocol):
    """How one system's weights are found."""

    def __call__(self, columns: FloatArray, preference: FloatArray, difficulty: Mapping[str, float], /) -> WeightFit:
        """From (n, 3) columns (length feature, difficulty, ones) and (n,) preferences."""
        ...


@dataclass(frozen=True, slots=True)
class MaximumLikelihood:
    """Plain maximum likelihood: no penalty, no anchor, one Newton solve a system.

    >>> MaximumLikelihood()
    MaximumLikelihood(ridge=0.0)
    """

    ridge: float = 0.0

    def __call__(self, columns: FloatArray, preference: FloatArray, difficulty: Mapping[str, float], /) -> WeightFit:  # noqa: ARG002
        """Columns that do not vary say nothing beside the constant, and get 0."""
        kept = [j for j in range(2) if np.ptp(columns[:, j]) > 0] + [2]
        own = Design(sparse.csr_array((len(columns), 0)), columns[:, kept])
        found = fit(model([own], Logistic(), preference, ridge=self.ridge))
        weights, inverse = np.zeros(3), np.zeros((3, 3))
        weights[kept] = found.parameters
        inverse[np.ix_(kept, kept)] = found.inverse()
        return WeightFit(weights, inverse, found.shrunk)


@dataclass(frozen=True, slots=True, eq=False)
class AnchorRows:
    """Judgements of the baseline told to be brief and to be wordy: they tie the length weight to what length alone does.

    Args:
        item: (g,) the items.
        preference: (g,) that the prompted baseline beats the baseline.
        length: (g,) standardised length difference, baseline less prompted.
        systems: How many prompted baselines there are.

    >>> AnchorRows(("p", "p"), np.array([0.4, 0.5]), np.array([1.0, -1.0])).systems
    2
    """

    item: tuple[str, ...]
    preference: FloatArray
    length: FloatArray
    systems: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class AlpacaEval2:
    r"""The estimator of AlpacaEval 2, exactly minimised.

    .. math::
        \min_w \sum_i \mathrm{CE}(p_i, w_l t_i + w_d d_i + w_b)
        + \frac{\lambda}{m} \sum_g \mathrm{CE}(p_g, w_l t_g + w_d d_g) + \|w\|_1 / C

    over anchor rows g of m prompted baselines, where there are any. C is chosen among ten from 1e-4 to 1e4 by the log
    loss of folds; rows go to folds in turn.

    Args:
        anchor: The anchor rows; without them win rates can move by many points.
        strength: Their weight, lambda.
        folds: How many folds.

    References:
        Dubois et al. (2024), Length-controlled AlpacaEval: a simple way to debias automatic evaluators.

    >>> AlpacaEval2().strength
    0.2
    """

    anchor: AnchorRows | None = None
    strength: float = 0.2
    folds: int = 5

    def __call__(self, columns: FloatArray, preference: FloatArray, difficulty: Mapping[str, float], /) -> WeightFit:
        """Weights at the chosen C."""
        x, y, load = columns, preference, np.ones(len(columns))
        if self.anchor is not None:
            d = matched(self.anchor.item, difficulty, "anchor rows")
            extra = np.column_stack([np.tanh(self.anchor.length), d, np.zeros(len(d))])
            x, y = np.concatenate([extra, x]), np.concatenate([self.anchor.preference, y])
            load = np.concatenate([np.full(len(d), self.strength / self.anchor.systems), load])
        grid = np.logspace(-4, 4, 10)
        fold = np.arange(len(y)) % self.folds
        scores = np.array([_fold_losses(x, y, load, grid, fold == f) for f in range(self.folds)])
        best = int(np.argmin(scores.sum(0)))
        weights = np.zeros(3)
        for c in grid[: best + 1]:  # warm starts
            weights = l1_logistic(x, y, load, 1.0 / float(c), weights)
        kept = np.flatnonzero(weights)
        p = expit(x @ weights)
        hessian = (x * (load * p * (1.0 - p))[:, None]).T @ x
        inverse = np.zeros((3, 3))
        if len(kept):
            inverse[np.ix_(kept, kept)] = np.linalg.pinv(hessian[np.ix_(kept, kept)])
        return WeightFit(weights, inverse, False)


def _fold_losses(x: FloatArray, y: FloatArray, load: FloatArray, grid: FloatArray, out: Any) -> list[float]:
    weights = np.zeros(x.shape[1])
    losses = []
    for c in grid:
        weights = l1_logistic(x[~out], y[~out], load[~out], 1.0 / float(c), weights)
        eta = x[out] @ weights
        losses.append(float((load[out] * (np.logaddexp(0.0, eta) - y[out] * eta)).mean()))
    return losses


def l1_logistic(x: FloatArray, y: FloatArray, load: FloatArray, penalty: float, start: FloatArray) -> FloatArray:
    """Weights that minimise the weighted cross-entropy plus ``penalty`` times their absolute sum.

    Newton's method on the smooth part; each step solves its small quadratic by coordinate descent.

    >>> x = np.array([[1.0], [1.0]])
    >>> l1_logistic(x, np.array([1.0, 0.0]), np.ones(2), 0.1, np.zeros(1))
    array([0.])
    """
    w = start.copy()

    def objective(at: FloatArray) -> float:
        eta = x @ at
        return float(load @ (np.logaddexp(0.0, eta) - y * eta)) + penalty * float(np.abs(at).sum())

    value = objective(w)
    for _ in range(100):
        p = expit(x @ w)
        slope = x.T @ (load * (p - y))
        curve = (x * (load * p * (1.0 - p))[:, None]).T @ x + 1e-12 * np.eye(len(w))
        move = _quadratic_l1(slope, curve, penalty, w) - w
        share = 1.0
        while (trial := objective(w + share * move)) > value + 1e-13 * abs(value) and share > 1e-8:
            share /= 2.0
        if share <= 1e-8:
            break
        w, value = w + share * move, trial
        if np.abs(move).max() < 1e-9 * (1.0 + np.abs(w).max()):
            break
    return w


def _quadratic_l1(slope: FloatArray, curve: FloatArray, penalty: float, w: FloatArray) -> FloatArray:
    """Where ``slope' d + d' curve d / 2 + penalty * |w + d|`` is least."""
    target = w.tolist()
    gradient = slope.tolist()  # at the current target
    rows = curve.tolist()
    for _ in range(500):
        largest = 0.0
        for j, row in enumerate(rows):
            old, bend = target[j], row[j]
            raw = bend * old - gradient[j]
            new = (raw - penalty) / bend if raw > penalty else (raw + penalty) / bend if raw < -penalty else 0.0
            if new != old:
                for i in range(len(rows)):
                    gradient[i] += rows[i][j] * (new - old)
                target[j] = new
                largest = max(largest, abs(new - old))
        if largest < 1e-12:
            break
    return np.array(target)


def matched(items: tuple[str, ...], difficulty: Mapping[str, float], where: str) -> FloatArray:
    """The difficulty of each item, by name.

    Raises:
        PolycriticError: Items have none; all of them are counted.
    """
    unmatched = [item for item in items if item not in difficulty]
    if unmatched:
        raise PolycriticError(
            "items without a difficulty",
            where=where,
            found=f"{len(unmatched)} of {len(items)}, the first is {unmatched[0]!r}",
            mend="Give a difficulty for every item, or leave difficulties out to have them estimated.",
        )
    return np.array([difficulty[item] for item in items], dtype=np.float64)
