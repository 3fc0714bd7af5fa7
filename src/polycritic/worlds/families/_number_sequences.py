"""The next number of a sequence.

>>> problem = number_sequences.make(seed=0)
>>> print(problem.prompt)
What is the next number in 5, 1, -3, -7?
>>> print("".join(number_sequences.solve(problem)))
-11
"""

from __future__ import annotations

import itertools
from random import Random
from typing import NamedTuple

from polycritic.core import Binary, Task
from polycritic.worlds._reading import integer, misread, off_by_little
from polycritic.worlds._world import Slips, World

_PROMPTS = (
    "Which number comes next? {}",
    "Continue the sequence {}, ...",
    "What is the next number in {}?",
    "{}, and then?",
)


class _Sequence(NamedTuple):
    terms: tuple[int, ...]
    start: int
    step: int  # first difference, or the ratio
    growth: int  # how much the difference grows from term to term
    by_ratio: bool


def _draw(rng: Random, difficulty: int) -> tuple[str, _Sequence]:
    by_ratio = rng.random() < 0.25
    start = rng.randint(1, 5 * difficulty)
    step = rng.randint(2, 3) if by_ratio else rng.choice((-1, 1, 1)) * rng.randint(2, 4 * difficulty)
    growth = 0 if by_ratio or difficulty < 2 or rng.random() < 0.5 else rng.randint(1, difficulty)
    count = rng.randint(4, 4 + difficulty // 2) if by_ratio or difficulty < 3 else rng.randint(4, 3 + difficulty)
    terms = tuple(_term(start, step, growth, by_ratio, place) for place in range(count))
    text = ", ".join(map(str, terms))
    return rng.choice(_PROMPTS).format(text), _Sequence(terms, start, step, growth, by_ratio)


def _term(start: int, step: int, growth: int, by_ratio: bool, place: int) -> int:
    return start * step**place if by_ratio else start + step * place + growth * (place * (place - 1) // 2)


def _solve(sequence: _Sequence) -> str:
    terms = sequence.terms
    if all(terms[0] * b == terms[1] * a for a, b in itertools.pairwise(terms)):
        return str(terms[-1] * terms[1] // terms[0])
    ends, row = [], list(terms)
    while any(row):  # the table of differences, continued along its lower edge
        ends.append(row[-1])
        row = [b - a for a, b in itertools.pairwise(row)]
    return str(sum(ends))


def _check(sequence: _Sequence, answer: str) -> bool:
    _, start, step, growth, by_ratio = sequence
    return integer(answer) == _term(start, step, growth, by_ratio, len(sequence.terms))


def _slips(sequence: _Sequence, rng: Random) -> Slips:
    right, terms = int(_solve(sequence)), sequence.terms
    last = terms[-1] - terms[-2]
    steps = (
        terms[-1] + terms[1] - terms[0],
        terms[-1] + last,
        terms[-1] + last * 2,
        terms[-1] - last,
        terms[0] + right,
    )
    return Slips(str(off_by_little(right, rng)), str(rng.choice(steps)), misread(right, rng))


number_sequences = World(
    Task(
        "math/number_sequences",
        "Continue a sequence with a constant ratio, a constant difference, or a difference that grows evenly. Right: the "
        "next number in digits, alone or after 'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
