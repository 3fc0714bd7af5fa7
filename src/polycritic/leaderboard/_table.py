"""What systems scored on items, as one matrix with gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from polycritic.core import FloatArray, IntArray, PolycriticError, Scores
from polycritic.leaderboard._matches import Matches
from polycritic.leaderboard._names import Names, encode

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ScoreTable:
    """Values of k systems on n items. Make it with :func:`score_table` or :func:`score_table_of`.

    Args:
        names: The k systems, each once.
        values: (k, n) higher is better; NaN where a system has no value.
        tasks: The t tasks.
        task: (n,) code of the task that an item belongs to.
        weight: (n,) weight of each item.
        items: The n items' names.

    Raises:
        PolycriticError: Shapes disagree, or two systems bear one name.

    >>> score_table(["a", "b"], ["x", "x"], [1.0, 0.0]).names
    ('a', 'b')
    """

    names: tuple[str, ...]
    values: FloatArray
    tasks: tuple[str, ...]
    task: IntArray
    weight: FloatArray
    items: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.names)) < len(self.names):
            twice = sorted({name for name in self.names if self.names.count(name) > 1})
            raise PolycriticError("duplicate names", found=", ".join(twice), expected="each system once")
        shape = (len(self.names), len(self.items))
        if self.values.shape != shape or self.task.shape != shape[1:] or self.weight.shape != shape[1:]:
            raise PolycriticError("bad ScoreTable", found=f"values {self.values.shape}", expected=str(shape))
        if np.isinf(self.values).any():
            raise PolycriticError("bad ScoreTable", found="infinite values", expected="finite numbers, or NaN for none")

    def __repr__(self) -> str:
        return f"ScoreTable({len(self.names)} systems x {len(self.items)} items in {len(self.tasks)} tasks)"


def score_table(
    system: Names,
    item: Names,
    value: ArrayLike,
    *,
    task: Names | None = None,
    weight: ArrayLike | None = None,
) -> ScoreTable:
    """A table from one value a row; cells are keyed by names, never by position.

    Several values of one system on one item are averaged: they are no further evidence on other items. NaN values
    count as not there.

    Args:
        system: (n,) who.
        item: (n,) on what; items of different tasks are different.
        value: (n,) how good, higher is better.
        task: (n,) which task an item belongs to; one task if not given.
        weight: (n,) weight of each value within its cell's mean; an item weighs the mean of its rows' weights.

    Raises:
        PolycriticError: Columns differ in length, or weights are bad.

    >>> score_table(["a", "b", "a"], ["1", "1", "2"], [1.0, 0.0, 1.0]).values
    array([[ 1.,  1.],
           [ 0., nan]])
    """
    (who,), names = encode([system], "system")
    (what,), labels = encode([item], "item")
    amount = np.asarray(value, dtype=np.float64)
    (kind,), tasks = encode([task], "task") if task is not None else ([np.zeros(len(amount), np.int64)], ("",))
    load = np.ones(len(amount)) if weight is None else np.asarray(weight, dtype=np.float64)
    sizes = {len(who), len(what), len(amount), len(kind), len(load)}
    if len(sizes) > 1:
        raise PolycriticError("columns differ in length", found=str(sorted(sizes)), expected="one length")
    if not (np.isfinite(load).all() and (load >= 0).all()):
        raise PolycriticError("bad weights", expected="finite numbers >= 0")
    keys, column = np.unique(kind * max(len(labels), 1) + what, return_inverse=True)
    k, n = len(names), len(keys)
    there = ~np.isnan(amount) & (load > 0)
    cell = who * n + column
    total = np.bincount(cell[there], (load * amount)[there], k * n)
    count = np.bincount(cell[there], load[there], k * n)
    with np.errstate(invalid="ignore"):
        values = (total / np.where(count > 0, count, np.nan)).reshape(k, n)
    own = np.bincount(column, load, n) / np.maximum(np.bincount(column, minlength=n), 1)
    owner = keys // max(len(labels), 1)
    items = tuple(labels[i] for i in keys % max(len(labels), 1))
    return ScoreTable(names, values, tasks, owner, own, items)


def score_table_of(scores: Scores, systems: Sequence[str], items: Sequence[str]) -> ScoreTable:
    """A table from a judge's scores: candidate i was written by ``systems[i]`` for ``items[i]``.

    Raises:
        PolycriticError: There is not one system and one item for each candidate.

    >>> from polycritic.core import Task
    >>> score_table_of(Scores((Task("t"),), np.array([[1.0], [0.0]])), ["a", "b"], ["p", "p"])
    ScoreTable(2 systems x 1 items in 1 tasks)
    """
    n, t = scores.values.shape
    if len(systems) != n or len(items) != n:
        raise PolycriticError(
            "names do not match scores", found=f"{len(systems)} systems, {len(items)} items", expected=f"{n} of each"
        )
    return score_table(
        np.repeat(np.asarray(systems, dtype=object), t),
        np.repeat(np.asarray(items, dtype=object), t),
        scores.values.ravel(),
        task=np.array([task.name for task in scores.tasks] * n, dtype=object),
    )


def as_matches(data: Matches | ScoreTable) -> Matches:
    """Every pair of systems on every item they share: the higher value wins, equal values tie.

    >>> as_matches(score_table(["a", "b"], ["1", "1"], [1.0, 0.0]))
    Matches(1 of 2 systems on 1 items)
    """
    if isinstance(data, Matches):
        return data
    one, two = np.triu_indices(len(data.names), 1)
    gap = (data.values[one] - data.values[two]).T
    item, pair = np.nonzero(~np.isnan(gap))
    outcome = (np.sign(gap[item, pair]) + 1.0) / 2.0
    abstained = int(np.isnan(gap).sum())
    return Matches(data.names, one[pair], two[pair], outcome, data.weight[item], item, {}, abstained)
