"""From judgements to an evaluation."""

import json
import pickle
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
    Interval,
    Levels,
    Rating,
    Scale,
    Scores,
    StepRatings,
    Task,
)
from polycritic.evaluation import Evaluation, auc, compare_judged, evaluate, judge_all, measure_judged
from polycritic.judges import Function, Length, Random

GRADED = ("spearman", "kendall", "concordance")


def rated(task: str, scale: Scale, n: int = 30) -> list[Feedback]:
    """Ratings of responses "0", "1", ... whose labels rise with them, roughly."""
    rng = np.random.default_rng(n)
    noisy = np.argsort(np.argsort(np.arange(n) + n / 3 * rng.normal(size=n))) / (n - 1)
    values = {
        Binary: lambda x: float(x > 0.5),
        Levels: lambda x: float(round(1 + 4 * x)),
    }.get(type(scale), float)
    return [
        Rating(task=task, candidate=Candidate(f"p{i}", str(i / (n - 1))), value=values(x)) for i, x in enumerate(noisy)
    ]


def compared(task: str, n: int = 30) -> list[Feedback]:
    return [
        Comparison(
            task=task,
            first=Candidate(f"p{i}", str(i / n)),
            second=Candidate(f"p{i}", "0.5"),
            preference=float(i % 4 > 0) if i < n - 1 else 0.5,
        )
        for i in range(n)
    ]


READER = Function(lambda candidate, task: float(candidate.response), "reader")
TASKS = [
    Task("right", scale=Binary()),
    Task("graded/levels", scale=Levels(("1", "2", "3", "4", "5"))),
    Task("graded/interval", scale=Interval(0, 1)),
    Task("graded/utility"),
    Task("pairs"),
]
ROWS = [row for task in TASKS for row in (compared("pairs") if task.name == "pairs" else rated(task.name, task.scale))]


def test_metrics_follow_from_rows_and_scale() -> None:
    found = {t.task.name: (set(t.metrics), t.primary) for t in evaluate(READER, ROWS, TASKS, resamples=20).tasks}
    outcomes = {"auc", "accuracy", "best_accuracy", "brier_error", "expected_calibration_error", "concordance"}
    pairs = {"pairwise_accuracy", "pairwise_accuracy_inclusive", "pairwise_accuracy_fractional", "concordance"}
    assert found == {
        "right": (outcomes, "auc"),
        "graded/levels": ({*GRADED, "root_mean_squared_error"}, "spearman"),
        "graded/interval": ({*GRADED, "root_mean_squared_error"}, "spearman"),
        "graded/utility": (set(GRADED), "spearman"),
        "pairs": (pairs, "pairwise_accuracy_fractional"),
    }


def test_values_are_the_metrics_and_intervals_hold_them() -> None:
    evaluation = evaluate(READER, ROWS, TASKS)
    rows = [r for r in ROWS if r.task == "right" and isinstance(r, Rating)]
    expected = auc(np.array([float(r.candidate.response) for r in rows]), np.array([r.value for r in rows]))
    assert evaluation.of("right").quality.value == expected
    for task in evaluation.tasks:
        for name, estimate in task.metrics.items():
            if not np.isnan(estimate.value):
                assert estimate.low <= estimate.value <= estimate.high, (task.task.name, name)
                assert estimate.high - estimate.low < 0.75 or name == "root_mean_squared_error"


def test_families_and_macro_are_unweighted_means_over_tasks() -> None:
    evaluation = evaluate(READER, ROWS, TASKS, resamples=50)
    assert set(evaluation.families) == {"right", "graded", "pairs"}
    kendalls = [evaluation.of(f"graded/{k}").metrics["kendall"] for k in ("levels", "interval", "utility")]
    for means in (evaluation.families["graded"], evaluation.macro):
        assert_allclose(means["kendall"].value, np.mean([k.value for k in kendalls]))
        assert means["kendall"].n == 90
    assert_allclose(
        evaluation.macro["concordance"].value, np.mean([t.metrics["concordance"].value for t in evaluation.tasks])
    )
    widths = [k.high - k.low for k in kendalls]
    assert 0 < evaluation.macro["kendall"].high - evaluation.macro["kendall"].low < max(widths)


def test_attributes_of_the_same_answers_are_resampled_together() -> None:
    # Two tasks with the same rows: their mean is as uncertain as either, not 1 / sqrt 2 of it.
    twins = [Task("a/one", scale=Interval(0, 1)), Task("a/two", scale=Interval(0, 1))]
    rows = [row for task in twins for row in rated(task.name, task.scale)]
    evaluation = evaluate(READER, rows, twins)
    one, both = evaluation.of("a/one").metrics["spearman"], evaluation.macro["spearman"]
    assert_allclose([both.value, both.low, both.high], [one.value, one.low, one.high])


