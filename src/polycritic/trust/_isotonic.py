"""Isotonic regression: the best increasing map, of whatever form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import numpy as np

from polycritic.trust._per_task import fit_each, loaded, recalibrated, saved

if TYPE_CHECKING:
    from polycritic.core import FloatArray, Scores

Knots = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Isotonic:
    r"""An increasing map through knots, straight between them and level outside.

    Values on other bounded scales are read as fractions of the scale. Utilities pass unchanged.

    **Laws**: never reverses an order within a task (different values may become equal); NaN stays NaN; a task without
    knots of its own takes the pooled ones.

    Args:
        pooled: (from, to), two equally long tuples of fractions, increasing.
        tasks: Knots of single tasks, by name.

    >>> from polycritic.core import Binary, Scores, Task
    >>> Isotonic(((0.0, 1.0), (0.2, 0.8)))(Scores((Task("a", scale=Binary()),), np.array([[0.5], [1.0]]))).values.ravel()
    array([0.5, 0.8])

    References:
        Zadrozny and Elkan (2002), Transforming Classifier Scores into Accurate Multiclass Probability Estimates.
    """

    pooled: Knots
    tasks: Mapping[str, Knots] = field(default_factory=dict)

    def __call__(self, scores: Scores) -> Scores:
        """The scores with each bounded column sent through its task's knots."""
        return recalibrated(scores, lambda name, u: np.interp(u, *self.tasks.get(name, self.pooled)))

    def to_dict(self) -> dict[str, object]:
        """Plain numbers, ready for JSON."""
        return saved(self, [list(k) for k in self.pooled], {n: [list(k) for k in v] for n, v in self.tasks.items()})

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Isotonic:
        """What :meth:`to_dict` wrote."""
        pooled, tasks = loaded(cls, data)
        return cls(_knots(pooled), {name: _knots(knots) for name, knots in tasks.items()})


def fit_isotonic(scores: Scores, labels: FloatArray, *, least: int = 200) -> Isotonic:
    r"""The increasing map that minimises :math:`\sum_i (y_i - g(v_i))^2`, by pooling adjacent violators.

    Equal values are one value; what comes out for them is one number whatever the order of the rows.

    Args:
        scores: What the judge said, (n, t).
        labels: What was true, (n, t) on the tasks' scales; NaN where unknown; fractions are welcome.
        least: How many labels a task needs for a map of its own; below, or where its labels are all best or
            all worst, it takes the pooled one. The default is high: the map is free and so follows noise.

    Raises:
        PolycriticError: No labels, or labels off the scale.

    >>> from polycritic.core import Binary, Scores, Task
    >>> scores = Scores((Task("a", scale=Binary()),), np.array([[0.1], [0.2], [0.3], [0.4]]))
    >>> fit_isotonic(scores, np.array([[0.0], [1.0], [0.0], [1.0]])).pooled
    ((0.1, 0.2, 0.3, 0.4), (0.0, 0.5, 0.5, 1.0))
    """
    return Isotonic(*fit_each(scores, labels, _fit, least))


def _fit(values: FloatArray, labels: FloatArray) -> Knots:
    from scipy.optimize import isotonic_regression

    at, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    means = np.bincount(which, labels) / counts
    fitted = np.clip(isotonic_regression(means, weights=counts.astype(np.float64)).x, 0.0, 1.0)
    inner = np.ones(len(at), dtype=bool)  # the middle of a level stretch says nothing
    inner[1:-1] = (fitted[1:-1] != fitted[:-2]) | (fitted[1:-1] != fitted[2:])
    return tuple(at[inner].tolist()), tuple(fitted[inner].tolist())


def _knots(data: object) -> Knots:
    start, end = cast(Knots, data)
    return tuple(map(float, start)), tuple(map(float, end))
