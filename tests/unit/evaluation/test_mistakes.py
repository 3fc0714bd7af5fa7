"""Where a judge was most wrong."""

from polycritic.core import Binary, Candidate, Comparison, Rating, Task
from polycritic.evaluation import judge_all, mistakes
from polycritic.judges import Function

READER = Function(lambda candidate, task: float(candidate.response))


def rating(response: float, value: float) -> Rating:
    return Rating(task="right", candidate=Candidate("p", str(response)), value=value)


def comparison(first: float, second: float, preference: float) -> Comparison:
    return Comparison(
        task="pairs", first=Candidate("p", str(first)), second=Candidate("p", str(second)), preference=preference
    )


TASKS = [Task("right", scale=Binary()), Task("pairs")]


def test_the_worst_come_first() -> None:
    rows = [rating(0.9, 1.0), rating(0.01, 1.0), rating(0.5, 1.0), rating(0.8, 0.0), rating(0.1, 0.0), rating(0.2, 0.0)]
    found = mistakes(judge_all(READER, rows, TASKS), rows, per_task=2)
    assert [m.row for m in found] == [rows[1], rows[3]]
    assert found[0].scores == (0.01,)
    assert (found[0].label, found[0].task) == (1.0, TASKS[0])
    assert 0 < found[1].size < found[0].size <= 1


def test_comparisons_decided_wrongly_by_most() -> None:
    rows = [
        comparison(5, 1, 0.0),
        comparison(1, 2, 1.0),
        comparison(9, 1, 1.0),
        comparison(0, 9, 0.5),
        comparison(3, 3, 1.0),
    ]
    found = mistakes(judge_all(READER, rows, TASKS), rows)
    assert [m.row for m in found] == [rows[0], rows[1]]  # ties, on either side, are no contradiction
    assert [m.size for m in found] == [3 / 5, 2 / 5]


def test_abstaining_is_no_mistake_and_one_row_comes_once() -> None:
    rows = [rating(0.1, 1.0), rating(0.9, 0.0), comparison(1, 2, 1.0)]
    silent = Function(lambda c, t: float("nan"))
    assert mistakes(judge_all(silent, rows, TASKS), rows) == []
    assert len(mistakes(judge_all(READER, rows, TASKS), rows, count=2)) == 2
    from polycritic.core import Ranking

    odd = Ranking(task="pairs", candidates=tuple(Candidate("p", str(i)) for i in (3, 2, 1, 9)), ranks=(1, 1, 3, 4))
    (worst,) = mistakes(judge_all(READER, [odd], TASKS), [odd])
    assert [c.response for c in worst.candidates] == ["1", "9"]
    assert worst.scores == (1.0, 9.0)
    ranking = Ranking(task="pairs", candidates=tuple(Candidate("p", str(i)) for i in range(3)), ranks=(1, 2, 3))
    (only,) = mistakes(judge_all(READER, [ranking], TASKS), [ranking])
    assert only.row is ranking
