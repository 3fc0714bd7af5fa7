"""Families of tasks, and choosing tasks by name or pattern."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from polycritic.core import Task, lookup


def families(tasks: Iterable[Task]) -> dict[str, tuple[Task, ...]]:
    """Group tasks by family: what comes before the first ``/`` of the name.

    Args:
        tasks: Any tasks.

    Returns:
        Each family's tasks, families and tasks in the order given.

    >>> families([Task("bbh/navigate"), Task("gsm8k"), Task("bbh/dates")])["bbh"]
    (Task(name='bbh/navigate', description='', scale=Utility()), Task(name='bbh/dates', description='', scale=Utility()))
    """
    grouped: dict[str, list[Task]] = {}
    for task in tasks:
        grouped.setdefault(task.family, []).append(task)
    return {family: tuple(members) for family, members in grouped.items()}


def select(tasks: Sequence[Task], patterns: str | Iterable[str]) -> tuple[Task, ...]:
    """Choose tasks by name, by family, or by a pattern with ``*``, ``?`` and ``[...]``.

    **Laws**: the result keeps the order of ``tasks`` and holds each once; every pattern names at least one task.

    Args:
        tasks: What to choose from.
        patterns: Names, families or patterns; a task is chosen when any of them fits.

    Raises:
        UnknownNameError: A pattern fits no task; the message offers the nearest names.

    >>> tasks = [Task("bbh/navigate"), Task("bbh/dates"), Task("gsm8k")]
    >>> [task.name for task in select(tasks, ["bbh/*"])]
    ['bbh/navigate', 'bbh/dates']
    >>> [task.name for task in select(tasks, "gsm8k")]
    ['gsm8k']
    """
    chosen: set[str] = set()
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        fitting = {task.name for task in tasks if pattern in (task.name, task.family)}
        fitting = fitting or {task.name for task in tasks if fnmatchcase(task.name, pattern)}
        chosen |= fitting or {lookup(pattern, [task.name for task in tasks], "task")}
    return tuple(task for task in tasks if task.name in chosen)
