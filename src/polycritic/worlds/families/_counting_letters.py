"""How often a letter stands in some words.

>>> problem = counting_letters.make(seed=0)
>>> print(problem.prompt)
'mustard': how many as are there?
>>> print("".join(counting_letters.solve(problem)))
1
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from polycritic.core import Binary, Task
from polycritic.worlds._reading import integer, misread, off_by_little
from polycritic.worlds._vocabulary import WORDS
from polycritic.worlds._world import Slips, World

_PROMPTS = (
    "How many times does the letter {letter} occur in '{text}'?",
    "Count the letter {letter} in: {text}",
    "'{text}': how many {letter}s are there?",
)


class _Letters(NamedTuple):
    text: str
    letter: str


def _draw(rng: Random, difficulty: int) -> tuple[str, _Letters]:
    text = " ".join(rng.sample(WORDS, difficulty))
    data = _Letters(text, rng.choice(text.replace(" ", "")))
    return rng.choice(_PROMPTS).format(**data._asdict()), data


def _solve(data: _Letters) -> str:
    return str(sum(letter == data.letter for letter in data.text))


def _check(data: _Letters, answer: str) -> bool:
    return integer(answer) == len(data.text) - len(data.text.replace(data.letter, ""))


def _slips(data: _Letters, rng: Random) -> Slips:
    right = int(_solve(data))
    words = data.text.split()
    steps = (
        sum(data.letter in word for word in words),  # each word once
        right - words[rng.randrange(len(words))].count(data.letter),  # one word left out
        data.text.count(rng.choice(data.text)),  # another letter
        rng.randint(1, 2 + 2 * len(words)),
    )
    return Slips(str(off_by_little(right, rng)), str(rng.choice(steps)), misread(right, rng))


counting_letters = World(
    Task(
        "text/counting_letters",
        "Count how often a letter occurs in a text. Right: the exact number in digits, alone or after 'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
