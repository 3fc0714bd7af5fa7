"""Scores: what a judge says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from polycritic.core._errors import PolycriticError, lookup
from polycritic.core._task import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Scores:
    """The judgements of n candidates on t tasks. Holds numbers, computes nothing.

    Args:
        tasks: The t tasks, one a column.
        values: (n, t), each column on its task's own scale; NaN where the judge abstained.
        spread: (n, t) standard deviation of each value, or None where the judge does not say.
        interval: (n, t, 2) lower and upper end of each value's interval, or None.

    Raises:
        PolycriticError: Shapes disagree, or two tasks bear one name.

    >>> scores = Scores((Task("a"), Task("b")), np.array([[1.0, 2.0], [3.0, 4.0]]))
    >>> scores
    Scores(2 candidates x 2 tasks: a, b)
    >>> scores.of("b")
    array([2., 4.])
    """

    tasks: tuple[Task, ...]
    values: FloatArray
    spread: FloatArray | None = None
    interval: FloatArray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "tasks", tuple(self.tasks))
        names = [task.name for task in self.tasks]
        if len(set(names)) < len(names):
            raise PolycriticError("bad Scores", found=f"tasks {names}", expected="each task once")
        values = _frozen(self.values)
        if values.ndim != 2 or values.shape[1] != len(self.tasks):
            raise PolycriticError("bad Scores", found=f"values {values.shape}", expected=f"(n, {len(self.tasks)})")
        object.__setattr__(self, "values", values)
        for name, shape in (("spread", values.shape), ("interval", (*values.shape, 2))):
            array = getattr(self, name)
            if array is not None:
                if np.shape(array) != shape:
                    raise PolycriticError("bad Scores", found=f"{name} {np.shape(array)}", expected=str(shape))
                object.__setattr__(self, name, _frozen(array))

    def __len__(self) -> int:
        return len(self.values)

    def __reduce__(self) -> tuple[object, ...]:
        """Copies are frozen too."""
        return Scores, (self.tasks, self.values, self.spread, self.interval)

    def __repr__(self) -> str:
        names = ", ".join(task.name for task in self.tasks[:4]) + (", ..." if len(self.tasks) > 4 else "")
        return f"Scores({len(self)} candidates x {len(self.tasks)} tasks: {names})"

    def column(self, task: Task | str) -> int:
        """The column of a task, by name.

        >>> Scores((Task("a"), Task("b")), np.zeros((0, 2))).column("b")
        1
        """
        name = task if isinstance(task, str) else task.name
        names = [t.name for t in self.tasks]
        return names.index(lookup(name, names, "task"))

    def of(self, task: Task | str) -> FloatArray:
        """One task's values, (n,).

        >>> Scores((Task("a"),), np.array([[1.0]])).of("a")
        array([1.])
        """
        return self.values[:, self.column(task)]

    def select(
        self, candidates: Sequence[int] | IntArray | None = None, tasks: Sequence[Task | str] | None = None
    ) -> Scores:
        """The scores of some candidates on some tasks, in the order asked for.

        >>> Scores((Task("a"), Task("b")), np.array([[1.0, 2.0], [3.0, 4.0]])).select([1], ["b", "a"]).values
        array([[4., 3.]])
        """
        rows = np.arange(len(self)) if candidates is None else np.asarray(candidates, dtype=np.int64)
        columns = (
            np.arange(len(self.tasks)) if tasks is None else np.array([self.column(t) for t in tasks], dtype=np.int64)
        )
        cells = np.ix_(rows, columns)
        return Scores(
            tuple(self.tasks[c] for c in columns),
            self.values[cells],
            None if self.spread is None else self.spread[cells],
            None if self.interval is None else self.interval[cells],
        )


def concatenate(scores: Sequence[Scores]) -> Scores:
    """Join scores of different candidates on the same tasks, in order.

    ``spread`` and ``interval`` survive where every part has them.

    Raises:
        PolycriticError: There is nothing to join, or the tasks differ.

    >>> part = Scores((Task("a"),), np.array([[1.0]]))
    >>> concatenate([part, part]).values.ravel()
    array([1., 1.])
    """
    if not scores:
        raise PolycriticError("nothing to concatenate", expected="one or more Scores")
    tasks = scores[0].tasks
    for part in scores:
        if part.tasks != tasks:
            raise PolycriticError("cannot concatenate", found=repr(part), expected=f"the tasks of {scores[0]!r}")
    spreads = [part.spread for part in scores if part.spread is not None]
    intervals = [part.interval for part in scores if part.interval is not None]
    return Scores(
        tasks,
        np.concatenate([part.values for part in scores]),
        np.concatenate(spreads) if len(spreads) == len(scores) else None,
        np.concatenate(intervals) if len(intervals) == len(scores) else None,
    )


def _frozen(array: FloatArray) -> FloatArray:
    frozen = np.array(array, dtype=np.float64)
    frozen.flags.writeable = False
    return frozen
