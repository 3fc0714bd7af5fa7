"""Words in alphabetical order.

>>> problem = sorting_words.make(seed=0)
>>> print(problem.prompt)
Sort these words alphabetically: lemon jacket satchel
>>> print("".join(sorting_words.solve(problem)))
jacket lemon satchel
"""

from __future__ import annotations

import itertools
from collections import Counter
from random import Random
from typing import NamedTuple

from polycritic.core import Binary, Task
from polycritic.worlds._reading import swapped
from polycritic.worlds._vocabulary import WORDS
from polycritic.worlds._world import Slips, World

_PROMPTS = (
    "Sort these words {order}: {words}",
    "Put the words {words} into {name}.",
    "List {order}: {words}",
)


class _Words(NamedTuple):
    words: tuple[str, ...]
    backwards: bool


def _draw(rng: Random, difficulty: int) -> tuple[str, _Words]:
    data = _Words(tuple(rng.sample(WORDS, 2 * difficulty + 1)), difficulty > 1 and rng.random() < 0.3)
    name = "reverse alphabetical order" if data.backwards else "alphabetical order"
    order = "from Z to A" if data.backwards else rng.choice(("alphabetically", "from A to Z"))
    return rng.choice(_PROMPTS).format(order=order, name=name, words=" ".join(data.words)), data


def _solve(data: _Words) -> str:
    return " ".join(sorted(data.words, reverse=data.backwards))


def _check(data: _Words, answer: str) -> bool:
    given = answer.split(" ")
    pairs = itertools.pairwise(reversed(given) if data.backwards else given)
    return Counter(given) == Counter(data.words) and all(a <= b for a, b in pairs)


def _slips(data: _Words, rng: Random) -> Slips:
    right = _solve(data).split()
    by_second = sorted(data.words, key=lambda word: word[1:], reverse=data.backwards)
    by_length = sorted(data.words, key=len)
    replaced = list(right)
    replaced[rng.randrange(len(right))] = rng.choice(WORDS)
    step = rng.choice((by_second, by_length, list(data.words), right[::-1], replaced))
    wrong = rng.choice((", ".join(right), "-".join(right), "\n".join(right), "".join(right)))
    return Slips(" ".join(swapped(right, rng)), " ".join(step), wrong)


sorting_words = World(
    Task(
        "text/sorting_words",
        "Sort words alphabetically, in the order asked for. Right: exactly the given words in that order, separated by "
        "single spaces, alone or after 'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
