import numpy as np
import pytest

from polycritic.core import Candidate, Generator, PolycriticError, UnknownNameError
from polycritic.worlds import WORLDS, NoisySolver, Problem, find, problems

MADE = problems([find("dates"), find("grid_navigation"), find("sorting_words")], 8, seed=4)
PARTIALS = [Candidate(problem.prompt, "", context="kept") for problem in MADE]


def test_it_is_a_generator() -> None:
    assert isinstance(NoisySolver(MADE), Generator)


@pytest.mark.parametrize("right", [0.0, 0.3, 1.0])
def test_it_is_right_as_often_as_asked(right: float) -> None:
    solver = NoisySolver(MADE, right=right)
    proposals = solver.generate(PARTIALS, 50, seed=0)
    assert [len(own) for own in proposals] == [50] * len(MADE)
    shares = [np.mean([solver.verify(candidate) for candidate in own]) for own in proposals]
    bound = 4 * np.sqrt(right * (1 - right) / (50 * len(MADE)))
    assert abs(np.mean(shares) - right) <= bound


def test_proposals_keep_the_partial_and_bear_steps() -> None:
    for own, problem in zip(NoisySolver(MADE).generate(PARTIALS, 4, seed=0), MADE, strict=True):
        for candidate in own:
            assert (candidate.prompt, candidate.context) == (problem.prompt, "kept")
            assert "".join(candidate.steps) == (candidate.response if "grid" in problem.task else "")


def test_proposals_depend_on_the_seed_and_the_prompt_alone() -> None:
    solver = NoisySolver(MADE)
    proposals = solver.generate(PARTIALS, 5, seed=1)
    assert proposals == solver.generate(PARTIALS, 5, seed=1)
    assert proposals != solver.generate(PARTIALS, 5, seed=2)
    assert proposals[3:4] == solver.generate(PARTIALS[3:4], 5, seed=1)
    assert [own[:2] for own in proposals] == solver.generate(PARTIALS, 2, seed=1)


def test_prompts_do_not_share_their_luck() -> None:
    solver = NoisySolver(MADE)
    luck = [tuple(map(solver.verify, own)) for own in solver.generate(PARTIALS, 20, seed=0)]
    assert len(set(luck)) == len(luck)


def test_padding_lengthens() -> None:
    short, long = (
        np.mean([len(c.response) for own in NoisySolver(MADE, padding=p).generate(PARTIALS, 20, seed=0) for c in own])
        for p in (0.0, 1.0)
    )
    assert long > short + 20


def test_what_it_refuses() -> None:
    solver = NoisySolver(MADE)
    with pytest.raises(PolycriticError, match="unknown prompt: expected one of 24 problems, found 'other'"):
        solver.generate([Candidate("other", "")], 1, seed=0)
    with pytest.raises(PolycriticError, match="unknown prompt"):
        solver.verify(Candidate("other", "1"))
    with pytest.raises(PolycriticError, match="cannot go on from a response"):
        solver.generate([Candidate(MADE[0].prompt, "2001")], 1, seed=0)
    with pytest.raises(PolycriticError, match=r"bad NoisySolver: expected 0 to 1, found right=1\.2"):
        NoisySolver(MADE, right=1.2)
    stranger = Problem("mine", "?", None, seed=0, difficulty=1)
    with pytest.raises(PolycriticError, match=r"problem of an unknown world: found 'mine'\. Pass its world too"):
        NoisySolver([stranger])
    with pytest.raises(PolycriticError, match="unknown world"):
        NoisySolver(MADE, [WORLDS["math/arithmetic"]])


def test_worlds_are_found_by_either_name() -> None:
    for name, world in WORLDS.items():
        assert find(name) is find(name.split("/")[1]) is world
    with pytest.raises(UnknownNameError, match=r"unknown world 'roman'. Did you mean .*'roman_numerals'"):
        find("roman")
