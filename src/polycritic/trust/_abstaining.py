"""Saying nothing where a score is not sure enough, and what that costs and brings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import Binary, PolycriticError

if TYPE_CHECKING:
    from polycritic.core import FloatArray, Scores


@dataclass(frozen=True, slots=True)
class Abstaining:
    """Turns scores that are too unsure into NaN. At least one limit has to be given; a score must keep to all of them.

    **Laws**: what stays is unchanged; a stricter limit never keeps more; NaN stays NaN.

    Args:
        spread: The largest spread that still counts as sure.
        width: The widest interval that still counts as sure.
        confidence: On Binary tasks, the least probability of the likelier answer. Other scales are not asked for it.

    Raises:
        PolycriticError: No limit, or (on a call) scores that lack what a limit asks for.

    >>> from polycritic.core import Binary, Scores, Task
    >>> scores = Scores((Task("a", scale=Binary()),), np.array([[0.95], [0.6], [0.02]]))
    >>> Abstaining(confidence=0.9)(scores).values.ravel()
    array([0.95, nan, 0.02])

    References:
        Chow (1970), On Optimum Recognition Error and Reject Tradeoff.
    """

    spread: float | None = None
    width: float | None = None
    confidence: float | None = None

    def __post_init__(self) -> None:
        if self.spread is None and self.width is None and self.confidence is None:
            raise PolycriticError("no limit to abstain by", expected="spread, width or confidence")

    def __call__(self, scores: Scores) -> Scores:
        """The scores with NaN (value, spread and interval) wherever a limit is passed or cannot be checked."""
        sure = ~np.isnan(scores.values)
        if self.spread is not None:
            sure &= _present(scores.spread, "spread", scores) <= self.spread
        if self.width is not None:
            interval = _present(scores.interval, "interval", scores)
            sure &= interval[..., 1] - interval[..., 0] <= self.width
        if self.confidence is not None:
            binary = np.array([isinstance(task.scale, Binary) for task in scores.tasks], dtype=bool)
            sure &= ~binary | (np.maximum(scores.values, 1 - scores.values) >= self.confidence)
        return replace(
            scores,
            values=np.where(sure, scores.values, np.nan),
            spread=None if scores.spread is None else np.where(sure, scores.spread, np.nan),
            interval=None if scores.interval is None else np.where(sure[..., None], scores.interval, np.nan),
        )


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """The mean error of the surest scores, for each share of scores that is kept.

    Args:
        threshold: (n,) the least confidence kept.
        coverage: (n,) the share kept, 1/n to 1.
        risk: (n,) the mean error of what is kept. Scores of equal confidence come in random order: the risk is its mean.
        best: (n,) the risk if the confidence were perfect.
    """

    threshold: FloatArray
    coverage: FloatArray
    risk: FloatArray
    best: FloatArray

    @property
    def area(self) -> float:
        """The mean risk over all coverages (AURC); lower is better."""
        return float(self.risk.mean())

    @property
    def excess(self) -> float:
        """The area above that of a perfect confidence (E-AURC); 0 is best."""
        return float(self.risk.mean() - self.best.mean())


def risk_coverage(confidence: FloatArray, errors: FloatArray) -> RiskCoverage:
    """Sort scores by confidence and watch the error grow as more of them are kept.

    Args:
        confidence: (n,) higher is surer: a probability, minus a spread, minus a width.
        errors: (n,) any loss, 0 is best; 0 and 1 for wrong answers.

    Raises:
        PolycriticError: Lengths differ, nothing is there, or something is NaN.

    >>> curve = risk_coverage(np.array([0.9, 0.8, 0.7, 0.6]), np.array([0.0, 0.0, 1.0, 1.0]))
    >>> curve.risk.round(2), curve.excess
    (array([0.  , 0.  , 0.33, 0.5 ]), 0.0)

    References:
        Geifman, Uziel and El-Yaniv (2019), Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers.
    """
    c, e = np.asarray(confidence, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    if c.ndim != 1 or c.shape != e.shape or not len(c) or np.isnan(c).any() or np.isnan(e).any():
        raise PolycriticError(
            "confidence and errors disagree", found=f"{c.shape} and {e.shape}", expected="(n,) both, n > 0, without NaN"
        )
    kinds, which = np.unique(-c, return_inverse=True)
    in_group = np.bincount(which, e) / np.bincount(which)
    order = np.argsort(which, kind="stable")
    kept = np.arange(1, len(c) + 1)
    return RiskCoverage(
        -kinds[which[order]], kept / len(c), np.cumsum(in_group[which[order]]) / kept, np.cumsum(np.sort(e)) / kept
    )


def _present(array: FloatArray | None, name: str, scores: Scores) -> FloatArray:
    if array is None:
        raise PolycriticError(f"these scores have no {name}", found=repr(scores), expected=f"scores with {name}")
    return array
