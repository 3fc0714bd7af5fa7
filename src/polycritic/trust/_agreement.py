"""How far people agree, beyond chance."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import PolycriticError

if TYPE_CHECKING:
    from polycritic.core import FloatArray

Disagreement = Callable[["FloatArray", "FloatArray"], "FloatArray"]
"""From the k values that occur (sorted) and how often each does, how far apart each two are, (k, k)."""


def nominal_disagreement(values: FloatArray, _counts: FloatArray, /) -> FloatArray:
    """1 for different values, whatever they are.

    >>> nominal_disagreement(np.array([1.0, 2.0]), np.ones(2))
    array([[0., 1.],
           [1., 0.]])
    """
    return np.not_equal(values[:, None], values[None, :]).astype(np.float64)


def ordinal_disagreement(_values: FloatArray, counts: FloatArray, /) -> FloatArray:
    r"""The squared number of labels between two ranks, :math:`(\sum_{g=c}^{k} n_g - (n_c + n_k)/2)^2`.

    >>> ordinal_disagreement(np.array([1.0, 2.0, 9.0]), np.array([1.0, 2.0, 1.0]))[0]
    array([0.  , 2.25, 9.  ])
    """
    rank = np.cumsum(counts) - counts / 2
    return (rank[:, None] - rank[None, :]) ** 2


def absolute_disagreement(values: FloatArray, _counts: FloatArray, /) -> FloatArray:
    """The distance of two values: linear weights.

    >>> absolute_disagreement(np.array([1.0, 3.0]), np.ones(2))[0]
    array([0., 2.])
    """
    return np.abs(values[:, None] - values[None, :])


def interval_disagreement(values: FloatArray, _counts: FloatArray, /) -> FloatArray:
    """The squared distance of two values: quadratic weights.

    >>> interval_disagreement(np.array([1.0, 3.0]), np.ones(2))[0]
    array([0., 4.])
    """
    return np.square(values[:, None] - values[None, :])


def ratio_disagreement(values: FloatArray, _counts: FloatArray, /) -> FloatArray:
    r"""The squared relative distance, :math:`((a - b) / (a + b))^2`, for values that are not negative.

    >>> ratio_disagreement(np.array([1.0, 3.0]), np.ones(2))[0]
    array([0.  , 0.25])
    """
    total = values[:, None] + values[None, :]
    return np.divide(values[:, None] - values[None, :], total, out=np.zeros_like(total), where=total != 0) ** 2


def krippendorff_alpha(table: FloatArray, disagreement: Disagreement = nominal_disagreement) -> float:
    r"""Krippendorff's alpha, for any number of people, missing labels and any kind of values.

    .. math:: \alpha = 1 - (N - 1) \frac{\sum_{ck} o_{ck} \delta_{ck}}{\sum_{ck} n_c n_k \delta_{ck}}

    with coincidences :math:`o_{ck}`, where each item with m labels counts its pairs with weight 1/(m - 1).

    **Laws**: 1 where all agree, about 0 by chance, negative where people disagree on purpose; order of people and items does
    not matter; an item with one label changes nothing.

    Args:
        table: (items, annotators) values, NaN where somebody did not label.
        disagreement: How far apart values are.

    Returns:
        Alpha; NaN where no item has two labels or only one value occurs.

    >>> f"{krippendorff_alpha(np.array([[1, 1], [2, 2], [1, 2], [1, 1]])):.3f}"
    '0.533'

    References:
        Krippendorff (2011), Computing Krippendorff's Alpha-Reliability.
    """
    array = np.asarray(table, dtype=np.float64)
    if array.ndim != 2:
        raise PolycriticError("bad table of labels", found=str(array.shape), expected="(items, annotators)")
    array = array[(~np.isnan(array)).sum(axis=1) > 1]
    known = ~np.isnan(array)
    if not known.any():
        return float("nan")
    values, which = np.unique(array[known], return_inverse=True)
    item = np.nonzero(known)[0]
    counts = np.bincount(item * len(values) + which, minlength=len(array) * len(values)).reshape(len(array), -1)
    of_item = counts.sum(axis=1)
    scaled = counts / (of_item - 1)[:, None]
    coincidences = scaled.T @ counts  # but for the diagonal, where values are not apart
    totals = counts.sum(axis=0).astype(np.float64)
    far = disagreement(values, totals)
    expected = float(totals @ far @ totals)
    if expected == 0:
        return float("nan")
    return 1 - float((totals.sum() - 1) * (coincidences * far).sum()) / expected


def fleiss_kappa(counts: FloatArray) -> float:
    r"""Fleiss' kappa, :math:`(\bar P - \bar P_e) / (1 - \bar P_e)`, for equally many labels an item.

    Args:
        counts: (items, classes) how many people chose each class.

    Returns:
        Kappa; NaN where only one class occurs.

    Raises:
        PolycriticError: Items with different numbers of labels, or with fewer than two.

    >>> fleiss_kappa(np.array([[2, 0], [0, 2]]))
    1.0

    References:
        Fleiss (1971), Measuring Nominal Scale Agreement among Many Raters.
    """
    c = np.asarray(counts, dtype=np.float64)
    if c.ndim != 2 or not len(c) or np.ptp(c.sum(axis=1)) > 0 or c[0].sum() < 2:
        raise PolycriticError(
            "Fleiss' kappa needs equally many labels for each item, two or more",
            found=str(c.shape),
            expected="(items, classes) counts with equal row sums",
            mend="krippendorff_alpha takes any number of labels",
        )
    people = float(c[0].sum())
    observed = float(((c**2).sum(axis=1) - people).mean() / (people * (people - 1)))
    by_chance = float(((c.sum(axis=0) / c.sum()) ** 2).sum())
    return float("nan") if by_chance == 1 else (observed - by_chance) / (1 - by_chance)


def cohen_kappa(first: FloatArray, second: FloatArray, disagreement: Disagreement = nominal_disagreement) -> float:
    r"""Cohen's kappa of two people, :math:`1 - \sum o_{ck} \delta_{ck} / \sum e_{ck} \delta_{ck}`, weighted or not.

    ``absolute_disagreement`` gives linear weights, ``interval_disagreement`` quadratic ones. Items that one of them left out
    (NaN) do not count.

    Args:
        first: (n,) values.
        second: (n,) values.
        disagreement: How far apart values are.

    Returns:
        Kappa; NaN where both say the same one value throughout, or nothing is left.

    >>> cohen_kappa(np.array([1, 1, 2, 2]), np.array([1, 1, 2, 1]))
    0.5

    References:
        Cohen (1968), Weighted Kappa.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise PolycriticError(
            "labels of two people disagree in number", found=f"{a.shape} and {b.shape}", expected="(n,) both"
        )
    known = ~(np.isnan(a) | np.isnan(b))
    if not known.any():
        return float("nan")
    values, which = np.unique(np.concatenate([a[known], b[known]]), return_inverse=True)
    n, k = int(known.sum()), len(values)
    joint = np.bincount(which[:n] * k + which[n:], minlength=k * k).reshape(k, k) / n
    far = disagreement(values, joint.sum(axis=0) + joint.sum(axis=1))
    expected = float(joint.sum(axis=1) @ far @ joint.sum(axis=0))
    return float("nan") if expected == 0 else 1 - float((joint * far).sum()) / expected
