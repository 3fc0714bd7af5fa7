"""Which of some strings has exactly the letters of a word.

>>> problem = anagrams.make(seed=0)
>>> print(problem.prompt)
Which is an anagram of 'cellar': clrael, lraecr, lacrhe?
>>> print("".join(anagrams.solve(problem)))
clrael
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from polycritic.core import Binary, Task
from polycritic.worlds._vocabulary import WORDS
from polycritic.worlds._world import Slips, World

_PROMPTS = (
    "Which is an anagram of '{word}': {options}?",
    "The letters of '{word}' were shuffled. Which of these came out: {options}?",
    "{options}. Which of these can be rearranged into '{word}'?",
)


class _Options(NamedTuple):
    word: str
    options: tuple[str, ...]


def _draw(rng: Random, difficulty: int) -> tuple[str, _Options]:
    word = rng.choice(WORDS)
    options = {_shuffled(word, rng)}
    while len(options) < difficulty + 2:
        place = rng.randrange(len(word))
        other = word[:place] + rng.choice("abcdefghiklmnoprstuvw") + word[place + 1 :]
        if other != word:
            options.add(_shuffled(other, rng))
    shown = sorted(options)
    rng.shuffle(shown)
    data = _Options(word, tuple(shown))
    return rng.choice(_PROMPTS).format(word=word, options=", ".join(shown)), data


def _shuffled(word: str, rng: Random) -> str:
    while (shuffled := "".join(rng.sample(word, len(word)))) == word:
        pass
    return shuffled


def _solve(data: _Options) -> str:
    return next(option for option in data.options if sorted(option) == sorted(data.word))


def _check(data: _Options, answer: str) -> bool:
    left = data.word
    for letter in answer:  # strike the letters out one by one
        if letter not in left:
            return False
        left = left.replace(letter, "", 1)
    return not left and answer in data.options


def _slips(data: _Options, rng: Random) -> Slips:
    right = _solve(data)
    others = [option for option in data.options if option != right]
    near = [option for option in others if len(set(option) ^ set(right)) < 2] or others
    number = data.options.index(right) + 1
    wrong = rng.choice((f"option {number}", "-".join(right), right.upper(), f"({number})", f"#{number}: {right[:3]}"))
    return Slips(rng.choice(near), rng.choice((*others, data.word)), wrong)


anagrams = World(
    Task(
        "text/anagrams",
        "Find the option that has exactly the letters of a word, in another order. Right: that option as it is written, "
        "alone or after 'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
