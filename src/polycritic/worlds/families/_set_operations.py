"""What two lists have in common, and what only one of them has.

>>> problem = set_operations.make(seed=0)
>>> print(problem.prompt)
Ann has spoon, lamp. Finn has fan, book, spoon. Which of Ann's things does Finn lack?
>>> print("".join(set_operations.solve(problem)))
lamp
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from polycritic.core import Binary, Task
from polycritic.worlds._reading import items
from polycritic.worlds._vocabulary import NAMES, THINGS
from polycritic.worlds._world import Slips, World

# What is asked, and whether it wants things that are (in the first list, in the second list).
_QUESTIONS: dict[tuple[tuple[bool, bool], ...], tuple[str, ...]] = {
    ((True, True),): ("What do both have?", "Which things are on both lists?", "What do they have in common?"),
    ((True, False),): ("What has {a} that {b} has not?", "Which of {a}'s things does {b} lack?"),
    ((False, True),): ("What has {b} that {a} has not?", "Which of {b}'s things does {a} lack?"),
    ((True, False), (False, True)): ("What does only one of them have?", "Which things are on just one of the lists?"),
}


class _Lists(NamedTuple):
    first: tuple[str, ...]
    second: tuple[str, ...]
    wanted: tuple[tuple[bool, bool], ...]


def _draw(rng: Random, difficulty: int) -> tuple[str, _Lists]:
    a, b = rng.sample(NAMES, 2)
    common, left, right = (rng.randint(1, difficulty + 1) for _ in range(3))
    things = rng.sample(THINGS, common + left + right)
    first, second = things[: common + left], things[:common] + things[common + left :]
    rng.shuffle(first)
    rng.shuffle(second)
    wanted = rng.choice(list(_QUESTIONS))
    question = rng.choice(_QUESTIONS[wanted]).format(a=a, b=b)
    lists = rng.choice(
        (
            f"{a} has {', '.join(first)}. {b} has {', '.join(second)}.",
            f"On {a}'s list: {', '.join(first)}. On {b}'s list: {', '.join(second)}.",
        )
    )
    return f"{lists} {question}", _Lists(tuple(first), tuple(second), wanted)


def _solve(lists: _Lists) -> str:
    return ", ".join(_found(lists))


def _found(lists: _Lists) -> list[str]:
    first, second = set(lists.first), set(lists.second)
    parts = {(True, True): first & second, (True, False): first - second, (False, True): second - first}
    return sorted(set().union(*(parts[part] for part in lists.wanted)))


def _check(lists: _Lists, answer: str) -> bool:
    given = items(answer)
    return len(given) == len(set(given)) and all(
        (thing in given) == ((thing in lists.first, thing in lists.second) in lists.wanted)
        for thing in (*lists.first, *lists.second, *given)
    )


def _slips(lists: _Lists, rng: Random) -> Slips:
    right = _found(lists)
    others = [thing for thing in (*lists.first, *lists.second) if thing not in right]
    near = list(right)
    place = rng.randrange(len(near))
    if len(near) > 1 and rng.random() < 0.3:
        near.pop(place)
    elif rng.random() < 0.5:
        near.insert(place, rng.choice(others))
    else:
        near[place] = rng.choice(others)
    step = _found(lists._replace(wanted=rng.choice(list(_QUESTIONS))))
    wrong = rng.choice(("[{}]", "{};", "{{{}}}", "maybe {}")).format("; ".join(right))
    return Slips(", ".join(near), ", ".join(step), wrong)


set_operations = World(
    Task(
        "logic/set_operations",
        "Compare two lists of things. Right: exactly the things asked for, each once, in any order, separated by commas, "
        "alone or after 'Answer:'.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
)
