"""Rashomon capacity: how much equally good models disagree about an item, in bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import PolycriticError

if TYPE_CHECKING:
    from polycritic.core import FloatArray


def rashomon_capacity(predictions: FloatArray, *, tolerance: float = 1e-9, steps: int = 10_000) -> FloatArray:
    r"""The capacity of the channel from models to classes, for each item, by Blahut and Arimoto's algorithm.

    .. math:: C = \max_{w} \sum_j w_j\, \mathrm{KL}(p_j \,\|\, \sum_i w_i p_i)

    0 where all models agree, one bit where two models contradict each other outright. For a head on frozen features the two
    ends of its viable range are enough: the models between them add nothing.

    **Laws**: from 0 to the logarithm of the number of classes; a further model never lowers it; a model counted twice changes
    nothing.

    Args:
        predictions: (m, n, k) class probabilities of m models for n items; or (m, n) probabilities of a binary class.
        tolerance: The gap in bits at which to stop.
        steps: At most how many steps.

    Returns:
        (n,) bits.

    Raises:
        PolycriticError: No probabilities.

    >>> rashomon_capacity(np.array([[0.0, 0.5], [1.0, 0.5]])).round(6)
    array([1., 0.])

    References:
        Hsu and Calmon (2022), Rashomon Capacity. Blahut (1972), Computation of Channel Capacity.
    """
    from scipy.special import xlogy

    p = np.asarray(predictions, dtype=np.float64)
    if p.ndim == 2:
        p = np.stack([1 - p, p], axis=-1)
    if p.ndim != 3 or not len(p) or not (p >= 0).all() or not np.allclose(p.sum(axis=-1), 1.0):
        raise PolycriticError("no class probabilities", found=str(p.shape), expected="(m, n, k) that sum to 1")
    weights = np.full(p.shape[:2], 1 / len(p))
    inner = xlogy(p, p).sum(axis=-1)
    lower = np.zeros(p.shape[1])
    for _ in range(steps):
        mixture = np.einsum("mn,mnk->nk", weights, p)
        divergence = inner - xlogy(p, np.where(p > 0, mixture, 1.0)).sum(axis=-1)
        lower, upper = (weights * divergence).sum(axis=0), divergence.max(axis=0)
        if (upper - lower < tolerance * np.log(2)).all():
            break
        weights = weights * np.exp(divergence - upper)
        weights /= weights.sum(axis=0)
    return np.asarray(np.maximum(lower, 0.0) / np.log(2), dtype=np.float64)
