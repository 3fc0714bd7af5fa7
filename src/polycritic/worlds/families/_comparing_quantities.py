"""The largest or smallest of fractions, decimals and percentages.

>>> problem = comparing_quantities.make(seed=0)
>>> print(problem.prompt)
0.05, 0.82, 58%: which one is smallest?
>>> print("".join(comparing_quantities.solve(problem)))
0.05
"""

from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import NamedTuple

from polycritic.core import Binary, Task
from polycritic.worlds._reading import misspelt
from polycritic.worlds._world import Slips, World

_PROMPTS = (
    "Which is the {most}: {quantities}?",
    "Of these quantities, find the {most}: {quantities}.",
    "{quantities}: which one is {most}?",
)


class _Quantities(NamedTuple):
    quantities: tuple[str, ...]
    largest: bool


def _draw(rng: Random, difficulty: int) -> tuple[str, _Quantities]:
    texts: dict[Fraction, str] = {}
    while len(texts) < difficulty + 2:
        bottom = rng.randint(2, 6 + 4 * difficulty)
        top, hundredths = rng.randint(1, bottom - 1), rng.randint(1, 99)
        value, text = rng.choice(
            (
                (Fraction(top, bottom), f"{top}/{bottom}"),
                (Fraction(hundredths, 100), f"{hundredths}%"),
                (Fraction(hundredths, 100), f"0.{hundredths:02d}"),
            )
        )
        texts.setdefault(value, text)
    data = _Quantities(tuple(texts.values()), rng.random() < 0.5)
    most = "largest" if data.largest else "smallest"
    return rng.choice(_PROMPTS).format(most=most, quantities=", ".join(data.quantities)), data


def _solve(data: _Quantities) -> str:
    return _ordered(data)[0]


def _ordered(data: _Quantities) -> list[str]:
    def number(text: str) -> float:
        if text.endswith("%"):
            return int(text[:-1]) / 100
        top, _, bottom = text.partition("/")
        return int(top) / int(bottom) if bottom else float(text)

    return sorted(data.quantities, key=number, reverse=data.largest)


def _check(data: _Quantities, answer: str) -> bool:
    if answer not in data.quantities:
        return False
    top, bottom = _parts(answer)
    sign = 1 if data.largest else -1
    return all(sign * (top * b - t * bottom) >= 0 for t, b in map(_parts, data.quantities))


def _parts(text: str) -> tuple[int, int]:
    """Numerator and denominator, exactly."""
    if text.endswith("%"):
        return int(text[:-1]), 100
    if text.startswith("0."):
        return int(text[2:]), 100
    top, bottom = text.split("/")
    return int(top), int(bottom)


def _slips(data: _Quantities, rng: Random) -> Slips:
    best, *rest = _ordered(data)
    wrong = rng.choice((f"#{data.quantities.index(best) + 1}", f"about {best}", misspelt(best, rng), f"{best}?"))
    return Slips(rest[0], rng.choice(rest[1:]), wrong)


comparing_quantities = World(
    Task(
        "math/comparing_quantities",
        "Find the largest or smallest of some fractions, decimals and percentages. Right: that quantity, written as in "
        "the question, alone or after 'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
