from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from polycritic.core import Candidate, Scores, Task


@dataclass(frozen=True, slots=True)
class Function:
    """A plain function as a judge.

    Args:
        function: (candidate, task) -> the score on the task's scale; NaN where it cannot say. What it raises is raised.
        name: What to call it.

    **Laws**: one call per candidate and task; a candidate's score does not depend on the others.

    >>> brief = Function(lambda candidate, task: -len(candidate.response), "brief")
    >>> brief.score([Candidate("p", "abc")], [Task("t")]).values
    array([[-3.]])
    """

    function: Callable[[Candidate, Task], float]
    name: str = "function"

    def score(self, candidates: Sequence[Candidate], tasks: Sequence[Task], /) -> Scores:
        """Call the function for each candidate and task."""
        values = np.array([[float(self.function(c, t)) for t in tasks] for c in candidates], dtype=np.float64)
        return Scores(tuple(tasks), values.reshape(len(candidates), len(tasks)))
