"""What a sampler is: how many rows of each task make a step."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from polycritic.core import FloatArray, IntArray


class Sampler(Protocol):
    """Says how many rows of each task a step has.

    **Laws**: counts sum to ``rows``; a task without rows gets none; permuting tasks permutes the expected counts.
    """

    def counts(self, sizes: IntArray, rows: int, rng: np.random.Generator, /) -> IntArray:
        """Rows of each task (t,) for one step, given how many each task has in all (t,)."""
        ...


def draw(probabilities: FloatArray, rows: int, rng: np.random.Generator) -> IntArray:
    """Counts with the given expectations, as even as whole numbers allow (systematic sampling in random order).

    >>> draw(np.array([0.5, 0.25, 0.25]), 4, np.random.default_rng(0))
    array([2, 1, 1])
    """
    order = rng.permutation(len(probabilities))
    ends = np.cumsum(probabilities[order])
    ends[-1] = 1.0
    points = (np.arange(rows) + rng.random()) / rows
    counts = np.zeros(len(probabilities), dtype=np.int64)
    np.add.at(counts, order[np.searchsorted(ends, points, side="right").clip(0, len(order) - 1)], 1)
    return counts
