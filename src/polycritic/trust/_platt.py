"""Platt scaling: a straight line through the log-odds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import numpy as np

from polycritic.trust._logistic import fit_logistic, logit, sigmoid
from polycritic.trust._per_task import fit_each, loaded, recalibrated, saved

if TYPE_CHECKING:
    from polycritic.core import FloatArray, Scores

Line = tuple[float, float]
_EDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Platt:
    r"""A line through the log-odds: :math:`p' = \sigma(a\,\mathrm{logit}(p) + b)` with a >= 0.

    Values on other bounded scales are read as fractions of the scale. Utilities pass unchanged.

    **Laws**: keeps the order within a task (all values become one where a = 0); NaN stays NaN; (1, 0) changes nothing; a
    task without a line of its own takes the pooled one.

    Args:
        pooled: (a, b) of all tasks together.
        tasks: (a, b) of single tasks, by name.

    >>> from polycritic.core import Binary, Scores, Task
    >>> Platt((1.0, np.log(3)))(Scores((Task("a", scale=Binary()),), np.array([[0.5]]))).values.round(6)
    array([[0.75]])

    References:
        Platt (1999), Probabilistic Outputs for Support Vector Machines.
    """

    pooled: Line
    tasks: Mapping[str, Line] = field(default_factory=dict)

    def __call__(self, scores: Scores) -> Scores:
        """The scores with each bounded column sent through its task's line."""

        def warp(name: str, u: FloatArray) -> FloatArray:
            slope, shift = self.tasks.get(name, self.pooled)
            return sigmoid(slope * logit(u, _EDGE) + shift)

        return recalibrated(scores, warp)

    def to_dict(self) -> dict[str, object]:
        """Plain numbers, ready for JSON."""
        return saved(self, list(self.pooled), {name: list(line) for name, line in self.tasks.items()})

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Platt:
        """What :meth:`to_dict` wrote."""
        pooled, tasks = loaded(cls, data)
        return cls(_line(pooled), {name: _line(line) for name, line in tasks.items()})


def fit_platt(scores: Scores, labels: FloatArray, *, least: int = 50) -> Platt:
    r"""Fit slope and shift by cross-entropy, with Platt's targets.

    With :math:`n_1 = \sum y` and :math:`n_0 = \sum (1 - y)`, a label 1 becomes :math:`(n_1 + 1)/(n_1 + 2)` and a label 0
    becomes :math:`1/(n_0 + 2)`, so that the fit stays finite when values separate the labels. A judge that points the
    wrong way gets slope 0, not a negative one: calibration never turns a judge round.

    Args:
        scores: What the judge said, (n, t).
        labels: What was true, (n, t) on the tasks' scales; NaN where unknown; fractions are welcome.
        least: How many labels a task needs for a line of its own; below, or where its labels are all best or
            all worst, it takes the pooled one.

    Raises:
        PolycriticError: No labels, or labels off the scale.

    >>> from polycritic.core import Binary, Scores, Task
    >>> scores = Scores((Task("a", scale=Binary()),), np.array([[0.9], [0.8], [0.3], [0.1]]))
    >>> fit_platt(scores, np.array([[1.0], [1.0], [0.0], [0.0]])).pooled[0] > 0
    True
    """
    return Platt(*fit_each(scores, labels, _fit, least))


def _fit(values: FloatArray, labels: FloatArray) -> Line:
    right, wrong = labels.sum(), (1 - labels).sum()
    targets = labels * (right + 1) / (right + 2) + (1 - labels) / (wrong + 2)
    z = logit(values, _EDGE)
    if np.ptp(z) > 0:
        design = np.stack([z, np.ones_like(z)], axis=1)
        slope, shift = fit_logistic(design, targets, np.ones_like(z), np.zeros(2))
        if slope > 0:
            return float(slope), float(shift)
    return 0.0, float(logit(targets.mean()))


def _line(data: object) -> Line:
    slope, shift = cast(Line, data)
    return float(slope), float(shift)
