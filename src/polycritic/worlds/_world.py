from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Generic, NamedTuple

from polycritic.core import PolycriticError, Task
from polycritic.worlds._padding import off_topic, padded
from polycritic.worlds._problem import Data, Grade, Problem, Steps, answer_of

_TRIES = 100  # draws of mistakes before giving up: each draw is right by accident only now and then


class Slips(NamedTuple):
    """One mistake of each of the three kinds that only the family itself can make; each a response or its steps.

    >>> Slips(near_miss="13", wrong_step="22", wrong_format="twelve").near_miss
    '13'
    """

    near_miss: str | Steps
    wrong_step: str | Steps
    wrong_format: str | Steps


@dataclass(frozen=True, slots=True, repr=False)
class World(Generic[Data]):
    """A family of problems with a solver, an exact verifier and graded mistakes.

    What counts of a response is what follows its last ``Answer:``, or all of it where there is none.

    **Laws**: the solver's answers verify, padded or not; no mistake verifies; the same seed makes the same problem;
    ``verify`` takes any text, never runs it, and never asks the solver.

    Args:
        task: Name and description; right or wrong.
        draw: (random numbers, difficulty 1 to 5) -> prompt and data.
        solution: data -> the right response, or its steps.
        check: (data, answer) -> whether the answer is right.
        slips: (data, random numbers) -> mistakes, which may be right by accident.
        check_steps: (data, lines) -> whether each step is right, for worlds whose responses have steps, a line each. A
            step is right when what it states is true of the problem, so what follows from a mistake is wrong too.

    >>> from polycritic.worlds.families import sorting_words
    >>> problem = sorting_words.make(seed=1)
    >>> sorting_words.verify(problem, "".join(sorting_words.solve(problem)))
    True
    """

    task: Task
    draw: Callable[[Random, int], tuple[str, Data]]
    solution: Callable[[Data], str | Steps]
    check: Callable[[Data, str], bool]
    slips: Callable[[Data, Random], Slips]
    check_steps: Callable[[Data, Steps], tuple[bool, ...]] | None = None

    def __repr__(self) -> str:
        return f"World({self.task.name!r})"

    def make(self, seed: int, difficulty: int = 1) -> Problem[Data]:
        """Make the problem that belongs to a seed.

        Raises:
            PolycriticError: The difficulty is not 1 to 5.
        """
        if difficulty not in range(1, 6):
            raise PolycriticError("bad difficulty", where=self.task.name, found=repr(difficulty), expected="1 to 5")
        prompt, data = self.draw(Random(f"{self.task.name}/{difficulty}/{seed}"), difficulty)
        return Problem(self.task.name, prompt, data, seed, difficulty)

    def solve(self, problem: Problem[Data]) -> Steps:
        """The right response in steps; joined they are the response."""
        return _steps(self.solution(self._own(problem).data))

    def verify(self, problem: Problem[Data], response: str) -> bool:
        """Whether a response is right."""
        return self.check(self._own(problem).data, answer_of(response))

    def verify_steps(self, problem: Problem[Data], steps: Steps) -> tuple[bool, ...]:
        """Whether each step is right; what counts of a step is its last line, so padding may stand before it.

        Raises:
            PolycriticError: Responses of this world have no steps.
        """
        if self.check_steps is None:
            raise PolycriticError("has no steps to verify", where=self.task.name, mend="Use verify")
        lines = tuple(step.rstrip().rpartition("\n")[2] for step in steps)
        return self.check_steps(self._own(problem).data, lines)

    def mistakes(self, problem: Problem[Data], rng: Random) -> dict[Grade, Steps]:
        """A response of each grade but ``RIGHT``, in steps, best first. All are wrong but the padded one."""
        right = self.solve(problem)
        found = {Grade.PADDED: padded(right, rng)}
        for _ in range(_TRIES):
            for grade, slip in zip(_WRONG, (*self.slips(problem.data, rng), off_topic(right, rng)), strict=True):
                steps = _steps(slip)
                if grade not in found and not self.verify(problem, "".join(steps)):
                    found[grade] = steps
            if len(found) == len(Grade) - 1:
                return dict(sorted(found.items(), reverse=True))
        missing = [grade.name for grade in _WRONG if grade not in found]
        raise PolycriticError(
            "found no wrong answer", where=f"{problem.task}, seed {problem.seed}", expected=f"{missing}"
        )

    def _own(self, problem: Problem[Data]) -> Problem[Data]:
        if problem.task != self.task.name:
            raise PolycriticError("not this world's problem", where=self.task.name, found=f"one of {problem.task!r}")
        return problem


_WRONG = (Grade.NEAR_MISS, Grade.WRONG_STEP, Grade.WRONG_FORMAT, Grade.OFF_TOPIC)


def _steps(response: str | Steps) -> Steps:
    return (response,) if isinstance(response, str) else response
