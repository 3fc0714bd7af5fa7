"""How good a judge is: metrics are functions of arrays, and :func:`evaluate` puts them to rows of feedback.

Metrics are higher-is-better unless their name ends in ``_error``. Scores that are NaN, where the judge abstained, are left out;
a metric that is not defined is NaN.
"""

from polycritic.evaluation._accuracy import accuracy, best_accuracy, best_threshold
from polycritic.evaluation._auc import auc
from polycritic.evaluation._calibration import Reliability, expected_calibration_error, reliability
from polycritic.evaluation._error import brier_error, root_mean_squared_error
from polycritic.evaluation._evaluate import compare_judged, evaluate, measure_judged
from polycritic.evaluation._evaluation import Evaluation, Metrics, TaskEvaluation
from polycritic.evaluation._judged import Evidence, Judged, JudgedTask, StepJudge, judge_all
from polycritic.evaluation._kendall import concordance, kendall
from polycritic.evaluation._mistakes import Mistake, mistakes
from polycritic.evaluation._pairwise import (
    pairwise_accuracy,
    pairwise_accuracy_fractional,
    pairwise_accuracy_inclusive,
)
from polycritic.evaluation._spearman import spearman

__all__ = [
    "Evaluation",
    "Evidence",
    "Judged",
    "JudgedTask",
    "Metrics",
    "Mistake",
    "Reliability",
    "StepJudge",
    "TaskEvaluation",
    "accuracy",
    "auc",
    "best_accuracy",
    "best_threshold",
    "brier_error",
    "compare_judged",
    "concordance",
    "evaluate",
    "expected_calibration_error",
    "judge_all",
    "kendall",
    "measure_judged",
    "mistakes",
    "pairwise_accuracy",
    "pairwise_accuracy_fractional",
    "pairwise_accuracy_inclusive",
    "reliability",
    "root_mean_squared_error",
    "spearman",
]
