"""Whole numbers in base two, eight and sixteen.

>>> problem = number_bases.make(seed=0)
>>> print(problem.prompt)
What is the decimal number 4 in base 2?
>>> print("".join(number_bases.solve(problem)))
100
"""

from __future__ import annotations

import re
from random import Random
from typing import NamedTuple

from polycritic.core import Binary, Task
from polycritic.worlds._reading import off_by_little
from polycritic.worlds._world import Slips, World

_PROMPTS = (
    "Write {number} in {name}.",
    "What is the decimal number {number} in base {base}?",
    "Convert {number} from decimal to {name} (base {base}).",
)
_NAMES = {2: "binary", 8: "octal", 16: "hexadecimal"}
_READABLE = {2: re.compile("[01]{1,60}"), 8: re.compile("[0-7]{1,60}"), 16: re.compile("[0-9a-f]{1,60}")}


class _Number(NamedTuple):
    number: int
    base: int


def _draw(rng: Random, difficulty: int) -> tuple[str, _Number]:
    data = _Number(rng.randint(4**difficulty, 4 ** (difficulty + 1)), rng.choice((2, 2, 8, 16)))
    return rng.choice(_PROMPTS).format(number=data.number, base=data.base, name=_NAMES[data.base]), data


def _solve(data: _Number) -> str:
    number, digits = data.number, ""
    while number:
        number, digit = divmod(number, data.base)
        digits = "0123456789abcdef"[digit] + digits
    return digits


def _check(data: _Number, answer: str) -> bool:
    answer = answer.lower()
    if not _READABLE[data.base].fullmatch(answer) or answer.startswith("0"):
        return False
    return int(answer, data.base) == data.number


def _slips(data: _Number, rng: Random) -> Slips:
    right = _solve(data)
    other = rng.choice([base for base in _NAMES if base != data.base])
    step = rng.choice(
        (right[::-1], _solve(_Number(data.number, other)), _solve(_Number(data.number * 2 + 1, data.base)))
    )
    wrong = rng.choice((f"0x{right}", f"({right})", " ".join(right) + ".", f"{right} (base {data.base})"))
    return Slips(_solve(_Number(max(off_by_little(data.number, rng), 1), data.base)), step, wrong)


number_bases = World(
    Task(
        "math/number_bases",
        "Write a decimal number in another base. Right: its digits in that base, without prefix or leading zeros, alone "
        "or after 'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
