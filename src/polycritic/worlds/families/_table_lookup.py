"""Reading a value from a small table.

>>> problem = table_lookup.make(seed=0)
>>> print(problem.prompt)
item | weight | shelf
vase | 52 | 13
drum | 8 | 6
map | 59 | 4
What stands under weight for drum?
>>> print("".join(table_lookup.solve(problem)))
8
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from polycritic.core import Binary, Task
from polycritic.worlds._reading import misspelt, off_by_little
from polycritic.worlds._vocabulary import CITIES, THINGS
from polycritic.worlds._world import Slips, World

_COLUMNS = {
    "item": ("price", "stock", "weight", "sold", "shelf"),
    "city": ("visitors", "hotels", "trams", "parks", "bridges"),
}
_CELL = ("What stands under {column} for {row}?", "Look up {column} for {row}.", "{row}: what is given as {column}?")
_MOST = ("Which {head} has the highest value of {column}?", "Find the {head} that is first in {column}.")


class _Table(NamedTuple):
    text: str
    column: str
    row: str  # empty: which row has the highest value


def _draw(rng: Random, difficulty: int) -> tuple[str, _Table]:
    head = rng.choice(list(_COLUMNS))
    columns = rng.sample(_COLUMNS[head], 2 + difficulty // 2)
    names = rng.sample(THINGS if head == "item" else CITIES, 2 + difficulty)
    numbers = [rng.sample(range(2, 30 * difficulty + 30), len(names)) for _ in columns]
    rows = [[head, *columns], *([name, *map(str, row)] for name, *row in zip(names, *numbers, strict=True))]
    text = "\n".join(" | ".join(row) for row in rows)
    table = _Table(text, rng.choice(columns), "" if rng.random() < 0.4 else rng.choice(names))
    question = rng.choice(_CELL if table.row else _MOST).format(head=head, column=table.column, row=table.row)
    return f"{text}\n{question}", table


def _rows(table: _Table) -> tuple[list[str], list[list[str]]]:
    header, *rows = (line.split(" | ") for line in table.text.split("\n"))
    return header, rows


def _solve(table: _Table) -> str:
    header, rows = _rows(table)
    place = header.index(table.column)
    if table.row:
        return {row[0]: row[place] for row in rows}[table.row]
    return max(rows, key=lambda row: int(row[place]))[0]


def _check(table: _Table, answer: str) -> bool:
    columns = {
        names[0]: names[1:] for names in zip(*(line.split(" | ") for line in table.text.split("\n")), strict=True)
    }
    values = columns.pop(table.column)
    labels = next(iter(columns.values()))
    if table.row:
        return any(label == table.row and value == answer for label, value in zip(labels, values, strict=True))
    return answer in labels and all(int(value) <= int(values[labels.index(answer)]) for value in values)


def _slips(table: _Table, rng: Random) -> Slips:
    right = _solve(table)
    header, rows = _rows(table)
    place = header.index(table.column)
    if table.row:
        own = next(row for row in rows if row[0] == table.row)
        near = rng.choice((rng.choice(own[1:]), str(off_by_little(int(right), rng))))
        step = rng.choice(rows)[rng.choice((place, rng.randrange(1, len(header))))]
    else:
        ordered = sorted(rows, key=lambda row: -int(row[place]))
        near, step = ordered[1][0], rng.choice((ordered[-1][0], rng.choice(rows)[0], rng.choice(header)))
    wrong = rng.choice(
        (f"| {right} |", f"{right}?", f"row {rng.randint(1, len(rows))}", misspelt(right, rng), "see above")
    )
    return Slips(near, step, wrong)


table_lookup = World(
    Task(
        "facts/table_lookup",
        "Answer a question from a table. Right: the cell or the row's name that is asked for, as it stands in the table, "
        "alone or after 'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
