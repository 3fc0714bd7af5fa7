"""Putting people in order from statements about pairs.

>>> problem = ordering.make(seed=0)
>>> print(problem.prompt)
Order these people, beginning with the fastest. Cara is faster than Sam. Cara is slower than Kate.
>>> print("".join(ordering.solve(problem)))
Kate, Cara, Sam
"""

from __future__ import annotations

import itertools
from random import Random
from typing import NamedTuple

from polycritic.core import Binary, Task
from polycritic.worlds._reading import items, swapped
from polycritic.worlds._vocabulary import NAMES
from polycritic.worlds._world import Slips, World

_PROMPTS = (
    "{facts} List them from {most} to {least}.",
    "{facts} What is their order, {most} first, {least} last?",
    "Order these people, beginning with the {most}. {facts}",
)
_RELATIONS = (
    ("taller", "shorter", "tallest", "shortest"),
    ("older", "younger", "oldest", "youngest"),
    ("faster", "slower", "fastest", "slowest"),
    ("richer", "poorer", "richest", "poorest"),
)


class _Order(NamedTuple):
    pairs: tuple[tuple[str, str], ...]  # the first of each pair stands directly before the second


def _draw(rng: Random, difficulty: int) -> tuple[str, _Order]:
    pairs = list(itertools.pairwise(rng.sample(NAMES, difficulty + 2)))
    rng.shuffle(pairs)
    more, less, most, least = rng.choice(_RELATIONS)
    facts = " ".join(f"{a} is {more} than {b}." if rng.random() < 0.5 else f"{b} is {less} than {a}." for a, b in pairs)
    return rng.choice(_PROMPTS).format(facts=facts, most=most, least=least), _Order(tuple(pairs))


def _solve(order: _Order) -> str:
    return ", ".join(_chain(order))


def _chain(order: _Order) -> list[str]:
    after = dict(order.pairs)
    chain = list(after.keys() - set(after.values()))
    while chain[-1] in after:
        chain.append(after[chain[-1]])
    return chain


def _check(order: _Order, answer: str) -> bool:
    given = items(answer)
    places = {name: place for place, name in enumerate(given)}
    named = {name for pair in order.pairs for name in pair}
    return (
        len(given) == len(named)
        and places.keys() == named
        and all(places[before] < places[behind] for before, behind in order.pairs)
    )


def _slips(order: _Order, rng: Random) -> Slips:
    right = _chain(order)
    shuffled = rng.sample(right, len(right))
    step = rng.choice((right[::-1], shuffled))
    wrong = rng.choice((" ".join(right), "; ".join(right), " > ".join(right), f"{right[0]} to {right[-1]}, {right[1]}"))
    return Slips(", ".join(swapped(right, rng)), ", ".join(step), wrong)


ordering = World(
    Task(
        "logic/ordering",
        "Put people in the order that follows from the statements. Right: all the names in that order, separated by "
        "commas, alone or after 'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
