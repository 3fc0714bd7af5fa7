from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

from polycritic.core import Candidate, PolycriticError
from polycritic.worlds._listing import WORLDS
from polycritic.worlds._problem import Problem
from polycritic.worlds._rows import respond
from polycritic.worlds._world import World


class NoisySolver:
    """A generator that is right now and then: each proposal is right with a set probability, else a mistake.

    It knows its problems by their prompts, and answers only those.

    **Laws**: proposals for one prompt do not depend on the other prompts asked for; the same seed proposes the same.

    Args:
        problems: What it may be asked.
        worlds: The worlds of the problems; all that are built in unless given.
        right: The probability that a proposal is right.
        padding: The probability that a proposal, right or wrong, stands behind needless words.

    Raises:
        PolycriticError: A probability is not 0 to 1, or a problem belongs to none of the worlds.

    >>> from polycritic.worlds import find, problems
    >>> made = problems([find("dates")], 2, seed=0)
    >>> solver = NoisySolver(made, right=1.0)
    >>> [[candidate]] = solver.generate([Candidate(made[0].prompt, "")], 1, seed=0)
    >>> solver.verify(candidate)
    True
    """

    def __init__(
        self,
        problems: Iterable[Problem[Any]],
        worlds: Sequence[World[Any]] = (),
        *,
        right: float = 0.5,
        padding: float = 0.25,
    ) -> None:
        if not (0 <= right <= 1 and 0 <= padding <= 1):
            raise PolycriticError("bad NoisySolver", found=f"right={right}, padding={padding}", expected="0 to 1")
        self.right, self.padding = right, padding
        known = {world.task.name: world for world in worlds} if worlds else WORLDS
        self._problems = {}
        for problem in problems:
            if problem.task not in known:
                raise PolycriticError(
                    "problem of an unknown world", found=repr(problem.task), mend="Pass its world too"
                )
            self._problems[problem.prompt] = (known[problem.task], problem)

    def generate(self, partials: Sequence[Candidate], n: int, /, *, seed: int) -> list[list[Candidate]]:
        """Propose n whole responses to the prompt of each partial candidate.

        Raises:
            PolycriticError: A prompt is unknown, or a partial candidate has begun its response already.
        """
        proposals = []
        for partial in partials:
            world, problem = self._known(partial)
            if partial.response:
                raise PolycriticError(
                    "cannot go on from a response", found=repr(partial), expected="a prompt with an empty response"
                )
            rng = Random(f"noisy/{seed}/{partial.prompt}")
            drawn = [
                respond(world, problem, rng, right=rng.random() < self.right, padding=self.padding) for _ in range(n)
            ]
            proposals.append(
                [
                    dataclasses.replace(partial, response="".join(steps), steps=steps if world.check_steps else ())
                    for steps in drawn
                ]
            )
        return proposals

    def verify(self, candidate: Candidate) -> bool:
        """Whether a response to one of its problems is right: the exact answer, whatever a judge says.

        Raises:
            PolycriticError: The prompt is unknown.
        """
        world, problem = self._known(candidate)
        return world.verify(problem, candidate.response)

    def _known(self, candidate: Candidate) -> tuple[World[Any], Problem[Any]]:
        if candidate.prompt not in self._problems:
            raise PolycriticError(
                "unknown prompt",
                found=repr(candidate.prompt[:60]),
                expected=f"one of {len(self._problems)} problems",
                mend="Give NoisySolver the problem that it belongs to",
            )
        return self._problems[candidate.prompt]
