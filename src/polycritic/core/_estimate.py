"""A number with how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value with its 95 % interval.

    Args:
        value: The estimate; NaN where there was nothing to measure.
        low: Lower end of the interval.
        high: Upper end.
        n: How many rows it rests on.

    >>> print(Estimate(0.75, 0.7, 0.8, 120))
    0.750 [0.700, 0.800] (n=120)
    """

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}] (n={self.n})"
