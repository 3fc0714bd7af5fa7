"""What every built-in world promises. The table must list them all."""

import pickle
import re
import sys
from dataclasses import replace
from random import Random
from types import FrameType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from polycritic.core import Binary, PolycriticError, Rating
from polycritic.worlds import WORLDS, Grade, Mix, Problem, World, families, make

# World: what the solver's response looks like, and whether it has steps.
LAWS: dict[str, tuple[str, bool]] = {
    "code/list_operations": (r"\[\d+(, \d+)*\]", False),
    "code/program_synthesis": (r"def f\((s|xs)\):\n(    .*\n?)+", False),
    "code/python_expressions": (r".+", False),
    "facts/answer_relevance": (r"[A-Z].*\.", False),
    "facts/extracting_fields": (r"(\w+: [\w ]+\n?)+", False),
    "facts/grounded_summary": (r"(The|It) .*\.", False),
    "facts/table_lookup": (r"\w+", False),
    "facts/where_things_are": (r"[a-z]+", False),
    "format/json_objects": (r"\{.*\}", False),
    "format/stated_rules": (r"[\w ]+[.!?]", False),
    "logic/boolean_expressions": (r"True|False", False),
    "logic/grid_navigation": (r"(Move \d: \(-?\d+, -?\d+\)\n)+Answer: \(-?\d+, -?\d+\)", True),
    "logic/ordering": (r"[A-Z][a-z]+(, [A-Z][a-z]+)+", False),
    "logic/set_operations": (r"[a-z]+(, [a-z]+)*", False),
    "logic/tracking_swaps": (r"(Swap \d: [A-Z][a-z]+\n)+Answer: [A-Z][a-z]+", True),
    "math/arithmetic": (r"-?\d+", False),
    "math/comparing_quantities": (r"\d+/\d+|\d+%|0\.\d\d", False),
    "math/counting_objects": (r"\d+", False),
    "math/dates": (r"\d{4}-\d\d-\d\d", False),
    "math/number_bases": (r"[0-9a-f]+", False),
    "math/number_sequences": (r"-?\d+", False),
    "math/roman_numerals": (r"[IVXLCDM]+", False),
    "math/shown_steps": (r"(Step \d: -?\d+ [-+*] \d+ = -?\d+\n)+Answer: -?\d+", True),
    "math/unit_conversion": (r"\d+ [a-z]+", False),
    "text/anagrams": (r"[a-z]+", False),
    "text/counting_letters": (r"\d+", False),
    "text/sorting_words": (r"[a-z]+( [a-z]+)*", False),
    "text/string_edits": (r"[a-z]+", False),
}
PROBLEMS = {
    name: [world.make(seed, difficulty) for difficulty in range(1, 6) for seed in range(12)]
    for name, world in WORLDS.items()
}
worlds = pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS.keys())
seeds = st.integers(-(2**70), 2**70)
difficulties = st.integers(1, 5)


def test_the_table_lists_every_world() -> None:
    assert LAWS.keys() == WORLDS.keys()
    assert [getattr(families, name).task.name.split("/")[1] for name in families.__all__] == families.__all__
    assert len(WORLDS) == len(families.__all__) >= 20


@worlds
def test_its_task_says_what_is_right(world: World[Any]) -> None:
    assert world.task.scale == Binary()
    assert world.task.family in {"code", "facts", "format", "logic", "math", "text"}
    assert "Right:" in world.task.description
    assert "'Answer" in world.task.description
    assert 60 < len(world.task.description) < 260


def test_descriptions_differ() -> None:
    assert len({world.task.description for world in WORLDS.values()}) == len(WORLDS)


@worlds
@given(seed=seeds, difficulty=difficulties)
@settings(max_examples=15)
def test_the_solver_is_right(world: World[Any], seed: int, difficulty: int) -> None:
    problem = world.make(seed, difficulty)
    pattern, has_steps = LAWS[world.task.name]
    steps = world.solve(problem)
    assert world.verify(problem, "".join(steps))
    assert re.fullmatch(pattern, "".join(steps))
    assert (len(steps) > 1) == has_steps == (world.check_steps is not None)
    if has_steps:
        assert world.verify_steps(problem, steps) == (True,) * len(steps)


@worlds
@given(seed=seeds, difficulty=difficulties)
@settings(max_examples=15)
def test_mistakes_are_wrong_and_padding_is_not(world: World[Any], seed: int, difficulty: int) -> None:
    problem = world.make(seed, difficulty)
    mistakes = world.mistakes(problem, Random(seed))
    assert list(mistakes) == [Grade.PADDED, Grade.NEAR_MISS, Grade.WRONG_STEP, Grade.WRONG_FORMAT, Grade.OFF_TOPIC]
    right = "".join(world.solve(problem))
    for grade, steps in mistakes.items():
        assert world.verify(problem, "".join(steps)) == (grade is Grade.PADDED)
    assert len("".join(mistakes[Grade.PADDED])) > len(right)
    if world.check_steps is not None:
        assert all(world.verify_steps(problem, mistakes[Grade.PADDED]))
        assert world.verify_steps(problem, mistakes[Grade.NEAR_MISS])[0]
        assert not all(world.verify_steps(problem, mistakes[Grade.WRONG_STEP]))


