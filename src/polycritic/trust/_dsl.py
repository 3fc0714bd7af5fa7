"""Design-based supervised learning: a judge's mean made right by labels that were sampled with known probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import PolycriticError
from polycritic.trust._correction import Corrected, check_level, finite, student

if TYPE_CHECKING:
    from polycritic.core import BoolArray, FloatArray


def dsl_mean(
    judged: FloatArray, labels: FloatArray, probability: FloatArray, *, normalised: bool = False, level: float = 0.95
) -> Corrected:
    r"""The mean of the pseudo-labels :math:`\tilde y_i = f_i + \frac{R_i}{\pi_i} (Y_i - f_i)`.

    R says which items were labelled. The estimate has no bias however wrong the judge, as long as each item was labelled
    with the stated probability, independently of the others, and the judge was not fitted to these labels. The standard
    error is that of a mean of pseudo-labels; Student's degrees of freedom are the labels', less where they are unequal.

    ``normalised`` divides the weighted errors by the sum of the weights :math:`R_i / \pi_i` instead of by n. That costs a
    bias of order 1/n, and pays where the judge is off by a constant or the number of labels is down to luck: with a judge two
    standard deviations off, the interval is a quarter as wide.

    **Laws**: where all probabilities are equal to the share that is labelled, it is prediction-powered inference with power
    1; where everything is labelled with probability 1, it is the mean label; normalised, a constant added to the judge
    changes nothing.

    Args:
        judged: (n,) the judge's values.
        labels: (n,) true labels, NaN where not labelled.
        probability: (n,) with which probability each item was to be labelled.
        normalised: Divide by the sum of the weights.
        level: Confidence of the interval.

    Returns:
        The mean; with a single label, an infinite interval.

    Raises:
        PolycriticError: No labels, lengths that differ, a probability outside (0, 1].

    >>> judged, labels = np.array([1.0, 0.0, 1.0, 0.0]), np.array([1.0, np.nan, 0.0, np.nan])
    >>> dsl_mean(judged, labels, np.full(4, 0.5)).estimate.value
    0.0

    References:
        Egami, Hinck, Stewart and Wei (2023), Using Imperfect Surrogates for Downstream Inference.
    """
    check_level(level)
    f, y, p, known = checked_design(judged, labels, probability)
    weights = 1 / p[known]
    errors = y[known] - f[known]
    n, k = len(f), int(known.sum())
    if normalised:
        share = weights / weights.sum()
        bias = float(share @ errors)
        value = float(f.mean()) + bias
        influence = f - f.mean()
        influence[known] += n * share * (errors - bias)
        variance = float(influence @ influence) / n**2 * k / max(k - 1, 1)
    else:
        pseudo = f.copy()
        pseudo[known] += weights * errors
        value = float(pseudo.mean())
        variance = float(pseudo.var(ddof=1)) / n if n > 1 else float("inf")
    how = "design-based supervised learning" + (", normalised" if normalised else "")
    return student(value, variance, effective_number(weights) - 1, level, k, how)


def effective_number(weights: FloatArray) -> float:
    """How many equally weighted rows are worth these: the squared sum over the sum of squares (Kish)."""
    return float(weights.sum() ** 2 / (weights @ weights))


def checked_design(
    judged: FloatArray, labels: FloatArray, probability: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, BoolArray]:
    """Values, labels, probabilities and which items are labelled, all (n,), or an error."""
    f, p, y = finite("judged", judged), finite("probability", probability), np.asarray(labels, dtype=np.float64)
    known = ~np.isnan(y)
    if not (f.shape == y.shape == p.shape) or not known.any():
        raise PolycriticError(
            "judgements, labels and probabilities disagree",
            found=f"{f.shape}, {y.shape} with {known.sum()} labels, {p.shape}",
            expected="(n,) each, and at least one label",
        )
    if not ((p > 0) & (p <= 1)).all():
        wrong = p[(p <= 0) | (p > 1)][0]
        raise PolycriticError("not a sampling probability", found=f"{wrong:g}", expected="above 0, at most 1")
    return f, y, p, known
