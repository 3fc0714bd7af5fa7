"""The shortest mean of gradients."""

from __future__ import annotations

import numpy as np

from polycritic.core import BoolArray, FloatArray
from polycritic.training.balancing._nonnegative import nonnegative


def shortest(products: FloatArray, free: BoolArray | None = None) -> FloatArray:
    r"""Weights of :math:`\min_w w^\top K w` over the simplex.

    The simplex goes into the objective: with x from :math:`\min_{x \ge 0} \tfrac12 x^\top (K + 1 1^\top) x - 1^\top x`, the
    conditions of optimality of :math:`w = x / \sum x` are those of the problem.

    Args:
        products: K, (p, p).
        free: (p,) the gradients that are thought to have a weight, from a problem nearby.

    Returns:
        w, (p,), not negative, with sum 1.
    """
    scaled = products / products.diagonal().min()
    x = nonnegative(scaled + 1.0, np.ones((1, len(products))), None if free is None else free[None])[0]
    return np.asarray(x / x.sum())
