from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from polycritic.core import (
    BagRating,
    Binary,
    Comparison,
    Feedback,
    Interval,
    Levels,
    Ranking,
    Rating,
    Scale,
    StepRatings,
    Task,
    lookup,
)

_Costs = list[tuple[float, float]]  # (weight, nats)


def chance_losses(feedback: Sequence[Feedback], tasks: Sequence[Task]) -> dict[str, float]:
    r"""What knowing nothing costs on each task's rows: the costs for :class:`LogOutcomes`.

    A rating costs the log of the number of outcomes; where the loss is a squared error it costs half the variance of the task's
    own labels, in the units of that error. A comparison costs :math:`\log 2`, a ranking :math:`\sum_i \log \#\{j : r_j \ge
    r_i\}`, which is :math:`\log m!` without ties, and a bag half the variance of the task's bags. A task with rows of several
    kinds costs their mean, by weight. Rankings and squared errors are our extension of the paper's classifications.

    Args:
        feedback: The rows to train on.
        tasks: Their tasks.

    Returns:
        The cost of each task whose rows cost anything, in nats.

    Raises:
        PolycriticError: A row's task is not among the tasks.

    >>> from polycritic.core import Candidate
    >>> three = tuple(Candidate("", text) for text in "abc")
    >>> rows = [Ranking(task="order", candidates=three, ranks=(1, 2, 3))]
    >>> round(math.exp(chance_losses(rows, [Task("order")])["order"]), 6)  # six orders
    6.0

    References:
        Aghajanyan et al. (2021), Muppet: Massive Multi-task Representations with Pre-Finetuning.
    """
    scales = {task.name: task.scale for task in tasks}
    costs: dict[str, _Costs] = {}
    labels: dict[tuple[str, float], _Costs] = {}  # (weight, label) of what a squared error compares, by task and unit
    for row in feedback:
        scale = scales[lookup(row.task, scales, "task")]
        unit = _unit(row, scale)
        if unit:
            labels.setdefault((row.task, unit), []).extend((row.weight, value) for value in _values(row))
        else:
            costs.setdefault(row.task, []).append((row.weight, _nats(row, scale)))
    for (name, unit), pairs in labels.items():
        weight, value = np.array(pairs).T
        if weight.sum() > 0.0:
            variance = float(np.average((value - np.average(value, weights=weight)) ** 2, weights=weight))
            costs.setdefault(name, []).append((float(weight.sum()), 0.5 * variance / unit**2))
    means = {name: _mean(pairs) for name, pairs in costs.items()}
    return {name: mean for name, mean in means.items() if mean > 0.0}


def _unit(row: Feedback, scale: Scale) -> float:
    """The unit of the row's squared error, 0 where its loss is a likelihood."""
    if not isinstance(row, BagRating) and (
        not isinstance(row, Rating | StepRatings) or isinstance(scale, Binary | Levels)
    ):
        return 0.0
    return (scale.high - scale.low) / 4.0 if isinstance(scale, Interval) else 1.0


def _values(row: Feedback) -> list[float]:
    match row:
        case Rating() | BagRating():
            return [row.value]
        case StepRatings():
            return [value for value in row.values if not math.isnan(value)]
    return []


def _nats(row: Feedback, scale: Scale) -> float:
    if isinstance(row, Ranking):
        ranks = np.array(row.ranks)
        return float(np.log((ranks[:, None] <= ranks).sum(axis=1)).sum())
    if isinstance(scale, Levels) and not isinstance(row, Comparison):
        return math.log(len(scale.names))
    return math.log(2.0)


def _mean(pairs: _Costs) -> float:
    weight, cost = np.array(pairs).T
    return float(np.average(cost, weights=weight)) if weight.sum() > 0.0 else 0.0
