"""What calibrators share: fitting for each task with a pooled fallback, and acting on a table of scores.

A value on a bounded scale is read as the fraction of the way from the scale's worst to its best value, so tasks of
different scales can be pooled: 0.5 means half way whether the scale runs from 0 to 1 or from 1 to 5.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from polycritic.core import PolycriticError, Scores, Task, Utility, bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from polycritic.core import FloatArray

P = TypeVar("P")


def checked_labels(scores: Scores, labels: FloatArray) -> FloatArray:
    """Labels as (n, t) numbers on each task's scale, NaN where nobody labelled, or an error that says which is wrong."""
    array = np.asarray(labels, dtype=np.float64)
    if array.ndim == 1 and len(scores.tasks) == 1:
        array = array[:, None]
    if array.shape != scores.values.shape:
        raise PolycriticError(
            "labels and scores disagree",
            where="labels",
            found=str(array.shape),
            expected=f"{scores.values.shape}, one label (or NaN) for each score",
        )
    for column, task in enumerate(scores.tasks):
        low, high = bounds(task.scale)
        present = array[~np.isnan(array[:, column]), column]
        wrong = present[(present < low) | (present > high) | ~np.isfinite(present)]
        if len(wrong):
            raise PolycriticError(
                "label off the scale",
                where=f"task {task.name!r}",
                found=f"{len(wrong)} such, the first {wrong[0]:g}",
                expected=f"numbers from {low:g} to {high:g}",
            )
    return array


def fit_each(
    scores: Scores, labels: FloatArray, fit: Callable[[FloatArray, FloatArray], P], least: int
) -> tuple[P, dict[str, P]]:
    """Fit on all tasks together, and on each task that has enough labels of its own.

    Args:
        scores: What the judge said, (n, t).
        labels: What was true, (n, t), NaN where unknown.
        fit: Takes values and labels as fractions of their scale, both (k,), and returns what was fitted.
        least: A task with fewer labels than this, or with labels all best or all worst, has no fit of its own.

    Returns:
        The pooled fit, and the fits by task name.

    Raises:
        PolycriticError: There is no label for any value on a bounded scale.
    """
    array = checked_labels(scores, labels)
    values_of: dict[str, FloatArray] = {}
    labels_of: dict[str, FloatArray] = {}
    for column, task in enumerate(scores.tasks):
        if isinstance(task.scale, Utility):
            continue
        known = ~np.isnan(array[:, column]) & ~np.isnan(scores.values[:, column])
        values_of[task.name] = as_fraction(task, scores.values[known, column])
        labels_of[task.name] = as_fraction(task, array[known, column])
    if not any(map(len, labels_of.values())):
        raise PolycriticError(
            "nothing to calibrate on",
            where="labels",
            expected="labels for values on a Binary, Levels or Interval scale",
            mend="A utility has no bounds and so no probability; give the task a bounded scale",
        )
    pooled = fit(np.concatenate(list(values_of.values())), np.concatenate(list(labels_of.values())))
    own = {
        name: fit(values_of[name], y)
        for name, y in labels_of.items()
        if len(y) >= max(least, 1) and y.min() < 1.0 and y.max() > 0.0
    }
    return pooled, own


def recalibrated(scores: Scores, warp: Callable[[str, FloatArray], FloatArray]) -> Scores:
    """Pass each bounded column through its task's increasing map of fractions; utilities stay as they are.

    Ends of intervals go through the same map. A spread s at value v becomes half of what lies between the images of
    v - s and v + s.
    """
    values = scores.values.copy()
    spread = None if scores.spread is None else scores.spread.copy()
    interval = None if scores.interval is None else scores.interval.copy()
    for column, task in enumerate(scores.tasks):
        if isinstance(task.scale, Utility):
            continue

        def mapped(x: FloatArray, task: Task = task) -> FloatArray:
            low, high = bounds(task.scale)
            return low + (high - low) * warp(task.name, as_fraction(task, x))

        before = scores.values[:, column]
        values[:, column] = mapped(before)
        if spread is not None:
            spread[:, column] = (mapped(before + spread[:, column]) - mapped(before - spread[:, column])) / 2
        if interval is not None:
            interval[:, column] = mapped(interval[:, column])
    return replace(scores, values=values, spread=spread, interval=interval)


def as_fraction(task: Task, values: FloatArray) -> FloatArray:
    """Where values lie between the worst (0) and the best (1) of a bounded scale; clipped, NaN stays NaN."""
    low, high = bounds(task.scale)
    return np.asarray(np.clip((values - low) / (high - low), 0.0, 1.0), dtype=np.float64)


def saved(calibrator: object, pooled: object, tasks: Mapping[str, object]) -> dict[str, object]:
    """A calibrator as plain numbers, ready for JSON."""
    return {"kind": type(calibrator).__name__, "pooled": pooled, "tasks": dict(tasks)}


def loaded(kind: type, data: Mapping[str, object]) -> tuple[object, dict[str, object]]:
    """The pooled and per-task parameters out of :func:`saved`."""
    pooled, tasks = data.get("pooled"), data.get("tasks")
    if data.get("kind") != kind.__name__ or pooled is None or not isinstance(tasks, dict):
        raise PolycriticError(
            f"not a saved {kind.__name__}",
            found=f"kind {data.get('kind')!r} with {sorted(data)}",
            expected=f"kind {kind.__name__!r} with pooled and tasks",
        )
    return pooled, tasks
