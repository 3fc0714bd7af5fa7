"""Which metrics each kind of evidence has, each as b values for b columns of weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from polycritic.core import Binary, FloatArray, Scale, Utility, bounds
from polycritic.evaluation._accuracy import accuracy_kernel, best_accuracy_kernel
from polycritic.evaluation._auc import auc_kernel
from polycritic.evaluation._calibration import expected_calibration_kernel
from polycritic.evaluation._error import brier_kernel, root_mean_squared_error_kernel
from polycritic.evaluation._judged import Evidence, JudgedTask
from polycritic.evaluation._kendall import concordance_of, count_pairs, kendall_of
from polycritic.evaluation._pairwise import difference, fractional_kernel, inclusive_kernel, strict_kernel
from polycritic.evaluation._spearman import spearman_kernel

Draws = dict[str, FloatArray]
Measure = Callable[[FloatArray, FloatArray, FloatArray], Draws]
"""(n, k) scores, (n,) labels, (n, b) weights -> each metric's (b,) values."""

_ROUNDING = 1e-6


def measures(judged: JudgedTask) -> list[tuple[Evidence, Measure, str]]:
    """Each kind of evidence a task has, what to measure on it, and which metric sums it up."""
    binary = isinstance(judged.task.scale, Binary)
    scale = judged.task.scale

    def rated(scores: FloatArray, label: FloatArray, weights: FloatArray) -> Draws:
        return (_binary if binary else _graded)(scores[:, 0], label, weights, scale)

    def steps(scores: FloatArray, label: FloatArray, weights: FloatArray) -> Draws:
        return _steps(scores[:, 0], label, weights, scale)

    def bags(scores: FloatArray, label: FloatArray, weights: FloatArray) -> Draws:
        return {"bag_error": _in_unit(root_mean_squared_error_kernel, scores[:, 0], label, weights, scale)}

    kinds = (
        (judged.rated, rated, "auc" if binary else "spearman"),
        (judged.pairs, _pairs, "pairwise_accuracy_fractional"),
        (judged.steps, steps, "step_auc"),
        (judged.bags, bags, "bag_error"),
    )
    return [kind for kind in kinds if len(kind[0])]


def _binary(score: FloatArray, label: FloatArray, weights: FloatArray, scale: Scale) -> Draws:
    area = auc_kernel(score, label, weights)
    return {
        "auc": area,
        "concordance": area,
        "best_accuracy": best_accuracy_kernel(score, label, weights),
        "accuracy": _in_unit(accuracy_kernel, score, label, weights, scale),
        "brier_error": _in_unit(brier_kernel, score, label, weights, scale),
        "expected_calibration_error": _in_unit(expected_calibration_kernel, score, label, weights, scale),
    }


def _graded(score: FloatArray, label: FloatArray, weights: FloatArray, scale: Scale) -> Draws:
    pairs = count_pairs(score, label, weights)
    draws = {
        "spearman": spearman_kernel(score, label, weights),
        "kendall": kendall_of(pairs),
        "concordance": concordance_of(pairs),
    }
    if not isinstance(scale, Utility):
        draws["root_mean_squared_error"] = _in_unit(root_mean_squared_error_kernel, score, label, weights, scale)
    return draws


def _pairs(scores: FloatArray, preference: FloatArray, weights: FloatArray) -> Draws:
    sign = difference(scores[:, 0], scores[:, 1])
    fractional = fractional_kernel(sign, preference, weights)
    return {
        "pairwise_accuracy": strict_kernel(sign, preference, weights),
        "pairwise_accuracy_inclusive": inclusive_kernel(sign, preference, weights),
        "pairwise_accuracy_fractional": fractional,
        "concordance": fractional,
    }


def _steps(score: FloatArray, label: FloatArray, weights: FloatArray, scale: Scale) -> Draws:
    """Labels of steps are right or wrong on any scale: above the middle of a bounded one, or above one half."""
    low, high = bounds(scale)
    if not isinstance(scale, Utility):
        score, label = (score - low) / (high - low), (label - low) / (high - low)
    area = auc_kernel(score, label, weights)
    return {
        "step_auc": area,
        "concordance": area,
        "step_accuracy": _in_unit(accuracy_kernel, score, label, weights, Binary()),
    }


def _in_unit(
    kernel: Callable[[FloatArray, FloatArray, FloatArray], FloatArray],
    score: FloatArray,
    label: FloatArray,
    weights: FloatArray,
    scale: Scale,
) -> FloatArray:
    """The kernel's values, or NaN for a judge whose scores leave the scale: it orders, but does not speak the task's unit."""
    low, high = bounds(scale)
    slack = _ROUNDING * (high - low) if np.isfinite(high - low) else 0.0
    if np.any((score < low - slack) | (score > high + slack)):
        return np.full(weights.shape[1], np.nan)
    return kernel(np.clip(score, low, high), label, weights)
