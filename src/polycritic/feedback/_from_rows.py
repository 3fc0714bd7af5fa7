"""A table made from row objects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from polycritic.core import Feedback, IntArray, Task, lookup
from polycritic.feedback._read import read
from polycritic.feedback._records import records_of
from polycritic.feedback._table import FeedbackTable


def table(rows: Sequence[Feedback], tasks: Sequence[Task] | None = None) -> FeedbackTable:
    """Rows as a :class:`FeedbackTable`, so that whoever works on columns need not care what was given.

    **Laws**: ``list(table(rows)) == list(rows)``; a table is returned as it is, with ``tasks`` restated.

    Args:
        rows: Rows, or a table already.
        tasks: Their tasks; scales that are not stated are inferred.

    Raises:
        FeedbackError: Values lie off a task's scale.

    >>> from polycritic.core import Candidate, Rating
    >>> table([Rating(task="sums", candidate=Candidate("1 + 1", "2"), value=1.0)])
    FeedbackTable(1 row of 1 task: 1 rating)
    """
    if isinstance(rows, FeedbackTable):
        return rows if tasks is None else rows.with_tasks(tasks)
    made = read(list(records_of(rows, ())), tasks=tasks)
    return made if tasks is None else made.with_tasks(tasks)


def task_index_of(rows: Sequence[Feedback], tasks: Sequence[Task]) -> IntArray:
    """Each row's task, (n,), as an index into ``tasks``.

    Raises:
        UnknownNameError: A row's task is none of them.

    >>> from polycritic.core import Candidate, Rating
    >>> row = Rating(task="b", candidate=Candidate("p", "r"), value=1.0)
    >>> task_index_of([row], [Task("a"), Task("b")])
    array([1])
    """
    columns = {task.name: i for i, task in enumerate(tasks)}
    if isinstance(rows, FeedbackTable):
        own = [columns[lookup(task.name, columns, "task")] for task in rows.tasks]
        return np.array(own, dtype=np.int64)[rows.task_index]
    return np.array([columns[lookup(row.task, columns, "task")] for row in rows], dtype=np.int64)
