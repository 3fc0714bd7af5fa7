"""A logistic regression for many tasks: each task's weights are those of all tasks, moved by its family and by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from polycritic.core import BoolArray, FloatArray, IntArray

_SHARED, _INTERCEPT = 0.1, 0.001
"""What squared weights of all tasks, and squared intercepts, cost against the log likelihood of the rows."""
_PENALTIES = (0.01, 0.03, 0.1, 0.3, 1.0)
"""What squared weights of a task may cost: the more, the more tasks borrow from each other."""
_USUAL = 0.3
"""What they cost where there are too few groups to try it out."""
_FEWEST_GROUPS = 40
_DEARER = (1.0, 3.0, 10.0, 30.0)
"""How much more those of a family may cost: the more, the less a task is taken to be like others of its family."""
_FEWEST_TASKS = 8
_GROUP_FOLDS, _TASK_FOLDS = 5, 4
_NEWTON, _SMALLEST = 30, 1e-10


_Levels = tuple[FloatArray, FloatArray, FloatArray]
"""Weights of all tasks (1, k), of families (f, k), and of tasks with their intercepts (t, k + 1)."""


@dataclass(frozen=True, slots=True, eq=False)
class HierarchicalWeights:
    """Weights of all tasks ``shared`` (k,), moved by ``family`` (f, k) and ``task`` (t, k); each task's ``intercept`` (t,)."""

    shared: FloatArray
    family: FloatArray
    task: FloatArray
    intercept: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """Rows of a regression.

    Args:
        x: (n, k) numbers, or differences of them for comparisons.
        y: (n,) shares between 0 and 1.
        weight: (n,) how much each row counts.
        task: (n,) each row's task.
        own: (n,) 1 where the task's intercept counts, 0 for comparisons.
    """

    x: FloatArray
    y: FloatArray
    weight: FloatArray
    task: IntArray
    own: FloatArray

    def select(self, kept: BoolArray) -> Shares:
        """Some of the rows."""
        return Shares(self.x[kept], self.y[kept], self.weight[kept], self.task[kept], self.own[kept])


def hierarchical_logistic(
    rows: Shares, family: IntArray, prior: HierarchicalWeights, penalty: float = _USUAL, dearer: float = 1.0
) -> HierarchicalWeights:
    r"""Fit shares by a regression whose tasks borrow strength from their families, and families from all.

    .. math:: \operatorname{logit} p_i = (a + a_f + a_t) \cdot x_i + o_i b_t

    with the likelihood, less the weighted squares of what the weights moved, at its maximum.

    Args:
        rows: What is to be fitted.
        family: (t,) each task's family.
        prior: What the weights are drawn towards.
        penalty: What a squared weight of a task costs.
        dearer: How many times as much one of a family does.

    >>> one = np.zeros(100, dtype=np.int64)
    >>> rows = Shares(np.array([[1.0], [-1.0]] * 50), np.array([0.9, 0.1] * 50), np.ones(100), one, np.zeros(100))
    >>> prior = HierarchicalWeights(np.zeros(1), np.zeros((1, 1)), np.zeros((1, 1)), np.zeros(1))
    >>> fit = hierarchical_logistic(rows, one[:1], prior)
    >>> round(float((fit.shared + fit.family[0] + fit.task[0])[0]), 1)
    2.2

    References:
        Gelman and Hill (2006), Data Analysis Using Regression and Multilevel/Hierarchical Models.
    """
    from scipy.special import expit

    k = rows.x.shape[1]
    order = np.argsort(rows.task, kind="stable")
    x = np.column_stack([rows.x, rows.own])[order]
    y, weight, task = rows.y[order], rows.weight[order], rows.task[order]
    ends = np.searchsorted(task, np.arange(len(family) + 1))
    spans = [slice(*ends[t : t + 2]) for t in range(len(family))]
    costs = (
        2.0 * _SHARED * np.eye(k),
        2.0 * penalty * dearer * np.eye(k),
        2.0 * np.diag(np.append(np.full(k, penalty), _INTERCEPT)),
    )
    start = (prior.shared[None], prior.family, np.column_stack([prior.task, prior.intercept]))

    def loss_of(at: _Levels) -> tuple[float, FloatArray]:
        table = at[2].copy()
        table[:, :k] += at[0] + at[1][family]
        u = np.einsum("nk,nk->n", x, table[task])
        loss = float((weight * (np.logaddexp(0.0, u) - y * u)).sum())
        moved = zip(at, start, costs, strict=True)
        return loss + sum(0.5 * float(np.einsum("ti,ij,tj->", a - b, c, a - b)) for a, b, c in moved), u

    now = start
    loss, u = loss_of(now)
    for _ in range(_NEWTON):
        share = expit(u)
        bend, error = (weight * share * (1.0 - share))[:, None] * x, weight * (share - y)
        slope = np.stack([error[span] @ x[span] for span in spans])
        hessian = np.stack([bend[span].T @ x[span] for span in spans])
        drawn = [(a - b) @ c for a, b, c in zip(now, start, costs, strict=True)]
        step = _newton_step(slope, hessian, family, drawn, costs)
        size = 1.0
        while size > _SMALLEST and (tried := loss_of(_moved(now, step, size)))[0] > loss:
            size /= 2.0
        if size <= _SMALLEST:
            break
        now, before, (loss, u) = _moved(now, step, size), loss, tried
        if before - loss <= _SMALLEST * (1.0 + abs(loss)):
            break
    return HierarchicalWeights(now[0][0], now[1], now[2][:, :k], now[2][:, k])


