"""Feedback that need not fit into memory: files looked through once, then read a piece at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from polycritic.core import PolycriticError, Progress, Task
from polycritic.feedback._pieces import open_pieces
from polycritic.feedback._problem import Faults, FeedbackError
from polycritic.feedback._read import (
    attributes_of,
    described,
    highest_of,
    in_order,
    instructions,
    note_off_scale,
    rows_of,
    sound,
    stated_tasks,
)
from polycritic.feedback._rows import Remarks
from polycritic.feedback._scales import Values, add_values, stated_or_inferred
from polycritic.feedback._shapes import compile_rows
from polycritic.feedback._source import Source
from polycritic.feedback._table import FeedbackTable

_ENOUGH = 1000
"""Bad rows after which nobody reads on."""


@dataclass(frozen=True, slots=True)
class FeedbackStream:
    """Files of feedback, read a piece at a time, as often as one iterates.

    Made by :func:`stream`.

    **Laws**: the rows of all pieces, in order, are those of :func:`read`; so are ``tasks``.

    Args:
        tasks: All tasks of the files, in the order in which they first come.
        rows: How many rows there are.
        files: The files, each with how it is to be read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "sums.jsonl"
    ...     _ = path.write_text('{"prompt": "1 + 1", "completion": "2", "label": true}')
    ...     rows = stream(path)
    ...     [len(piece) for piece in rows], rows.tasks[0].name
    ([1], 'sums')
    """

    tasks: tuple[Task, ...]
    rows: int
    files: tuple[_File, ...] = field(repr=False)

    def with_tasks(self, tasks: Iterable[Task]) -> FeedbackStream:
        """The same rows with scales and descriptions stated anew; other tasks stay as they are."""
        stated = {task.name: task for task in tasks}
        return replace(self, tasks=tuple(stated.get(task.name, task) for task in self.tasks))

    def __iter__(self) -> Iterator[FeedbackTable]:
        """Tables of some thousand rows each; those without rows are left out."""
        stated = {task.name: task for task in self.tasks}
        for file in self.files:
            faults = Faults()
            for source, table in _tables(file, stated, faults, {}):
                _refuse(faults, [source])  # the file is another than it was
                if len(table):
                    yield table


@dataclass(frozen=True, slots=True)
class _File:
    """A file, and what all its rows together say about how each is read.

    Args:
        path: The file.
        highest: For columns with two codes, the highest value.
        whole: Whether it must be read at once: the rows of a bag may stand anywhere.
        unjudged: Whether rows may lack a judgement.
    """

    path: Path
    highest: Mapping[str, float]
    whole: bool
    unjudged: bool


def _file(path: Path, *, unjudged: bool) -> _File:
    highest: dict[str, float] = {}
    whole = False
    for blocks in open_pieces(path, Faults())[1]:
        highest = {name: max(value, highest.get(name, 0.0)) for name, value in highest_of(blocks).items()}
        whole = whole or any("bag" in block.table.column_names for block in blocks)
    return _File(path, highest, whole, unjudged)


def _tables(
    file: _File, stated: Mapping[str, Task], faults: Faults, checked: Mapping[str, Task]
) -> Iterator[tuple[Source, FeedbackTable]]:
    """A file's pieces without the rows that are bad, among them those with values off the scales in ``checked``."""
    source, pieces = open_pieces(file.path, faults, whole=file.whole)
    for blocks in pieces:
        rows = [rows_of(source, b, faults, Remarks(), file.highest, unjudged=file.unjudged) for b in blocks]
        parts = [part for own in rows for part in compile_rows(own)]
        note_off_scale(parts, checked, faults)
        parts = [part for part in (sound(part, faults) for part in parts) if len(part)]
        names = dict.fromkeys(name for part in parts for name in part.names)
        tasks = {name: stated[name] if name in stated else Task(name) for name in names}
        yield source, FeedbackTable(parts, *in_order(parts), tasks)


def stream(
    *paths: Path | str, tasks: Sequence[Task] | Path | str | None = None, unjudged: bool = False
) -> FeedbackStream:
    """Look through files of feedback once, and read them a piece at a time from then on.

    Looking through finds what only all rows together say: which rows are bad, the tasks, their scales and descriptions.
    Memory does not grow with the files, but for those that must be read whole: JSON arrays, and files with bags.

    Args:
        paths: As :func:`read` takes them.
        tasks: Tasks with their scales and descriptions, or a TOML file of them.
        unjudged: Whether rows may have a prompt and a completion and no judgement: their ratings are NaN.

    Raises:
        FeedbackError: Some rows are bad; it names all of them, or the first thousand or so.
        PolycriticError: A file cannot be read, or two files use different scales for one task.

    >>> stream("nowhere.jsonl")
    Traceback (most recent call last):
    polycritic.core._errors.PolycriticError: nowhere.jsonl: no such file
    """
    if not paths:
        raise PolycriticError("nothing to read", expected="one or more files")
    stated, only_described = stated_tasks(tasks)
    values: Values = {}
    instructed: dict[str, str | None] = {}
    attributes: set[str] = set()
    faults, opened = Faults(), dict[Source, None]()
    files = tuple(_file(Path(path), unjudged=unjudged) for path in paths)
    rows = 0
    with Progress("reading") as progress:
        for file in files:
            for source, table in _tables(file, stated, faults, stated):
                opened[source] = None
                add_values(table.parts, values)
                attributes |= attributes_of(table.parts)
                for name, text in instructions(table).items():
                    instructed[name] = text if instructed.get(name, text) == text else None
                rows += len(table)
                progress.advance(len(table))
                if faults.count >= _ENOUGH:
                    _refuse(faults, opened)
    _refuse(faults, opened)
    known, _ = stated_or_inferred(values, stated, only_described)
    return FeedbackStream(described(known, instructed, attributes), rows, files)


def _refuse(faults: Faults, opened: Iterable[Source]) -> None:
    """Raise where rows are bad. Where reading stopped early, rows are counted to the end, for lines to be told."""
    if not faults.count:
        return
    for source in opened:
        if source.path is not None and source.count_lines is not None:
            source.records = len(source.count_lines(source.path))
    raise FeedbackError(faults.problems(tuple(opened)), faults.count, "Mend the rows")
