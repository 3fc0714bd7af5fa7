"""The date some days before or after another.

>>> problem = dates.make(seed=0)
>>> print(problem.prompt)
What is the date 5 days after January 10, 2006?
>>> print("".join(dates.solve(problem)))
2006-01-15
"""

from __future__ import annotations

import re
from datetime import date
from random import Random
from typing import NamedTuple

from polycritic.core import Binary, Task
from polycritic.worlds._vocabulary import MONTHS
from polycritic.worlds._world import Slips, World

_PROMPTS = (
    "What is the date {days} days {side} {start}?",
    "Which day is {days} days {side} {start}?",
    "Counting from {start}, give the date {days} days {side} that.",
)
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class _Shift(NamedTuple):
    year: int
    month: int
    day: int
    days: int


def _draw(rng: Random, difficulty: int) -> tuple[str, _Shift]:
    days = rng.randint(2 * 3 ** (difficulty - 1), 10 * 3 ** (difficulty - 1)) * rng.choice((-1, 1))
    shift = _Shift(rng.randint(1990, 2035), rng.randint(1, 12), rng.randint(1, 28), days)
    year, month, day, _ = shift
    name = MONTHS[month - 1]
    start = rng.choice((f"{year}-{month:02d}-{day:02d}", f"{day} {name} {year}", f"{name} {day}, {year}"))
    side = "after" if days > 0 else "before"
    return rng.choice(_PROMPTS).format(days=abs(days), side=side, start=start), shift


def _solve(shift: _Shift) -> str:
    return _iso(*_moved(shift))


def _moved(shift: _Shift) -> tuple[int, int, int]:
    """Month by month, as one does on paper."""
    year, month, day, days = shift
    day += days
    while day < 1:
        year, month = (year - 1, 12) if month == 1 else (year, month - 1)
        day += _length(year, month)
    while day > _length(year, month):
        day -= _length(year, month)
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return year, month, day


def _length(year: int, month: int) -> int:
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return _LENGTHS[month - 1] + leap


def _iso(year: int, month: int, day: int) -> str:
    return f"{year:04d}-{month:02d}-{day:02d}"


def _check(shift: _Shift, answer: str) -> bool:
    if not _ISO.fullmatch(answer):
        return False
    try:
        end = date.fromisoformat(answer)
    except ValueError:
        return False
    return end.toordinal() - date(shift.year, shift.month, shift.day).toordinal() == shift.days


def _slips(shift: _Shift, rng: Random) -> Slips:
    year, month, day = _moved(shift)
    near = _iso(*_moved(shift._replace(days=shift.days + rng.choice((-2, -1, 1, 2)))))
    step = rng.choice(
        (
            _iso(*_moved(shift._replace(days=-shift.days))),
            _iso(year, month % 12 + 1, min(day, 28)),
            _iso(year + rng.choice((-1, 1)), month, min(day, 28)),
            _iso(shift.year, shift.month, (day + rng.randint(1, 9)) % 28 + 1),
        )
    )
    wrong = rng.choice((f"{day:02d}/{month:02d}/{year}", f"{day} {MONTHS[month - 1]} {year}", f"{year}-{month}-{day}."))
    return Slips(near, step, wrong)


dates = World(
    Task(
        "math/dates",
        "Find the date a number of days before or after another. Right: the date as YYYY-MM-DD, alone or after 'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
