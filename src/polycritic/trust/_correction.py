"""What statistics with imperfect labels return, and what they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import Estimate, PolycriticError

if TYPE_CHECKING:
    from polycritic.core import FloatArray


@dataclass(frozen=True, slots=True)
class Corrected:
    """A mean that stays right although most of its labels came from a judge.

    Args:
        estimate: The mean with its interval; ``n`` counts the true labels.
        error: Its standard error.
        how: The method, in words.

    >>> print(Corrected(Estimate(0.5, 0.4, 0.6, 20), 0.05, "some method"))
    0.500 [0.400, 0.600] (n=20) by some method
    """

    estimate: Estimate
    error: float
    how: str

    def __str__(self) -> str:
        return f"{self.estimate} by {self.how}"


def student(value: float, variance: float, degrees: float, level: float, n: int, how: str) -> Corrected:
    """A symmetric interval from Student's t; the whole line where there is no degree of freedom."""
    from scipy.special import stdtrit

    error = float(np.sqrt(variance)) if degrees > 0 else float("inf")
    half = float(stdtrit(degrees, 0.5 + level / 2)) * error if degrees > 0 else float("inf")
    return Corrected(Estimate(float(value), float(value) - half, float(value) + half, n), error, how)


def finite(name: str, array: FloatArray) -> FloatArray:
    """A one-dimensional array of finite numbers, or an error that says what to do about the others."""
    numbers = np.asarray(array, dtype=np.float64)
    if numbers.ndim != 1 or not np.isfinite(numbers).all():
        bad = int(numbers.size - np.isfinite(numbers).sum())
        raise PolycriticError(
            "numbers missing",
            where=name,
            found=f"shape {numbers.shape}, {bad} not finite",
            expected="(n,) finite numbers",
            mend="A mean over what a judge left out cannot be corrected: fill or leave out those items on purpose",
        )
    return numbers


def check_level(level: float) -> None:
    """Refuse a confidence level outside (0, 1)."""
    if not 0 < level < 1:
        raise PolycriticError("bad level", found=f"{level:g}", expected="between 0 and 1, such as 0.95")
