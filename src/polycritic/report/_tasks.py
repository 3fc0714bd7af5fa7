"""The headline figures, and one row a task."""

from __future__ import annotations

import math
from collections.abc import Sequence

from polycritic.core import Estimate, scale_text
from polycritic.evaluation import Evaluation, TaskEvaluation
from polycritic.report._charts import COLOURS, gain_bar
from polycritic.report._markup import Markup, broken, element, join

_FOLD = 6
"""Families of more tasks than this are folded into one row."""


def headline(title: str, evaluations: Sequence[Evaluation]) -> Markup:
    """A card: the share of pairs in the right order over all tasks of a set, beside the same of the other judges."""
    estimates = [_macro(e) for e in evaluations]
    shares = [x for e in estimates for x in (e.value, e.low, e.high)]
    low = track_low(shares)
    beside: list[str] = []
    for i, (evaluation, estimate) in enumerate(zip(evaluations, estimates, strict=True)):
        beside += [
            element("span", None, evaluation.judge),
            gain_bar(estimate, low, colour=i % COLOURS),
            element("span", {"class": "number"}, two(estimate.value)),
        ]
    count = len(evaluations[0].tasks)
    return element(
        "div",
        {"class": "card"},
        element("h3", None, f"{title} ({count})"),
        element(
            "div", {"class": "big number"}, two(estimates[0].value), " ", element("small", None, interval(estimates[0]))
        ),
        element("p", {"class": "note"}, "of pairs in the right order, mean over tasks"),
        element("div", {"class": "beside"}, *beside) if len(evaluations) > 1 else join(),
    )


def task_rows(evaluations: Sequence[Evaluation]) -> Markup:
    """A row for each task of the first evaluation, best first, with the others' values as ticks; large families folded."""
    first, *others = evaluations
    low = track_low(
        [x for e in evaluations for t in e.tasks for x in (_order(t).value, _order(t).low)]
        + [x for m in first.families.values() if "concordance" in m for x in (m["concordance"].value,)]
    )
    families: dict[str, list[TaskEvaluation]] = {}
    for task in first.tasks:
        families.setdefault(task.task.family, []).append(task)
    entries: list[tuple[float, Markup]] = []
    for name, tasks in families.items():
        rows = sorted(((_rank(_order(t)), _row(t, others, low)) for t in tasks), key=lambda row: row[0])
        if len(tasks) <= _FOLD:
            entries += rows
            continue
        mean = first.families[name].get("concordance", _NOTHING)
        peers = [(i + 1, e.families.get(name, {}).get("concordance", _NOTHING).value) for i, e in enumerate(others)]
        line = _line(f"{name} ({len(tasks)} tasks)", mean, low, peers, "mean over tasks", sum(t.n for t in tasks))
        inner = element("div", {"class": "inner"}, *(row for _, row in rows))
        entries.append((_rank(mean), element("details", {"class": "family"}, line, inner)))
    head = element(
        "div",
        {"class": "grid-row head"},
        *(element("span", None, text) for text in ("task", f"from {low:g} to 1; dotted: chance")),
        *(element("span", {"class": "right"}, text) for text in ("in the right order", "by its own metric", "labels")),
    )
    body = [markup for _, markup in sorted(entries, key=lambda entry: entry[0])]
    return join(_legend(evaluations), element("div", {"class": "rows"}, head, *body))


def track_low(shares: Sequence[float]) -> float:
    """Where the track of bars begins: below all values, and below chance, at a round number."""
    lowest = min([0.42, *(s for s in shares if math.isfinite(s))])
    return max(math.floor(lowest * 10.0 + 1e-9) / 10.0, 0.0)


def two(value: float) -> str:
    """A share with two decimals, or a dash."""
    return "–" if math.isnan(value) else f"{value:.2f}"


def interval(estimate: Estimate) -> str:
    """An interval in words, or nothing."""
    return "" if math.isnan(estimate.low) else f"{estimate.low:.2f} to {estimate.high:.2f}"


def words(metric: str) -> str:
    """A metric's name in words."""
    return _WORDS.get(metric, metric.replace("_", " "))


_WORDS = {
    "auc": "AUC",
    "brier_error": "Brier error",
    "kendall": "Kendall",
    "pairwise_accuracy_fractional": "pairwise",
    "spearman": "Spearman",
    "step_auc": "step AUC",
}
_NOTHING = Estimate(math.nan, math.nan, math.nan, 0)


def _macro(evaluation: Evaluation) -> Estimate:
    return evaluation.macro.get("concordance", _NOTHING)


def _order(task: TaskEvaluation) -> Estimate:
    return task.metrics.get("concordance", _NOTHING)


def _rank(estimate: Estimate) -> float:
    return math.inf if math.isnan(estimate.value) else -estimate.value


def _row(task: TaskEvaluation, others: Sequence[Evaluation], low: float) -> Markup:
    peers = [(i + 1, _order(t).value) for i, e in enumerate(others) for t in e.tasks if t.task.name == task.task.name]
    own = f"{words(task.primary)} {two(task.quality.value)}" if task.primary else "–"
    line = _line(task.task.name, _order(task), low, peers, own, task.n)
    abstained = f" The judge abstained on {task.abstained:,} of {task.n:,} labels." if task.abstained else ""
    about = f"{task.task.description.strip()} (Scale: {scale_text(task.task.scale)}.)".strip()
    body = element("div", {"class": "more"}, element("p", {"class": "note"}, about + abstained), _metrics(task, others))
    return element("details", None, line, body)


def _line(
    name: str, estimate: Estimate, low: float, peers: Sequence[tuple[int, float]], own: str, labels: int
) -> Markup:
    shown = [(i % COLOURS, value) for i, value in peers]
    return element(
        "summary",
        {"class": "grid-row"},
        element("span", {"class": "what"}, broken(name)),
        element("span", {"class": "bar-place"}, gain_bar(estimate, low, shown)),
        element(
            "span",
            {"class": "right number"},
            two(estimate.value),
            " ",
            element("span", {"class": "interval"}, interval(estimate)),
        ),
        element("span", {"class": "right number extra"}, own),
        element("span", {"class": "right number extra"}, f"{labels:,}"),
    )


def _metrics(task: TaskEvaluation, others: Sequence[Evaluation]) -> Markup:
    peers = [(e.judge, t) for e in others for t in e.tasks if t.task.name == task.task.name]
    head = [
        element("th", None, "metric"),
        element("th", {"class": "right"}, "value"),
        element("th", None, "95 % interval"),
    ]
    head += [element("th", {"class": "right"}, name) for name, _ in peers]
    rows = []
    for name, estimate in task.metrics.items():
        cells = [element("td", None, words(name)), element("td", {"class": "right"}, _three(estimate.value))]
        between = "" if math.isnan(estimate.low) else f"{estimate.low:.3f} to {estimate.high:.3f}"
        cells.append(element("td", {"class": "interval"}, between))
        cells += [element("td", {"class": "right"}, _three(t.metrics.get(name, _NOTHING).value)) for _, t in peers]
        rows.append(element("tr", None, *cells))
    table = element("table", None, element("tr", None, *head), *rows)
    return element("div", {"class": "wide"}, table)


def _three(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _legend(evaluations: Sequence[Evaluation]) -> Markup:
    if len(evaluations) < 2:
        return join()
    names = [
        element("span", {"class": f"c{i % COLOURS}"}, element("i", None), element("span", {"class": "note"}, e.judge))
        for i, e in enumerate(evaluations)
    ]
    return element("div", {"class": "legend"}, *names)
