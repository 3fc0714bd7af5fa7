"""A list of numbers after some operations, one after the other.

>>> problem = list_operations.make(seed=0)
>>> print(problem.prompt)
Take the list [6, 5, 1, 15]. Reverse it. What is the result?
>>> print("".join(list_operations.solve(problem)))
[15, 1, 5, 6]
"""

from __future__ import annotations

import json
from random import Random
from typing import NamedTuple

from polycritic.core import Binary, Task
from polycritic.worlds._interpreter import evaluate
from polycritic.worlds._reading import off_by_little
from polycritic.worlds._world import Slips, World

_PROMPTS = (
    "Take the list {numbers}. {operations} What is the result?",
    "{numbers}: {operations}",
    "Start from {numbers}. {operations} Give the list.",
)
# In words for the reader, and in Python for the verifier; the solver does neither.
_OPERATIONS = {
    "ascending": ("Sort it in ascending order.", "sorted({xs})"),
    "descending": ("Sort it in descending order.", "sorted({xs}, reverse=True)"),
    "reverse": ("Reverse it.", "{xs}[::-1]"),
    "even": ("Keep only the even numbers.", "[x for x in {xs} if x % 2 == 0]"),
    "odd": ("Keep only the odd numbers.", "[x for x in {xs} if x % 2 == 1]"),
    "first": ("Keep the first {k}.", "{xs}[:{k}]"),
    "drop": ("Drop the first {k}.", "{xs}[{k}:]"),
    "add": ("Add {k} to each.", "[x + {k} for x in {xs}]"),
    "times": ("Multiply each by {k}.", "[{k} * x for x in {xs}]"),
    "above": ("Remove the numbers up to {k}.", "[x for x in {xs} if x > {k}]"),
}


class _Operation(NamedTuple):
    what: str
    k: int


class _Chain(NamedTuple):
    numbers: tuple[int, ...]
    operations: tuple[_Operation, ...]


def _draw(rng: Random, difficulty: int) -> tuple[str, _Chain]:
    numbers = [rng.randint(1, 20) for _ in range(3 + difficulty)]
    left = numbers
    operations: list[_Operation] = []
    while len(operations) < (difficulty + 1) // 2:
        operation = _Operation(rng.choice(list(_OPERATIONS)), rng.randint(2, 4))
        after = _done(left, operation)
        if after != left and len(after) > 1:  # every operation does something
            operations.append(operation)
            left = after
    chain = _Chain(tuple(numbers), tuple(operations))
    told = " ".join(_OPERATIONS[what][0].format(k=k) for what, k in operations)
    return rng.choice(_PROMPTS).format(numbers=numbers, operations=told), chain


def _solve(chain: _Chain) -> str:
    return str(_all_done(chain))


def _all_done(chain: _Chain) -> list[int]:
    numbers = list(chain.numbers)
    for operation in chain.operations:
        numbers = _done(numbers, operation)
    return numbers


def _done(numbers: list[int], operation: _Operation) -> list[int]:
    k = operation.k
    result = list(numbers)
    match operation.what:
        case "ascending":
            result.sort()
        case "descending":
            result.sort(key=lambda x: -x)
        case "reverse":
            result.reverse()
        case "even" | "odd":
            result = list(filter(lambda x: x % 2 == (operation.what == "odd"), result))
        case "first":
            del result[k:]
        case "drop":
            del result[:k]
        case "add":
            result = list(map(k.__add__, result))
        case "times":
            result = list(map(k.__mul__, result))
        case "above":
            result = list(filter(k.__lt__, result))
    return result


def _check(chain: _Chain, answer: str) -> bool:
    try:
        given = json.loads(answer)
    except (ValueError, RecursionError):
        return False
    if not isinstance(given, list) or not all(type(number) is int for number in given):
        return False
    source = str(list(chain.numbers))
    for what, k in chain.operations:
        source = _OPERATIONS[what][1].format(xs=source, k=k)
    return given == evaluate(source)


def _slips(chain: _Chain, rng: Random) -> Slips:
    right = _all_done(chain)
    near = list(right)
    place = rng.randrange(len(near))
    if rng.random() < 0.5:
        near[place] = off_by_little(near[place], rng)
    else:
        other = rng.randrange(len(near))
        near[place], near[other] = near[other], near[place]
    kept = list(chain.operations)
    kept[rng.randrange(len(kept))] = _Operation(rng.choice(list(_OPERATIONS)), rng.randint(2, 4))
    wrong = rng.choice(("({})", "<{}>", "[{}", "{}.", "[{};]")).format(", ".join(map(str, right)))
    return Slips(str(near), str(_all_done(chain._replace(operations=tuple(kept)))), wrong)


list_operations = World(
    Task(
        "code/list_operations",
        "Change a list of numbers by the operations given, in their order. Right: the resulting list in square brackets, "
        "numbers separated by commas, alone or after 'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
