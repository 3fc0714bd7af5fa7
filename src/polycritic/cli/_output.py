"""What commands say: lines for people, JSON for programs."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def say(lines: Iterable[str]) -> None:
    """Print lines for people."""
    for line in lines:
        typer.echo(line)


def say_json(data: object) -> None:
    """Print JSON for programs; NaN and infinity, which JSON does not know, become null."""
    typer.echo(json.dumps(_plain(data), indent=2, ensure_ascii=False))


def note(line: str) -> None:
    """Tell something beside the result, on standard error."""
    print(line, file=sys.stderr)  # noqa: T201


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Lines of a table; numbers are aligned on the right.

    >>> table(["task", "n"], [["a", 10], ["bb", 2]])
    ['task   n', 'a     10', 'bb     2']
    """
    cells = [[_cell(value) for value in row] for row in rows]
    numeric = [bool(rows) and all(isinstance(row[k], int | float) for row in rows) for k in range(len(headers))]
    widths = [
        max(len(headers[k]), *(len(row[k]) for row in cells)) if cells else len(headers[k]) for k in range(len(headers))
    ]
    lines = []
    for row in [list(headers), *cells]:
        parts = [c.rjust(w) if right else c.ljust(w) for c, w, right in zip(row, widths, numeric, strict=True)]
        lines.append("  ".join(parts).rstrip())
    return lines


def grouped(sentences: Iterable[str]) -> list[str]:
    """Sentences of the form ``task 'a': said``, with tasks of which the same is said in one line.

    >>> grouped(["task 'a': right or wrong", "task 'b': right or wrong", "task 'c': a number"])
    ["2 tasks ('a', 'b'): right or wrong", "task 'c': a number"]
    """
    tasks: dict[str, list[str]] = {}
    for sentence in sentences:
        task, _, said = sentence.partition(": ")
        tasks.setdefault(said, []).append(task.removeprefix("task "))
    lines = []
    for said, names in tasks.items():
        shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        lines.append(f"{len(names)} tasks ({shown}): {said}" if len(names) > 1 else f"task {names[0]}: {said}")
    return lines


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.3f}"
    return str(value)


def _plain(data: object) -> Any:
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, dict):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    return data
