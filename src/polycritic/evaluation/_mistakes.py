"""Where a judge was most wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from polycritic.core import Candidate, Feedback, FloatArray, Ranking, Task, candidates_of
from polycritic.evaluation._judged import Evidence, Judged, ranked_pairs
from polycritic.evaluation._pairwise import difference
from polycritic.evaluation._weights import sides


@dataclass(frozen=True, slots=True)
class Mistake:
    """A row of feedback that a judge contradicts.

    Args:
        task: Its task.
        row: The row.
        candidates: The candidate, or the two: of a ranking, those of the pair.
        scores: What the judge said of each.
        label: What the row says: the value, or the preference for the first.
        size: How wrong, 0 to 1; see :func:`mistakes`.

    >>> from polycritic.core import Rating
    >>> answer = Candidate("p", "r")
    >>> Mistake(Task("t"), Rating(task="t", candidate=answer, value=1.0), (answer,), (0.1,), 1.0, 0.9).size
    0.9
    """

    task: Task
    row: Feedback
    candidates: tuple[Candidate, ...]
    scores: tuple[float, ...]
    label: float
    size: float


def mistakes(judged: Judged, feedback: Sequence[Feedback], count: int = 20, *, per_task: int = 3) -> list[Mistake]:
    """The ratings and comparisons that a judge gets most wrong, worst first.

    The size of a mistake needs no unit, so that tasks and judges of any scale can be set side by side. For a rating it is
    the distance between the candidate's place among the task's scores and among the task's labels, both as shares from 0 to 1.
    For a comparison decided wrongly it is the share of the task's comparisons decided by no larger difference.

    Args:
        judged: From :func:`judge_all`.
        feedback: The rows it judged.
        count: At most so many in all.
        per_task: At most so many of one task.

    >>> from polycritic.core import Comparison
    >>> from polycritic.evaluation import judge_all
    >>> from polycritic.judges import Length
    >>> rows = [Comparison(task="t", first=Candidate("p", "short"), second=Candidate("p", "much longer"))]
    >>> [m.scores for m in mistakes(judge_all(Length(), rows, [Task("t")]), rows)]
    [(5.0, 11.0)]
    """
    found: list[Mistake] = []
    for judged_task in judged.tasks:
        sized = [
            (_rating_sizes(judged_task.rated), judged_task.rated),
            (_pair_sizes(judged_task.pairs), judged_task.pairs),
        ]
        worst = sorted(
            ((float(size), k, i) for k, (sizes, _) in enumerate(sized) for i, size in enumerate(sizes) if size > 0),
            key=lambda entry: (-entry[0], entry[1:]),
        )
        seen: set[int] = set()
        for size, k, i in worst:
            evidence = sized[k][1]
            row = int(evidence.row[i])
            if row in seen or len(seen) >= per_task:
                continue
            seen.add(row)
            scores = tuple(float(s) for s in evidence.scores[i])
            who = _candidates(feedback[row], i - int(np.argmax(evidence.row == row)))
            found.append(Mistake(judged_task.task, feedback[row], who, scores, float(evidence.label[i]), size))
    return sorted(found, key=lambda m: -m.size)[:count]


def _candidates(row: Feedback, entry: int) -> tuple[Candidate, ...]:
    """Whom an entry of evidence speaks of: a ranking makes one entry for each of its pairs."""
    candidates = candidates_of(row)
    if isinstance(row, Ranking):
        first, second = ranked_pairs(row.ranks)[entry]
        return candidates[first], candidates[second]
    return candidates


def _rating_sizes(evidence: Evidence) -> FloatArray:
    sizes = np.zeros(len(evidence))
    known = evidence.judged
    sizes[known] = np.abs(_places(evidence.scores[known, 0]) - _places(evidence.label[known]))
    return sizes


def _pair_sizes(evidence: Evidence) -> FloatArray:
    first, second = evidence.scores[:, 0], evidence.scores[:, 1]
    sign = difference(first, second)
    one, other = sides(evidence.label)
    wrong = (one & (sign < 0)) | (other & (sign > 0))
    sizes = np.zeros(len(evidence))
    gaps = np.abs(first - second)
    known = np.sort(gaps[evidence.judged])
    sizes[wrong] = np.searchsorted(known, gaps[wrong], side="right") / max(len(known), 1)
    return sizes


def _places(values: FloatArray) -> FloatArray:
    """Mid-ranks as shares: 0 lowest, 1 highest, one half where all are equal."""
    from scipy.stats import rankdata

    places: FloatArray = (rankdata(values) - 0.5) / max(len(values), 1)
    return places
