"""What a judge said about rows of feedback, kept as arrays, so that it is asked only once."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from polycritic.core import (
    BagRating,
    BoolArray,
    Candidate,
    Comparison,
    Feedback,
    FloatArray,
    IntArray,
    Judge,
    PolycriticError,
    Progress,
    Ranking,
    Rating,
    StepRatings,
    Task,
    group_of,
)


@runtime_checkable
class StepJudge(Protocol):
    """A judge that also scores the steps of a candidate.

    **Laws**: one array per candidate with one value per step, in order; NaN where it abstains.
    """

    def score_steps(self, candidates: Sequence[Candidate], task: Task, /) -> list[FloatArray]:
        """The value of each step of each candidate, on the task's scale."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Judgements beside labels, of one kind of row of one task.

    Args:
        scores: (n, k) what the judge said: k = 2 for pairs, else 1; NaN where it abstained.
        label: (n,) values, or for pairs the preference for the first.
        weight: (n,) weights.
        group: (n,) index of each row's prompt among the task's.
        row: (n,) index of the row of feedback it comes from.

    >>> len(Evidence(np.zeros((3, 1)), np.zeros(3), np.ones(3), np.arange(3), np.arange(3)))
    3
    """

    scores: FloatArray
    label: FloatArray
    weight: FloatArray
    group: IntArray
    row: IntArray

    def __len__(self) -> int:
        return len(self.label)

    @property
    def judged(self) -> BoolArray:
        """(n,) where the judge did not abstain."""
        unknown: BoolArray = np.any(np.isnan(self.scores), axis=1)
        return ~unknown


@dataclass(frozen=True, slots=True, eq=False)
class JudgedTask:
    """Everything a judge said on one task, by kind of row.

    Args:
        task: The task.
        groups: The prompts (or groups) of its rows; rows of one are resampled together.
        rated: Ratings.
        pairs: Comparisons, and the pairs of rankings whose ranks differ.
        steps: Labelled steps.
        bags: Bags, with the mean score of their candidates.

    >>> from polycritic.core import Rating, Task
    >>> from polycritic.judges import Length
    >>> rows = [Rating(task="t", candidate=Candidate("p", "abc"), value=1.0)]
    >>> judge_all(Length(), rows, [Task("t")]).tasks[0].rated.scores
    array([[3.]])
    """

    task: Task
    groups: tuple[str, ...]
    rated: Evidence
    pairs: Evidence
    steps: Evidence
    bags: Evidence

    @property
    def kinds(self) -> tuple[Evidence, Evidence, Evidence, Evidence]:
        """Rated, pairs, steps, bags."""
        return self.rated, self.pairs, self.steps, self.bags


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What a judge said about rows of feedback; see :func:`judge_all`.

    Args:
        judge: The judge's name.
        tasks: One entry a task.

    >>> Judged("nobody", ()).judge
    'nobody'
    """

    judge: str
    tasks: tuple[JudgedTask, ...]

    def __repr__(self) -> str:
        return f"Judged({self.judge!r}, {len(self.tasks)} tasks, {sum(len(k) for t in self.tasks for k in t.kinds)} labels)"


def judge_all(judge: Judge, feedback: Sequence[Feedback], tasks: Sequence[Task], *, name: str = "") -> Judged:
    """Ask a judge about every candidate of the rows of some tasks, each distinct candidate once a task, one call a task.

    Rows of other tasks are not looked at. A ranking becomes its pairs of different ranks, each with the ranking's weight. Steps
    are asked of judges that are a :class:`StepJudge`; others abstain on them.

    Args:
        judge: Any judge.
        feedback: Rows of any kinds.
        tasks: The tasks to ask about; one without rows stays empty.
        name: What to call the judge; by default its ``name``, else the name of its class.

    Raises:
        PolycriticError: No row belongs to the tasks, two tasks bear one name, a rating has no value, or the judge answers with
            the wrong number of scores.

    >>> from polycritic.judges import Length
    >>> rows = [Comparison(task="t", first=Candidate("p", "abc"), second=Candidate("p", "d"))]
    >>> judge_all(Length(), rows, [Task("t")]).tasks[0].pairs.scores
    array([[3., 1.]])
    """
    names = [task.name for task in tasks]
    if len(set(names)) < len(names):
        twice = sorted({n for n in names if names.count(n) > 1})
        raise PolycriticError("tasks need different names", found=", ".join(twice))
    rows: dict[str, list[tuple[int, Feedback]]] = {n: [] for n in names}
    seen: set[str] = set()
    for i, row in enumerate(feedback):
        if row.task in rows:
            rows[row.task].append((i, row))
        else:
            seen.add(row.task)
    if not any(rows.values()):
        raise PolycriticError(
            "no rows to evaluate on",
            found=f"rows of {', '.join(sorted(seen)[:5])}" if seen else "no rows at all",
            expected=f"rows of {', '.join(names[:5])}" if names else "one or more tasks",
        )
    judged = []
    with Progress("judging", len(tasks)) as progress:
        for task in tasks:
            judged.append(_judge_task(judge, rows[task.name], task))
            progress.advance(1, task.name)
    return Judged(name or str(getattr(judge, "name", "") or type(judge).__name__), tuple(judged))