def test_a_judge_off_the_scale_orders_but_has_no_unit() -> None:
    evaluation = evaluate(Length(), ROWS, TASKS, resamples=20)
    for task, names in (("right", ("accuracy", "brier_error")), ("graded/levels", ("root_mean_squared_error",))):
        for name in names:
            assert np.isnan(evaluation.of(task).metrics[name].value)
    assert 0 <= evaluation.of("right").quality.value <= 1
    assert np.isnan(evaluation.macro["brier_error"].value)
    assert evaluation.macro["brier_error"].n == 0


def test_abstentions_are_counted_and_left_out() -> None:
    shy = Function(lambda c, t: float("nan") if c.prompt in ("p0", "p1") else float(c.response))
    whole, part = (evaluate(j, ROWS, TASKS, resamples=10).of("right") for j in (READER, shy))
    assert (whole.n, whole.abstained, whole.quality.n) == (30, 0, 30)
    assert (part.n, part.abstained, part.quality.n) == (30, 2, 28)
    silent = evaluate(Function(lambda c, t: float("nan")), ROWS, TASKS, resamples=10).of("right")
    assert (silent.abstained, silent.primary) == (30, "")
    assert np.isnan(silent.quality.value)


def test_mixed_kinds_take_their_summary_from_the_kind_with_most_labels() -> None:
    task = Task("mixed", scale=Binary())
    few = [Rating(task="mixed", candidate=Candidate("p", str(i)), value=float(i)) for i in (0, 1)]
    rows = [*few, *compared("mixed")]
    evaluation = evaluate(READER, rows, [task], resamples=10).of("mixed")
    assert evaluation.primary == "pairwise_accuracy_fractional"
    assert evaluation.metrics["auc"].value == 1.0
    assert evaluation.metrics["concordance"].value == evaluation.quality.value < 1.0
    one_class = [
        *compared("mixed")[:3],
        *(Rating(task="mixed", candidate=Candidate("p", "1"), value=1.0) for _ in range(9)),
    ]
    assert evaluate(READER, one_class, [task], resamples=10).of("mixed").primary == "pairwise_accuracy_fractional"


def test_one_prompt_has_no_interval() -> None:
    rows = [Rating(task="right", candidate=Candidate("p", str(i / 9)), value=float(i > 4)) for i in range(10)]
    evaluation = evaluate(READER, rows, TASKS[:1])
    assert evaluation.of("right").quality.value == 1.0
    assert np.isnan([evaluation.of("right").quality.low, evaluation.macro["auc"].high]).all()
    assert np.isnan(evaluate(READER, ROWS, TASKS, resamples=0).macro["auc"].low)
    with pytest.raises(ValueError, match="bad number of resamples: expected 0 or more, found -1"):
        evaluate(READER, ROWS, TASKS, resamples=-1)


class Steps:
    """Judges a step by the number it is."""

    def score(self, candidates: Sequence[Candidate], tasks: Sequence[Task], /) -> Scores:
        return READER.score(candidates, tasks)

    def score_steps(self, candidates: Sequence[Candidate], task: Task, /) -> list[FloatArray]:
        return [np.array([float(s) for s in c.steps]) for c in candidates]


def test_steps_and_bags() -> None:
    task = Task("t", scale=Binary())
    steps = [
        StepRatings(task="t", candidate=Candidate(p, "0.9", steps=("0.2", "0.7", "0.6")), values=(0.0, 1.0, second))
        for p, second in (("p", 0.0), ("q", 1.0))
    ]
    bags = [
        BagRating(task="t", candidates=(Candidate(p, "0.2"), Candidate(p, "0.6")), value=v)
        for p, v in (("p", 0.5), ("q", 0.4))
    ]
    metrics = evaluate(Steps(), [*steps, *bags], [task]).of("t").metrics
    assert_allclose(metrics["step_auc"].value, 8.5 / 9)  # 3 right steps against 3 wrong ones, one pair tied
    assert_allclose(metrics["step_accuracy"].value, 5 / 6)
    assert_allclose(metrics["bag_error"].value, np.sqrt((0.1**2 + 0.0) / 2))
    wide = Task("t", scale=Interval(0, 100))
    apart = evaluate(Steps(), [r for r in steps if isinstance(r, StepRatings)], [wide]).of("t")
    assert np.isnan(apart.metrics["step_auc"].value)  # on 0 to 100, labels of 0 and 1 are all wrong


def test_written_and_read_again() -> None:
    evaluation = evaluate(Length(), ROWS, TASKS, resamples=20, seed=3)
    text = json.dumps(evaluation.to_dict(), allow_nan=False)
    again = Evaluation.from_dict(json.loads(text))
    assert json.dumps(again.to_dict()) == text
    assert [t.task for t in again.tasks] == [t.task for t in evaluation.tasks]
    assert again.seed == 3
    assert pickle.loads(pickle.dumps(evaluation)).to_dict() == evaluation.to_dict()
    for wrong in ({}, {"judge": "x", "tasks": 3}, []):
        with pytest.raises(ValueError, match="not an evaluation"):
            Evaluation.from_dict(wrong)  # type: ignore[arg-type]


