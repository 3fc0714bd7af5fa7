from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polycritic.core import IntArray
from polycritic.training.sampling._proportional import Proportional
from polycritic.training.sampling._sampler import Sampler


@dataclass(frozen=True, slots=True)
class SingleTask:
    """All rows of a step from one task, which another sampler draws.

    Args:
        inner: Draws the task of each step.

    >>> sorted(SingleTask().counts(np.array([10, 30]), 4, np.random.default_rng(0)).tolist())
    [0, 4]
    """

    inner: Sampler = Proportional()  # noqa: RUF009 (frozen)

    def counts(self, sizes: IntArray, rows: int, rng: np.random.Generator, /) -> IntArray:
        """See :class:`Sampler`."""
        return self.inner.counts(sizes, 1, rng) * rows
