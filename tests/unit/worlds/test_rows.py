import math
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from polycritic.core import Comparison, Feedback, PolycriticError, Ranking, Rating, StepRatings, candidates_of, on_scale
from polycritic.worlds import WORLDS, Grade, Mix, Problem, make, problems
from polycritic.worlds._rows import respond

ALL = list(WORLDS.values())


@pytest.fixture(scope="module")
def rows() -> list[Feedback]:
    return make(ALL, 40, seed=7)


def test_same_seed_same_rows(rows: list[Feedback]) -> None:
    assert make(ALL, 40, seed=7) == rows
    assert make(ALL, 40, seed=8) != rows
    few = make(ALL[:2], 40, seed=7)
    assert few == rows[: len(few)], "a world's rows do not depend on the other worlds"


def test_rows_are_of_problems_of_the_same_seed(rows: list[Feedback]) -> None:
    prompts = {problem.prompt for problem in problems(ALL, 40, seed=7)}
    assert {candidate.prompt for row in rows for candidate in candidates_of(row)} == prompts


def test_counts_follow_the_mix(rows: list[Feedback]) -> None:
    count = Counter(type(row) for row in rows)
    assert count[Rating] == 2 * 40 * len(ALL)
    assert count[Comparison] == 40 * len(ALL)
    assert count[StepRatings] == 40 * 3
    assert abs(count[Ranking] - 5 * len(ALL)) < 4 * math.sqrt(5 * len(ALL))
    mixed = Counter(map(type, make(ALL[:4], 50, seed=1, mix=Mix(ratings=0, comparisons=2.5, rankings=1, steps=0))))
    assert mixed.keys() == {Comparison, Ranking}
    assert mixed[Ranking] == 200
    assert abs(mixed[Comparison] - 500) < 30


def test_outcomes_are_what_the_verifier_says(rows: list[Feedback]) -> None:
    made = {problem.prompt: problem for problem in problems(ALL, 40, seed=7)}
    right = Counter[str]()
    for row in rows:
        assert row.source == "verifier"
        assert (row.weight, row.group) == (1.0, "")
        if isinstance(row, Rating):
            world = WORLDS[row.task]
            assert on_scale(world.task.scale, row.value)
            assert row.value == world.verify(made[row.candidate.prompt], row.candidate.response)
            right[row.task] += int(row.value)
    assert set(right.values()) == {40}, "half of 80"


def test_candidates_bear_steps_where_the_world_has_some(rows: list[Feedback]) -> None:
    for row in rows:
        for candidate in candidates_of(row):
            assert candidate.model == ""
            assert candidate.response.strip()
            if WORLDS[row.task].check_steps is None:
                assert candidate.steps == ()
            else:
                assert "".join(candidate.steps) == candidate.response
        if isinstance(row, StepRatings):
            assert set(row.values) <= {0.0, 1.0}


def test_step_ratings_are_right_and_wrong(rows: list[Feedback]) -> None:
    values = [value for row in rows if isinstance(row, StepRatings) for value in row.values]
    assert 0.5 < np.mean(values) < 0.9


def test_preferences_follow_the_grades(rows: list[Feedback]) -> None:
    """No wrong response is preferred to a right one, and a right one is preferred to itself with padding."""
    made = {problem.prompt: problem for problem in problems(ALL, 40, seed=7)}
    plain_first = first_wins = total = 0
    for row in rows:
        if not isinstance(row, (Comparison, Ranking)):
            continue
        if isinstance(row, Comparison):
            assert row.preference in (0.0, 1.0)
            ordered = [row.first, row.second][:: 1 if row.preference else -1]
            first_wins, total = first_wins + int(row.preference), total + 1
        else:
            assert sorted(row.ranks) == list(range(1, len(row.ranks) + 1))
            ordered = [row.candidates[row.ranks.index(rank)] for rank in sorted(row.ranks)]
        assert len({candidate.response for candidate in ordered}) == len(ordered)
        right = [WORLDS[row.task].verify(made[c.prompt], c.response) for c in ordered]
        assert right == sorted(right, reverse=True)
        for (better, worse), both in zip(pairwise(ordered), pairwise(right), strict=True):
            if all(both):
                plain_first += 1
                assert better.response == "".join(WORLDS[row.task].solve(made[better.prompt]))
                assert len(better.response) < len(worse.response)
    assert plain_first > 20
    assert abs(first_wins / total - 0.5) < 0.05


def test_difficulties_are_taken_in_turn() -> None:
    assert [problem.difficulty for problem in problems(ALL[:2], 4, seed=0, difficulty=(5, 2))] == [5, 2, 5, 2] * 2
    assert problems(ALL, 0, seed=0) == []
    with pytest.raises(PolycriticError, match="nothing to make: expected n >= 0, one or more, found n=-1"):
        problems(ALL, -1, seed=0)
    with pytest.raises(PolycriticError, match="nothing to make"):
        make(ALL, 1, seed=0, difficulty=())


def test_a_bad_mix_is_refused() -> None:
    with pytest.raises(PolycriticError, match=r"bad Mix: expected 0 to 100 rows, padding 0 to 1, found padding=1\.5"):
        Mix(padding=1.5)
    with pytest.raises(PolycriticError, match="found steps=-1"):
        Mix(steps=-1)
    with pytest.raises(PolycriticError, match="found ratings=nan"):
        Mix(ratings=math.nan)


def test_responses_are_right_or_wrong_as_asked() -> None:
    from random import Random

    rng = Random(0)
    for world in ALL:
        problem = world.make(3, 2)
        for right in (True, False):
            for padding in (0.0, 1.0):
                response = "".join(respond(world, problem, rng, right=right, padding=padding))
                assert world.verify(problem, response) == right


def test_a_world_without_wrong_answers_says_so() -> None:
    world = replace(WORLDS["math/dates"], check=lambda data, answer: True)
    from random import Random

    with pytest.raises(PolycriticError, match=r"math/dates, seed 0: found no wrong answer: expected .*NEAR_MISS"):
        world.mistakes(world.make(0), Random(0))


def test_grades_are_in_order() -> None:
    assert [grade.name for grade in sorted(Grade)] == [
        "OFF_TOPIC",
        "WRONG_FORMAT",
        "WRONG_STEP",
        "NEAR_MISS",
        "PADDED",
        "RIGHT",
    ]


def test_problems_show_what_they_are() -> None:
    problem = Problem("sums", "1 + 1", (1, 1), seed=0, difficulty=1)
    assert repr(problem) == "Problem(task='sums', prompt='1 + 1', data=(1, 1), seed=0, difficulty=1)"
    assert repr(ALL[0]) == "World('code/list_operations')"
