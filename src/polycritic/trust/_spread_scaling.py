"""Spread scaling: makes a judge's stated spread as large as its errors are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from polycritic.core import PolycriticError
from polycritic.trust._per_task import checked_labels, loaded, saved

if TYPE_CHECKING:
    from polycritic.core import FloatArray, Scores


@dataclass(frozen=True, slots=True)
class SpreadScaling:
    r"""Multiplies the spread by a factor: :math:`s' = c\,s`. Values and intervals stay as they are.

    Works on every scale.

    **Laws**: values do not change; NaN stays NaN; factor 1 changes nothing; a task without a factor of its own takes the
    pooled one.

    Args:
        pooled: The factor of all tasks together.
        tasks: Factors of single tasks, by name.

    Raises:
        PolycriticError: On a call with scores that have no spread.

    >>> from polycritic.core import Scores, Task
    >>> SpreadScaling(2.0)(Scores((Task("a"),), np.array([[1.0]]), spread=np.array([[0.5]]))).spread
    array([[1.]])

    References:
        Levi, Gispan, Giladi and Fetaya (2022), Evaluating and Calibrating Uncertainty Prediction in Regression Tasks.
    """

    pooled: float
    tasks: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, scores: Scores) -> Scores:
        """The scores with each column's spread multiplied by its task's factor."""
        factors = np.array([self.tasks.get(task.name, self.pooled) for task in scores.tasks])
        return replace(scores, spread=_spread(scores) * factors)

    def to_dict(self) -> dict[str, object]:
        """Plain numbers, ready for JSON."""
        return saved(self, self.pooled, self.tasks)

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> SpreadScaling:
        """What :meth:`to_dict` wrote."""
        pooled, tasks = loaded(cls, data)
        return cls(float(cast(float, pooled)), {name: float(cast(float, t)) for name, t in tasks.items()})


def fit_spread_scaling(scores: Scores, labels: FloatArray, *, least: int = 20) -> SpreadScaling:
    r"""The factor under which errors are as large as stated, :math:`c^2 = \mathrm{mean}\,(y - v)^2 / s^2`.

    It minimises the Gaussian negative log-likelihood of the labels.

    Args:
        scores: What the judge said, (n, t), with spread.
        labels: What was true, (n, t) on the tasks' scales; NaN where unknown.
        least: How many labels a task needs for a factor of its own; below it takes the pooled one.

    Raises:
        PolycriticError: No labels, labels off the scale, no spread, or a spread that is not positive.

    >>> from polycritic.core import Scores, Task
    >>> scores = Scores((Task("a"),), np.zeros((2, 1)), spread=np.ones((2, 1)))
    >>> fit_spread_scaling(scores, np.array([[3.0], [-3.0]])).pooled
    3.0
    """
    array, spread = checked_labels(scores, labels), _spread(scores)
    known = ~np.isnan(array) & ~np.isnan(scores.values) & ~np.isnan(spread)
    if not known.any() or not (spread[known] > 0).all():
        raise PolycriticError(
            "cannot scale the spread",
            found=f"{known.sum()} labels, smallest spread {spread[known].min() if known.any() else np.nan:g}",
            expected="labels, and a positive spread for each",
        )
    squares = np.where(known, (array - scores.values) ** 2, np.nan) / np.where(known, spread, np.nan) ** 2
    own = {
        task.name: float(np.sqrt(np.nanmean(squares[:, c])))
        for c, task in enumerate(scores.tasks)
        if known[:, c].sum() >= max(least, 1)
    }
    return SpreadScaling(float(np.sqrt(np.nanmean(squares))), own)


def _spread(scores: Scores) -> FloatArray:
    if scores.spread is None:
        raise PolycriticError("these scores have no spread", found=repr(scores), expected="scores with spread")
    return scores.spread
