"""One number for choosing among states of a critic."""

from __future__ import annotations

from collections.abc import Sequence

from polycritic.core import Feedback, Judge, Task
from polycritic.evaluation import evaluate


def quality(judge: Judge, feedback: Sequence[Feedback], tasks: Sequence[Task]) -> float:
    """The mean over tasks of the concordance: the share of pairs in the right order, of all kinds of rows alike.

    >>> from polycritic.core import Candidate, Comparison
    >>> from polycritic.judges import Length
    >>> quality(Length(), [Comparison(task="t", first=Candidate("p", "long"), second=Candidate("p", "s"))], [Task("t")])
    1.0
    """
    present = {row.task for row in feedback}
    known = [task for task in tasks if task.name in present]
    return evaluate(judge, feedback, known, resamples=0).macro["concordance"].value
