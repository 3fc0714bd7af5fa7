from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polycritic.core import IntArray
from polycritic.training.sampling._sampler import draw


@dataclass(frozen=True, slots=True)
class Proportional:
    """Tasks in proportion to their size: every row is as likely as any other.

    >>> Proportional().counts(np.array([10, 30]), 4, np.random.default_rng(0))
    array([1, 3])
    """

    def counts(self, sizes: IntArray, rows: int, rng: np.random.Generator, /) -> IntArray:
        """See :class:`Sampler`."""
        return draw(sizes / sizes.sum(), rows, rng)
