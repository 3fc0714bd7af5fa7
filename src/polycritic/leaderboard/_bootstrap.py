"""Resampling: how much a board would move with other items."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from polycritic.core import FloatArray, PolycriticError
from polycritic.leaderboard._matches import Matches
from polycritic.leaderboard._strengths import Method, evidence
from polycritic.leaderboard._table import ScoreTable, as_matches


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Draw items (or rows, where there are none) with replacement.

    Args:
        times: How often.
        seed: Of the draws.

    >>> Bootstrap(100)
    Bootstrap(times=100, seed=0)
    """

    times: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        if self.times < 2:
            raise PolycriticError("bad Bootstrap", found=f"times={self.times}", expected="2 or more")


def resampled(method: Method, data: Matches | ScoreTable, bootstrap: Bootstrap) -> FloatArray:
    """(times, k) estimates on resampled items; NaN where a system was not drawn.

    A method that can move all sets at once does so; any other is repeated.

    >>> from polycritic.leaderboard import Borda, matches
    >>> resampled(Borda(), matches(["a", "a"], ["b", "b"], [1, 1]), Bootstrap(3)).tolist()
    [[2.0, 0.0], [2.0, 0.0], [2.0, 0.0]]
    """
    together = getattr(method, "resample", None)
    if together is not None:
        return np.asarray(together(as_matches(data), bootstrap.times, bootstrap.seed), dtype=np.float64)
    rng = np.random.default_rng(bootstrap.seed)
    drawn = np.empty((bootstrap.times, len(data.names)))
    groups = len(data.items) if isinstance(data, ScoreTable) else data.items
    for b in range(bootstrap.times):
        times = np.bincount(rng.integers(groups, size=groups), minlength=groups).astype(np.float64)
        sample = _again(data, times)
        drawn[b] = np.where(evidence(sample)[0] > 0, method(sample).estimate, np.nan)
    return drawn


def _again(data: Matches | ScoreTable, times: FloatArray) -> Matches | ScoreTable:
    if isinstance(data, ScoreTable):
        return replace(data, weight=data.weight * times)
    return replace(data, weight=data.weight * (times if data.item is None else times[data.item]))
