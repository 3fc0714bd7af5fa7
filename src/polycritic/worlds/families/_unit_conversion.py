"""Lengths, weights, times and volumes in other units.

>>> problem = unit_conversion.make(seed=0)
>>> print(problem.prompt)
How many kilograms are 14 tonnes?
>>> print("".join(unit_conversion.solve(problem)))
14000 kilograms
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from polycritic.core import Binary, Task
from polycritic.worlds._reading import integer, misread, off_by_little
from polycritic.worlds._world import Slips, World

_PROMPTS = (
    "Convert {amount} {start} to {end}.",
    "How many {end} are {amount} {start}?",
    "{amount} {start} in {end}?",
    "Express {amount} {start} in {end}.",
)
# Smallest first; the solver walks from unit to unit by these factors.
_LADDERS = (
    (("millimetres", 1), ("centimetres", 10), ("metres", 100), ("kilometres", 1000)),
    (("milligrams", 1), ("grams", 1000), ("kilograms", 1000), ("tonnes", 1000)),
    (("seconds", 1), ("minutes", 60), ("hours", 60), ("days", 24), ("weeks", 7)),
    (("millilitres", 1), ("centilitres", 10), ("decilitres", 10), ("litres", 10)),
)
# The verifier knows each unit's size in the smallest one.
_SIZES = {
    "millimetres": 1, "centimetres": 10, "metres": 1_000, "kilometres": 1_000_000,
    "milligrams": 1, "grams": 1_000, "kilograms": 1_000_000, "tonnes": 1_000_000_000,
    "seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400, "weeks": 604_800,
    "millilitres": 1, "centilitres": 10, "decilitres": 100, "litres": 1_000,
}  # fmt: skip


class _Conversion(NamedTuple):
    amount: int
    start: str
    end: str


def _draw(rng: Random, difficulty: int) -> tuple[str, _Conversion]:
    ladder = rng.choice(_LADDERS)
    apart = min(len(ladder) - 1, rng.randint(1, 1 + difficulty // 2))
    low = rng.randrange(len(ladder) - apart)
    number = rng.randint(2, 4 * 4**difficulty)
    small, large = ladder[low][0], ladder[low + apart][0]
    if rng.random() < 0.5:
        conversion = _Conversion(number, large, small)
    else:
        factor = 1
        for _, step in ladder[low + 1 : low + apart + 1]:
            factor *= step
        conversion = _Conversion(number * factor, small, large)
    return rng.choice(_PROMPTS).format(**conversion._asdict()), conversion


def _solve(conversion: _Conversion) -> str:
    amount, start, end = conversion
    for ladder in _LADDERS:
        units = [unit for unit, _ in ladder]
        if start in units:
            here, there = units.index(start), units.index(end)
            for _, step in ladder[there + 1 : here + 1]:
                amount *= step
            for _, step in ladder[here + 1 : there + 1]:
                amount //= step
    return f"{amount} {end}"


def _check(conversion: _Conversion, answer: str) -> bool:
    number, _, unit = answer.partition(" ")
    amount = integer(number)
    if amount is None or unit != conversion.end:
        return False
    return amount * _SIZES[conversion.end] == conversion.amount * _SIZES[conversion.start]


def _slips(conversion: _Conversion, rng: Random) -> Slips:
    text, end = _solve(conversion).split()
    right, amount = int(text), conversion.amount
    near = rng.choice((right * 10, right // 10 if right % 10 == 0 else off_by_little(right, rng)))
    factor = rng.choice((7, 10, 24, 60, 100, 1000))
    wrong = amount * factor if right > amount else max(amount // factor, 1)
    return Slips(
        f"{near} {end}", f"{wrong} {end}", rng.choice((text, f"{misread(right, rng)} {end}", f"{end}: {text}"))
    )


unit_conversion = World(
    Task(
        "math/unit_conversion",
        "Convert an amount to another unit. Right: the exact whole number in digits, a space, and the name of the unit "
        "asked for, alone or after 'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
