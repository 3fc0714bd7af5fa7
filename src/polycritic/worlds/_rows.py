from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from random import Random
from typing import Any

from polycritic.core import Candidate, Comparison, Feedback, PolycriticError, Ranking, Rating, StepRatings
from polycritic.worlds._padding import padded
from polycritic.worlds._problem import Grade, Problem, Steps
from polycritic.worlds._world import World

_SOURCE = "verifier"
# Mistakes that look right are more worth learning from.
_WEIGHTS = {Grade.NEAR_MISS: 3, Grade.WRONG_STEP: 3, Grade.WRONG_FORMAT: 1, Grade.OFF_TOPIC: 1}


@dataclass(frozen=True, slots=True)
class Mix:
    """How many rows of each kind a problem gives on average, and how long-winded responses are.

    Args:
        ratings: Right/wrong outcomes, half of them right.
        comparisons: Pairs of responses of different grades.
        rankings: Orders of three to five responses of different grades.
        steps: Step ratings, where responses have steps.
        padding: The probability that a rated response, or a wrong one that is compared, stands behind needless words, so
            that length tells nothing.

    >>> Mix(rankings=0.0).ratings
    2.0
    """

    ratings: float = 2.0
    comparisons: float = 1.0
    rankings: float = 0.125
    steps: float = 1.0
    padding: float = 0.25

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value <= (1 if field.name == "padding" else 100):
                raise PolycriticError(
                    "bad Mix", found=f"{field.name}={value}", expected="0 to 100 rows, padding 0 to 1"
                )


def problems(
    worlds: Sequence[World[Any]], n: int, *, seed: int, difficulty: Sequence[int] = (1, 2, 3)
) -> list[Problem[Any]]:
    """Make n problems of each world, of the difficulties in turn; the same seed makes the same.

    Small worlds make some problem twice, so split by prompt and not by row.

    Args:
        worlds: The worlds.
        n: How many problems of each.
        seed: Different seeds make different problems.
        difficulty: Difficulties from 1 to 5.

    Raises:
        PolycriticError: ``n`` is negative or no difficulty is given.

    >>> from polycritic.worlds.families import dates
    >>> [problem.difficulty for problem in problems([dates], 4, seed=0)]
    [1, 2, 3, 1]
    """
    if n < 0 or not difficulty:
        raise PolycriticError(
            "nothing to make", found=f"n={n}, difficulty={difficulty!r}", expected="n >= 0, one or more"
        )
    return [
        world.make(seed * 2**32 + number, level)
        for world in worlds
        for number, level in zip(range(n), itertools.cycle(difficulty), strict=False)
    ]


def make(
    worlds: Sequence[World[Any]], n: int, *, seed: int, difficulty: Sequence[int] = (1, 2, 3), mix: Mix = Mix()
) -> list[Feedback]:
    """Make rows of feedback from n problems of each world: the same that :func:`problems` makes of the same seed.

    Outcomes come from the verifier, preferences from the order of :class:`Grade`.

    Args:
        worlds: The worlds.
        n: How many problems of each.
        seed: Different seeds make different rows.
        difficulty: Difficulties from 1 to 5, taken in turn.
        mix: How many rows of which kinds.

    >>> from polycritic.worlds.families import dates
    >>> rows = make([dates], 10, seed=0, mix=Mix(comparisons=0, rankings=0))
    >>> len(rows), sum(row.value for row in rows)
    (20, 10.0)
    """
    by_name = {world.task.name: world for world in worlds}
    rows: list[Feedback] = []
    for problem in problems(worlds, n, seed=seed, difficulty=difficulty):
        rows += _rows(by_name[problem.task], problem, mix)
    return rows


def _rows(world: World[Any], problem: Problem[Any], mix: Mix) -> Iterator[Feedback]:
    rng = Random(f"rows/{problem.task}/{problem.difficulty}/{problem.seed}")
    name = problem.task
    right = rng.random() < 0.5
    for _ in range(_count(mix.ratings, rng)):
        steps = respond(world, problem, rng, right=right, padding=mix.padding)
        value = float(world.verify(problem, "".join(steps)))
        yield Rating(task=name, source=_SOURCE, candidate=candidate_of(world, problem, steps), value=value)
        right = not right
    for _ in range(_count(mix.comparisons, rng)):
        (better, worse), turned = _graded(world, problem, rng, 2, mix.padding), rng.random() < 0.5
        first, second = (worse, better) if turned else (better, worse)
        yield Comparison(task=name, source=_SOURCE, first=first, second=second, preference=float(not turned))
    for _ in range(_count(mix.rankings, rng)):
        best_first = list(enumerate(_graded(world, problem, rng, rng.randint(3, 5), mix.padding), start=1))
        rng.shuffle(best_first)
        ranks, candidates = zip(*best_first, strict=True)
        yield Ranking(task=name, source=_SOURCE, candidates=candidates, ranks=ranks)
    for _ in range(_count(mix.steps, rng) if world.check_steps else 0):
        mistakes = world.mistakes(problem, rng)
        steps = rng.choice((world.solve(problem), mistakes[Grade.WRONG_STEP], mistakes[Grade.NEAR_MISS]))
        values = tuple(map(float, world.verify_steps(problem, steps)))
        yield StepRatings(task=name, source=_SOURCE, candidate=candidate_of(world, problem, steps), values=values)


def _count(mean: float, rng: Random) -> int:
    return int(mean) + (rng.random() < mean % 1)


def _graded(world: World[Any], problem: Problem[Any], rng: Random, count: int, padding: float) -> list[Candidate]:
    """Responses of different grades and texts, best first."""
    responses = {Grade.RIGHT: world.solve(problem), **world.mistakes(problem, rng)}
    grades = rng.sample(list(responses), len(responses))
    chosen: dict[Steps, Grade] = {}
    for grade in grades:  # two mistakes may read the same
        chosen.setdefault(responses[grade], grade)
        if len(chosen) == count:
            break
    best_first = sorted(chosen, key=lambda steps: -chosen[steps])
    return [
        candidate_of(
            world, problem, padded(steps, rng) if chosen[steps] < Grade.PADDED and rng.random() < padding else steps
        )
        for steps in best_first
    ]


def respond(world: World[Any], problem: Problem[Any], rng: Random, *, right: bool, padding: float) -> Steps:
    """A right or wrong response, behind needless words with probability ``padding``.

    >>> from polycritic.worlds.families import roman_numerals
    >>> problem = roman_numerals.make(seed=0)
    >>> steps = respond(roman_numerals, problem, Random(0), right=False, padding=0.0)
    >>> roman_numerals.verify(problem, "".join(steps))
    False
    """
    if right:
        steps = world.solve(problem)
    else:
        grade = rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        steps = world.mistakes(problem, rng)[grade]
    return padded(steps, rng) if rng.random() < padding else steps


def candidate_of(world: World[Any], problem: Problem[Any], steps: Steps) -> Candidate:
    """A response as a candidate, with its steps where the world's responses have some.

    >>> from polycritic.worlds.families import roman_numerals
    >>> candidate_of(roman_numerals, roman_numerals.make(seed=0), ("X",)).response
    'X'
    """
    return Candidate(problem.prompt, "".join(steps), steps if world.check_steps is not None else ())
