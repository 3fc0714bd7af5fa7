from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from polycritic.core import BoolArray, FloatArray, IntArray, PolycriticError, Task
from polycritic.training.balancing._from_gramian import FromGramian
from polycritic.training.balancing._nonnegative import RIDGE
from polycritic.training.balancing._shortest import shortest

NEAREST = 1e-4
"""The smallest shift. Where some mean of the gradients is nearly zero, weights would grow beyond all bounds for nothing."""


class CAGrad(FromGramian):
    r"""The direction near the mean gradient :math:`g_0` that is best for the task it serves worst.

    .. math:: \max_d \min_t g_t^\top d \quad \text{with} \quad \|d - g_0\| \le c \|g_0\|

    Its dual, :math:`\min_w g_w^\top g_0 + c \|g_0\| \|g_w\|` over the simplex, is solved through shortest means: w is that of
    the shifted gradients :math:`g_t + \sigma g_0`, with the :math:`\sigma` at which :math:`\|g_w\| = \sigma c \|g_0\|`. Then
    :math:`d = g_0 + g_w / \sigma`.

    Args:
        tasks: The critic's tasks.
        c: Radius, as a share of the mean gradient's length; 0 is the mean, and from 1 on no task is hurt.

    **Laws**: :math:`\|d - g_0\| = c \|g_0\|`; the worst task gains as much as the dual promises.

    >>> import torch
    >>> gradients = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> CAGrad([Task("a"), Task("b")])(torch.ones(2), lambda: gradients @ gradients.T)
    tensor([0.7500, 0.7500])

    References:
        Liu et al. (2021), Conflict-Averse Gradient Descent for Multi-task Learning.
    """

    def __init__(self, tasks: Sequence[Task], c: float = 0.5) -> None:
        super().__init__(tasks)
        if not c >= 0.0:
            raise PolycriticError("bad CAGrad: c", found=str(c), expected="0 or more")
        self.c = c

    def _weigh(self, products: FloatArray, _: IntArray, /) -> FloatArray:
        mean = np.full(len(products), 1.0 / len(products))
        K = products / products.diagonal().mean()
        along = K @ mean
        radius = self.c * float(np.sqrt(max(mean @ along, 0.0)))
        if radius == 0.0:
            return mean
        return mean + _nearest(K, along, radius)


def _nearest(K: FloatArray, along: FloatArray, radius: float) -> FloatArray:
    r"""The weights of :math:`d - g_0`, (p,); ``along`` are the products of the gradients with their mean.

    With s for :math:`\sigma^2`, :math:`\|g_w\|^2 / s` falls, and :math:`\|g_w\|^2 = a + b s` as long as the same tasks have a
    weight. So Newton's steps on s, kept between the bounds found so far, end when those tasks are found.
    """
    own, low, high = float(along.mean()), NEAREST**2, np.inf
    s, chosen = max(own / radius**2, low), None
    for _ in range(60):
        sigma = float(np.sqrt(s))
        w = shortest(K + sigma * (along[:, None] + along) + s * own, chosen)
        chosen = w > 0.0
        square = float(w @ K @ w)
        if abs(square - radius**2 * s) <= 1e-13 * square or (s == low and square < radius**2 * s):
            break
        low, high = (s, high) if square > radius**2 * s else (low, s)
        growth = _growth(K, along, chosen)
        s = (square - growth * s) / (radius**2 - growth) if growth < radius**2 else np.inf
        if not low < s < high:
            s = 4.0 * low if high == np.inf else (low + high) / 2.0
    return w / sigma


def _growth(K: FloatArray, along: FloatArray, chosen: BoolArray) -> float:
    """b: how the square of the shortest mean grows with s while the chosen tasks stay the same."""
    ones, along = np.ones(int(chosen.sum())), along[chosen]
    system = K[np.ix_(chosen, chosen)] + 1.0 + RIDGE * np.eye(len(ones))
    flat, tilted = np.linalg.solve(system, np.stack([ones, along], axis=1)).T
    return max(float(along @ (tilted - tilted.sum() / flat.sum() * flat)), 0.0)
