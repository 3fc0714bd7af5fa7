"""Peer review: judges are examined first, and count by how well they did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from polycritic.core import FloatArray, PolycriticError


class ReviewerWeight(Protocol):
    """From exam marks in [0, 1] to raw weights, not negative."""

    def __call__(self, mark: FloatArray, /) -> FloatArray:
        """(j,) raw weights."""
        ...


@dataclass(frozen=True, slots=True)
class LogOddsWeight:
    """``log(a / (1 - a))``, at least 0: a judge no better than a coin says nothing. Best where judges err independently.

    >>> LogOddsWeight()(np.array([0.75, 0.4])).round(4)
    array([1.0986, 0.    ])
    """

    def __call__(self, mark: FloatArray, /) -> FloatArray:
        """Log-odds, marks held to [0.001, 0.999]."""
        held = np.clip(mark, 0.001, 0.999)
        return np.maximum(np.log(held / (1.0 - held)), 0.0)


@dataclass(frozen=True, slots=True)
class ExponentialWeight:
    """``exp(alpha * a)``.

    >>> ExponentialWeight(0.0)(np.array([0.9, 0.6]))
    array([1., 1.])
    """

    alpha: float = 1.0

    def __call__(self, mark: FloatArray, /) -> FloatArray:
        """The exponential."""
        return np.asarray(np.exp(self.alpha * mark), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class PowerWeight:
    """``a ** alpha``.

    >>> PowerWeight(2.0)(np.array([0.5]))
    array([0.25])
    """

    alpha: float = 2.0

    def __call__(self, mark: FloatArray, /) -> FloatArray:
        """The power."""
        return np.asarray(mark**self.alpha, dtype=np.float64)


def exam_mark(
    said: ArrayLike, gold: ArrayLike, swapped: ArrayLike | None = None, *, gold_share: float = 1.0
) -> FloatArray:
    """How well each judge did on the exam.

    A mix of agreement with the gold answers and of agreement with itself when the two answers change sides.

    Args:
        said: (j, n) each judge's preference in [0, 1]; NaN where it did not answer, which is wrong.
        gold: (n,) the right preferences, 1, 0.5 or 0.
        swapped: (j, n) its preference for the same first answer when sides were swapped.
        gold_share: The share of the gold answers in the mark.

    Returns:
        (j,) marks in [0, 1].

    >>> exam_mark([[1, 0, 1], [1, 1, 1]], [1, 0, 0]).round(3)
    array([0.667, 0.333])
    """
    votes, right = np.sign(np.asarray(said, dtype=np.float64) - 0.5), np.sign(np.asarray(gold, dtype=np.float64) - 0.5)
    if votes.ndim != 2 or right.shape != votes.shape[1:] or not 0.0 <= gold_share <= 1.0:
        raise PolycriticError("bad exam", found=f"{votes.shape}, gold {right.shape}", expected="(j, n), gold (n,)")
    mark = (votes == right).mean(1)
    if swapped is None:
        return np.asarray(mark, dtype=np.float64)
    again = np.sign(np.asarray(swapped, dtype=np.float64) - 0.5)
    return np.asarray(gold_share * mark + (1.0 - gold_share) * (votes == again).mean(1), dtype=np.float64)


def reviewer_weights(mark: ArrayLike, weight: ReviewerWeight, *, least: float = 0.0) -> FloatArray:
    """The weight of each judge; judges with a mark below ``least`` fail and get 0.

    Args:
        mark: (j,) exam marks in [0, 1].
        weight: :class:`LogOddsWeight`, :class:`ExponentialWeight` or :class:`PowerWeight`.
        least: The mark that passes.

    Returns:
        (j,) weights with sum 1.

    Raises:
        PolycriticError: Marks leave [0, 1], or no judge has a weight above 0.

    References:
        Chu et al. (2024), PRE: a peer review based large language model evaluator.

    >>> reviewer_weights([0.9, 0.8, 0.6], LogOddsWeight()).round(3)
    array([0.551, 0.348, 0.102])
    """
    marks = np.asarray(mark, dtype=np.float64)
    if not ((marks >= 0) & (marks <= 1)).all():
        raise PolycriticError("bad marks", found=str(marks), expected="numbers in [0, 1]")
    raw = np.where(marks >= least, weight(marks), 0.0)
    if not raw.sum() > 0:
        raise PolycriticError("no judge passed", found=f"marks {marks.tolist()}", mend="Lower the mark that passes.")
    return np.asarray(raw / raw.sum(), dtype=np.float64)


def peer_rating(ratings: ArrayLike, weights: ArrayLike) -> FloatArray:
    """The weighted mean of the judges' ratings, over those who gave one.

    Args:
        ratings: (j, ...) NaN where a judge gave none.
        weights: (j,) from :func:`reviewer_weights`.

    Returns:
        (...) NaN where no judge with a weight gave a rating.

    >>> peer_rating([[1.0, np.nan], [3.0, 2.0]], [0.5, 0.5])
    array([2., 2.])
    """
    values = np.asarray(ratings, dtype=np.float64)
    load = np.asarray(weights, dtype=np.float64).reshape(-1, *[1] * (values.ndim - 1)) * ~np.isnan(values)
    total = load.sum(0)
    with np.errstate(invalid="ignore"):
        return np.asarray((load * np.nan_to_num(values)).sum(0) / np.where(total > 0, total, np.nan), dtype=np.float64)


def peer_preference(preferences: ArrayLike, weights: ArrayLike) -> FloatArray:
    """The weighted majority of the judges' preferences: 1 first, 0 second, 0.5 where both sides weigh the same.

    A judge's tie is a vote for neither. Judges' votes count, not how strong they are.

    Args:
        preferences: (j, n) in [0, 1]; NaN where a judge gave none.
        weights: (j,) from :func:`reviewer_weights`.

    Returns:
        (n,) NaN where no judge with a weight gave one.

    >>> peer_preference([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]], [0.6, 0.2, 0.2])
    array([1., 0.])
    """
    votes = np.sign(np.asarray(preferences, dtype=np.float64) - 0.5)
    mean = peer_rating(votes, weights)
    decided = np.where(np.abs(mean) <= 1e-12, 0.0, np.sign(mean))
    return np.where(np.isnan(mean), np.nan, (decided + 1.0) / 2.0)
