"""One call for a mean that is right although a judge gave most of the labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import Estimate
from polycritic.trust._correction import Corrected, check_level, student
from polycritic.trust._dsl import checked_design, dsl_mean, effective_number
from polycritic.trust._ppi import ppi_residuals

if TYPE_CHECKING:
    from polycritic.core import BoolArray, FloatArray

_SMALL = 100
_RESAMPLES = 999


def corrected_mean(
    judged: FloatArray,
    labels: FloatArray,
    probability: FloatArray | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
) -> Corrected:
    r"""The mean true label of items that a judge scored, a random few of which people labelled.

    Picks the method that keeps its promise, also with ten labels, and says which in ``how``:

    - *Labels of 0 and 1, a judge of 0 and 1*: the labels' rate among what the judge called right and wrong, each with a
      Beta(k + 1/2, n - k + 1/2) posterior, weighed by how often the judge says so; the interval is that of the Beta
      distribution with the same mean and variance.
    - *Labels of 0 and 1, a judge of probabilities*: :func:`ppi_mean` after adding one right and one wrong label, as Agresti
      and Coull do for a share. Without them, ten labels that happen to agree with the judge would claim certainty.
    - *Other labels*: :func:`ppi_mean` with cross-fitted power. Below 100 labels each end is the wider one of Student's and a
      studentised bootstrap's, which knows about skewed errors.
    - *Unequal probabilities*: :func:`dsl_mean`, normalised; labels of 0 and 1 with one right and one wrong label added.

    Labels count as 0 and 1 where all of them are, and all of the judge's values lie between.

    Args:
        judged: (n,) the judge's values for all items.
        labels: (n,) true labels, NaN where not labelled.
        probability: (n,) with which probability each item was to be labelled; None says that the labelled items are a random
            sample.
        level: Confidence of the interval.
        seed: For the bootstrap.

    Returns:
        The mean, its interval and the method; with a single label that is not 0 or 1, an infinite interval.

    Raises:
        PolycriticError: No labels, lengths that differ, judgements that are not finite, a probability outside (0, 1].

    >>> judged = np.array([1.0] * 60 + [0.0] * 40)
    >>> labels = np.full(100, np.nan)
    >>> labels[::5] = judged[::5]
    >>> labels[0] = 0.0
    >>> print(corrected_mean(judged, labels))
    0.553 [0.411, 0.690] (n=20) by post-stratification on a binary judge

    References:
        Angelopoulos, Duchi and Zrnic (2023), PPI++. Agresti and Coull (1998), Approximate Is Better than "Exact". Hall (1988),
        Theoretical Comparison of Bootstrap Confidence Intervals.
    """
    check_level(level)
    if probability is not None and len(np.unique(probability)) > 1:
        return _unequal(judged, labels, probability, level)
    chance = np.ones(np.shape(judged)) if probability is None else probability
    f, y, _, known = checked_design(judged, labels, chance)
    if _binary(f, y[known]):
        if np.isin(f, (0.0, 1.0)).all():
            return _stratified(f, y, known, level)
        return _padded(f, y, known, level)
    value, variance, residuals = ppi_residuals(y[known], f[known], f[~known], power=None)
    n = len(residuals)
    how = "prediction-powered inference, cross-fitted power"
    plain = student(value, variance, n - 1, level, n, how)
    if n >= _SMALL or n < 3:
        return plain
    below, above = _studentised(residuals, level, seed)
    low = min(plain.estimate.low, value - above * plain.error)
    high = max(plain.estimate.high, value - below * plain.error)
    return Corrected(Estimate(value, low, high, n), plain.error, how + ", studentised bootstrap")


def _binary(judged: FloatArray, labels: FloatArray) -> bool:
    return bool(np.isin(labels, (0.0, 1.0)).all() and judged.min() >= 0 and judged.max() <= 1)


def _stratified(f: FloatArray, y: FloatArray, known: BoolArray, level: float) -> Corrected:
    from scipy.special import betaincinv

    share = float(f.mean())
    rates, variances = [], []
    for said in (1.0, 0.0):
        of = y[known & (f == said)]
        a, b = of.sum() + 0.5, (1 - of).sum() + 0.5
        rates.append(a / (a + b))
        variances.append(a * b / ((a + b) ** 2 * (a + b + 1)))
    mean = share * rates[0] + (1 - share) * rates[1]
    variance = share**2 * variances[0] + (1 - share) ** 2 * variances[1]
    variance += (rates[0] - rates[1]) ** 2 * share * (1 - share) / len(f)
    size = mean * (1 - mean) / variance - 1
    low, high = betaincinv(mean * size, (1 - mean) * size, [0.5 - level / 2, 0.5 + level / 2])
    estimate = Estimate(float(mean), float(low), float(high), int(known.sum()))
    return Corrected(estimate, float(np.sqrt(variance)), "post-stratification on a binary judge")


def _padded(f: FloatArray, y: FloatArray, known: BoolArray, level: float) -> Corrected:
    _, variance, residuals = ppi_residuals(y[known], f[known], f[~known], power=None)
    n = len(residuals)
    from_judge = variance - float(residuals.var(ddof=1)) / n if n > 1 else 0.0
    padded = np.concatenate([residuals, [0.0, 1.0]])
    variance = float(padded.var(ddof=1)) / (n + 2) + from_judge
    how = "prediction-powered inference, cross-fitted power, two labels added"
    return _inside(student(float(padded.mean()), variance, n + 1, level, n, how))


def _unequal(judged: FloatArray, labels: FloatArray, probability: FloatArray, level: float) -> Corrected:
    f, y, p, known = checked_design(judged, labels, probability)
    plain = dsl_mean(f, y, p, normalised=True, level=level)
    if not _binary(f, y[known]):
        return plain
    weights = 1 / p[known]
    n, k, mean = len(f), len(weights), float(f.mean())
    padded = np.concatenate([weights, np.full(2, weights.mean())])
    share = padded / padded.sum()
    totals = np.concatenate([mean + y[known] - f[known], [0.0, 1.0]])
    value = float(share @ totals)
    influence = f - mean
    influence[known] += n * share[:k] * (totals[:k] - value)
    added = share[k:] * (totals[k:] - value)
    variance = (float(influence @ influence) / n**2 + float(added @ added)) * (k + 2) / (k + 1)
    how = plain.how + ", two labels added"
    return _inside(student(value, variance, effective_number(padded) - 1, level, k, how))


def _inside(corrected: Corrected) -> Corrected:
    """Cut to the scale of shares."""
    e = corrected.estimate
    value, low, high = (min(max(x, 0.0), 1.0) for x in (e.value, e.low, e.high))
    return Corrected(Estimate(value, low, high, e.n), corrected.error, corrected.how)


def _studentised(residuals: FloatArray, level: float, seed: int) -> tuple[float, float]:
    n = len(residuals)
    centred = residuals - residuals.mean()
    draws = centred[np.random.default_rng(seed).integers(0, n, (_RESAMPLES, n))]
    means = draws.mean(axis=1)
    errors = np.sqrt(np.maximum(np.einsum("bn,bn->b", draws, draws) / n - means**2, 0.0) / (n - 1))
    usable = errors > 1e-6 * max(float(np.abs(centred).max()), 1e-300)
    if not usable.any():
        return 0.0, 0.0
    below, above = np.quantile(means[usable] / errors[usable], [0.5 - level / 2, 0.5 + level / 2])
    return float(below), float(above)
