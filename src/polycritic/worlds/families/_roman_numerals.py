"""Numbers written as roman numerals.

>>> problem = roman_numerals.make(seed=0)
>>> print(problem.prompt)
Give the roman numeral for 15.
>>> print("".join(roman_numerals.solve(problem)))
XV
"""

from __future__ import annotations

import re
from random import Random

from polycritic.core import Binary, Task
from polycritic.worlds._reading import off_by_little
from polycritic.worlds._world import Slips, World

_PROMPTS = (
    "Write {} in roman numerals.",
    "How would a Roman have written {}?",
    "{} as a roman numeral?",
    "Give the roman numeral for {}.",
)
_PAIRS = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"),
    (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip
_NUMERAL = re.compile(r"(?=.)M{0,3}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")
_LETTERS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_HIGHEST = (30, 120, 500, 1500, 3900)


def _draw(rng: Random, difficulty: int) -> tuple[str, int]:
    number = rng.randint(1 if difficulty == 1 else _HIGHEST[difficulty - 2], _HIGHEST[difficulty - 1])
    return rng.choice(_PROMPTS).format(number), number


def _solve(number: int) -> str:
    return _written(number, _PAIRS)


def _written(number: int, pairs: tuple[tuple[int, str], ...]) -> str:
    numeral = ""
    for size, letters in pairs:
        numeral += letters * (number // size)
        number %= size
    return numeral


def _check(number: int, answer: str) -> bool:
    if not _NUMERAL.fullmatch(answer):
        return False
    total, before = 0, 0
    for letter in reversed(answer):  # a letter before a larger one is taken away
        size = _LETTERS[letter]
        total += size if size >= before else -size
        before = max(before, size)
    return total == number


def _slips(number: int, rng: Random) -> Slips:
    right = _solve(number)
    additive = _written(number, _PAIRS[::2])
    step = additive if additive != right else _written(max(1, number + rng.choice((-50, -5, 5, 50))), _PAIRS)
    wrong = rng.choice((right.lower(), str(number), "-".join(right)))
    return Slips(_written(max(off_by_little(number, rng), 1), _PAIRS), step, wrong)


roman_numerals = World(
    Task(
        "math/roman_numerals",
        "Write a number as a roman numeral. Right: the standard numeral in capital letters, with IV, IX, XL, XC, CD and "
        "CM for fours and nines, alone or after 'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
