"""A judge and what makes its scores trustworthy, as one judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from polycritic.core import PolycriticError, Scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polycritic.core import Candidate, Judge, Task

Calibrator = Callable[[Scores], Scores]
"""What turns scores into scores that can be trusted more: same candidates, same tasks."""


class Trusted:
    """A judge whose scores pass through calibrators, first to last. Is a judge itself.

    Args:
        judge: Any judge.
        calibrators: Each takes scores and gives scores of the same candidates and tasks.

    >>> import numpy as np
    >>> from polycritic.core import Binary, Candidate, Scores, Task
    >>> from polycritic.trust import Abstaining, Temperature
    >>> class Sure:
    ...     def score(self, candidates, tasks, /):
    ...         return Scores(tuple(tasks), np.full((len(candidates), len(tasks)), 0.99))
    >>> judge = Trusted(Sure(), Temperature(3.0), Abstaining(confidence=0.9))
    >>> judge.score([Candidate("1 + 1", "2")], [Task("sums", scale=Binary())]).values
    array([[nan]])
    """

    def __init__(self, judge: Judge, *calibrators: Calibrator) -> None:
        self.judge, self.calibrators = judge, calibrators

    @property
    def name(self) -> str:
        """The judge's own name."""
        return str(getattr(self.judge, "name", "") or type(self.judge).__name__)

    def __repr__(self) -> str:
        return f"Trusted({', '.join(map(repr, (self.judge, *self.calibrators)))})"

    def score(self, candidates: Sequence[Candidate], tasks: Sequence[Task], /) -> Scores:
        """The judge's scores after all calibrators.

        Raises:
            PolycriticError: A calibrator changed the candidates or the tasks.
        """
        scores = self.judge.score(candidates, tasks)
        for calibrator in self.calibrators:
            after = calibrator(scores)
            if after.tasks != scores.tasks or len(after) != len(scores):
                raise PolycriticError(
                    f"calibrator {calibrator!r} changed what was judged", found=repr(after), expected=repr(scores)
                )
            scores = after
        return scores
