"""Where a walk on a grid ends, with every move shown.

>>> problem = grid_navigation.make(seed=299)
>>> print(problem.prompt)
A robot stands at (0, 0). East is +x, north is +y. It goes 5 north, then 4 east. Where is it then? Show each move.
>>> print("".join(grid_navigation.solve(problem)))
Move 1: (0, 5)
Move 2: (4, 5)
Answer: (4, 5)
"""

from __future__ import annotations

import re
from random import Random

from polycritic.core import Binary, Task
from polycritic.worlds._problem import Steps
from polycritic.worlds._world import Slips, World

_PROMPTS = (
    "A robot stands at (0, 0). East is +x, north is +y. It goes {}. Where is it then? Show each move.",
    "Start at (0, 0), x to the east and y to the north. Walk {}. Give the position after each move.",
    "From (0, 0), with x growing eastwards and y northwards, go {}. Where do you end? Show every move.",
)
_STRIDES = {"north": 1j, "south": -1j, "east": 1, "west": -1}
_POINT = re.compile(r"\((-?[0-9]{1,9}), (-?[0-9]{1,9})\)")

_Moves = tuple[tuple[int, str], ...]


def _draw(rng: Random, difficulty: int) -> tuple[str, _Moves]:
    moves = tuple((rng.randint(1, 3 + 2 * difficulty), rng.choice(list(_STRIDES))) for _ in range(difficulty + 1))
    text = ", then ".join(f"{length} {direction}" for length, direction in moves)
    return rng.choice(_PROMPTS).format(text), moves


def _solve(moves: _Moves) -> Steps:
    return _told(moves, {})


def _told(moves: _Moves, errors: dict[int, complex]) -> Steps:
    """The steps, where move i ends off by ``errors[i]`` and the walk goes on from there."""
    place, steps = 0j, []
    for number, (length, direction) in enumerate(moves):
        place += length * _STRIDES[direction] + errors.get(number, 0)
        steps.append(f"Move {number + 1}: {_point(place)}\n")
    return (*steps, f"Answer: {_point(place)}")


def _point(place: complex) -> str:
    return f"({int(place.real)}, {int(place.imag)})"


def _check(moves: _Moves, answer: str) -> bool:
    found = _POINT.fullmatch(answer)
    if found is None:
        return False
    went = {side: sum(length for length, direction in moves if direction == side) for side in _STRIDES}
    return int(found[1]) == went["east"] - went["west"] and int(found[2]) == went["north"] - went["south"]


def _check_steps(moves: _Moves, steps: Steps) -> tuple[bool, ...]:
    said = []
    for number, step in enumerate(steps, start=1):
        label, _, place = step.partition(": ")
        done = moves if label == "Answer" else moves[:number] if label == f"Move {number}" else None
        said.append(done is not None and number <= len(moves) + (label == "Answer") and _check(done, place))
    return tuple(said)


def _slips(moves: _Moves, rng: Random) -> Slips:
    last = len(moves) - 1
    right = _solve(moves)
    place = right[-1].removeprefix("Answer: ")
    early = rng.randrange(last)
    length, direction = moves[early]
    turned = -2 * length * _STRIDES[direction]  # goes the other way
    wrong = rng.choice((f"It ends at {place}", f"Answer: {place[1:-1]}", f"Stop: {place}."))
    return Slips(
        _told(moves, {last: rng.choice((1, -1, 1j, -1j))}), _told(moves, {early: turned}), (*right[:-1], wrong)
    )


grid_navigation = World(
    Task(
        "logic/grid_navigation",
        "Follow moves on a grid. Right: the position after each move, one a line, such as 'Move 1: (0, 3)', and a last "
        "line 'Answer: (x, y)' with the place where the walk ends.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
    _check_steps,
)
