"""Style control: what beside quality may sway a comparison."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from polycritic.core import FloatArray, PolycriticError
from polycritic.leaderboard._matches import Matches


def style_feature(first: ArrayLike, second: ArrayLike) -> FloatArray:
    r"""How much more of something (tokens, headers, lists, bold) the first answer has, standardised.

    .. math:: x = \frac{a - b}{a + b + 1}

    **Laws**: no scale; swapping sides changes only signs and the mean that is taken off.

    Args:
        first: (n,) counts in first answers.
        second: (n,) counts in second answers.

    Returns:
        (n,) feature with mean 0 and standard deviation 1; all 0 where it does not vary.

    Raises:
        PolycriticError: Counts differ in length or are negative.

    References:
        Li et al. (2024), Does style matter? Disentangling style and substance in Chatbot Arena.

    >>> style_feature([3, 1], [1, 3]).round(6)
    array([ 1., -1.])
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape or (a < 0).any() or (b < 0).any():
        raise PolycriticError("bad counts", found=f"{a.shape} and {b.shape}", expected="two columns of numbers >= 0")
    ratio = (a - b) / (a + b + 1.0)
    spread = float(ratio.std()) if len(ratio) else 0.0
    return np.asarray((ratio - ratio.mean()) / spread if spread > 0 else np.zeros_like(ratio), dtype=np.float64)


def even_pairs(matches: Matches, least: float = 50.0) -> Matches:
    """Weigh rows so that pairs that met often do not drown the others: by 1 over the pair's count, at least ``least``.

    Weights are scaled to leave their mean as it was.

    >>> from polycritic.leaderboard import matches
    >>> even_pairs(matches(["a", "a", "b"], ["b", "b", "c"], [1, 0, 1]), least=1).weight
    array([0.75, 0.75, 1.5 ])
    """
    k = len(matches.names)
    pair = np.minimum(matches.first, matches.second) * k + np.maximum(matches.first, matches.second)
    weight = matches.weight / np.maximum(np.bincount(pair, matches.weight, k * k), least)[pair]
    total = weight.sum()
    return replace(matches, weight=weight * (matches.weight.sum() / total) if total > 0 else weight)
