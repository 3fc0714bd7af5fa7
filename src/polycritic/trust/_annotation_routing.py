"""Hybrid preferences: which items go to people, the rest to a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import PolycriticError

if TYPE_CHECKING:
    from polycritic.core import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class AnnotationRouting:
    r"""Predicts how well a critic will do from which items people labelled; see :func:`fit_annotation_routing`.

    The prediction is a quadratic (or linear) function of how many of the items given to people have each feature.

    Args:
        constant: What is reached without people.
        linear: (d,) by count of each feature.
        quadratic: (d,) by squared count; zeros where the fit was linear.

    >>> routing = AnnotationRouting(0.5, np.array([0.02, 0.0]), np.array([-0.001, 0.0]))
    >>> routing.gains(np.eye(2)).round(3)
    array([0.019, 0.   ])

    References:
        Miranda et al. (2024), Hybrid Preferences: Learning to Route Instances for Human vs. AI Feedback.
    """

    constant: float
    linear: FloatArray
    quadratic: FloatArray

    def performance(self, features: FloatArray, to_people: BoolArray) -> FloatArray:
        """The predicted performance of routings (r, n) of items with features (n, d): (r,)."""
        counts = np.asarray(to_people, dtype=np.float64) @ np.asarray(features, dtype=np.float64)
        return np.asarray(self.constant + counts @ self.linear + counts**2 @ self.quadratic, dtype=np.float64)

    def gains(self, features: FloatArray) -> FloatArray:
        """What each item brings when it alone goes to people, (n,)."""
        x = np.asarray(features, dtype=np.float64)
        return np.asarray(x @ self.linear + x**2 @ self.quadratic, dtype=np.float64)

    def top(self, features: FloatArray, budget: int) -> IntArray:
        """The items of largest gain, as many as the budget, best first; equal gains in the items' order."""
        return np.argsort(-self.gains(features), kind="stable")[: _budget(budget, len(features))]

    def best_simulated(self, features: FloatArray, budget: int, *, routings: int = 500, seed: int = 0) -> IntArray:
        """The best predicted of many random routings and of :meth:`top`, as items in order.

        It sees what gains of single items cannot: that the hundredth item of a kind brings less than the first.
        """
        n = len(features)
        size = _budget(budget, n)
        rng = np.random.default_rng(seed)
        tried = np.zeros((routings + 1, n), dtype=bool)
        tried[0, self.top(features, budget)] = True
        for row in tried[1:]:
            row[rng.choice(n, size, replace=False)] = True
        return np.flatnonzero(tried[int(self.performance(features, tried).argmax())])


def fit_annotation_routing(
    features: FloatArray,
    routings: BoolArray,
    performance: FloatArray,
    *,
    quadratic: bool = True,
    ridge: float = 1e-3,
) -> AnnotationRouting:
    r"""Fit the performance of critics that were trained on random routings, by ridge regression.

    .. math:: \hat f = a + \sum_j b_j c_j + \sum_j q_j c_j^2, \qquad c_j = \sum_i R_i x_{ij}

    Args:
        features: (n, d) of the items, such as 1 where a topic is about safety.
        routings: (r, n) true where an item's label came from people.
        performance: (r,) how well the critic trained so did.
        quadratic: Whether the squares take part.
        ridge: Penalty on standardised coefficients, as a share of the number of routings.

    Raises:
        PolycriticError: Shapes that disagree, or fewer than three routings.

    >>> items = np.array([[1.0], [1.0], [0.0], [0.0]])
    >>> routings = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 1, 0]], dtype=bool)
    >>> fit = fit_annotation_routing(items, routings, np.array([0.6, 0.7, 0.5, 0.6]), quadratic=False, ridge=0.0)
    >>> fit.gains(items).round(3)
    array([0.1, 0.1, 0. , 0. ])

    References:
        Miranda et al. (2024), Hybrid Preferences: Learning to Route Instances for Human vs. AI Feedback.
    """
    x, r, y = (np.asarray(a, dtype=np.float64) for a in (features, routings, performance))
    if x.ndim != 2 or r.shape != (len(y), len(x)) or y.ndim != 1 or len(y) < 3:
        raise PolycriticError(
            "features, routings and performance disagree",
            found=f"{x.shape}, {r.shape}, {y.shape}",
            expected="(n, d), (r, n), (r,) with r > 2",
        )
    counts = r @ x
    terms = np.concatenate([counts, counts**2], axis=1) if quadratic else counts
    middle, scale = terms.mean(axis=0), terms.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    z = (terms - middle) / scale
    gram = z.T @ z / len(y) + ridge * np.eye(z.shape[1])
    b = np.linalg.lstsq(gram, z.T @ (y - y.mean()) / len(y), rcond=None)[0] / scale
    d = x.shape[1]
    return AnnotationRouting(float(y.mean() - middle @ b), b[:d], b[d:] if quadratic else np.zeros(d))


def _budget(budget: int, n: int) -> int:
    if not 0 <= budget <= n:
        raise PolycriticError("bad budget", found=str(budget), expected=f"0 to {n} items")
    return budget
