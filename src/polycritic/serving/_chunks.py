"""The work of batch scoring, cut into chunks that depend on nothing but the files."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from operator import attrgetter
from typing import Any

from polycritic.core import Candidate, Judge, PolycriticError, Scores, Task
from polycritic.feedback import FeedbackStream

_CACHE = 1 << 14
"""Kibibytes of seen candidates kept in memory; more go to a temporary file."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Candidates to score together.

    Args:
        number: Its place among all chunks, from 0.
        rows: How many rows of the files were read for it.
        groups: Candidates by task, an index into the tasks.
    """

    number: int
    rows: int
    groups: tuple[tuple[int, tuple[Candidate, ...]], ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """A chunk's scores.

    Args:
        number: The chunk's.
        rows: The chunk's.
        groups: By task, one line of JSON for each candidate.
    """

    number: int
    rows: int
    groups: tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True)
class Chunks:
    """The chunks of files of feedback: each distinct candidate of a task once, where it first comes.

    Args:
        rows: The files.
        tasks: What candidates are scored on, all of them on all; without, each on its own row's task, as ``rows.tasks`` say.
        size: How many scores a chunk asks for.
        done: Numbers of chunks that are left out.
    """

    rows: FeedbackStream
    tasks: tuple[Task, ...]
    size: int
    done: frozenset[int] = frozenset()

    @property
    def columns(self) -> tuple[Task, ...]:
        """The tasks that groups are numbered by."""
        return self.tasks or self.rows.tasks

    def __iter__(self) -> Iterator[Chunk]:
        place = {task.name: i for i, task in enumerate(self.rows.tasks)}
        number = count = before = 0
        groups: dict[int, list[Candidate]] = {}
        with closing(_Seen()) as seen:
            for own, candidates in _candidates(self.rows):
                count += 1
                columns = range(len(self.tasks)) if self.tasks else (place[own],)
                for candidate in candidates:
                    if seen.add(-1 if self.tasks else columns[0], candidate):
                        for column in columns:
                            groups.setdefault(column, []).append(candidate)
                if sum(map(len, groups.values())) >= self.size:
                    if number not in self.done:
                        yield Chunk(number, count - before, tuple((c, tuple(own)) for c, own in groups.items()))
                    number, before, groups = number + 1, count, {}
        if count != self.rows.rows:
            raise PolycriticError("the files changed while they were read", found=f"{count:,} rows")
        if (groups or count > before) and number not in self.done:
            yield Chunk(number, count - before, tuple((c, tuple(own)) for c, own in groups.items()))


def _candidates(rows: FeedbackStream) -> Iterator[tuple[str, tuple[Candidate, ...]]]:
    """Every row's task and candidates."""
    for table in rows:
        names = [task.name for task in table.tasks]
        yield from zip([names[i] for i in table.task_index.tolist()], table.candidates(), strict=True)


_fields = attrgetter(*Candidate.__slots__)


class _Seen:
    """Which candidates came before, in bounded memory: their digests in a database that spills to a file of its own."""

    def __init__(self) -> None:
        # A generator that was left may be closed by another thread.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for line in (f"PRAGMA cache_size=-{_CACHE}", "PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF"):
            self._database.execute(line)
        self._database.execute("CREATE TABLE seen (digest BLOB PRIMARY KEY) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def add(self, column: int, candidate: Candidate) -> bool:
        """Whether the candidate is new for the task."""
        digest = blake2b(repr((column, _fields(candidate))).encode(), digest_size=16).digest()
        return self._database.execute("INSERT OR IGNORE INTO seen VALUES (?)", (digest,)).rowcount == 1

    def close(self) -> None:
        """Forget all."""
        self._database.close()


Load = Callable[[], Judge]
Workers = Callable[[Load, Chunks], Iterable[Scored]]
"""What scores chunks, in any order: each once."""

_JSON = json.JSONEncoder(ensure_ascii=False)


def in_this_process(load: Load, chunks: Chunks) -> Iterator[Scored]:
    """Score chunks one after the other."""
    judge = load()
    return (score_chunk(judge, chunks.columns, chunk) for chunk in chunks)


def score_chunk(judge: Judge, tasks: Sequence[Task], chunk: Chunk) -> Scored:
    """Score a chunk, task by task.

    Raises:
        PolycriticError: The judge gives another number of scores.
    """
    groups = []
    for column, candidates in chunk.groups:
        task = tasks[column]
        scores = judge.score(candidates, [task])
        if len(scores) != len(candidates):
            raise PolycriticError("the judge lost candidates", found=str(len(scores)), expected=str(len(candidates)))
        lines = (_JSON.encode(row) + "\n" for row in _rows(candidates, scores, task))
        groups.append((column, "".join(lines).encode("utf-8", "surrogatepass")))
    return Scored(chunk.number, chunk.rows, tuple(groups))


def _rows(candidates: Sequence[Candidate], scores: Scores, task: Task) -> Iterator[dict[str, Any]]:
    values = scores.values[:, 0].tolist()
    spreads = [None] * len(values) if scores.spread is None else scores.spread[:, 0].tolist()
    for candidate, value, spread in zip(candidates, values, spreads, strict=True):
        yield {
            "task": task.name,
            "prompt": candidate.prompt,
            "completion": candidate.response,
            "score": _number(value),
            "spread": _number(spread),
        }


def _number(value: float | None) -> float | None:
    return None if value is None or value != value else value