@worlds
def test_the_same_seed_makes_the_same(world: World[Any]) -> None:
    problems = PROBLEMS[world.task.name]
    for problem in problems[::7]:
        assert world.make(problem.seed, problem.difficulty) == problem
        assert world.mistakes(problem, Random(3)) == world.mistakes(problem, Random(3))
        assert pickle.loads(pickle.dumps(problem)) == problem
        assert hash(problem) == hash(pickle.loads(pickle.dumps(problem)))


@worlds
def test_other_seeds_make_others(world: World[Any]) -> None:
    prompts = {problem.prompt for problem in PROBLEMS[world.task.name]}
    assert len(prompts) > 50  # of 60
    assert len({world.make(seed, 3).data for seed in range(12)}) > 8


@worlds
def test_wordings_vary(world: World[Any]) -> None:
    prompts = [world.make(seed, 1).prompt for seed in range(40)]
    assert len({prompt.split()[0] for prompt in prompts} | {prompt.split()[-1] for prompt in prompts}) > 2


@worlds
def test_harder_is_longer(world: World[Any]) -> None:
    def length(difficulty: int) -> float:
        made = [world.make(seed, difficulty) for seed in range(300)]
        return float(np.mean([len(problem.prompt) + len("".join(world.solve(problem))) for problem in made]))

    assert length(1) < length(3) < length(5)


@worlds
def test_the_verifier_never_asks_the_solver(world: World[Any]) -> None:
    def family_functions(work: Any) -> set[str]:
        called = set()

        def note(frame: FrameType, event: str, argument: object) -> None:
            code = frame.f_code
            if event == "call" and "worlds/families" in code.co_filename.replace("\\", "/"):
                called.add(f"{code.co_name}:{code.co_firstlineno}")

        sys.setprofile(note)
        try:
            work()
        finally:
            sys.setprofile(None)
        return called

    for problem in PROBLEMS[world.task.name][::11]:
        right = world.solve(problem)
        solving = family_functions(lambda problem=problem: world.solve(problem))
        verifying = family_functions(lambda problem=problem, right=right: world.verify(problem, "".join(right)))
        if world.check_steps is not None:
            verifying |= family_functions(lambda problem=problem, right=right: world.verify_steps(problem, right))
        assert solving
        assert verifying
        assert solving & verifying == set()


@worlds
@given(text=st.text(max_size=60))
@settings(max_examples=15)
def test_the_verifier_takes_any_text(world: World[Any], text: str) -> None:
    problem = PROBLEMS[world.task.name][17]
    for response in (text, f"Answer: {text}", f"{text}\nAnswer:", text * 100):
        assert isinstance(world.verify(problem, response), bool)
    if world.check_steps is not None:
        assert len(world.verify_steps(problem, (text, f"Answer: {text}", f"Step 1: {text}", f"Move 1: {text}"))) == 4


@worlds
@pytest.mark.parametrize(
    "response", ["9" * 5000, "(" * 5000, "[" * 5000, "-" * 5000 + "1", "٣", "1_0", "nan", "\x00", "\ud800", "'\\d'"]
)
def test_the_verifier_survives_hostile_text(world: World[Any], response: str) -> None:
    assert world.verify(PROBLEMS[world.task.name][30], response) is False


@worlds
def test_length_does_not_tell_right_from_wrong(world: World[Any]) -> None:
    """AUC of "longer is right" over the outcomes that are made."""
    rows = make([world], 240, seed=1, difficulty=(1, 2, 3, 4, 5), mix=Mix(comparisons=0, rankings=0, steps=0))
    lengths: dict[float, list[int]] = {0.0: [], 1.0: []}
    for row in rows:
        assert isinstance(row, Rating)
        lengths[row.value].append(len(row.candidate.response))
    assert len(lengths[1.0]) == len(lengths[0.0]) == 240
    auc = mannwhitneyu(lengths[1.0], lengths[0.0]).statistic / 240**2
    assert 0.4 < auc < 0.6


@worlds
def test_it_refuses_what_is_not_its_own(world: World[Any]) -> None:
    problem = PROBLEMS[world.task.name][0]
    stranger: Problem[Any] = replace(problem, task="other")
    for call in (lambda: world.solve(stranger), lambda: world.verify(stranger, "1")):
        with pytest.raises(
            PolycriticError, match=rf"{world.task.name}: not this world's problem: found one of 'other'"
        ):
            call()
    for difficulty in (0, 6):
        with pytest.raises(
            PolycriticError, match=f"{world.task.name}: bad difficulty: expected 1 to 5, found {difficulty}"
        ):
            world.make(0, difficulty)
    if world.check_steps is None:
        with pytest.raises(PolycriticError, match=r"has no steps to verify\. Use verify"):
            world.verify_steps(problem, ("1",))