def test_lines_are_a_table_and_names_are_looked_up() -> None:
    evaluation = evaluate(READER, ROWS, TASKS, resamples=20)
    lines = evaluation.lines()
    assert lines[0].split() == ["task", "metric", "value", "low", "high", "n", "abstained"]
    assert len(lines) == 1 + len(TASKS) + len(evaluation.macro)
    assert any(line.startswith("mean over 3 tasks  kendall") for line in lines)
    with pytest.raises(ValueError, match=r"unknown task 'pair'\. Did you mean 'pairs'"):
        evaluation.of("pair")


def test_the_same_seed_gives_the_same_intervals() -> None:
    judged = judge_all(Random(), ROWS, TASKS)
    one, same, other = (json.dumps(measure_judged(judged, resamples=50, seed=s).to_dict()) for s in (1, 1, 2))
    assert one == same
    assert one != other


def test_differences_are_paired() -> None:
    reader, chance = judge_all(READER, ROWS, TASKS), judge_all(Random(), ROWS, TASKS)
    better = compare_judged(reader, chance)
    assert better.judge == "reader - chance"
    assert_allclose(
        better.of("right").metrics["auc"].value,
        measure_judged(reader).of("right").metrics["auc"].value
        - measure_judged(chance).of("right").metrics["auc"].value,
    )
    reverse = judge_all(Function(lambda c, t: -float(c.response)), ROWS, TASKS)
    assert compare_judged(reader, reverse).macro["spearman"].low > 0
    same = compare_judged(reader, reader).macro["concordance"]
    assert (same.value, same.low, same.high) == (0, 0, 0)
    # A judge and the same judge with a little noise differ far less surely than two intervals side by side would say.
    nearly = judge_all(Function(lambda c, t: float(c.response) + 0.02 * (len(c.prompt) % 2)), ROWS, TASKS)
    apart = measure_judged(reader).macro["spearman"]
    paired = compare_judged(reader, nearly).macro["spearman"]
    assert paired.high - paired.low < 0.2 * (apart.high - apart.low)


def test_differences_rest_on_rows_that_both_judged() -> None:
    shy = Function(lambda c, t: float("nan") if c.prompt == "p0" else float(c.response), "shy")
    difference = compare_judged(judge_all(READER, ROWS, TASKS), judge_all(shy, ROWS, TASKS), resamples=20)
    assert difference.of("right").metrics["auc"].value == 0.0
    assert (difference.of("right").abstained, difference.of("right").metrics["auc"].n) == (1, 29)


def test_only_the_same_rows_compare() -> None:
    whole = judge_all(READER, ROWS, TASKS)
    with pytest.raises(ValueError, match=r"reader, reader: two judges cannot be compared: .* with different rows"):
        compare_judged(whole, judge_all(READER, ROWS[1:], TASKS))
    with pytest.raises(ValueError, match="found 5 and 1 tasks"):
        compare_judged(whole, judge_all(READER, ROWS, TASKS[:1]))


def test_tasks_of_different_prompts_are_resampled_each_for_itself() -> None:
    tasks = [Task("one", scale=Interval(0, 1)), Task("two", scale=Interval(0, 1))]
    rows: list[Feedback] = []
    for task in tasks:
        for row in rated(task.name, task.scale):
            assert isinstance(row, Rating)
            candidate = Candidate(f"{task.name} {row.candidate.prompt}", row.candidate.response)
            rows.append(Rating(task=task.name, candidate=candidate, value=row.value))
    evaluation = evaluate(READER, rows, tasks)
    one, both = evaluation.of("one").metrics["spearman"], evaluation.macro["spearman"]
    assert 0.6 < (both.high - both.low) / (one.high - one.low) < 0.8


def test_resamples_without_a_value_for_one_task_still_count() -> None:
    # One right answer among six: a third of the resamples miss it, and its AUC of 1 is known in the others only.
    tasks = [Task("rare", scale=Binary()), Task("right", scale=Binary())]
    rare = [Rating(task="rare", candidate=Candidate(f"p{i}", str(i)), value=float(i == 5)) for i in range(6)]
    evaluation = evaluate(READER, [*rare, *rated("right", Binary())], tasks)
    assert evaluation.of("rare").quality.low == evaluation.of("rare").quality.high == 1.0
    macro, right = evaluation.macro["auc"], evaluation.of("right").quality
    assert_allclose([macro.low, macro.high], [(1 + right.low) / 2, (1 + right.high) / 2])


def test_intervals_of_metrics_that_few_rows_flatter_hold_their_value() -> None:
    tasks = [Task(f"t{i}", scale=Binary()) for i in range(8)]
    rows = [row for task in tasks for row in rated(task.name, task.scale, 40)]
    for name in ("best_accuracy", "expected_calibration_error"):
        estimate = evaluate(Random(), rows, tasks).macro[name]
        assert estimate.low < estimate.value < estimate.high
