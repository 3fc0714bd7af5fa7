"""Who holds a thing after people have swapped what they hold, with every swap shown.

>>> problem = tracking_swaps.make(seed=299)
>>> print(problem.prompt.replace(". ", ".\\n"))
Ben has the key, Ida has the cup and Finn has the lamp.
Finn and Ben swap.
Ben and Finn swap.
Track the key swap by swap: who ends up with it?
>>> print("".join(tracking_swaps.solve(problem)))
Swap 1: Finn
Swap 2: Ben
Answer: Ben
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from polycritic.core import Binary, Task
from polycritic.worlds._problem import Steps
from polycritic.worlds._reading import listed
from polycritic.worlds._vocabulary import NAMES, THINGS
from polycritic.worlds._world import Slips, World

_PROMPTS = (
    "{start} {swaps} Who has the {thing} in the end? Say after each swap who has it.",
    "{start} {swaps} Track the {thing} swap by swap: who ends up with it?",
)
_SWAPS = ("{} and {} swap.", "Then {} trades with {}.", "{} and {} exchange what they hold.")


class _Game(NamedTuple):
    holders: tuple[tuple[str, str], ...]  # (person, thing) at the start
    swaps: tuple[tuple[str, str], ...]
    thing: str


def _draw(rng: Random, difficulty: int) -> tuple[str, _Game]:
    people = rng.sample(NAMES, 3 + difficulty // 3)
    things = rng.sample(THINGS, len(people))
    swaps = [tuple(rng.sample(people, 2)) for _ in range(difficulty + 1)]
    game = _Game(tuple(zip(people, things, strict=True)), tuple((a, b) for a, b in swaps), rng.choice(things))
    if not _moving(game):
        return _draw(rng, difficulty)
    start = listed([f"{person} has the {thing}" for person, thing in game.holders]) + "."
    told = " ".join(rng.choice(_SWAPS).format(*swap) for swap in game.swaps)
    return rng.choice(_PROMPTS).format(start=start, swaps=told, thing=game.thing), game


def _solve(game: _Game) -> Steps:
    return _told(game, missed=-1)


def _told(game: _Game, missed: int) -> Steps:
    """The steps, where one swap may be missed."""
    held, steps = dict(game.holders), []
    for number, (a, b) in enumerate(game.swaps):
        if number != missed:
            held[a], held[b] = held[b], held[a]
        steps.append(f"Swap {number + 1}: {_holder(held, game.thing)}\n")
    return (*steps, f"Answer: {_holder(held, game.thing)}")


def _holder(held: dict[str, str], thing: str) -> str:
    return next(person for person, what in held.items() if what == thing)


def _moving(game: _Game) -> list[int]:
    """The swaps that move the thing."""
    held, moving = dict(game.holders), []
    for number, (a, b) in enumerate(game.swaps):
        if game.thing in (held[a], held[b]):
            moving.append(number)
        held[a], held[b] = held[b], held[a]
    return moving


def _check(game: _Game, answer: str) -> bool:
    return _check_after(game, len(game.swaps), answer)


def _check_after(game: _Game, done: int, person: str) -> bool:
    """Follow the person's hands back to the start: did they come from the one who had the thing?"""
    for a, b in reversed(game.swaps[:done]):
        person = b if person == a else a if person == b else person
    return (person, game.thing) in game.holders


def _check_steps(game: _Game, steps: Steps) -> tuple[bool, ...]:
    said = []
    for number, step in enumerate(steps, start=1):
        label, _, person = step.partition(": ")
        in_place = number <= len(game.swaps) and label == f"Swap {number}"
        done = len(game.swaps) if label == "Answer" else number
        said.append((in_place or label == "Answer") and _check_after(game, done, person))
    return tuple(said)


def _slips(game: _Game, rng: Random) -> Slips:
    right = _solve(game)
    holder = right[-1].removeprefix("Answer: ")
    other = rng.choice([person for person, _ in game.holders if person != holder])
    wrong = rng.choice((f"It is {holder}'s", f"Answer: not {other}", f"So {holder} has it", f"Holder: {holder}"))
    return Slips((*right[:-1], f"Answer: {other}"), _told(game, rng.choice(_moving(game))), (*right[:-1], wrong))


tracking_swaps = World(
    Task(
        "logic/tracking_swaps",
        "Keep track of one thing while people swap what they hold. Right: who has it after each swap, one a line, such "
        "as 'Swap 1: Ann', and a last line 'Answer: name' with who has it in the end.",
        Binary(),
    ),
    _draw,
    _solve,
    _check,
    _slips,
    _check_steps,
)
