"""One number for choosing among states of a critic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from polycritic.core import Candidate, Comparison, Feedback, FloatArray, Judge, Ranking, Rating, Task


def quality(critic: Judge, feedback: Sequence[Feedback], tasks: Sequence[Task] | None = None) -> float:
    """The mean over tasks of the share of pairs in the right order: of two candidates compared, ranked, or rated differently.

    Ties of the critic count one half; for right and wrong this is the area under the ROC curve. A task that orders nothing
    is left out; with no task left the quality is NaN.

    Args:
        critic: Any judge.
        feedback: Held-out rows.
        tasks: The tasks of the rows; by default the critic's own.

    >>> class Longer:
    ...     tasks = (Task("t"),)
    ...     def score(self, candidates, tasks):
    ...         from polycritic.core import Scores
    ...         return Scores(tuple(tasks), np.array([[len(c.response)] for c in candidates], dtype=float))
    >>> quality(Longer(), [Comparison(task="t", first=Candidate("p", "long"), second=Candidate("p", "s"))])
    1.0
    """
    known: Sequence[Task] = tasks if tasks is not None else critic.tasks  # type: ignore[attr-defined]
    rows: dict[str, list[Feedback]] = {}
    for row in feedback:
        rows.setdefault(row.task, []).append(row)
    shares = [_share(critic, rows[task.name], task) for task in known if task.name in rows]
    measured = [share for share in shares if not np.isnan(share)]
    return float(np.mean(measured)) if measured else float("nan")


def _share(critic: Judge, rows: Sequence[Feedback], task: Task) -> float:
    items: dict[Candidate, int] = {}
    at = lambda candidate: items.setdefault(candidate, len(items))  # noqa: E731
    pairs: list[tuple[int, int]] = []  # (better, worse)
    rated: list[tuple[int, float]] = []
    for row in rows:
        match row:
            case Comparison(first=first, second=second, preference=p) if p != 0.5:
                pairs.append((at(first), at(second)) if p > 0.5 else (at(second), at(first)))
            case Ranking(candidates=candidates, ranks=ranks):
                index = [at(c) for c in candidates]
                pairs += [
                    (index[i], index[j]) for i in range(len(ranks)) for j in range(len(ranks)) if ranks[i] < ranks[j]
                ]
            case Rating(candidate=candidate, value=value):
                rated.append((at(candidate), value))
    if not items:
        return float("nan")
    scores = critic.score(list(items), [task]).values[:, 0]
    right, count = 0.0, 0.0
    if pairs:
        better, worse = scores[[b for b, _ in pairs]], scores[[w for _, w in pairs]]
        right += float(np.sum(better > worse) + 0.5 * np.sum(better == worse))
        count += len(pairs)
    if rated:
        concordant, total = _concordance(scores[[i for i, _ in rated]], np.array([v for _, v in rated]))
        # A task rated and compared counts both kinds by their rows, not by the square of one of them.
        if total:
            right += concordant / total * len(rated)
            count += len(rated)
    return right / count if count else float("nan")


def _concordance(score: FloatArray, value: FloatArray) -> tuple[float, float]:
    """How many of the pairs of different values are in the right order, ties counting one half, and how many there are."""
    right = total = 0.0
    for level in np.unique(value)[1:]:
        above, below = score[value == level], score[value < level]
        ranks = rankdata(np.concatenate([above, below]))[: len(above)]
        right += float(ranks.sum()) - len(above) * (len(above) + 1) / 2
        total += len(above) * len(below)
    return right, total
