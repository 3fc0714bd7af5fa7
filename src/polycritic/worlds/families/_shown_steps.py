"""A chain of operations on a number, with every step shown.

>>> problem = shown_steps.make(seed=0)
>>> print(problem.prompt)
Start with 12. Decrease it by 16. Add 6. Show each step.
>>> print("".join(shown_steps.solve(problem)))
Step 1: 12 - 16 = -4
Step 2: -4 + 6 = 2
Answer: 2
"""

from __future__ import annotations

import re
from fractions import Fraction
from random import Random
from typing import NamedTuple

from polycritic.core import Binary, Task
from polycritic.worlds._problem import Steps
from polycritic.worlds._reading import integer, off_by_little
from polycritic.worlds._world import Slips, World

_PROMPTS = (
    "Start with {start}. {operations} Show each step.",
    "Take the number {start}. {operations} What do you get? Show every step.",
    "I think of {start}. {operations} Which number is it now? Show the steps.",
)
_WORDS = {
    "+": ("Add {}.", "Then add {}.", "Increase it by {}."),
    "-": ("Subtract {}.", "Then take away {}.", "Decrease it by {}."),
    "*": ("Multiply by {}.", "Then multiply the result by {}.", "Make it {} times as large."),
}
_STEP = re.compile(r"Step ([0-9]{1,4}): (-?[0-9]{1,30}) ([-+*]) ([0-9]{1,30}) = (-?[0-9]{1,30})")


class _Chain(NamedTuple):
    start: int
    operations: tuple[tuple[str, int], ...]


def _draw(rng: Random, difficulty: int) -> tuple[str, _Chain]:
    operations = []
    for _ in range(difficulty + 1):
        sign = rng.choice("++-*")
        operations.append((sign, rng.randint(2, 5) if sign == "*" else rng.randint(2, 10 + 10 * difficulty)))
    chain = _Chain(rng.randint(2, 10 + 10 * difficulty), tuple(operations))
    words = " ".join(rng.choice(_WORDS[sign]).format(number) for sign, number in operations)
    return rng.choice(_PROMPTS).format(start=chain.start, operations=words), chain


def _solve(chain: _Chain) -> Steps:
    return _told(chain, {})


def _told(chain: _Chain, errors: dict[int, int]) -> Steps:
    """The steps, where step i's result is off by ``errors[i]`` and what follows goes on from there."""
    value, steps = chain.start, []
    for place, (sign, number) in enumerate(chain.operations):
        result = value + number if sign == "+" else value - number if sign == "-" else value * number
        result += errors.get(place, 0)
        steps.append(f"Step {place + 1}: {value} {sign} {number} = {result}\n")
        value = result
    return (*steps, f"Answer: {value}")


def _check(chain: _Chain, answer: str) -> bool:
    number = integer(answer)
    return number is not None and _undone(chain, len(chain.operations), number) == chain.start


def _undone(chain: _Chain, done: int, value: int) -> Fraction:
    """Where the chain must have started for ``value`` to stand after ``done`` operations."""
    number = Fraction(value)
    for sign, by in reversed(chain.operations[:done]):
        number = number - by if sign == "+" else number + by if sign == "-" else number / by
    return number


def _check_steps(chain: _Chain, steps: Steps) -> tuple[bool, ...]:
    return tuple(
        _check(chain, step.removeprefix("Answer:").strip())
        if step.startswith("Answer:")
        else _check_step(chain, place, step)
        for place, step in enumerate(steps)
    )


def _check_step(chain: _Chain, place: int, step: str) -> bool:
    found = _STEP.fullmatch(step)
    if found is None or int(found[1]) != place + 1 or place >= len(chain.operations):
        return False
    return (
        (found[3], int(found[4])) == chain.operations[place]
        and _undone(chain, place, int(found[2])) == chain.start
        and _undone(chain, place + 1, int(found[5])) == chain.start
    )


def _slips(chain: _Chain, rng: Random) -> Slips:
    last = len(chain.operations) - 1
    right = _solve(chain)
    value = int(right[-1].removeprefix("Answer: "))
    error = off_by_little(value, rng) - value
    early = _told(chain, {rng.randrange(last): rng.choice((-10, -2, -1, 1, 2, 10))})
    said = rng.choice(("Result: about {}", "I get {} here", "Total is {}.", "So: {} or so"))
    return Slips(_told(chain, {last: error}), early, (*right[:-1], said.format(value)))


shown_steps = World(
    Task(
        "math/shown_steps",
        "Carry out a chain of operations on a number. Right: one line a step, such as 'Step 1: 2 + 3 = 5', and a last "
        "line 'Answer: n' with the exact result.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
    _check_steps,
)
