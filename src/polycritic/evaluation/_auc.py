from __future__ import annotations

import numpy as np

from polycritic.core import FloatArray
from polycritic.evaluation._weights import measure, ratio, sides, tie_groups


def auc(score: FloatArray, label: FloatArray, weight: FloatArray | None = None) -> float:
    r"""Area under the ROC curve: how often a right answer scores above a wrong one, ties counting one half.

    .. math:: \mathrm{AUC} = P(s_+ > s_-) + \tfrac12 P(s_+ = s_-)

    **Laws**: any increasing change of the scores leaves it as it is; negated scores give ``1 - AUC``; a constant score gives 0.5.

    Args:
        score: (n,) scores, any unit; NaN is left out.
        label: (n,) 1 right, 0 wrong; soft labels count as the side they lean to, within 0.01 of one half as neither.
        weight: (n,) weights; 1 by default.

    Returns:
        0 to 1; NaN where only one class is there.

    >>> import numpy as np
    >>> auc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([0, 0, 1, 1]))
    0.875

    References:
        Hanley and McNeil (1982), The Meaning and Use of the Area under a Receiver Operating Characteristic Curve.
    """
    return measure(auc_kernel, score, label, weight)


def auc_kernel(score: FloatArray, label: FloatArray, weights: FloatArray) -> FloatArray:
    """See :func:`auc`."""
    if not len(score):
        return np.full(weights.shape[1], np.nan)
    order, starts = tie_groups(score)
    right, wrong = sides(label[order])
    ordered = weights[order]
    positive = np.add.reduceat(ordered * right[:, None], starts, axis=0)
    negative = np.add.reduceat(ordered * wrong[:, None], starts, axis=0)
    below = np.cumsum(negative, axis=0) - 0.5 * negative
    return ratio((positive * below).sum(axis=0), positive.sum(axis=0) * negative.sum(axis=0))
