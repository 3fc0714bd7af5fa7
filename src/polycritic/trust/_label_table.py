"""Ratings as the table of labels that calibrators are fitted on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import PolycriticError, Rating

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polycritic.core import Candidate, Feedback, FloatArray, Task


def label_table(feedback: Sequence[Feedback], tasks: Sequence[Task]) -> tuple[list[Candidate], FloatArray]:
    """The distinct candidates that were rated on some tasks, and their labels beside them.

    Several ratings of one candidate on one task become their weighted mean. Rows of other kinds and other tasks are not
    looked at.

    Args:
        feedback: Rows of any kinds.
        tasks: The t tasks.

    Returns:
        n candidates in order of appearance, and (n, t) labels, NaN where nobody rated.

    Raises:
        PolycriticError: No row rates a candidate on these tasks.

    >>> from polycritic.core import Candidate, Task
    >>> good, bad = Candidate("1 + 1", "2"), Candidate("1 + 1", "3")
    >>> rows = [Rating(task="sums", candidate=good, value=1.0), Rating(task="sums", candidate=bad, value=0.0)]
    >>> label_table(rows, [Task("sums")])[1].ravel()
    array([1., 0.])
    """
    columns = {task.name: column for column, task in enumerate(tasks)}
    places: dict[Candidate, int] = {}
    cells, values, weights = [], [], []
    for row in feedback:
        if isinstance(row, Rating) and row.task in columns:
            cells.append((places.setdefault(row.candidate, len(places)), columns[row.task]))
            values.append(row.value)
            weights.append(row.weight)
    if not cells:
        raise PolycriticError("no ratings to calibrate on", expected=f"ratings of {', '.join(list(columns)[:5])}")
    at = np.array(cells, dtype=np.int64) @ np.array([len(tasks), 1])
    size = len(places) * len(tasks)
    weight = np.array(weights)
    total = np.bincount(at, weight, size)
    mean = np.divide(
        np.bincount(at, weight * np.array(values), size), total, out=np.full(size, np.nan), where=total > 0
    )
    return list(places), mean.reshape(len(places), len(tasks))
