"""Asking a judge: every candidate once, nothing dropped in silence."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.testing import assert_allclose

from polycritic.core import (
    BagRating,
    Binary,
    Candidate,
    Comparison,
    Feedback,
    FloatArray,
    Ranking,
    Rating,
    Scores,
    StepRatings,
    Task,
)
from polycritic.evaluation import StepJudge, judge_all
from polycritic.judges import Function, Length


def candidate(response: str, prompt: str = "p", steps: tuple[str, ...] = ()) -> Candidate:
    return Candidate(prompt, response, steps)


class Recorder:
    """Scores the number of characters, and remembers what it was asked."""

    name = "recorder"

    def __init__(self) -> None:
        self.calls: list[tuple[list[Candidate], list[str]]] = []

    def score(self, candidates: Sequence[Candidate], tasks: Sequence[Task], /) -> Scores:
        self.calls.append((list(candidates), [t.name for t in tasks]))
        return Length().score(candidates, tasks)

    def score_steps(self, candidates: Sequence[Candidate], task: Task, /) -> list[FloatArray]:
        return [np.array([float(len(s)) for s in c.steps]) for c in candidates]


ROWS: list[Feedback] = [
    Comparison(task="t", first=candidate("aa"), second=candidate("b"), preference=0.25, weight=2.0),
    Rating(task="t", candidate=candidate("aa"), value=3.0),
    Rating(task="other", candidate=candidate("aa"), value=1.0),
    Ranking(task="t", candidates=(candidate("ccc", "q"), candidate("b", "q"), candidate("aa", "q")), ranks=(1, 2, 2)),
    BagRating(task="t", candidates=(candidate("b"), candidate("aa")), value=1.0, group="bag"),
    StepRatings(task="t", candidate=candidate("xyz", steps=("x", "yz")), values=(float("nan"), 1.0)),
]


def test_one_call_a_task_with_each_distinct_candidate_once() -> None:
    judge = Recorder()
    judge_all(judge, ROWS, [Task("t"), Task("other"), Task("empty")])
    (asked, tasks), (other, _) = judge.calls
    assert tasks == ["t"]
    assert sorted(c.response + c.prompt for c in asked) == ["aap", "aaq", "bp", "bq", "cccq"]
    assert [c.response for c in other] == ["aa"]


def test_every_kind_becomes_arrays() -> None:
    judged = judge_all(Recorder(), ROWS, [Task("t")]).tasks[0]
    assert judged.groups == ("p", "q", "bag")
    assert_allclose(judged.rated.scores, [[2.0]])
    assert_allclose(judged.rated.label, [3.0])
    assert_allclose(judged.pairs.scores, [[2.0, 1.0], [3.0, 1.0], [3.0, 2.0]])  # equal ranks make no pair
    assert_allclose(judged.pairs.label, [0.25, 1.0, 1.0])
    assert_allclose(judged.pairs.weight, [2.0, 1.0, 1.0])
    assert judged.pairs.group.tolist() == [0, 1, 1]
    assert judged.pairs.row.tolist() == [0, 3, 3]
    assert_allclose(judged.bags.scores, [[1.5]])
    assert judged.bags.group.tolist() == [2]
    assert_allclose(judged.steps.scores, [[2.0]])  # the step that nobody labelled is no row
    assert_allclose(judged.steps.label, [1.0])


def test_a_judge_without_steps_abstains_on_them() -> None:
    judged = judge_all(Length(), ROWS, [Task("t")])
    assert not isinstance(Length(), StepJudge)
    assert not judged.tasks[0].steps.judged.any()
    assert judged.judge == "longer wins"
    assert repr(judged) == "Judged('longer wins', 1 tasks, 6 labels)"


def test_names_come_from_the_caller_the_judge_or_its_class() -> None:
    class Nameless:
        def score(self, candidates: Sequence[Candidate], tasks: Sequence[Task], /) -> Scores:
            return Length().score(candidates, tasks)

    names = [
        judge_all(j, ROWS, [Task("t")], name=n).judge
        for j, n in ((Recorder(), ""), (Nameless(), ""), (Nameless(), "me"))
    ]
    assert names == ["recorder", "Nameless", "me"]


def test_no_rows_say_what_there_is() -> None:
    with pytest.raises(ValueError, match="no rows to evaluate on: expected rows of a, b, found rows of other, t"):
        judge_all(Length(), ROWS, [Task("a"), Task("b")])
    with pytest.raises(ValueError, match="expected one or more tasks, found no rows at all"):
        judge_all(Length(), [], [])


def test_tasks_need_different_names() -> None:
    with pytest.raises(ValueError, match="tasks need different names: found t"):
        judge_all(Length(), ROWS, [Task("t"), Task("t", scale=Binary())])


def test_a_rating_needs_a_value() -> None:
    with pytest.raises(ValueError, match="task 't', row 0: a rating without a value"):
        judge_all(Length(), [Rating(task="t", candidate=candidate("a"), value=float("nan"))], [Task("t")])


def test_a_judge_that_miscounts_is_told_so() -> None:
    class Short(Recorder):
        def score(self, candidates: Sequence[Candidate], tasks: Sequence[Task], /) -> Scores:
            return Length().score(candidates[1:], tasks)

    class Stepless(Recorder):
        def score_steps(self, candidates: Sequence[Candidate], task: Task, /) -> list[FloatArray]:
            return [np.zeros(1) for _ in candidates]

    class Absent(Recorder):
        def score_steps(self, candidates: Sequence[Candidate], task: Task, /) -> list[FloatArray]:
            return []

    for judge, found in ((Short(), "expected 5, found 4 scores"), (Stepless(), "expected 2, found 1 steps")):
        with pytest.raises(ValueError, match=f"{type(judge).__name__}: the judge miscounted: {found}"):
            judge_all(judge, ROWS, [Task("t")])
    with pytest.raises(ValueError, match="expected 1, found 0 arrays of steps"):
        judge_all(Absent(), ROWS, [Task("t")])


def test_a_stranger_among_the_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown kind of row"):
        judge_all(Length(), [Feedback(task="t", group="g")], [Task("t")])


def test_a_function_may_abstain() -> None:
    judge = Function(lambda c, t: float("nan") if c.response == "b" else 1.0)
    pairs = judge_all(judge, ROWS, [Task("t")]).tasks[0].pairs
    assert pairs.judged.tolist() == [False, False, True]
