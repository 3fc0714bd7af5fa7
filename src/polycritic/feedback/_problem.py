"""What is wrong with rows, collected while reading and said all at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import IntArray, PolycriticError

if TYPE_CHECKING:
    from polycritic.feedback._source import Source

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one row.

    Args:
        where: The file and line, or the place in a list.
        task: The row's task; empty where it cannot be told.
        column: The column, or empty for the whole row.
        found: What is there.
        expected: What should be there.

    >>> print(Problem("a.jsonl:3", "sums", "rating", "'bad'", "a number"))
    a.jsonl:3: task 'sums', column 'rating': expected a number, found 'bad'
    """

    where: str
    task: str
    column: str
    found: str
    expected: str

    def __str__(self) -> str:
        place = [f"task {self.task!r}"] if self.task else []
        place += [f"column {self.column!r}"] if self.column else []
        said = f"expected {self.expected}, found {self.found}"
        return f"{self.where}: {', '.join(place)}: {said}" if place else f"{self.where}: {said}"


class FeedbackError(PolycriticError):
    """Feedback that cannot be used as it stands. Shows the first 20 problems and counts all bad rows.

    Args:
        problems: All of them, in the order of the files.
        count: How many rows are bad; one row may have several problems.
        mend: What the reader can do about it.

    >>> error = FeedbackError([Problem("a.jsonl:3", "sums", "rating", "'bad'", "a number")], 1)
    >>> print(error)
    1 bad row
      a.jsonl:3: task 'sums', column 'rating': expected a number, found 'bad'
    >>> error.count, error.problems[0].column
    (1, 'rating')
    """

    def __init__(self, problems: Iterable[Problem], count: int, mend: str = "") -> None:
        self.problems, self.count = tuple(problems), count
        lines = [f"{count:,} bad row{'' if count == 1 else 's'}", *(f"  {p}" for p in self.problems[:_SHOWN])]
        if len(self.problems) > _SHOWN:
            lines.append(f"  ... and {len(self.problems) - _SHOWN:,} more")
        super().__init__("\n".join([*lines, mend] if mend else lines))
        self.mend = mend

    def __reduce__(self) -> tuple[object, ...]:
        """Problems survive pickling."""
        return FeedbackError, (self.problems, self.count, self.mend)


@dataclass(frozen=True, slots=True)
class _Fault:
    source: Source
    record: int
    task: str
    column: str
    found: str
    expected: str


class Faults:
    """Problems found so far, by source and record; places become lines only in the end."""

    def __init__(self) -> None:
        self._faults: list[_Fault] = []

    def add(self, source: Source, record: int, column: str, found: str, expected: str, *, task: str = "") -> None:
        """Note one problem."""
        self._faults.append(_Fault(source, record, task, column, found, expected))

    def records(self, source: Source) -> IntArray:
        """The bad records of a source, ascending."""
        return np.array(sorted({f.record for f in self._faults if f.source is source}), dtype=np.int64)

    @property
    def count(self) -> int:
        """How many rows are bad."""
        return len({(id(f.source), f.record) for f in self._faults})

    def problems(self, order: Sequence[Source]) -> tuple[Problem, ...]:
        """All problems in the order of the sources and their records, each with its place."""
        rank = {id(source): i for i, source in enumerate(order)}
        found = sorted(self._faults, key=lambda f: (rank[id(f.source)], f.record))
        return tuple(Problem(f.source.where(f.record), f.task, f.column, f.found, f.expected) for f in found)


def shown(value: object, width: int = 60) -> str:
    """A value in short, for messages.

    >>> shown("a" * 100, 10)
    "'aaaaaa..."
    """
    text = repr(value)
    return text if len(text) <= width else text[: width - 3] + "..."
