from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polycritic.core import IntArray, PolycriticError
from polycritic.training.sampling._sampler import draw


@dataclass(frozen=True, slots=True)
class Temperature:
    r"""Tasks in proportion to a power of their size, :math:`p_t \propto n_t^{1/\tau}`.

    Args:
        temperature: 1 is proportional, infinity is uniform.

    >>> Temperature(2.0).counts(np.array([1, 9]), 400, np.random.default_rng(0))
    array([100, 300])

    References:
        Devlin (2018), Multilingual BERT. Raffel et al. (2020), Exploring the Limits of Transfer Learning with a Unified
        Text-to-Text Transformer.
    """

    temperature: float = 2.0

    def __post_init__(self) -> None:
        if not self.temperature >= 1.0:
            raise PolycriticError("bad temperature", found=str(self.temperature), expected="1 or more")

    def counts(self, sizes: IntArray, rows: int, rng: np.random.Generator, /) -> IntArray:
        """See :class:`Sampler`."""
        powers = np.where(sizes > 0, np.maximum(sizes, 1).astype(np.float64) ** (1.0 / self.temperature), 0.0)
        return draw(powers / powers.sum(), rows, rng)
