from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polycritic.core import IntArray
from polycritic.training.sampling._sampler import draw


@dataclass(frozen=True, slots=True)
class UniformSampling:
    """Every task as often as any other, however many rows it has.

    >>> UniformSampling().counts(np.array([10, 30]), 4, np.random.default_rng(0))
    array([2, 2])
    """

    def counts(self, sizes: IntArray, rows: int, rng: np.random.Generator, /) -> IntArray:
        """See :class:`Sampler`."""
        there = (sizes > 0).astype(np.float64)
        return draw(there / there.sum(), rows, rng)
