"""Conformal intervals: right as often as promised, whatever the judge and however few the labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from polycritic.core import PolycriticError, Task, Utility, bounds
from polycritic.trust._per_task import checked_labels, loaded, saved

if TYPE_CHECKING:
    from polycritic.core import FloatArray, Scores

_SPARE = 1e-9  # (n + 1) * coverage may come out a hair above a whole number


def conformal_quantile(scores: FloatArray, coverage: float) -> float:
    r"""The k-th smallest of n scores, :math:`k = \lceil (n + 1)\,\mathrm{coverage} \rceil`; infinite where k > n.

    A new score, exchangeable with the n, is no larger with probability at least ``coverage``.

    Args:
        scores: (n,) nonconformity scores; NaN is left out.
        coverage: Between 0 and 1.

    Raises:
        PolycriticError: Coverage outside (0, 1).

    >>> scores = np.arange(1, 20) / 10
    >>> conformal_quantile(scores, 0.9), conformal_quantile(scores, 0.8), conformal_quantile(scores, 0.96)
    (1.8, 1.6, inf)

    References:
        Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World.
    """
    if not 0 < coverage < 1:
        raise PolycriticError("bad coverage", found=f"{coverage:g}", expected="between 0 and 1")
    known = np.sort(np.asarray(scores, dtype=np.float64)[~np.isnan(scores)])
    k = max(int(np.ceil((len(known) + 1) * coverage - _SPARE)), 1)
    return float(known[k - 1]) if k <= len(known) else float("inf")


@dataclass(frozen=True, slots=True)
class Conformal:
    r"""Puts an interval round each value: :math:`[v - q\,u,\; v + q\,u]`, cut to the scale's ends.

    The unit u is the width of the task's scale (1 for utilities), or the value's own spread where fitted ``scaled``. An
    infinite q gives the whole scale, which for utilities is the whole line.

    **Laws**: values do not change; NaN has a NaN interval; the interval holds the value; a larger coverage never gives a
    narrower interval; a task without a quantile of its own takes the pooled one of its kind.

    Args:
        pooled: q of the bounded scales and q of the utilities, which have no common unit.
        tasks: q of single tasks, by name.
        scaled: Whether q multiplies the spread.

    >>> from polycritic.core import Interval, Scores, Task
    >>> Conformal((0.25, np.inf))(Scores((Task("a", scale=Interval(0, 4)),), np.array([[3.5]]))).interval
    array([[[2.5, 4. ]]])

    References:
        Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), Distribution-Free Predictive Inference for Regression.
    """

    pooled: tuple[float, float]
    tasks: Mapping[str, float] = field(default_factory=dict)
    scaled: bool = False

    def __call__(self, scores: Scores) -> Scores:
        """The scores with ``interval`` filled; an interval that was there is replaced."""
        half = _quantiles(scores, self.pooled, self.tasks) * _units(scores, scaled=self.scaled)
        half = np.where(np.isnan(scores.values), np.nan, half)
        return _with_interval(scores, scores.values - half, scores.values + half)

    def to_dict(self) -> dict[str, object]:
        """Plain numbers, ready for JSON."""
        return {**saved(self, list(self.pooled), self.tasks), "scaled": self.scaled}

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Conformal:
        """What :meth:`to_dict` wrote."""
        return cls(*_loaded(cls, data), scaled=bool(data.get("scaled", False)))


@dataclass(frozen=True, slots=True)
class ConformalQuantiles:
    r"""Moves the ends of a judge's own intervals: :math:`[l - q\,u,\; h + q\,u]`, cut to the scale's ends (CQR).

    The unit u is the width of the task's scale (1 for utilities). A negative q narrows; ends that would cross meet in
    the middle between them.

    **Laws**: values do not change; NaN has a NaN interval; a larger coverage never gives a narrower interval; a task
    without a quantile of its own takes the pooled one of its kind.

    Args:
        pooled: q of the bounded scales and q of the utilities.
        tasks: q of single tasks, by name.

    >>> from polycritic.core import Scores, Task
    >>> scores = Scores((Task("a"),), np.zeros((1, 1)), interval=np.array([[[-1.0, 1.0]]]))
    >>> ConformalQuantiles((np.inf, 0.5))(scores).interval
    array([[[-1.5, 1.5]]])

    References:
        Romano, Patterson and Candes (2019), Conformalized Quantile Regression.
    """

    pooled: tuple[float, float]
    tasks: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, scores: Scores) -> Scores:
        """The scores with the ends of ``interval`` moved."""
        interval = _interval(scores)
        shift = _quantiles(scores, self.pooled, self.tasks) * _units(scores, scaled=False)
        low, high = interval[..., 0] - shift, interval[..., 1] + shift
        crossed = low > high
        middle = interval.mean(axis=-1)
        return _with_interval(scores, np.where(crossed, middle, low), np.where(crossed, middle, high))

    def to_dict(self) -> dict[str, object]:
        """Plain numbers, ready for JSON."""
        return saved(self, list(self.pooled), self.tasks)

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> ConformalQuantiles:
        """What :meth:`to_dict` wrote."""
        return cls(*_loaded(cls, data))


def fit_conformal(scores: Scores, labels: FloatArray, *, coverage: float = 0.9, scaled: bool = False) -> Conformal:
    r"""Split conformal intervals from labels the judge was not trained on; q is a quantile of :math:`|y - v| / u`.

    For a task with :math:`\lceil 1/\alpha \rceil - 1` labels or more (9 at coverage 0.9) the promise holds for the task
    by itself. With fewer it takes the quantile over all tasks of bounded scales (or all utilities): the promise then
    holds over tasks together, and for a task never seen as far as it is like the others. With too few labels over all,
    the interval is infinite, and right.

    Args:
        scores: What the judge said, (n, t).
        labels: What was true, (n, t) on the tasks' scales; NaN where unknown.
        coverage: How often the interval is to hold the label.
        scaled: Measure errors in units of the stated spread, so that intervals are wide where the judge is unsure.

    Raises:
        PolycriticError: Labels off the scale; ``scaled`` and no positive spread.

    >>> from polycritic.core import Scores, Task
    >>> scores = Scores((Task("a"),), np.zeros((19, 1)))
    >>> fit_conformal(scores, np.arange(1, 20)[:, None] / 10).tasks["a"]
    1.8
    """
    array = checked_labels(scores, labels)
    return Conformal(*_fit(scores, np.abs(array - scores.values), coverage, scaled=scaled), scaled=scaled)


def fit_conformal_quantiles(scores: Scores, labels: FloatArray, *, coverage: float = 0.9) -> ConformalQuantiles:
    r"""Conformalise a judge's own intervals; q is a quantile of :math:`\max(l - y, y - h) / u`.

    Per task, pooled and infinite under the same rule as :func:`fit_conformal`.

    Args:
        scores: What the judge said, (n, t), with intervals.
        labels: What was true, (n, t) on the tasks' scales; NaN where unknown.
        coverage: How often the interval is to hold the label.

    Raises:
        PolycriticError: No intervals, or labels off the scale.

    >>> from polycritic.core import Scores, Task
    >>> scores = Scores((Task("a"),), np.zeros((19, 1)), interval=np.zeros((19, 1, 2)) + [-1.0, 1.0])
    >>> fit_conformal_quantiles(scores, np.full((19, 1), 1.5)).tasks["a"]
    0.5
    """
    array, interval = checked_labels(scores, labels), _interval(scores)
    outside = np.maximum(interval[..., 0] - array, array - interval[..., 1])
    return ConformalQuantiles(*_fit(scores, outside, coverage, scaled=False))


def _fit(
    scores: Scores, distance: FloatArray, coverage: float, *, scaled: bool
) -> tuple[tuple[float, float], dict[str, float]]:
    units = _units(scores, scaled=scaled)
    known = ~np.isnan(distance)
    if not (units[known] > 0).all():
        raise PolycriticError("cannot scale by the spread", expected="a positive spread wherever there is a label")
    relative = np.where(known, distance, np.nan) / np.where(known, units, 1.0)
    utility = np.array([isinstance(task.scale, Utility) for task in scores.tasks], dtype=bool)
    pooled = tuple(conformal_quantile(relative[:, kind].ravel(), coverage) for kind in (~utility, utility))
    own = {task.name: conformal_quantile(relative[:, c], coverage) for c, task in enumerate(scores.tasks)}
    return (pooled[0], pooled[1]), {name: q for name, q in own.items() if np.isfinite(q)}


def _quantiles(scores: Scores, pooled: tuple[float, float], tasks: Mapping[str, float]) -> FloatArray:
    return np.array([tasks.get(task.name, pooled[isinstance(task.scale, Utility)]) for task in scores.tasks])


def _units(scores: Scores, *, scaled: bool) -> FloatArray:
    if scaled:
        if scores.spread is None:
            raise PolycriticError("these scores have no spread", found=repr(scores), expected="scores with spread")
        return scores.spread
    return np.broadcast_to(np.array([_width(task) for task in scores.tasks]), scores.values.shape)


def _width(task: Task) -> float:
    low, high = bounds(task.scale)
    return high - low if np.isfinite(high - low) else 1.0


def _interval(scores: Scores) -> FloatArray:
    if scores.interval is None:
        raise PolycriticError("these scores have no interval", found=repr(scores), expected="scores with interval")
    return scores.interval


def _with_interval(scores: Scores, low: FloatArray, high: FloatArray) -> Scores:
    ends = np.array([bounds(task.scale) for task in scores.tasks]).reshape(-1, 2)
    return replace(scores, interval=np.clip(np.stack([low, high], axis=-1), ends[:, :1], ends[:, 1:]))


def _loaded(kind: type, data: Mapping[str, object]) -> tuple[tuple[float, float], dict[str, float]]:
    pooled, tasks = loaded(kind, data)
    bounded, utility = cast("tuple[float, float]", pooled)
    return (float(bounded), float(utility)), {name: float(cast(float, q)) for name, q in tasks.items()}
