"""Beta calibration: a map that bends the two ends of the scale separately."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import numpy as np

from polycritic.trust._logistic import logistic_loss, sigmoid
from polycritic.trust._per_task import fit_each, loaded, recalibrated, saved

if TYPE_CHECKING:
    from polycritic.core import FloatArray, Scores

Exponents = tuple[float, float, float]
_EDGE = 1e-6
_STEEPEST = 20.0


@dataclass(frozen=True, slots=True)
class Beta:
    r"""A likelihood ratio of two beta distributions: :math:`\mathrm{logit}(p') = a \ln p - b \ln(1 - p) + c`, a, b >= 0.

    Values on other bounded scales are read as fractions of the scale. Utilities pass unchanged.

    **Laws**: keeps the order within a task (all values become one where a = b = 0); NaN stays NaN; (1, 1, 0) changes
    nothing; a = b, c = 0 is temperature scaling; a task without exponents of its own takes the pooled ones.

    Args:
        pooled: (a, b, c) of all tasks together.
        tasks: (a, b, c) of single tasks, by name.

    >>> from polycritic.core import Binary, Scores, Task
    >>> Beta((1.0, 1.0, 0.0))(Scores((Task("a", scale=Binary()),), np.array([[0.25]]))).values.round(6)
    array([[0.25]])

    References:
        Kull, Silva Filho and Flach (2017), Beta Calibration.
    """

    pooled: Exponents
    tasks: Mapping[str, Exponents] = field(default_factory=dict)

    def __call__(self, scores: Scores) -> Scores:
        """The scores with each bounded column sent through its task's map."""

        def warp(name: str, u: FloatArray) -> FloatArray:
            return sigmoid(_design(u) @ np.array(self.tasks.get(name, self.pooled)))

        return recalibrated(scores, warp)

    def to_dict(self) -> dict[str, object]:
        """Plain numbers, ready for JSON."""
        return saved(self, list(self.pooled), {name: list(e) for name, e in self.tasks.items()})

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Beta:
        """What :meth:`to_dict` wrote."""
        pooled, tasks = loaded(cls, data)
        return cls(_exponents(pooled), {name: _exponents(e) for name, e in tasks.items()})


def fit_beta(scores: Scores, labels: FloatArray, *, least: int = 50) -> Beta:
    """Fit a, b and c by cross-entropy; a and b between 0 and 20, c between -20 and 20, so the fit is always finite.

    Args:
        scores: What the judge said, (n, t).
        labels: What was true, (n, t) on the tasks' scales; NaN where unknown; fractions are welcome.
        least: How many labels a task needs for a map of its own; below, or where its labels are all best or
            all worst, it takes the pooled one.

    Raises:
        PolycriticError: No labels, or labels off the scale.

    >>> from polycritic.core import Binary, Scores, Task
    >>> scores = Scores((Task("a", scale=Binary()),), np.array([[0.9], [0.9], [0.9], [0.1], [0.1], [0.1]]))
    >>> a, b, c = fit_beta(scores, np.array([[1.0], [1.0], [0.0], [0.0], [0.0], [1.0]])).pooled
    >>> bool(np.isclose(a * np.log(0.9) - b * np.log(0.1) + c, np.log(2), atol=1e-4))
    True
    """
    return Beta(*fit_each(scores, labels, _fit, least))


def _fit(values: FloatArray, labels: FloatArray) -> Exponents:
    from scipy.optimize import minimize

    design = _design(values)

    def loss(e: FloatArray) -> tuple[float, FloatArray]:
        z = design @ e
        return float(logistic_loss(z, labels).mean()), design.T @ (sigmoid(z) - labels) / len(z)

    box = [(0.0, _STEEPEST), (0.0, _STEEPEST), (-_STEEPEST, _STEEPEST)]
    options = {"ftol": 1e-15, "gtol": 1e-9, "maxiter": 1000}
    found = minimize(loss, np.array([1.0, 1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=box, options=options)
    return _exponents(found.x)


def _design(values: FloatArray) -> FloatArray:
    inside = np.clip(values, _EDGE, 1 - _EDGE)
    return np.stack([np.log(inside), -np.log1p(-inside), np.ones_like(inside)], axis=-1)


def _exponents(data: object) -> Exponents:
    a, b, c = cast(Exponents, data)
    return float(a), float(b), float(c)