@dataclass
class _Labels:
    """Rows of one kind, before the judge has spoken: places of candidates among the distinct ones, and what goes with them."""

    places: list[tuple[int, ...]] = field(default_factory=list)
    label: list[float] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)
    group: list[int] = field(default_factory=list)
    row: list[int] = field(default_factory=list)

    def add(self, places: tuple[int, ...], label: float, weight: float, group: int, row: int) -> None:
        self.places.append(places)
        self.label.append(label)
        self.weight.append(weight)
        self.group.append(group)
        self.row.append(row)

    def evidence(self, scores: FloatArray) -> Evidence:
        label, weight = (np.array(x, dtype=np.float64) for x in (self.label, self.weight))
        return Evidence(scores, label, weight, *(np.array(x, dtype=np.int64) for x in (self.group, self.row)))


def _judge_task(judge: Judge, rows: Sequence[tuple[int, Feedback]], task: Task) -> JudgedTask:
    candidates: dict[Candidate, int] = {}
    groups: dict[str, int] = {}
    rated, pairs, steps, bags = _Labels(), _Labels(), _Labels(), _Labels()
    stepwise: dict[Candidate, int] = {}

    def place(candidate: Candidate) -> int:
        return candidates.setdefault(candidate, len(candidates))

    for i, row in rows:
        group = groups.setdefault(group_of(row), len(groups))
        match row:
            case Rating(candidate=candidate, value=value):
                if np.isnan(value):
                    raise PolycriticError("a rating without a value", where=f"task {task.name!r}, row {i}")
                rated.add((place(candidate),), value, row.weight, group, i)
            case Comparison(first=first, second=second, preference=preference):
                pairs.add((place(first), place(second)), preference, row.weight, group, i)
            case Ranking(candidates=several, ranks=ranks):
                places = [place(c) for c in several]
                for a, b in ranked_pairs(ranks):
                    pairs.add((places[a], places[b]), float(ranks[a] < ranks[b]), row.weight, group, i)
            case StepRatings(candidate=candidate, values=values):
                at = stepwise.setdefault(candidate, len(stepwise))
                for step, value in enumerate(values):
                    if not np.isnan(value):
                        steps.add((at, step), value, row.weight, group, i)
            case BagRating(candidates=several, value=value):
                bags.add(tuple(place(c) for c in several), value, row.weight, group, i)
            case _:
                raise PolycriticError("unknown kind of row", where=f"row {i}", found=type(row).__name__)
    scores = _ask(judge, list(candidates), task)
    return JudgedTask(
        task,
        tuple(groups),
        rated.evidence(scores[np.array(rated.places, dtype=np.int64).reshape(-1, 1)]),
        pairs.evidence(scores[np.array(pairs.places, dtype=np.int64).reshape(-1, 2)]),
        steps.evidence(_ask_steps(judge, list(stepwise), task, steps.places)),
        bags.evidence(np.array([scores[list(places)].mean() for places in bags.places], dtype=np.float64)[:, None]),
    )


def ranked_pairs(ranks: Sequence[int]) -> list[tuple[int, int]]:
    """The pairs of places in a ranking whose ranks differ."""
    return [(a, b) for a, b in itertools.combinations(range(len(ranks)), 2) if ranks[a] != ranks[b]]


def _ask(judge: Judge, candidates: list[Candidate], task: Task) -> FloatArray:
    if not candidates:
        return np.zeros(0)
    scores = judge.score(candidates, [task])
    if len(scores) != len(candidates):
        raise _miscounted(judge, len(scores), len(candidates), "scores")
    return scores.of(task)


def _ask_steps(judge: Judge, candidates: list[Candidate], task: Task, places: list[tuple[int, ...]]) -> FloatArray:
    if not places or not isinstance(judge, StepJudge):
        return np.full((len(places), 1), np.nan)
    values = judge.score_steps(candidates, task)
    if len(values) != len(candidates):
        raise _miscounted(judge, len(values), len(candidates), "arrays of steps")
    for candidate, scores in zip(candidates, values, strict=True):
        if len(scores) != len(candidate.steps):
            raise _miscounted(judge, len(scores), len(candidate.steps), "steps")
    return np.array([[values[candidate][step]] for candidate, step in places], dtype=np.float64)


def _miscounted(judge: object, found: int, expected: int, what: str) -> PolycriticError:
    return PolycriticError(
        "the judge miscounted", where=type(judge).__name__, found=f"{found} {what}", expected=str(expected)
    )
