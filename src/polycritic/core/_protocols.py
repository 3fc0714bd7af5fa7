"""What the rooms ask of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polycritic.core._candidate import Candidate
    from polycritic.core._scores import FloatArray, Scores
    from polycritic.core._task import Task


@runtime_checkable
class Judge(Protocol):
    """Everything that scores.

    **Laws**: the result has one row per candidate and one column per task, in the order given; a candidate's score does
    not depend on the others.
    """

    def score(self, candidates: Sequence[Candidate], tasks: Sequence[Task], /) -> Scores:
        """Score every candidate on every task; NaN where the judge abstains."""
        ...


@runtime_checkable
class Comparer(Protocol):
    """Everything that says which of two is better without scoring each.

    **Laws**: swapping a pair turns p into 1 - p.
    """

    def compare(self, pairs: Sequence[tuple[Candidate, Candidate]], task: Task, /) -> FloatArray:
        """The probability that the first of each pair is better, (n,)."""
        ...


@runtime_checkable
class Generator(Protocol):
    """Everything that proposes candidates.

    **Laws**: the same seed proposes the same candidates.
    """

    def generate(self, partials: Sequence[Candidate], n: int, /, *, seed: int) -> list[list[Candidate]]:
        """Propose n ways to go on from each partial candidate."""
        ...
