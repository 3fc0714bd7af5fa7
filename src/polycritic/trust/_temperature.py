"""Temperature scaling: one number that makes a judge more or less sure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import numpy as np

from polycritic.trust._logistic import logistic_loss, logit, sigmoid
from polycritic.trust._per_task import fit_each, loaded, recalibrated, saved

if TYPE_CHECKING:
    from polycritic.core import FloatArray, Scores

_LOWEST, _HIGHEST = 0.05, 20.0


@dataclass(frozen=True, slots=True)
class Temperature:
    r"""Divides log-odds by a temperature: :math:`p' = \sigma(\mathrm{logit}(p) / T)`.

    Values on other bounded scales are read as fractions of the scale. Utilities pass unchanged.

    **Laws**: keeps the order within a task, strictly; one half stays one half; NaN stays NaN; T = 1 changes nothing; a
    task without a temperature of its own takes the pooled one.

    Args:
        pooled: The temperature of all tasks together.
        tasks: Temperatures of single tasks, by name.

    >>> from polycritic.core import Binary, Scores, Task
    >>> Temperature(2.0)(Scores((Task("a", scale=Binary()),), np.array([[0.9], [0.5]]))).values.ravel()
    array([0.75, 0.5 ])

    References:
        Guo, Pleiss, Sun and Weinberger (2017), On Calibration of Modern Neural Networks.
    """

    pooled: float
    tasks: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, scores: Scores) -> Scores:
        """The scores with each bounded column's log-odds divided by its task's temperature."""
        return recalibrated(scores, lambda name, u: sigmoid(logit(u) / self.tasks.get(name, self.pooled)))

    def to_dict(self) -> dict[str, object]:
        """Plain numbers, ready for JSON."""
        return saved(self, self.pooled, self.tasks)

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Temperature:
        """What :meth:`to_dict` wrote."""
        pooled, tasks = loaded(cls, data)
        return cls(float(cast(float, pooled)), {name: float(cast(float, t)) for name, t in tasks.items()})


def fit_temperature(scores: Scores, labels: FloatArray, *, least: int = 20) -> Temperature:
    r"""The temperature that minimises cross-entropy, :math:`\min_T \sum_i CE(y_i, \sigma(z_i / T))`.

    The loss is convex in 1/T. Temperatures are kept between 0.05 and 20, so a judge that is right on every label is not
    made infinitely sure.

    Args:
        scores: What the judge said, (n, t).
        labels: What was true, (n, t) on the tasks' scales; NaN where unknown; fractions are welcome.
        least: How many labels a task needs for a temperature of its own; below, or where its labels are all best or
            all worst, it takes the pooled one.

    Raises:
        PolycriticError: No labels, or labels off the scale.

    >>> from polycritic.core import Binary, Scores, Task
    >>> scores = Scores((Task("a", scale=Binary()),), np.array([[0.9], [0.9], [0.9], [0.1]]))
    >>> f"{fit_temperature(scores, np.array([[1.0], [1.0], [0.0], [0.0]])).pooled:.3f}"
    '2.000'
    """
    return Temperature(*fit_each(scores, labels, _fit, least))


def _fit(values: FloatArray, labels: FloatArray) -> float:
    from scipy.optimize import minimize_scalar

    z = logit(values)
    found = minimize_scalar(
        lambda inverse: float(logistic_loss(z * inverse, labels).mean()),
        bounds=(1 / _HIGHEST, 1 / _LOWEST),
        method="bounded",
        options={"xatol": 1e-10, "maxiter": 500},
    )
    return float(np.clip(1 / found.x, _LOWEST, _HIGHEST))