def _newton_step(
    slope: FloatArray, hessian: FloatArray, family: IntArray, drawn: Sequence[FloatArray], costs: Sequence[FloatArray]
) -> _Levels:
    """Solve for each task's step in terms of its family's, for these in terms of all tasks', and for those."""
    k = slope.shape[1] - 1
    member = (family == np.arange(len(drawn[1]))[:, None]).astype(np.float64)
    to_task, left, pull = _solved(hessian[:, :, :k], hessian, slope, drawn[2], costs[2])
    left, pull = np.einsum("ft,tij->fij", member, left), member @ pull
    to_family, left, pull = _solved(left, left, pull, drawn[1], costs[1])
    shared = -np.linalg.solve(left.sum(0) + costs[0], pull.sum(0) + drawn[0][0])
    by_family = -to_family[:, :, k] - to_family[:, :, :k] @ shared
    by_task = -to_task[:, :, k] - np.einsum("tij,tj->ti", to_task[:, :, :k], shared + by_family[family])
    return shared[None], by_family, by_task


def _solved(
    above: FloatArray, hessian: FloatArray, slope: FloatArray, drawn: FloatArray, cost: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """One level in terms of the level above, (t, i, k + 1), and what is left of the Hessian and of the slope for that level."""
    k = above.shape[2]
    solution = np.linalg.solve(hessian + cost, np.concatenate([above, (slope + drawn)[:, :, None]], axis=2))
    rest = above.transpose(0, 2, 1) @ solution
    return solution, hessian[:, :k, :k] - rest[:, :, :k], slope[:, :k] - rest[:, :, k]


def _moved(at: _Levels, step: _Levels, size: float) -> _Levels:
    return at[0] + size * step[0], at[1] + size * step[1], at[2] + size * step[2]


def best_penalties(rows: Shares, family: IntArray, prior: HierarchicalWeights, group: IntArray) -> tuple[float, float]:
    """How much tasks should borrow from all tasks, and how much from their families: what predicts best what was left out.

    First a quarter of the tasks is left out, and told from the rest: that says whether families are alike in themselves. Then a
    fifth of the groups.

    Args:
        rows: What is to be fitted.
        family: (t,) each task's family.
        prior: What the weights are drawn towards.
        group: (n,) rows that belong together, such as those of one prompt, carry one number and are left out together.

    Returns:
        The penalty, one of .01, .03, .1, .3 and 1 (of fewer than 40 groups .3, untried), and how many times as much a family's
        weights should cost, 1, 3, 10 or 30 (of fewer than 8 tasks with others in their family 1, untried).
    """

    def in_new_tasks(dearer: float) -> float:
        total = 0.0
        for fold in range(_TASK_FOLDS):
            left_out = place[rows.task] % _TASK_FOLDS == fold
            told = rows.select(left_out & (mates[family[rows.task]] > 1))
            fit = hierarchical_logistic(rows.select(~left_out), family, prior, _USUAL, dearer)
            total += float(np.nansum(_unlikelihood(told, (fit.shared + fit.family)[family], len(family))))
        return total

    def in_new_groups(penalty: float) -> float:
        total = 0.0
        for fold in range(_GROUP_FOLDS):
            left_out = group % _GROUP_FOLDS == fold
            told = rows.select(left_out)
            fit = hierarchical_logistic(rows.select(~left_out), family, prior, penalty, dearer)
            u = np.einsum("nk,nk->n", told.x, (fit.shared + fit.family[family] + fit.task)[told.task])
            u += told.own * fit.intercept[told.task]
            total += float(told.weight @ (np.logaddexp(0.0, u) - told.y * u))
        return total

    present = np.unique(rows.task)
    place = np.zeros(len(family), dtype=np.int64)
    place[present] = np.arange(len(present))
    mates = np.bincount(family[present], minlength=int(family.max()) + 1)
    dearer = 1.0 if (mates[family[present]] > 1).sum() < _FEWEST_TASKS else min(_DEARER, key=in_new_tasks)
    penalty = _USUAL if len(np.unique(group)) < _FEWEST_GROUPS else min(_PENALTIES, key=in_new_groups)
    return penalty, dearer


def _unlikelihood(rows: Shares, table: FloatArray, count: int) -> FloatArray:
    """The mean over each task's rows (t,), with the intercept that is best for them; NaN where there are none."""
    from scipy.special import expit

    u = np.einsum("nk,nk->n", rows.x, table[rows.task])
    intercept = np.zeros(count)
    for _ in range(_NEWTON):
        share = expit(u + rows.own * intercept[rows.task])
        slope = np.bincount(rows.task, rows.weight * rows.own * (share - rows.y), count)
        bend = np.bincount(rows.task, rows.weight * rows.own * share * (1.0 - share), count)
        intercept -= np.clip((slope + 2.0 * _INTERCEPT * intercept) / (bend + 2.0 * _INTERCEPT), -1.0, 1.0)
    u += rows.own * intercept[rows.task]
    total = np.bincount(rows.task, rows.weight * (np.logaddexp(0.0, u) - rows.y * u), count)
    weight = np.bincount(rows.task, rows.weight, count)
    return np.where(weight > 0, total / np.maximum(weight, 1e-300), np.nan)
