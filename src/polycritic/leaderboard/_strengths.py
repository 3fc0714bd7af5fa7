"""What a method says: how strong each system is, and how far that can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from polycritic.core import FloatArray, IntArray
from polycritic.leaderboard._matches import Matches, take
from polycritic.leaderboard._table import ScoreTable


@dataclass(frozen=True, slots=True)
class Coefficient:
    """A parameter beside the systems: a tie parameter, the pull of a covariate.

    Args:
        name: What it belongs to.
        value: Its estimate.
        error: Its standard error; NaN where it has none.

    >>> Coefficient("length", 0.5, 0.1)
    Coefficient(name='length', value=0.5, error=0.1)
    """

    name: str
    value: float
    error: float


@dataclass(frozen=True, slots=True, eq=False)
class Strengths:
    """The strengths of k systems.

    Args:
        names: The systems.
        estimate: (k,) higher is better.
        covariance: (k, k), or None where the method does not say.
        n: (k,) how many matches or values each estimate rests on.
        component: (k,) systems of different components were never compared, not even through others.
        shared: (k, k) on how many items (or, without items, matches) two systems met.
        coefficients: What else was estimated.
        notes: What the reader should know.

    >>> from polycritic.leaderboard import Copeland, matches
    >>> Copeland()(matches(["a"], ["b"], [1])).names
    ('a', 'b')
    """

    names: tuple[str, ...]
    estimate: FloatArray
    covariance: FloatArray | None
    n: IntArray
    component: IntArray
    shared: IntArray
    coefficients: tuple[Coefficient, ...] = ()
    notes: tuple[str, ...] = ()


class Method(Protocol):
    """Everything that ranks systems.

    **Laws**: the order of systems' names changes nothing but their order; swapping the sides of a match and its outcome
    changes nothing.

    >>> from polycritic.leaderboard import BradleyTerry
    >>> method: Method = BradleyTerry()
    """

    def __call__(self, data: Matches | ScoreTable, /) -> Strengths:
        """How strong each system is."""
        ...


class Resampling(Protocol):
    """A method that can be repeated on many resampled sets at once."""

    def resample(self, data: Matches, times: int, seed: int, /) -> FloatArray:
        """(times, k) estimates on items drawn with replacement; NaN where a system was not drawn."""
        ...


def evidence(data: Matches | ScoreTable) -> tuple[IntArray, IntArray, IntArray]:
    """How many rows each system has, who is connected with whom, and how many items two systems share."""
    if isinstance(data, ScoreTable):
        there = (~np.isnan(data.values) & (data.weight > 0)).astype(np.float64)
        shared = (there @ there.T).astype(np.int64)
        count = there.sum(1).astype(np.int64)
    else:
        k = len(data.names)
        live = data.weight > 0
        first, second = data.first[live], data.second[live]
        count = np.bincount(first, minlength=k) + np.bincount(second, minlength=k)
        met = np.bincount(first * k + second, minlength=k * k).reshape(k, k)
        met = shared = met + met.T
        if data.item is not None:
            ones = np.ones(len(first))
            there = cluster_sums(take(data, live), ones, ones)
            there.data[:] = 1.0
            shared = (there.T @ there).toarray().astype(np.int64)
        np.fill_diagonal(shared, count)
        return count, components(met), shared
    return count, components(shared), shared


def components(shared: Any) -> IntArray:
    """Numbers of connected components, in order of their first system."""
    label = connected_components(sparse.csr_array(shared > 0), directed=False)[1]
    seen = {int(old): new for new, old in enumerate(dict.fromkeys(label.tolist()))}
    return np.array([seen[int(old)] for old in label], dtype=np.int64)


def cluster_sums(data: Matches, to_first: FloatArray, to_second: FloatArray) -> Any:
    """(g, k) sparse sums, by item and system, of what rows give to their two systems."""
    n, k = len(data), len(data.names)
    item = np.arange(n) if data.item is None else data.item
    return sparse.csr_array(
        (
            np.concatenate([to_first, to_second]),
            (np.concatenate([item, item]), np.concatenate([data.first, data.second])),
        ),
        shape=(data.items, k),
    )


def total_covariance(sums: Any) -> FloatArray:
    """The covariance of column totals when the g rows are drawn with replacement; NaN for fewer than two rows."""
    g, k = sums.shape
    if g < 2:
        return np.full((k, k), np.nan)
    square = sums.T @ sums
    square = square.toarray() if sparse.issparse(square) else square
    total = np.asarray(sums.sum(axis=0)).ravel()
    return np.asarray((square - np.outer(total, total) / g) * (g / (g - 1)), dtype=np.float64)
