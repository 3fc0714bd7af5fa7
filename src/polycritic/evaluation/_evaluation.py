"""How well a judge does, in numbers with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from polycritic.core import Estimate, PolycriticError, Task, lookup, scale_from_dict, scale_to_dict

Metrics = Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class TaskEvaluation:
    """How well a judge does on one task.

    Args:
        task: The task.
        n: How many labels there are: ratings, pairs, steps and bags.
        abstained: On how many of them the judge abstained; they are left out of the metrics.
        metrics: Each metric by its name; NaN where it is undefined, or where the judge does not speak the task's unit.
        primary: The name of the metric that sums the task up: of the kind that most labels have, ``pairwise_accuracy_fractional``
            for pairs, ``auc`` for right and wrong, ``spearman`` for other ratings, ``step_auc``, or ``bag_error``. Empty where
            nothing is defined.

    >>> TaskEvaluation(Task("t"), 2, 0, {"auc": Estimate(0.75, 0.5, 1.0, 2)}, "auc").quality.value
    0.75
    """

    task: Task
    n: int
    abstained: int
    metrics: Metrics
    primary: str = ""

    @property
    def quality(self) -> Estimate:
        """The primary metric."""
        nothing = Estimate(math.nan, math.nan, math.nan, 0)
        return self.metrics[self.primary] if self.primary else nothing


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well a judge does on several tasks.

    Every number is an :class:`~polycritic.core.Estimate` with a 95 % percentile bootstrap interval over prompts; an interval is
    NaN where a task has but one prompt.

    Args:
        judge: The judge's name; ``a - b`` for a difference of two.
        tasks: One entry a task.
        families: Each family's unweighted mean over its tasks, by metric. A family is what comes before the ``/`` of the name.
        macro: The unweighted mean over all tasks that have the metric.
        resamples: How many resamples made the intervals.
        seed: What seeded them.

    >>> from polycritic.core import Candidate, Comparison
    >>> from polycritic.evaluation import evaluate
    >>> from polycritic.judges import Length
    >>> rows = [Comparison(task="t", first=Candidate(p, "long"), second=Candidate(p, "s")) for p in "ab"]
    >>> print(*evaluate(Length(), rows, [Task("t")]).lines(), sep="\\n")
    task               metric                        value  low    high   n  abstained
    t                  pairwise_accuracy_fractional  1.000  1.000  1.000  2  0
    mean over 1 tasks  concordance                   1.000  1.000  1.000  2
    mean over 1 tasks  pairwise_accuracy             1.000  1.000  1.000  2
    mean over 1 tasks  pairwise_accuracy_fractional  1.000  1.000  1.000  2
    mean over 1 tasks  pairwise_accuracy_inclusive   1.000  1.000  1.000  2
    """

    judge: str
    tasks: tuple[TaskEvaluation, ...]
    families: Mapping[str, Metrics]
    macro: Metrics
    resamples: int
    seed: int

    def __repr__(self) -> str:
        return f"Evaluation({self.judge!r}, {len(self.tasks)} tasks)"

    def of(self, task: Task | str) -> TaskEvaluation:
        """One task's evaluation, by name.

        Raises:
            UnknownNameError: It was not evaluated.
        """
        name = task if isinstance(task, str) else task.name
        names = [t.task.name for t in self.tasks]
        return self.tasks[names.index(lookup(name, names, "task"))]

    def rows(self) -> list[tuple[str, ...]]:
        """A table: the header, each task with its primary metric, and the means over tasks."""
        table: list[tuple[str, ...]] = [("task", "metric", "value", "low", "high", "n", "abstained")]
        table += [(t.task.name, t.primary or "-", *_cells(t.quality), str(t.n), str(t.abstained)) for t in self.tasks]
        for name in sorted(self.macro):
            estimate = self.macro[name]
            count = sum(1 for t in self.tasks if name in t.metrics and not math.isnan(t.metrics[name].value))
            table.append((f"mean over {count} tasks", name, *_cells(estimate), str(estimate.n), ""))
        return table

    def lines(self) -> list[str]:
        """The table of :meth:`rows` in aligned plain text."""
        table = self.rows()
        widths = [max(len(row[c]) for row in table) for c in range(len(table[0]))]
        return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in table]

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold; numbers that are not finite become None."""
        return {
            "judge": self.judge,
            "tasks": [
                {
                    "task": t.task.name,
                    "description": t.task.description,
                    "scale": scale_to_dict(t.task.scale),
                    "n": t.n,
                    "abstained": t.abstained,
                    "primary": t.primary,
                    "metrics": _metrics_out(t.metrics),
                }
                for t in self.tasks
            ],
            "families": {name: _metrics_out(metrics) for name, metrics in self.families.items()},
            "macro": _metrics_out(self.macro),
            "resamples": self.resamples,
            "seed": self.seed,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Evaluation:
        """What :meth:`to_dict` wrote.

        Raises:
            PolycriticError: It did not.
        """
        try:
            tasks = tuple(
                TaskEvaluation(
                    Task(t["task"], t["description"], scale_from_dict(t["scale"])),
                    int(t["n"]),
                    int(t["abstained"]),
                    _metrics_in(t["metrics"]),
                    str(t["primary"]),
                )
                for t in data["tasks"]
            )
            families = {str(name): _metrics_in(metrics) for name, metrics in data["families"].items()}
            macro, resamples, seed = _metrics_in(data["macro"]), int(data["resamples"]), int(data["seed"])
            return cls(str(data["judge"]), tasks, families, macro, resamples, seed)
        except (KeyError, TypeError, AttributeError) as error:
            raise PolycriticError(
                "not an evaluation", found=repr(error), expected="what Evaluation.to_dict writes"
            ) from error


def _cells(estimate: Estimate) -> Sequence[str]:
    return ["-" if math.isnan(x) else f"{x:.3f}" for x in (estimate.value, estimate.low, estimate.high)]


def _metrics_out(metrics: Metrics) -> dict[str, dict[str, float | int | None]]:
    return {
        name: {
            "value": _finite(e.value),
            "low": _finite(e.low),
            "high": _finite(e.high),
            "n": e.n,
        }
        for name, e in metrics.items()
    }


def _metrics_in(metrics: Mapping[str, Any]) -> dict[str, Estimate]:
    def number(value: float | None) -> float:
        return math.nan if value is None else float(value)

    return {
        name: Estimate(number(e["value"]), number(e["low"]), number(e["high"]), int(e["n"]))
        for name, e in metrics.items()
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
